"""Pictures and recordings in the hub's layout: the library finds them, our own decoders read them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pytest
import soundfile
from helpers import noisy_folder
from PIL import Image

import workbench as wb
from workbench.datasets import hub_files, hub_splits
from workbench.datasets.hub_splits import Loaded
from workbench.errors import BadData

RATE = 16_000


@pytest.fixture(autouse=True)
def no_other_decodes(monkeypatch):
    """The library's own decoders are never asked."""

    def refuse(*_, **__):
        raise AssertionError("decoded by the library")

    for kind in (datasets.Image, datasets.Audio):
        monkeypatch.setattr(kind, "decode_example", refuse)


@pytest.fixture
def pictures(tmp_path):
    return noisy_folder(tmp_path / "pictures", each=20)


def sound(at, rate=RATE, seconds=0.2):
    time = np.arange(int(rate * seconds)) / rate
    return 0.5 * np.sin(2 * np.pi * (200 + 9 * at) * time)


@pytest.fixture
def recordings(tmp_path):
    for at in range(40):
        folder = tmp_path / "recordings" / ("low" if at // 4 % 2 else "high")  # each speaker in both
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{at:02}_s{at % 4}_.wav", sound(at), RATE)
    return tmp_path / "recordings"


def images(path, **knobs):
    return wb.HubImages(path=str(path), size=32, **knobs)


def listed(place, rows, name="metadata.csv"):
    """Write a table of file_name and more into the folder."""
    (place / name).write_text("\n".join(["file_name,label,who", *(",".join(row) for row in rows)]), encoding="utf-8")


def names(place, kind="png"):
    return sorted(each.relative_to(place).as_posix() for each in place.rglob(f"*.{kind}"))


def parquet(path, column, feature, rows):
    cell = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
    kinds = datasets.Features({column: cell, "label": datasets.ClassLabel(names=["no", "yes"])})
    datasets.Dataset.from_dict(rows, features=kinds).cast_column(column, feature).to_parquet(path)


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_a_folder_for_each_class_is_the_same_data_as_by_images(pictures):
    found, own = images(pictures).load(), wb.Images(folder=str(pictures), size=32).load()
    assert found.classes == own.classes == ("a", "b") and sorted(found.keys) == sorted(own.keys)
    assert {found.keys[at] for at in found.train.tolist()} == {own.keys[at] for at in own.train.tolist()}
    at, there = found.keys.index("a/03.png"), own.keys.index("a/03.png")
    assert (found.inputs[at] == own.inputs[there]).all() and wb.HubImages.domain == "vision" and found.side == 32
    assert "Columns: picture 'image' (guessed), label 'label' (guessed)." in found.notes


def test_labels_in_a_folders_table_are_text_and_groups_stay_together(pictures):
    rows = [(name, "NA" if at % 2 else "007", f"p{at % 8}") for at, name in enumerate(names(pictures))]
    listed(pictures, rows[:-2])
    data = images(pictures, group="who").load()
    assert data.classes == ("007", "NA") and len(data.labels) == 38
    assert f"2 pictures of {pictures} are no examples: no row names them." in data.notes
    who = {name: own for name, _, own in rows}
    sides = [{who[data.keys[at]] for at in part.tolist()} for part in (data.train, data.valid, data.test)]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 8
    assert "Columns: picture 'image' (guessed), label 'label' (guessed), group 'who'." in data.notes
    assert any(note.endswith("; not read: who.") for note in images(pictures).load().notes)
    assert images(pictures).parts() == (23, 8, 2) and images(pictures).extent() == (38, 32)


def test_parquet_with_pictures_in_it_splits_names_of_classes_and_one_broken(tmp_path):
    draw = np.random.default_rng(0)
    for part, many in (("train", 40), ("test", 20)):
        cells = []
        for at in range(many):
            content = io.BytesIO()
            Image.fromarray(draw.integers(0, 256, (40, 32), dtype=np.uint8)).save(content, "PNG")
            cells.append({"bytes": content.getvalue(), "path": f"{at}.png"})
        rows = {"picture": cells, "label": [at % 2 for at in range(many)]}
        if part == "train":
            rows["picture"][5] = {"bytes": b"no picture", "path": "5.png"}
            rows["picture"][7] = None
            rows["label"][9] = None
        parquet(tmp_path / f"{part}.parquet", "picture", datasets.Image(), rows)
    with pytest.raises(
        BadData, match=r"3 of 60 files cannot be read; .* set broken='leave out' .hub-images.broken.:"
    ) as told:
        images(tmp_path).load()
    for line in ("train:6/5.png: no picture in it", "row train:8: no picture", "row train:10: no label for train:10/9"):
        assert line in str(told.value)
    data = images(tmp_path, broken="leave out").load()
    assert data.classes == ("no", "yes") and len(data.test) == 20 and data.inputs.shape == (57, 3, 32, 32)
    assert {data.keys[at].partition(":")[0] for at in data.train.tolist()} == {"train"}
    assert any("data set has no validation part" in note for note in data.notes)
    assert images(tmp_path).reading()[1] == 0  # nothing is read twice, broken ones neither


def test_files_in_a_zip_are_read_from_it(pictures, tmp_path, monkeypatch):
    (tmp_path / "zipped").mkdir()
    rows = [(name, "NA" if at % 2 else "007", "p") for at, name in enumerate(names(pictures))]
    listed(pictures, rows)
    with zipfile.ZipFile(tmp_path / "zipped" / "train.zip", "w") as file:
        for name in [*names(pictures), "metadata.csv"]:
            file.write(pictures / name, name)
    (pictures / "metadata.csv").unlink()
    opened = []
    monkeypatch.setattr(hub_files, "Archive", lambda *how, real=hub_files.Archive: opened.append(how) or real(*how))
    images(tmp_path / "zipped").extent()
    assert len(opened) == 1  # and not once a file
    data = images(tmp_path / "zipped").load()
    assert data.classes == ("007", "NA") and "train.zip/a/03.png" in data.keys
    own = wb.Images(folder=str(pictures), size=32).load()
    assert (data.inputs[data.keys.index("train.zip/a/03.png")] == own.inputs[own.keys.index("a/03.png")]).all()


def test_what_lies_elsewhere_is_missing_or_there_twice_is_named_and_not_read(tmp_path):
    noisy_folder(tmp_path / "elsewhere", each=1)
    inside = noisy_folder(tmp_path / "inside", each=20)
    cells = [{"bytes": None, "path": str(inside / name)} for name in names(inside)]
    cells[0]["path"] = str(tmp_path / "elsewhere" / "a" / "00.png")
    cells[1]["path"] = str(inside / ".." / "elsewhere" / "a" / "00.png")
    cells[2]["path"] = str(inside / "a" / "gone.png")
    cells[3]["path"] = cells[4]["path"]
    rows = {"image": cells, "label": [at % 2 for at in range(40)]}
    kinds = datasets.Features({"image": datasets.Image(decode=False), "label": datasets.ClassLabel(names=["n", "y"])})
    table = datasets.Dataset.from_dict(rows, features=kinds)
    place = hub_files.Cells(inside, hub_files_kind(), [inside])
    found = hub_files.Layout()
    hub_files._add(place, found, table, "image", ("", ["y"] * 40, [""] * 40))
    assert len(found.names) == 36 and found.broken == [
        "row 1: 00.png lies outside of the data set",
        "row 2: 00.png lies outside of the data set",
        "row 3: a/gone.png is not there",
        "row 5: a/04.png is there already",
    ]


def hub_files_kind():
    from workbench.datasets.files import PICTURES

    return PICTURES


def test_columns_that_nothing_tells_are_asked_for_and_wrong_ones_told(pictures, tmp_path):
    rows = [(name, "x" if at % 2 else "y", "z") for at, name in enumerate(names(pictures))]
    (pictures / "metadata.csv").write_text("file_name,kind_a,kind_b\n" + "\n".join(map(",".join, rows)))
    with pytest.raises(
        BadData, match=r"which column of .* holds the label\? Set hub-images\.label to one of kind_a, ki"
    ):
        images(pictures).load()
    assert images(pictures, label="kind_a").load().classes == ("x", "y")
    with pytest.raises(BadData, match=r"has no such column 'kind_c' \(hub-images\.label\)\. Did you mean 'kind_"):
        images(pictures, label="kind_c").load()
    with pytest.raises(
        BadData, match=r"holds no column of recordings \(image, .*\)\. It may be of pictures: wb\.HubIm"
    ):
        wb.HubAudio(path=str(pictures)).load()
    flat = noisy_folder(tmp_path / "flat", classes=("",), each=4)
    with pytest.raises(
        BadData, match=r"has no column of labels, and its pictures lie in no folders of classes: add one"
    ):
        images(flat).load()
    with pytest.raises(BadData, match=r"hub-images\.path must be owner/name on the hub, or a folder .*; it is empty"):
        images("").load()
    with pytest.raises(BadData, match=r"images of|holds no picture with a label"):
        listed(pictures, [(name, "", "") for name in names(pictures)])
        images(pictures).load()


def test_without_a_network_it_is_told_and_what_is_there_is_read_once(pictures, monkeypatch):
    monkeypatch.setattr(hub_splits, "_reached", lambda path: False)
    with pytest.raises(
        BadData, match=r"neither on this disk nor to be had from the hub: .*wb\.Images\(folder=\.\.\.\)"
    ):
        images("nobody/no-pictures").load()
    read, seen = hub_splits._read, []
    monkeypatch.setattr(hub_splits, "_read", lambda given: seen.append(given) or read(given))
    for _ in range(3):
        images(pictures).extent()
    assert len(seen) == 1
    (pictures / "a" / "00.png").unlink()
    assert images(pictures).extent() == (39, 32) and len(seen) == 2


def test_a_data_set_of_the_hub_is_kept_under_its_own_name(monkeypatch, tmp_path):
    content = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(content, "PNG")
    rows = {"image": [{"bytes": content.getvalue(), "path": None}] * 4, "label": [0, 1, 0, 1]}
    kinds = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["n", "y"])})
    table = datasets.Dataset.from_dict(rows, features=kinds)
    monkeypatch.setattr(hub_splits, "_loaded", lambda *_: Loaded({"train": table}, {}))
    place, found = images("owner/name", config="c").laid_out()
    assert found.names == ["1", "2", "3", "4"] and place.path.parts[-3:] == ("owner", "name", "c")
    assert place.stamp("2")[0] == len(content.getvalue()) and place.stamp("2")[2] == 1  # whoever reads asks the size
    assert place.read("2") == content.getvalue() and place.opened("2").read() == content.getvalue()


# -- recordings --------------------------------------------------------------------------------------------------------


def test_recordings_in_folders_are_heard_and_a_speaker_stays_in_one_part(recordings):
    data = wb.HubAudio(path=str(recordings), group="_(s.)_", seconds=0.1).load()
    assert data.domain == "speech" and data.classes == ("high", "low") and len(data.inputs) == 40
    assert any("are longer than 0.1 s" in note for note in data.notes)
    sides = [{data.keys[at].split("_")[1] for at in part.tolist()} for part in (data.train, data.valid, data.test)]
    assert sum(map(len, sides)) == 4
    own = wb.Audio(folder=str(recordings), seconds=0.1).load()
    at, there = data.keys.index("low/07_s3_.wav"), own.keys.index("low/07_s3_.wav")
    assert (data.inputs.row(at) == own.inputs.row(there)).all()


def test_recordings_in_parquet_and_by_a_table_silent_and_broken_ones_named(recordings, tmp_path):
    cells = [{"bytes": (recordings / name).read_bytes(), "path": Path(name).name} for name in names(recordings, "wav")]
    silent = io.BytesIO()
    soundfile.write(silent, np.zeros(RATE // 5), RATE, format="WAV")
    cells[0]["bytes"], cells[1]["bytes"] = silent.getvalue(), b"no sound"
    (tmp_path / "inside").mkdir()
    rows = {"audio": cells, "label": [at % 2 for at in range(40)]}
    parquet(tmp_path / "inside" / "data.parquet", "audio", datasets.Audio(), rows)
    with pytest.raises(BadData, match=r"1 of 40 files cannot be read; .*hub-audio.broken.:\n  2/01_s1_.wav"):
        wb.HubAudio(path=str(tmp_path / "inside")).load()
    data = wb.HubAudio(path=str(tmp_path / "inside"), broken="leave out").load()
    assert len(data.inputs) == 38 and data.classes == ("no", "yes")
    assert any(note.startswith("1 recordings hold nothing to hear") and "1/00_s0_.wav" in note for note in data.notes)
    listed(recordings, [(name, "None" if at % 2 else "1", "w") for at, name in enumerate(names(recordings, "wav"))])
    assert wb.HubAudio(path=str(recordings)).load().classes == ("1", "None")


def test_they_train(pictures, recordings, tiny):
    for data, backbone in ((images(pictures), tiny), (wb.HubAudio(path=str(recordings)), "formant-encoder")):
        run = wb.fine_tune(wb.Recipe(data, backbone, epochs=1))
        assert run.state == "finished" and len(run.rows) == 2
        assert wb.Recipe.from_dict(run.recipe.to_dict()) == run.recipe


def test_a_table_of_a_hub_folder_may_be_json_lines_or_parquet(pictures):
    rows = [{"file_name": name, "label": "007" if at % 2 else "NA"} for at, name in enumerate(names(pictures))]
    pd.DataFrame(rows).to_json(pictures / "metadata.jsonl", orient="records", lines=True)
    assert images(pictures).load().classes == ("007", "NA")
    (pictures / "metadata.jsonl").unlink()
    pd.DataFrame(rows).to_parquet(pictures / "metadata.parquet")
    assert images(pictures).load().classes == ("007", "NA")


def test_what_the_library_could_not_read_is_told_and_not_that_it_could_not(pictures, tmp_path):
    (tmp_path / "zipped").mkdir()
    with zipfile.ZipFile(tmp_path / "zipped" / "train.zip", "w") as file:
        for name in names(pictures):
            file.write(pictures / name, name)
    with pytest.raises(BadData, match=r"cannot be read as a data set of the hub: Invalid string class label zipped"):
        images(tmp_path / "zipped").load()
    assert wb.Images(folder=str(tmp_path / "zipped" / "train.zip"), size=32).load().classes == ("a", "b")
