"""Corrections: a file that only grows, means the same for ever where its length is named, and touches no data."""

from __future__ import annotations

import json

import pytest
from helpers import noisy_folder

import workbench as wb
from workbench.datasets.corrections import Corrections
from workbench.errors import BadData


@pytest.fixture
def file(tmp_path):
    return Corrections(tmp_path / "corrections.jsonl")


def test_the_last_decision_on_an_example_counts_and_undo_takes_the_last_back(file):
    file.relabel("a.png", "bees", "ants")
    file.drop("b.png", "ants")
    file.relabel("a.png", "wasps", "ants")
    assert file.now == {"b.png": "", "a.png": "wasps"} and file.was == {"b.png": "ants", "a.png": "ants"}
    assert file.undo() == "a.png" and file.now["a.png"] == "bees"
    assert file.undo() == "b.png" and file.now == {"a.png": "bees"}
    assert file.undo() == "a.png" and file.now == {} and file.undo() is None
    file.drop("c.png", "ants")
    assert file.now == {"c.png": ""} and file.undo() == "c.png" and file.now == {}
    assert Corrections(file.path).now == {} and len(Corrections(file.path).lines) == 8


def test_a_named_length_means_the_same_for_ever(file):
    assert file.spelled == ""
    file.relabel("a.png", "bees", "ants")
    named = file.spelled
    file.drop("a.png", "ants")
    assert Corrections(named).now == {"a.png": "bees"} and Corrections(file.path).now == {"a.png": ""}
    with pytest.raises(BadData, match="holds 2 corrections, and the recipe names 9"):
        Corrections(f"{file.path}@9")


def test_two_writers_see_each_other_and_a_recipe_names_what_is_there(file):
    other = Corrections(file.path)  # both have read the file while it was empty
    other.relabel("bees/20.png", "ants", "bees")
    file.relabel("ants/10.png", "bees", "ants")
    assert Corrections(file.spelled).now == {"bees/20.png": "ants", "ants/10.png": "bees"}
    assert other.spelled == file.spelled == f"{file.path}@2"
    other.relabel("ants/10.png", "bees", "ants")  # as the file says already
    assert other.undo() == "ants/10.png" and file.undo() == "bees/20.png" and file.undo() is None
    other.as_given("bees/20.png")
    assert len(Corrections(file.path).lines) == len(other.lines) == 4 and file.now == {}


def test_many_writers_at_once_lose_no_line(file):
    from concurrent.futures import ThreadPoolExecutor

    def decide(at):
        Corrections(file.path).relabel(f"{at}.png", "bees", "ants")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decide, range(40)))
    assert {*Corrections(file.path).now} == {f"{at}.png" for at in range(40)} and file.spelled.endswith("@40")


def test_what_the_data_says_is_known_after_a_decision_was_taken_back(file):
    file.relabel("a.png", "bees", "ants")
    file.undo()
    assert file.now == {} and file.was == {"a.png": "ants"}


def test_a_named_length_takes_no_decision_and_a_file_that_is_held_is_told(file, monkeypatch):
    from filelock import FileLock

    from workbench.datasets import corrections

    file.relabel("a.png", "bees", "ants")
    with pytest.raises(BadData, match=r"@1 stands for its first 1 lines and never changes: decide in Corrections\("):
        Corrections(file.spelled).drop("a.png", "ants")
    monkeypatch.setattr(corrections, "PATIENCE", 0.05)
    held = FileLock(f"{file.path}.lock")
    with held, pytest.raises(BadData, match=r"another process has held .*corrections\.jsonl for 0\.05 s: end it"):
        file.drop("a.png", "ants")
    assert len(Corrections(file.path).lines) == 1


def test_the_same_decision_twice_is_one_line_and_names_may_be_anything(file):
    for _ in range(2):
        file.relabel('日本/\n"x"\udc80.png', "ёж <b>", "ants")
    assert len(file.lines) == 1 and Corrections(file.path).now == file.now


def test_half_a_line_that_a_kill_left_is_written_over(file):
    file.relabel("a.png", "bees", "ants")
    with open(file.path, "ab") as opened:
        opened.write(b'{"key": "b.p')
    again = Corrections(file.path)
    assert again.now == {"a.png": "bees"}
    again.drop("c.png", "ants")
    assert Corrections(file.path).now == {"a.png": "bees", "c.png": ""}


@pytest.mark.parametrize("line", ["no json", "[]", '{"key": 3, "was": "a", "now": "b"}', '{"key": "a", "was": "b"}'])
def test_a_line_that_is_no_correction_is_named(file, line):
    file.relabel("a.png", "bees", "ants")
    with open(file.path, "a") as opened:
        opened.write(line + "\n")
    with pytest.raises(BadData, match=r"line 2 of .*corrections\.jsonl is no correction.*A line reads .*relabel\("):
        Corrections(file.path)


@pytest.fixture
def own(tmp_path):
    return noisy_folder(tmp_path / "own", ("ants", "bees"), 30)


def test_a_label_that_is_no_class_is_told_with_those_that_are_and_with_the_way_back(own, file):
    file.relabel("ants/00.png", "wasp", "ants")
    with pytest.raises(BadData, match=r"a 'wasp', and there is no such class\. There are: 'ants', 'bees'\. .*undo\(\)"):
        wb.Images(str(own), size=32, corrections=file.spelled).load()
    assert file.undo() == "ants/00.png"
    assert wb.Images(str(own), size=32, corrections=file.spelled).load().classes == ("ants", "bees")


def test_a_corrected_label_counts_and_a_dropped_example_is_gone_and_no_file_changed(own, file):
    before = {path: path.read_bytes() for path in own.rglob("*.png")}
    plain = wb.Images(str(own), size=32).load()
    train, valid = (plain.keys[part[0]] for part in (plain.train, plain.valid))
    gone = plain.keys[plain.train[1]]
    for key in (train, valid):
        file.relabel(key, {"ants": "bees", "bees": "ants"}[key[:4]], key[:4])
    file.drop(gone, gone[:4])
    file.drop("ants/not-there.png", "ants")
    data = wb.Images(str(own), size=32, corrections=file.spelled).load()
    for key in (train, valid):
        at = data.keys.index(key)
        assert data.classes[data.labels[at]] != key[:4] and data.labels[at] == data.true_labels[at]
    assert data.keys.index(gone) not in data.train and len(data.train) == len(plain.train) - 1
    assert data.test.tolist() == plain.test.tolist() and data.fingerprint != plain.fingerprint
    assert "Corrected: 2 labels, and 1 example left out (corrections.jsonl)." in data.notes
    assert "1 corrections are of pictures that are not there any more." in data.notes
    assert {path: path.read_bytes() for path in own.rglob("*.png")} == before


def test_a_correction_mends_a_label_that_was_made_wrong_on_purpose(own, file):
    data = wb.Images(str(own), size=32, label_noise=0.3).load()
    wrong = (data.labels != data.true_labels).nonzero().flatten().tolist()
    key = data.keys[wrong[0]]
    file.relabel(key, data.classes[data.true_labels[wrong[0]]], data.classes[data.labels[wrong[0]]])
    mended = wb.Images(str(own), size=32, label_noise=0.3, corrections=file.spelled).load()
    assert (mended.labels != mended.true_labels).nonzero().flatten().tolist() == wrong[1:]
    assert mended.train.tolist() == data.train.tolist()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"key": "ants/00.png", "was": "ants", "now": "beez"}, "makes ants/00.png a 'beez', .*Did you mean 'bees'"),
        (None, "names .*, and there is no such file"),
    ],
)  # fmt: skip
def test_what_a_recipe_names_must_be_there_and_fit(own, file, line, message):
    if line:
        file.path.write_text(json.dumps(line) + "\n")
    with pytest.raises(BadData, match=message):
        wb.Images(str(own), size=32, corrections=str(file.path)).load()
