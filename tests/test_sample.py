"""The folder with faults on purpose: each kind is there, is found, and nothing of a person's own is replaced."""

from __future__ import annotations

import pytest

import workbench as wb
from workbench.datasets.sample import BROKEN, COPIES, NEAR, WRONG
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
