"""Docstrings as texts: masked, split by module, read in seconds and without importing, kept; and the corpus beside."""

from __future__ import annotations

import json
import sys

import pytest

import workbench as wb
from workbench import paths
from workbench.baseline import baseline
from workbench.datasets import docstrings as module
from workbench.datasets.docstrings import LIBRARIES, corpus, documented, modules, numbered, part_of, sample
from workbench.errors import BadData

FORBIDDEN = ("torch", "pandas", "sklearn", "scikit", "scipy", "plotly", "python")


@pytest.fixture
def data():
    return wb.Docstrings().load()


def test_some_thousand_texts_of_six_libraries_evenly(data):
    assert data.classes == ("pandas", "plotly", "python", "scikit-learn", "scipy", "torch")
    assert 3000 <= len(data.labels) <= 6000 and data.side == 64 and wb.Docstrings.domain == "language"
    counts = data.labels[data.train].bincount()
    assert counts.min() > 0.75 * counts.max() and min(len(data.valid), len(data.test)) > 600
    assert any(note.startswith("Docstrings of pandas ") for note in data.notes) and not wb.Docstrings.own


def test_no_two_have_one_key(data):
    assert len({*data.keys}) == len(data.keys) and numbered(["a", "b", "a", "a"]) == ["a", "b", "a 2", "a 3"]


def test_names_of_libraries_are_masked_and_texts_are_prose(data):
    assert not [text for text in data.inputs.first if any(name in text.lower() for name in FORBIDDEN)]
    assert all(40 <= len(text) <= 1500 and text.count("\n") <= 3 for text in data.inputs.first)
    assert not [text for text in data.inputs.first if text.startswith(">>>") or "Parameters ---" in text]


def test_parts_are_cut_by_module_and_share_no_text(data):
    of_part = {name: getattr(data, name).tolist() for name in ("train", "valid", "test")}
    for name, members in of_part.items():
        assert {part_of(data.keys[at].partition(":")[0]) for at in members} == {name}
    texts = [" ".join(text.casefold().split()) for text in data.inputs.first]
    assert len({*texts}) == len(texts) and sum(map(len, of_part.values())) == len(texts)
    assert data.groups is not None and len(data.groups.unique()) > 200


def test_a_seed_draws_other_texts_and_leaves_the_split(data):
    one, two = (wb.Docstrings(per_class=10, seed=seed).load() for seed in (0, 1))
    assert len(one.train) == len(two.train) == 60 and {*one.train.tolist()} != {*two.train.tolist()}
    assert {*one.valid.tolist()} == {*two.valid.tolist()} == {*data.valid.tolist()}
    more = wb.Docstrings(per_class=50).load()
    assert {*one.train.tolist()} < {*more.train.tolist()} < {*data.train.tolist()}
    noisy = wb.Docstrings(per_class=10, label_noise=0.5).load()
    assert int((noisy.labels != noisy.true_labels).sum()) == 30


def test_it_is_read_once_and_kept_by_versions(data, monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    held = sample()
    assert len([*(paths.cache() / "docstrings").iterdir()]) == 1
    monkeypatch.setattr(module, "_of_library", lambda *given: pytest.fail("read again"))
    assert sample() == held and [text for *_, text in held] == list(data.inputs.first)
    versions = module.versions_of(LIBRARIES)
    changed = wb.Docstrings().load()
    assert changed.fingerprint == data.fingerprint
    monkeypatch.setattr(module, "versions_of", lambda libraries: versions | {"torch": "9.9"})
    with pytest.raises(pytest.fail.Exception, match="read again"):
        sample()
    monkeypatch.setattr(module, "sample", lambda: held)
    assert wb.Docstrings().load().fingerprint != data.fingerprint


def test_a_damaged_or_unwritable_cache_costs_only_time(monkeypatch, tmp_path):
    few = [module.Documented("torch", "torch.a", "f", "some text")]
    monkeypatch.setattr(module, "_of_library", lambda library, package: few if library == "torch" else [])
    for place in (tmp_path / "cache", tmp_path / "file" / "in"):
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("WORKBENCH_CACHE", str(place))
        assert sample() == few and sample() == few
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    (path,) = (paths.cache() / "docstrings").iterdir()
    path.write_text('[["torch"')
    assert sample() == few and json.loads(path.read_text()) == [[*few[0]]]


def test_nothing_is_imported_and_no_test_is_read():
    found = dict(modules("plotly"))
    assert "plotly.graph_objs" in found or "plotly.graph_objects" in found
    assert len(found) > 100 and not [name for name in found if {"tests", "conftest"} & {*name.split(".")}]
    assert "json.decoder" in dict(modules("")) and "idlelib.config" not in dict(modules(""))
    assert list(found) != sorted(found) and modules("plotly") == modules("plotly")
    before = {*sys.modules}
    list(documented(found["plotly.io._json"]))
    assert {name for name in {*sys.modules} - before if name.startswith("plotly")} == set()
    with pytest.raises(BadData, match="the package 'nowhere' is not installed"):
        modules("nowhere")


def test_what_a_docstring_says_before_its_sections(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(
        '"""Of the module,\nin two lines."""\nclass A:\n'
        '    """First of PyTorch.\n\n    Second: `pd.Series`, sklearn.svm.\n\n'
        '    Parameters\n    ----------\n    x : int\n    """\n    def f(self):\n        """Of f.\n\n        Args:\n'
        '            x: a number.\n        """\nif True:\n    def g():\n        """>>> g()"""\ndef h(): pass\n'
    )
    assert list(documented(path)) == [
        ("", ("Of the module, in two lines.",)),
        ("A", ("First of _.", "Second: `_.Series`, _.svm.")),
        ("f", ("Of f.",)),
    ]
    path.write_bytes(b"def (:\n\x00")
    assert list(documented(path)) == []


def test_the_corpus_leaves_out_modules_and_texts_that_are_measured_on(data):
    found = list(corpus(["plotly"]))
    assert len(found) > 100 and {part_of(name) for name, _ in found} == {"train"}
    measured = {data.inputs.first[at] for name in ("valid", "test") for at in getattr(data, name).tolist()}
    assert not measured & {"\n".join(paragraphs[:4])[:1500] for _, paragraphs in found}
    assert not [each for _, paragraphs in found for each in paragraphs if any(n in each.lower() for n in FORBIDDEN)]


@pytest.mark.usefixtures("one_thread")
def test_words_alone_tell_some_of_it():
    assert 0.3 < baseline(wb.Docstrings(per_class=10).load())["accuracy"] < 0.65
