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
from workbench.datasets.layout import by_folders
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
    assert packed.fingerprint == plain.fingerprint and "Everything lies in photos" in packed.notes[2]


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
    assert any(note.startswith("Files that are not read, by their endings: 1 .txt. ") for note in data.notes)
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


def test_a_folder_that_cannot_be_opened_is_named(tmp_path, monkeypatch):
    from helpers import noisy_folder

    own, real = noisy_folder(tmp_path / "own"), files.os.scandir
    (own / "a" / "deep").mkdir()

    def shut(path):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(files.os, "scandir", shut)
    with pytest.raises(BadData, match=r"1 of 41 files .*\n  a/deep: the folder cannot be opened \(Permission denied\)"):
        wb.Images(str(own), size=16).load()
    data = wb.Images(str(own), size=16, broken="leave out").load()
    assert "Left out: a/deep: the folder cannot be opened (Permission denied)." in data.notes


def zip_of(path, *names):
    """A zip whose names are these bytes, without the flag for UTF-8, as many programs write it."""
    with zipfile.ZipFile(path, "w") as archive:
        for at, name in enumerate(names):
            entry = zipfile.ZipInfo("xy"[at] * len(name))
            archive.writestr(entry, png(at))
    content = path.read_bytes()
    for letter, name in zip((b"x", b"y"), names, strict=True):
        content = content.replace(letter * len(name), name)
    path.write_bytes(content)
    return files.Archive(path)


def test_names_in_a_zip_are_utf8_or_told_to_be_guessed(tmp_path):
    names = ["кот/1.png", "собака/2.png"]
    found = zip_of(tmp_path / "utf8.zip", *(name.encode() for name in names))
    assert found.names == names and found.said == [] and found.read("кот/1.png") == png(0)
    odd = zip_of(tmp_path / "dos.zip", *(name.encode("cp866") for name in names))
    assert odd.said[0].startswith("The names of 2 pictures in dos.zip may read wrong, ")
    assert odd.read(odd.names[0]) and "кот/1.png" not in odd.names


def test_names_in_a_zip_may_begin_with_a_dot(tmp_path):
    with zipfile.ZipFile(tmp_path / "dots.zip", "w") as archive:
        for kind in ("cats", "dogs"):
            archive.writestr(f"./{kind}/1.png", png(1))
    assert by_folders(files.Archive(tmp_path / "dots.zip")).labels == ["cats", "dogs"]


def test_where_no_picture_is_left_it_is_said_why(tmp_path):
    with zipfile.ZipFile(tmp_path / "shut.zip", "w") as archive:
        for kind in ("cats", "dogs"):
            archive.writestr(f"{kind}/1.png", png(1))
    content = bytearray((tmp_path / "shut.zip").read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := content.find(mark, at + 1)) >= 0:
            content[at + flags] |= 1
    (tmp_path / "shut.zip").write_bytes(content)
    with pytest.raises(BadData, match=r"holds no pictures .* Left out: cats/1\.png: encrypted, and 1 more\."):
        wb.Images(str(tmp_path / "shut.zip"), size=16).load()
    for kind in ("cats", "dogs"):
        (tmp_path / "real" / kind).mkdir(parents=True)
        (tmp_path / "links").mkdir(exist_ok=True)
        (tmp_path / "links" / kind).symlink_to(tmp_path / "real" / kind)
    with pytest.raises(BadData, match=r"Left out: cats: a link to a folder, put the folder itself there, and 1 more\."):
        wb.Images(str(tmp_path / "links"), size=16).load()
    (tmp_path / "real" / "cats" / "1.heic").touch()
    with pytest.raises(BadData, match=r"holds no pictures .* Files that are not read, by their endings: 1 \.heic\."):
        wb.Images(str(tmp_path / "real"), size=16).load()
