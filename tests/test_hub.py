"""Texts in the hub's layout, read by the hub's own library: here from folders, and what is told without a network."""

from __future__ import annotations

import sys

import datasets
import pandas as pd
import pytest
from huggingface_hub import constants

import workbench as wb
from workbench.datasets import hub_splits
from workbench.datasets.hub_splits import Loaded
from workbench.errors import BadData

CARD = "---\nconfigs:\n" + "".join(
    f"- config_name: {name}\n  data_files:\n"
    + "".join(f"  - split: {part}\n    path: {name}/{part}.parquet\n" for part in ("train", "test"))
    for name in ("small", "large")
)


def frame(many, classes=("NA", "007"), word="row"):
    kind = [classes[at % len(classes)] for at in range(many)]
    return pd.DataFrame({"text": [f"{word} {at} {label}" for at, label in enumerate(kind)], "label": kind})


def of(path, **knobs):
    return wb.Hub(path=str(path), **knobs).load()


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_folder_in_the_hubs_layout(kind, tmp_path):
    for name, many in (("train", 60), ("test", 20)):
        found, path = frame(many, word=name), tmp_path / f"{name}.{kind}"
        if kind == "csv":
            found.to_csv(path, index=False)
        elif kind == "jsonl":
            found.to_json(path, orient="records", lines=True)
        else:
            found.to_parquet(path)
    data = of(tmp_path)
    assert data.classes == ("007", "NA") and wb.Hub.domain == "language" and data.side == 128
    assert [data.classes[at] for at in data.labels.tolist()] == [*frame(60)["label"], *frame(20)["label"]]
    assert {data.keys[at].partition(":")[0] for at in data.test.tolist()} == {"test"} and len(data.test) == 20
    assert data.keys[0] == "train:1" and "Columns: text 'text' (guessed), label 'label' (guessed)." in data.notes
    assert any(f"data set {tmp_path.name} has no validation part" in note for note in data.notes)


def test_names_of_classes_stand_for_their_numbers_and_a_split_without_labels_is_left_out(tmp_path):
    text, kind = datasets.Value("string"), datasets.ClassLabel(names=["no", "yes"])
    features = datasets.Features({"sentence": text, "label": kind, "words": datasets.List(text)})
    for name in ("train", "validation", "test"):
        rows = {
            "sentence": [f"{name} {at}" for at in range(40)],
            "label": [-1 if name == "test" else at % 2 for at in range(40)],
            "words": [["a"]] * 40,
        }
        datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / f"{name}-00000-of-00001.parquet")
    data = of(tmp_path)
    assert data.classes == ("no", "yes") and len(data.labels) == 80 and data.inputs.first[0] == "train 0"
    assert "The split 'test' has no labels, and is left out." in data.notes
    assert "Columns of other kinds than text are not read: words." in data.notes


def test_of_one_split_the_parts_are_cut_by_hash(tmp_path):
    frame(100).to_parquet(tmp_path / "data.parquet")
    data = of(tmp_path, seed=3, per_class=5)
    assert len(data.train) == 10 and data.keys[0] == "1" and len(data.valid) > 5 and len(data.test) > 5


def test_a_configuration_is_named_where_there_are_several(tmp_path):
    for config, many in (("small", 30), ("large", 60)):
        (tmp_path / config).mkdir()
        for name in ("train", "test"):
            frame(many, word=name).to_parquet(tmp_path / config / f"{name}.parquet")
    (tmp_path / "README.md").write_text(f"{CARD}---\n")
    assert len(of(tmp_path, config="large").labels) == 120
    with pytest.raises(BadData, match="cannot be read as a data set of the hub: Config name is missing"):
        of(tmp_path)


def test_what_cannot_be_read_is_told(tmp_path):
    with pytest.raises(BadData, match=r"hub.path must be owner/name on the hub, or a folder .* it is empty"):
        wb.Hub().load()
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadData, match="cannot be read as a data set of the hub"):
        of(tmp_path / "empty")
    frame(40).to_parquet(tmp_path / "train.parquet")
    with pytest.raises(BadData, match=r"has no column 'txt' \(hub.text\)\. Did you mean 'text'"):
        of(tmp_path, text="txt")


def test_pictures_are_refused_with_the_way_out_unless_a_column_of_texts_is_named(tmp_path):
    from helpers import noisy_folder

    place = noisy_folder(tmp_path / "pictures", each=8)
    with pytest.raises(BadData, match=r"holds pictures: take wb\.HubImages\(path=.*\), or name the column of texts"):
        of(place)
    names = [f"{kind}/{at:02}.png" for kind in "ab" for at in range(8)]
    lines = [f"{name},a picture called {name},{name[0]}" for name in names]
    (place / "metadata.csv").write_text("\n".join(["file_name,text,label", *lines]))
    data = of(place, text="text")
    assert data.inputs.first[0].startswith("a picture called")
    assert "Columns of other kinds than text are not read: image." in data.notes


def test_no_code_of_a_data_set_is_run(tmp_path):
    folder, canary = tmp_path / "nasty", tmp_path / "canary"
    folder.mkdir()
    code = f"open({str(canary)!r}, 'w')\nimport datasets\nclass Nasty(datasets.GeneratorBasedBuilder): pass\n"
    for name in ("nasty.py", "__init__.py", "dataset.py"):
        (folder / name).write_text(code)
    with pytest.raises(BadData, match="cannot be read as a data set of the hub"):
        of(folder)
    frame(40).to_parquet(folder / "train.parquet")
    assert not canary.exists() and "nasty" not in sys.modules


def test_without_a_network_it_says_so_at_once_and_asks_nothing(monkeypatch):
    monkeypatch.setattr(hub_splits, "_reached", lambda path: False)
    before = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    with pytest.raises(BadData, match=r"'nobody/nothing-at-all' is neither on this disk nor to be had from the hub: .*"
                       r"wb\.Table\(path="):  # fmt: skip
        of("nobody/nothing-at-all")
    assert before == (datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE)


def test_the_hub_is_asked_where_it_answers(monkeypatch):
    asked = []
    monkeypatch.setattr(hub_splits, "_reached", lambda path: True)
    monkeypatch.setattr(
        hub_splits, "_read", lambda given: asked.append((given, datasets.config.HF_HUB_OFFLINE)) or Loaded({}, {})
    )
    with pytest.raises(BadData, match="must hold 10 texts"):
        of("owner/name", revision="abc", config="en")
    (given, offline), = asked  # fmt: skip
    assert given == {"path": "owner/name", "name": "en", "revision": "abc"} and not offline


def test_whether_the_hub_answers_is_found_out_in_one_call(monkeypatch):
    import huggingface_hub

    answers = []
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda self, path, timeout: answers.pop()(timeout))
    answers += [lambda timeout: None, lambda timeout: 1 / 0, lambda timeout: int(timeout < 10)]
    assert [hub_splits._reached("a/b") for _ in range(3)] == [True, False, True]
