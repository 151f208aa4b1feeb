"""A person's own pictures: what is read, what is named, and which part each picture is in."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import workbench as wb
from workbench.datasets import broken, of_pictures
from workbench.errors import BadData


def drawn(path, colour, seed, size=(40, 30)):
    """A noisy picture of one colour, no two alike."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng([seed, *map(ord, colour)]).integers(0, 90, (size[1], size[0], 3))
    base = {"red": (160, 0, 0), "blue": (0, 0, 160), "green": (0, 160, 0)}[colour]
    Image.fromarray((noise + np.array(base)).astype("uint8")).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    """Two classes of forty pictures."""
    for colour in ("red", "blue"):
        for at in range(40):
            drawn(tmp_path / "own" / colour / f"{at:02}.png", colour, at)
    return tmp_path / "own"


def parts(data):
    return {name: {data.keys[at] for at in getattr(data, name).tolist()} for name in ("train", "valid", "test")}


def test_a_zip_the_folder_in_it_and_the_folder_above_are_the_same_data(folder, tiny, tmp_path_factory):
    zipped = shutil.make_archive(str(tmp_path_factory.mktemp("zip") / "own"), "zip", folder.parent, folder.name)
    given = [folder, zipped, folder.parent]
    first, *others = [wb.Images(folder=str(each), size=32).load() for each in given]
    for other in others:
        assert parts(other) == parts(first) and other.sealed_as == first.sealed_as
    one, two = (wb.fine_tune(wb.Recipe(wb.Images(folder=str(each), size=32), tiny, epochs=1)) for each in given[:2])
    assert wb.compare([one, two]).pairs["examples"][0] == len(first.valid)


def test_looks_at_the_test_set_count_whatever_the_size_and_the_corrections(folder, tiny, tmp_path):
    mine = wb.Images(folder=str(folder), size=32)
    recipe = wb.Recipe(mine, tiny, epochs=1)
    assert wb.fine_tune(recipe).test()["unsealed"] == 1
    file = wb.Corrections(str(tmp_path / "mended.jsonl"))
    loaded = mine.load()
    key = loaded.keys[int(loaded.train[0])]
    file.relabel(key, "blue" if key.startswith("red") else "red", key.split("/")[0])
    mended = wb.fine_tune(recipe.replace(data=mine.replace(corrections=file.spelled)))
    assert mended.test()["unsealed"] == 2
    assert wb.fine_tune(recipe.replace(data=mine.replace(size=16))).test()["unsealed"] == 3


def test_what_was_found_is_told_while_it_trains(folder, tiny, capsys):
    shutil.copy(folder / "red" / "00.png", folder / "blue" / "copy.png")
    wb.fine_tune(wb.Recipe(wb.Images(folder=str(folder), size=32), tiny, epochs=1))
    out, said = capsys.readouterr()
    assert "The same picture under two labels" in said and out == ""


def test_a_folder_for_each_class_trains(folder, tiny):
    data = wb.Images(folder=str(folder), size=32).load()
    assert data.classes == ("blue", "red") and data.inputs.shape == (80, 3, 32, 32)
    assert all(data.classes[label] in key for label, key in zip(data.labels.tolist(), data.keys, strict=True))
    run = wb.fine_tune(wb.Recipe(wb.Images(folder=str(folder), size=32), tiny, epochs=5, lr=1e-2))
    assert run.best["valid_accuracy"] > 0.9
    assert run.predict(folder / "red")["answer"].tolist().count("red") > 35
    assert run.predict([folder / "blue" / "00.png"]).index[0].endswith("00.png")


def test_a_picture_stays_in_its_part_when_others_come(folder):
    before = parts(wb.Images(folder=str(folder), size=32).load())
    for at in range(40, 80):
        drawn(folder / "red" / f"{at:02}.png", "red", at)
    after = parts(wb.Images(folder=str(folder), size=32).load())
    assert all(before[name] <= after[name] for name in before) and len(after["train"]) > len(before["train"])
    assert parts(wb.Images(folder=str(folder), size=32, seed=1).load()) != after


def test_the_folders_own_parts_count(folder, tmp_path):
    own = tmp_path / "parted"
    for part, colours in (("train", range(20)), ("val", range(20, 30)), ("test", range(30, 40))):
        for colour in ("red", "blue"):
            for at in colours:
                target = own / part / colour / f"{at}.png"
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(folder / colour / f"{at:02}.png", target)
    data = wb.Images(folder=str(own), size=32).load()
    assert [len(part) for part in (data.train, data.valid, data.test)] == [40, 20, 20]
    assert all(key.startswith("train/") for key in parts(data)["train"])

    shutil.rmtree(own / "test")
    data = wb.Images(folder=str(own), size=32).load()
    assert len(data.valid) + len(data.test) == 20 and len(data.test) > 3 and "no test part" in data.notes[2]
    shutil.rmtree(own / "val")
    data = wb.Images(folder=str(own), size=32).load()
    assert len(data.train) + len(data.valid) + len(data.test) == 40 and len(data.train) > 22
    assert "The test part holds no example of red: the test says nothing on it." in data.notes
    assert "no validation part" in data.notes[-2] and "no test part" in data.notes[-1]


def test_a_group_that_empties_a_part_of_the_folder_is_told_as_that(folder, tmp_path):
    own = tmp_path / "parted"
    for part in ("train", "val"):
        shutil.copytree(folder, own / part)
        for path in sorted(own.glob(f"{part}/*/*.png")):
            if ((int(path.stem) + len(path.parent.name)) % 2 == 0) == (part == "train"):
                path.unlink()
    data = wb.Images(folder=str(own), size=32, group=r"(\d\d)", seed=1).load()  # red 07 and blue 07 are of one group
    assert "40 pictures have a copy, or one of their group, in another part: they are in one part now." in data.notes
    assert any(note.startswith("Nothing is left in the folder's validation part, since each") for note in data.notes)
    assert not any("no validation part" in note for note in data.notes)


def test_a_class_of_which_nothing_can_be_read_is_not_left_out_in_silence(folder):
    for at in range(3):
        (folder / "green").mkdir(exist_ok=True)
        (folder / "green" / f"{at}.png").write_bytes(b"no picture")
    with pytest.raises(BadData, match=r"(?s)no file of green can be read, .* green/2.png: no picture in it"):
        wb.Images(folder=str(folder), size=32, broken="leave out").load()
    drawn(folder / "green" / "3.png", "green", 3)
    with pytest.raises(BadData, match=r"part holds no example of green: there are 1 of green in all"):
        wb.Images(folder=str(folder), size=32, broken="leave out").load()


def test_a_class_may_be_called_train(folder):
    (folder / "red").rename(folder / "train")
    assert wb.Images(folder=str(folder), size=32).load().classes == ("blue", "train")


def test_copies_are_in_one_part_and_told(folder, tmp_path):
    for at in range(10):
        shutil.copy(folder / "red" / f"{at:02}.png", folder / "red" / f"copy-{at}.png")
    shutil.copy(folder / "red" / "00.png", folder / "blue" / "wrong.png")
    data = wb.Images(folder=str(folder), size=32).load()
    where = {key: name for name, keys in parts(data).items() for key in keys}
    assert all(where[f"red/{at:02}.png"] == where[f"red/copy-{at}.png"] for at in range(10))
    assert "11 pictures are exact copies of others." in data.notes
    torn = "The same picture under two labels: blue/wrong.png and red/00.png and red/copy-0.png."
    assert torn in data.notes


def test_a_picture_in_two_parts_of_the_folder_is_trained_on_alone(folder, tmp_path):
    own = tmp_path / "parted"
    for part in ("train", "valid", "test"):
        shutil.copytree(folder, own / part)
        for path in sorted(own.glob(f"{part}/*/*.png")):
            if (int(path.stem) % 4 == 0) != (part == "train") and int(path.stem) != 0:
                path.unlink()
    data = wb.Images(folder=str(own), size=32).load()
    where = parts(data)
    assert {f"{part}/red/00.png" for part in ("train", "valid", "test")} <= where["train"]
    assert any("have a copy, or one of their group, in another part" in note for note in data.notes)
    same = {key.split("/", 1)[1] for key in where["valid"]} & {key.split("/", 1)[1] for key in where["test"]}
    assert not same and not any(key.endswith("00.png") for key in where["valid"] | where["test"])


BROKEN = {
    "empty.png": b"",
    "text.jpg": b"this is no picture",
    "page.gif": b"<html><body>404</body></html>",
    "half.png": None,
    "zeros.bmp": b"\0" * 400,
    "cut.jpg": None,
    "pdf.png": b"%PDF-1.4 and so on",
    "eps.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage",
    "riff.webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "tiff.tif": b"II*\0\x08\0\0\0",
}


def spoil(folder):
    Image.effect_noise((90, 90), 60).save(folder / "whole.png")
    Image.effect_noise((90, 90), 60).save(folder / "whole.jpg")
    for name, content in BROKEN.items():
        whole = (folder / ("whole.png" if name == "half.png" else "whole.jpg")).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2] if content is None else content)


def test_every_broken_file_is_named_before_training(folder):
    spoil(folder / "red")
    with pytest.raises(BadData, match=r"10 of 92 files cannot be read; .*broken='leave out'") as error:
        wb.Images(folder=str(folder), size=32).load()
    assert all(f"red/{name}: " in str(error.value) for name in BROKEN)
    assert "red/empty.png: empty" in str(error.value) and "red/text.jpg: no picture in it" in str(error.value)
    data = wb.Images(folder=str(folder), size=32, broken="leave out").load()
    assert len(data.keys) == 82 and not {f"red/{name}" for name in BROKEN} & set(data.keys)
    assert sum(note.startswith("Left out: red/") for note in data.notes) == 10
    again = wb.Images(folder=str(folder), size=32, broken="leave out").load()  # kept pictures, the same answer
    assert again.notes == data.notes and torch.equal(again.inputs, data.inputs)


def test_very_many_broken_files_are_in_a_list_that_the_error_names(folder, monkeypatch):
    spoil(folder / "red")
    monkeypatch.setattr(broken, "SHOWN", 4)
    with pytest.raises(BadData, match=r"and 6 more; all of them: (.*broken-.*\.txt)") as error:
        wb.Images(folder=str(folder), size=32).load()
    listed = Path(str(error.value).rpartition("all of them: ")[2]).read_text()
    assert all(f"red/{name}: " in listed for name in BROKEN) and str(error.value).count("\n  red/") == 4
    (folder.parent / "file").write_text("")
    monkeypatch.setenv("WORKBENCH_CACHE", str(folder.parent / "file"))
    with pytest.raises(BadData, match=r"and 6 more$"):
        wb.Images(folder=str(folder), size=32).load()


def test_a_run_on_broken_files_fails_before_it_trains(folder, tiny):
    spoil(folder / "red")
    with pytest.raises(BadData, match="10 of 92"):
        wb.fine_tune(wb.Recipe(wb.Images(folder=str(folder), size=32), tiny, epochs=2))
    run = wb.open_run(wb.runs()["name"][0])
    assert run.state == "failed" and not run.rows and "red/half.png" in run.messages[0]


def test_a_file_that_changed_is_read_again(folder):
    before = wb.Images(folder=str(folder), size=32).load()
    drawn(folder / "red" / "00.png", "green", 5)
    after = wb.Images(folder=str(folder), size=32).load()
    assert before.fingerprint != after.fingerprint
    at = after.keys.index("red/00.png")
    assert after.inputs[at][1].float().mean() > after.inputs[at][0].float().mean()


def test_links_that_leave_the_folder_loops_and_pipes_are_left_out(folder, tmp_path):
    outside = drawn(tmp_path / "outside" / "secret.png", "green", 0)
    (folder / "red" / "link.png").symlink_to(outside)
    (folder / "red" / "inside.png").symlink_to(folder / "red" / "00.png")
    (folder / "red" / "loop").symlink_to(folder)
    (folder / "red" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(folder / "red" / "pipe.png")
    data = wb.Images(folder=str(folder), size=32).load()
    assert "Left out: red/link.png: a link that leaves the folder, put the file itself there." in data.notes
    assert "Left out: red/loop: a link to a folder, put the folder itself there." in data.notes
    assert {"Left out: red/gone.png: no file.", "Left out: red/pipe.png: no file."} <= set(data.notes)
    assert "red/inside.png" in data.keys and len(data.keys) == 81


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: "", "images.folder must name a folder .* it is empty"),
        (lambda f: str(f / "nowhere"), "images.folder must be a folder, or a zip, .* is not there"),
        (lambda f: str(f / "red" / "00.png"), "images.folder must be a folder, or a zip, .* is a file, and no zip"),
        (lambda f: str(f / "red"), r"holds no pictures \(jpg .*\) in sub-folders"),
        (lambda f: (f / "green").mkdir() or str(f), "no pictures are in the folder of green"),
        (
            lambda f: shutil.rmtree(f / "blue") or str(f),
            "two classes must be there .* got 1: red.*files' names .*images.table",
        ),
        (lambda f: [(f / "red" / f"{at:02}.png").unlink() for at in range(1, 40)] and str(f), "part holds no example"),
    ],
)
def test_what_cannot_be_trained_on_is_said(folder, make, message):
    with pytest.raises(BadData, match=message):
        wb.Images(folder=make(folder), size=32).load()


def test_more_than_memory_holds_is_refused(monkeypatch):
    with pytest.raises(BadData, match=r"100,000,000 pictures of 384 px take .* choose a smaller images.size"):
        of_pictures._room_for(100_000_000, 384, "images")


def test_names_in_any_script_and_odd_files_beside(folder):
    (folder / "red").rename(folder / "красный <b>")
    for name in ("日本.png", "a b'c\".png", "x" * 200 + ".png", "UPPER.PNG"):
        drawn(folder / "красный <b>" / name, "red", len(name))
    (folder / "notes.txt").write_text("not a picture")
    (folder / "red.png").write_bytes((folder / "blue" / "00.png").read_bytes())
    (folder / ".hidden").mkdir()
    data = wb.Images(folder=str(folder), size=32).load()
    assert data.classes == ("blue", "красный <b>") and len(data.keys) == 84
    assert "Left out: red.png: it lies in no class's folder." in data.notes


def test_that_not_all_pairs_that_look_alike_are_kept_is_told(folder, monkeypatch):
    monkeypatch.setattr(of_pictures.copies, "MOST", 3)
    for at in range(5):
        with Image.open(folder / "red" / f"{at:02}.png") as opened:
            opened.save(folder / "red" / f"again-{at}.bmp")
    data = wb.Images(folder=str(folder), size=32).load()
    assert len(data.near) == 3 and any(
        note.startswith("Very many pictures look alike: the 3 pairs") for note in data.notes
    )


def test_cuts_and_wrong_labels(folder):
    data = wb.Images(folder=str(folder), size=32, per_class=5, label_noise=0.4).load()
    assert len(data.train) == 10 and int((data.labels != data.true_labels).sum()) == 4


@pytest.mark.real
def test_photographs_of_ants_and_bees_end_to_end(test_data):
    folder = test_data / "vision_hymenoptera" / "plain"
    data = wb.Images(folder=str(folder)).load()
    assert data.classes == ("ants", "bees") and len(data.train) == 48 and len(data.valid) + len(data.test) == 24
    run = wb.fine_tune(wb.Recipe(wb.Images(folder=str(folder)), wb.backbone("resnet18", "random"), epochs=5))
    assert run.rows[-1]["train_loss"] < run.rows[0]["train_loss"] and run.baseline
    assert run.test()["examples"] == len(data.test)
