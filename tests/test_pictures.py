"""Pictures are read once: kept, taken over where a folder grew, read on after a stop, and bounded on disk."""

from __future__ import annotations

import json
import os
import time

import numpy as np
import pytest
import torch
from helpers import noisy_folder
from PIL import Image

import workbench as wb
from workbench import paths, progress
from workbench.datasets import pictures
from workbench.datasets.files import Folder
from workbench.datasets.pictures import decoded


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    return noisy_folder(tmp_path / "own", side=24)


@pytest.fixture
def read(monkeypatch):
    """The names of the files that are decoded."""
    names, real = [], Folder.read
    monkeypatch.setattr(Folder, "read", lambda self, name: names.append(name) or real(self, name))
    return names


def all_of(folder, side=16):
    source = Folder(folder)
    return decoded(source, source.names, side)


def test_the_second_time_no_file_is_read(folder, read):
    first = all_of(folder)
    assert len(read) == 40
    second = all_of(folder)
    assert len(read) == 40 and torch.equal(first.pictures, second.pictures)
    assert (first.hashes, first.looks, first.broken) == (second.hashes, second.looks, second.broken)
    assert all_of(folder, 8).pictures.shape[-1] == 8 and len(read) == 80


def test_only_what_is_new_or_changed_is_read(folder, read):
    (folder / "a" / "broken.png").write_bytes(b"no picture")
    first = all_of(folder)
    del read[:]
    Image.new("RGB", (24, 24), "red").save(folder / "b" / "00.png")
    Image.new("RGB", (24, 24), "blue").save(folder / "a" / "000.png")
    (folder / "b" / "19.png").unlink()
    found, names = all_of(folder), Folder(folder).names
    assert sorted(read) == ["a/000.png", "b/00.png"]
    assert found.broken == {names.index("a/broken.png"): "no picture in it"}
    assert (found.pictures[names.index("b/00.png")][0] == 255).all()
    assert torch.equal(found.pictures[names.index("a/05.png")], first.pictures[5])


def test_stopped_while_reading_it_goes_on_from_there(folder, read, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0)

    real = pictures.picture
    monkeypatch.setattr(pictures, "picture", lambda content, side: time.sleep(0.01) or real(content, side))

    def stop(what, done, total):
        if done == 10:
            raise InterruptedError

    with pytest.raises(InterruptedError), progress.told_to(stop):
        all_of(folder)
    seen = len(read)
    found = all_of(folder)
    assert 10 <= seen < 40 and len(read) <= 40 + 4  # a few were under way
    monkeypatch.setenv("WORKBENCH_CACHE", str(folder.parent / "other"))
    assert torch.equal(all_of(folder).pictures, found.pictures)


def test_what_is_written_into_them_never_reaches_the_disk(folder):
    all_of(folder).pictures.zero_()
    all_of(folder).pictures.zero_()
    assert all_of(folder).pictures.float().mean() > 100


@pytest.mark.parametrize("damage", ["no json", "{}", "another size"])
def test_a_damaged_shelf_is_read_again(folder, read, damage):
    first = all_of(folder).pictures.clone()
    (about,) = (paths.cache() / "pictures").glob("*.json")
    if damage == "another size":
        raw = paths.cache() / "pictures" / json.loads(about.read_text())["raw"]
        raw.write_bytes(raw.read_bytes()[:-1])
    else:
        about.write_text(damage)
    assert torch.equal(all_of(folder).pictures, first) and len(read) == 80
    all_of(folder)
    assert len(read) == 80


def test_a_cache_that_takes_nothing_costs_only_time(folder, tmp_path, monkeypatch):
    wanted = all_of(folder).pictures.clone()
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "cache", "/proc/no"):
        monkeypatch.setenv("WORKBENCH_CACHE", str(place))
        assert torch.equal(all_of(folder).pictures, wanted)


def test_those_used_longest_ago_go_when_there_are_too_many(folder, monkeypatch):
    size = 40 * 3 * 16 * 16
    monkeypatch.setattr(pictures, "KEPT_BYTES", 3 * size)
    for at in range(5):
        copy = folder.parent / f"own{at}"
        os.system(f"cp -r {folder} {copy}")
        all_of(copy)
        for number, about in enumerate(sorted((paths.cache() / "pictures").glob("*.json"), key=os.path.getmtime)):
            os.utime(about, (at * 100 + number, at * 100 + number))
    raws = [*(paths.cache() / "pictures").glob("*.raw")]
    assert sum(raw.stat().st_size for raw in raws) <= 3 * size and len(raws) == 3


def test_fifty_broken_files_among_a_thousand_are_named_before_training(tmp_path, tiny):
    from workbench.errors import BadData

    draw = np.random.default_rng(0)
    good = Image.fromarray(draw.integers(0, 256, (16, 16, 3)).astype("uint8"))
    good.save(tmp_path / "good.png")
    good.save(tmp_path / "good.jpg")
    png, jpg = (tmp_path / "good.png").read_bytes(), (tmp_path / "good.jpg").read_bytes()
    ways = [
        b"",
        b"text",
        png[:40],
        png[:-60],
        jpg[:100],
        b"GIF89a",
        b"%PDF-1.4",
        b"\0" * 300,
        b"RIFF____WEBPVP8 ",
        b"BM" + b"\1" * 30,
    ]
    for name in ("a", "b"):
        (tmp_path / "many" / name).mkdir(parents=True)
        for at in range(500):
            (tmp_path / "many" / name / f"{at}.png").write_bytes(png[:-30] + png[-30:])
    spoilt = {f"{'ab'[at % 2]}/{at * 10}.png": ways[at % 10] for at in range(50)}
    for name, content in spoilt.items():
        (tmp_path / "many" / name).write_bytes(content)
    recipe = wb.Recipe(wb.Images(str(tmp_path / "many"), size=16), tiny, epochs=1)
    with pytest.raises(BadData, match=r"50 of 1000 files cannot be read") as error:
        wb.fine_tune(recipe)
    named = [line.split(": ")[0].strip() for line in str(error.value).splitlines()[1:]]
    assert sorted(named) == sorted(spoilt) and wb.open_run(wb.runs()["name"][0]).messages[-1] == str(error.value)


def test_progress_is_heard_and_stop_ends_the_reading(folder, tiny, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0)
    recipe = wb.Recipe(wb.Images(str(folder), size=16), tiny, epochs=2)
    from workbench.fine_tuning import prepared
    from workbench.recording import record

    run = prepared(recipe, None)
    run.stop()
    assert [*record(recipe, run.files)] == [] and run.state == "stopped"
    told = [event for event in run.files.events() if event["event"] == "preparing"]
    assert told[0]["what"] == "pictures read" and told[0]["total"] == 40
    assert wb.fine_tune(recipe, run.folder).state == "finished"
