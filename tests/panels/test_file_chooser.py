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
    return [label for label, _ in chooser.list.options]


def mark(chooser, name):
    chooser.list.index = names(chooser).index(name)


def test_folders_and_files_that_fit_are_listed_and_nothing_else(root):
    chooser, _ = made(root)
    hostile = "a" + PAYLOAD.replace("/", "") + ".csv"
    assert names(chooser) == ["empty/", "photos/", "round/", hostile, "in.csv", "table.csv", "UPPER.CSV"]
    assert said(chooser.where) == "served/" and chooser.shown and chooser.list.value is None
    told = said(chooser.said)
    assert "2 links that leave the served folder are not shown." in told
    assert "2 names with signs that cannot be shown are left out." in told


def test_one_walks_down_and_up_but_never_above_the_root(root):
    chooser, taken = made(root, FOLDER)
    mark(chooser, "photos/")
    chooser.enter.click()
    assert names(chooser) == [UP, "cats/"] and said(chooser.where) == "served/photos"
    mark(chooser, UP)
    chooser.enter.click()
    assert UP not in names(chooser) and chooser.at == root
    mark(chooser, "round/")  # a link that comes back to where it lies
    chooser.enter.click()
    assert chooser.at == root
    chooser.list.index = None
    chooser.enter.click()
    assert said(chooser.said) == "Mark a folder to open."
    mark(chooser, "photos/")
    chooser.take.click()
    assert taken == [str(root / "photos")] and not chooser.shown


def test_without_a_mark_the_shown_folder_is_taken_where_a_folder_fits(root):
    chooser, taken = made(root, FOLDER, now="photos/cats")
    assert said(chooser.where) == "served/photos/cats"  # it opens where the present value lies
    chooser.take.click()
    assert taken == [str(root / "photos" / "cats")]
    chooser, taken = made(root)
    chooser.take.click()
    assert not taken and said(chooser.said) == "Mark a file (.csv)."
    mark(chooser, "in.csv")
    chooser.take.click()
    assert taken == [str(root / "in.csv")]


@pytest.mark.parametrize("now", ["../secret", "/etc/passwd", "~", "no/such/thing", "out", "out/table.csv"])
def test_it_opens_inside_wherever_the_value_points(root, now):
    chooser, _ = made(root, now=now)
    assert chooser.at == root


def test_what_became_a_link_meanwhile_is_not_followed(root):
    chooser, taken = made(root, FOLDER)
    mark(chooser, "empty/")
    (root / "empty").rmdir()
    (root / "empty").symlink_to(root.parent / "secret")
    chooser.enter.click()
    assert chooser.at == root
    chooser.take.click()
    assert not taken and "empty/" not in names(chooser)


def test_a_folder_that_cannot_be_opened_or_is_very_full_is_told(root, monkeypatch):
    chooser, _ = made(root)
    monkeypatch.setattr("workbench.panels.file_chooser.MOST", 3)
    chooser._show(root)
    assert "More than 3 entries: not all are shown; type the path." in said(chooser.said)
    chooser._show(root / "gone")
    assert said(chooser.said) == "This folder cannot be opened (No such file or directory)."


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
    mark(control.chooser, "table.csv")
    control.chooser.take.click()
    control.main.value = "typed.csv"
    assert proposed == [str(root / "table.csv"), "typed.csv"]
    label = next(each for each in wb.Table.knobs() if each.name == "label")
    assert Control(label, "", proposed.append).chooser is None


def test_a_backbone_and_its_weights_can_be_folders(root):
    (root / "model.safetensors").write_text("x")
    proposed = []
    picker = BackbonePicker(wb.backbone("glyph-resnet"), lambda make: proposed.append(make()), lambda *_: None)
    picker.files.opener.click()
    mark(picker.files, "model.safetensors")
    picker.files.take.click()
    assert proposed[-1] == wb.backbone("glyph-resnet", str(root / "model.safetensors"))
    (root / "photos" / "config.json").write_text('{"model_type": "bert"}')
    picker.folders.opener.click()
    mark(picker.folders, "photos/")
    picker.folders.take.click()
    assert proposed[-1].architecture == str(root / "photos")
