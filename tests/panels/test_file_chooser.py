"""Files and folders are chosen below one folder, and never outside of it."""

from __future__ import annotations

import json
import os

import pytest
from panels.by_hand import PAYLOAD, said

import workbench as wb
from workbench.choices import Text
from workbench.panels.backbone_picker import BackbonePicker
from workbench.panels.controls import Control
from workbench.panels.file_chooser import UP, FileChooser, served


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A served folder with a folder, files, and links; and a secret beside it."""
    place = tmp_path / "served"
    (place / "photos" / "cats").mkdir(parents=True)
    (place / "empty").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "table.csv").write_text("x")
    for name in ("table.csv", "notes.md", ".hidden.csv", "UPPER.CSV", "a" + PAYLOAD.replace("/", "") + ".csv"):
        (place / name).write_text("x")
    (place / "out").symlink_to(tmp_path / "secret")
    (place / "out.csv").symlink_to(tmp_path / "secret" / "table.csv")
    (place / "round").symlink_to(place)
    (place / "in.csv").symlink_to(place / "table.csv")
    (place / os.fsdecode(b"torn\xff.csv")).write_text("x")
    (place / "two\nlines.csv").write_text("x")
    os.mkfifo(place / "pipe.csv")
    monkeypatch.chdir(place)
    return place


TABLE, FOLDER = Text("file", (".csv",)), Text("folder", folders=True)


def made(root, domain=TABLE, now=""):
    taken = []
    chooser = FileChooser(domain, taken.append, lambda: now, root)
    chooser.opener.click()
    return chooser, taken


def names(chooser):
    return [row.description for row in chooser.list.children]


def press(chooser, name):
    chooser.list.children[names(chooser).index(name)].click()


def test_folders_and_files_that_fit_are_listed_and_nothing_else(root):
    chooser, _ = made(root)
    hostile = "a" + PAYLOAD.replace("/", "") + ".csv"
    assert names(chooser) == ["empty/", "photos/", "round/", hostile, "in.csv", "table.csv", "UPPER.CSV"]
    assert said(chooser.where) == "served/" and chooser.shown
    told = said(chooser.said)
    assert "2 links that leave the served folder are not shown." in told
    assert "2 names with signs that cannot be shown are left out." in told


def test_one_walks_down_and_up_but_never_above_the_root(root):
    chooser, taken = made(root, FOLDER)
    first = chooser.list.children[0]
    press(chooser, "photos/")
    assert names(chooser) == [UP, "cats/"] and said(chooser.where) == "served/photos"
    assert chooser.list.children[0] is first  # the focus stays where it is
    press(chooser, UP)
    assert UP not in names(chooser) and chooser.at == root
    press(chooser, "round/")  # a link that comes back to where it lies
    assert chooser.at == root
    press(chooser, "empty/")
    assert said(chooser.said) == "No folder, and no file (folders only)." and names(chooser) == [UP]
    chooser.take.click()
    assert taken == [str(root / "empty")] and not chooser.shown


def test_a_file_is_taken_by_its_button_and_a_folder_only_where_one_fits(root):
    chooser, taken = made(root, FOLDER, now="photos/cats")
    assert said(chooser.where) == "served/photos/cats"  # it opens where the present value lies
    chooser.take.click()
    assert taken == [str(root / "photos" / "cats")]
    chooser, taken = made(root)
    assert chooser.take not in chooser.box.children[1].children
    press(chooser, "in.csv")
    assert taken == [str(root / "in.csv")] and not chooser.shown


def test_part_of_a_name_finds_it_among_many(root):
    for at in range(150):
        (root / "empty" / f"{at:03}.csv").write_text("x")
    chooser, _ = made(root, now="empty")
    assert len(names(chooser)) == 101 and said(chooser.said) == "100 of 150: part of a name finds fewer."
    chooser.words.value = "14"
    assert names(chooser) == [UP, "014.csv", "114.csv", *(f"14{at}.csv" for at in range(10))]


@pytest.mark.parametrize("now", ["../secret", "/etc/passwd", "~", "no/such/thing", "out", "out/table.csv"])
def test_it_opens_inside_wherever_the_value_points(root, now):
    chooser, _ = made(root, now=now)
    assert chooser.at == root


def test_what_became_a_link_meanwhile_is_not_followed(root):
    chooser, taken = made(root, FOLDER)
    (root / "empty").rmdir()
    (root / "empty").symlink_to(root.parent / "secret")
    press(chooser, "empty/")
    assert chooser.at == root and "empty/" not in names(chooser)
    press(chooser, "photos/")
    (root / "photos" / "cats").rmdir()
    (root / "photos").rmdir()
    (root / "photos").symlink_to(root.parent / "secret")
    chooser.take.click()
    assert not taken and chooser.at == root and "photos/" not in names(chooser)


def test_a_folder_that_cannot_be_opened_or_is_very_full_is_told(root, monkeypatch):
    chooser, _ = made(root)
    monkeypatch.setattr("workbench.panels.file_chooser.MOST", 3)
    chooser._show(root)
    assert "More than 3 entries: not all are looked at; type the path." in said(chooser.said)
    chooser._show(root / "gone")
    assert said(chooser.said).startswith("This folder cannot be opened (No such file or directory).")


def test_closing_leaves_the_value(root):
    chooser, taken = made(root)
    chooser.shut.click()
    assert not chooser.shown and not taken


def test_the_served_folder_is_that_of_the_server_that_started_this_kernel(root, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    assert served() == root
    monkeypatch.setenv("JPY_PARENT_PID", "77")
    assert served() == root  # no such server's file
    (tmp_path / "jpserver-77.json").write_text(json.dumps({"root_dir": str(tmp_path / "secret")}))
    assert served() == tmp_path / "secret"
    (tmp_path / "jpserver-77.json").write_text("[")
    assert served() == root


def test_knobs_that_are_paths_can_be_browsed_for_and_typed(root):
    for choice, name in ((wb.Images, "folder"), (wb.Images, "table"), (wb.Audio, "folder"), (wb.Table, "path"),
                         (wb.Table, "corrections"), (wb.Hub, "path"), (wb.HubImages, "path")):  # fmt: skip
        knob = next(each for each in choice.knobs() if each.name == name)
        assert Control(knob, "", lambda value: None).chooser is not None, (choice, name)
    proposed = []
    knob = next(each for each in wb.Table.knobs() if each.name == "path")
    control = Control(knob, "", proposed.append)
    control.chooser.opener.click()
    press(control.chooser, "table.csv")
    control.main.value = "typed.csv"
    assert proposed == [str(root / "table.csv"), "typed.csv"]
    label = next(each for each in wb.Table.knobs() if each.name == "label")
    assert Control(label, "", proposed.append).chooser is None


def test_a_backbone_and_its_weights_can_be_folders(root):
    (root / "model.safetensors").write_text("x")
    proposed = []
    picker = BackbonePicker(wb.backbone("glyph-resnet"), lambda make: proposed.append(make()), lambda *_: None)
    picker.files.opener.click()
    press(picker.files, "model.safetensors")
    assert proposed[-1] == wb.backbone("glyph-resnet", str(root / "model.safetensors"))
    (root / "photos" / "config.json").write_text('{"model_type": "bert"}')
    picker.folders.opener.click()
    press(picker.folders, "photos/")
    picker.folders.take.click()
    assert proposed[-1].architecture == str(root / "photos")
