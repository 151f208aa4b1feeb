"""Samples with faults on purpose: each kind is there, is found, and nothing of a person's own is replaced."""

from __future__ import annotations

import pytest

import workbench as wb
from workbench.datasets.sample import BROKEN, COPIES, LONG, NEAR, SILENT, TEXTS, WRONG
from workbench.errors import BadData


def test_every_planted_fault_is_found(tmp_path):
    folder = wb.sample_folder(tmp_path / "sample")
    with pytest.raises(BadData, match=f"{BROKEN} of 313 files cannot be read"):
        wb.Images(str(folder), size=32).load()
    data = wb.Images(str(folder), size=32, broken="leave out").load()
    assert f"{COPIES} pictures are exact copies of others." in data.notes and len(data.keys) == 300 + COPIES + NEAR
    alike = {tuple(sorted(data.keys[at].rsplit("digit-", 1)[1][:4] for at in pair)) for pair in data.near}
    chats = {key.rsplit("digit-", 1)[1][:4] for key in data.keys if "from-a-chat" in key}
    assert len(chats) == NEAR and {(name, name) for name in chats} <= alike
    planted = [*wb.planted(data.keys, folder)]
    assert len(planted) == WRONG and all(right != given for _, right, given in planted)


def test_it_is_drawn_anew_in_its_own_place_alone(tmp_path):
    folder = wb.sample_folder(tmp_path / "sample")
    first = {path.name for path in folder.rglob("*.png")}
    (folder / "0" / "digit-0000.png").unlink(missing_ok=True)
    assert {path.name for path in wb.sample_folder(folder).rglob("*.png")} == first
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(FileExistsError, match="holds other files: name an empty folder"):
        wb.sample_folder(tmp_path / "mine")
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_every_fault_planted_among_texts_is_found(tmp_path):
    from workbench.datasets.docstrings import part_of

    table = wb.sample_table(tmp_path / "sample")
    mine = wb.Table(str(table), size=64, group="module")
    with pytest.raises(BadData, match=f"{BROKEN} of {6 * TEXTS + COPIES + BROKEN} rows cannot be used"):
        mine.load()
    data = mine.replace(broken="leave out").load()
    assert len(data.keys) == 6 * TEXTS + COPIES and f"{COPIES} texts are exact copies of others." in data.notes
    assert "Columns: text 'description' (guessed), label 'library' (guessed), group 'module'." in data.notes
    planted = {key: (right, given) for key, right, given in wb.planted(data.keys, table)}
    named = dict(zip(data.keys, (data.classes[at] for at in data.labels), strict=True))
    assert len(planted) == WRONG
    assert all(right != given == named[key] for key, (right, given) in planted.items())
    modules = [line.rpartition(",")[2] for line in table.read_text().splitlines()]
    assert modules[0] == "module" and not any(part_of(module) == "train" for module in modules[1:-BROKEN])


def test_every_fault_planted_among_recordings_is_found(tmp_path):
    folder = wb.sample_recordings(tmp_path / "sample")
    mine = wb.Audio(str(folder), 0.5, group="_(.+)_")
    with pytest.raises(BadData, match=f"{BROKEN} of {400 + COPIES + SILENT + BROKEN} files cannot be read"):
        mine.load()
    data = mine.replace(broken="leave out").load()
    notes = "\n".join(data.notes)
    assert len(data.keys) == 400 + COPIES and f"{COPIES} recordings are exact copies of others." in notes
    assert f"{SILENT} recordings hold nothing to hear" in notes and f"{LONG} of 404 recordings are longer" in notes
    assert len([*wb.planted(data.keys, folder)]) == WRONG
    speakers = [{data.keys[at].split("_")[1] for at in part.tolist()} for part in (data.train, data.valid, data.test)]
    assert sum(map(len, speakers)) == len(set.union(*speakers)) == 40
