"""A zip is listed and read without being unpacked, and what is odd in it is named."""

from __future__ import annotations

import io
import stat
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

import workbench as wb
from workbench.datasets import files
from workbench.errors import BadData


def png(seed, side=20):
    content = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3)).astype("uint8")
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def names():
    return [f"photos/{kind}/{at:02}.png" for kind in ("cats", "dogs") for at in range(30)]


@pytest.fixture
def zipped(tmp_path, names):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for at, name in enumerate(names):
            archive.writestr(name, png(at))
    return tmp_path / "photos.zip"


def test_a_zip_is_the_folder_that_it_holds(zipped, tmp_path):
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(tmp_path / "out")
    packed, plain = (wb.Images(str(place), size=32).load() for place in (zipped, tmp_path / "out" / "photos"))
    assert packed.classes == plain.classes == ("cats", "dogs")
    assert torch.equal(packed.inputs, plain.inputs) and torch.equal(packed.train, plain.train)
    assert packed.fingerprint == plain.fingerprint and "Everything lies in photos" in packed.notes[1]


def test_what_is_odd_in_a_zip_is_named_and_nothing_is_written(zipped, tmp_path):
    before = {path for path in tmp_path.rglob("*") if "cache" not in path.parts}
    link = zipfile.ZipInfo("photos/cats/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(zipped, "a") as archive:
        archive.writestr(link, "/etc/passwd")
        for name in ("../evil.png", "/abs.png", "photos/cats/../../../up.png", "C:/windows.png"):
            archive.writestr(name, png(99))
        archive.writestr("__MACOSX/photos/cats/._00.png", b"not a picture")
        archive.writestr("photos/readme.txt", "words")
        archive.writestr("photos/cats/broken.png", b"no picture")
    found = files.source(str(zipped))
    assert found.left_out == [
        "photos/cats/link.png: a link",
        "../evil.png: a name that leaves the zip",
        "/abs.png: a name that leaves the zip",
        "photos/cats/../../../up.png: a name that leaves the zip",
        "C:/windows.png: a name that leaves the zip",
    ]
    with pytest.raises(BadData, match=r"(?s)1 of 61 files cannot be read.*broken.png: no picture in it"):
        wb.Images(str(zipped), size=32).load()
    data = wb.Images(str(zipped), size=32, broken="leave out").load()
    assert len(data.keys) == 60 and sum(note.startswith("Left out") for note in data.notes) == 6
    assert {path for path in tmp_path.rglob("*") if "cache" not in path.parts} == before


def test_a_bomb_in_a_zip_is_left_out_by_what_it_declares(zipped, monkeypatch):
    monkeypatch.setattr(files, "MOST_BYTES", 1_000_000)
    with zipfile.ZipFile(zipped, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("photos/cats/bomb.png", b"\0" * 2_000_000)
    assert files.source(str(zipped)).left_out == ["photos/cats/bomb.png: larger than 1 MB"]


def test_a_damaged_entry_is_a_broken_file(zipped):
    content = bytearray(zipped.read_bytes())
    with zipfile.ZipFile(zipped) as archive:
        entry = archive.getinfo("photos/dogs/05.png")
    content[entry.header_offset + 200] ^= 0xFF
    zipped.write_bytes(content)
    with pytest.raises(BadData, match=r"(?s)1 of 60 .*dogs/05.png: cannot be unpacked: Bad CRC-32"):
        wb.Images(str(zipped), size=32).load()


@pytest.mark.parametrize("content", [b"PK\x03\x04 and no more", b"", b"Rar!\x1a\x07\x00"])
def test_a_file_that_is_no_zip_is_said(tmp_path, content):
    (tmp_path / "photos.zip").write_bytes(content)
    with pytest.raises(BadData, match="is a file, and no zip"):
        files.source(str(tmp_path / "photos.zip"))


def test_a_hundred_thousand_paths_are_listed_in_little_memory(tmp_path):
    import tracemalloc

    for kind in range(20):
        (tmp_path / str(kind)).mkdir()
        for at in range(250):
            (tmp_path / str(kind) / f"product-{at:06}.jpg").touch()
    from workbench.datasets.layout import by_folders

    tracemalloc.start()
    found = by_folders(files.Folder(tmp_path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.names) == 5_000 and peak < 30e6  # a twentieth of 100,000, and of their 600 MB
