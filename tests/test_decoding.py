"""Every usual kind of picture becomes the same kind of pixels; a bomb is refused, and just under the limit is cheap."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from workbench.datasets import decoding
from workbench.datasets.decoding import picture


@pytest.mark.parametrize(
    ("mode", "shade"), [("1", 255), ("L", 200), ("LA", 200), ("P", 200), ("I;16", 200 * 257), ("CMYK", None)]
)
def test_every_mode_becomes_rgb(tmp_path, mode, shade):
    if mode == "I;16":
        made = Image.fromarray(np.full((20, 20), shade, np.uint16))
    elif mode == "CMYK":
        made = Image.new("RGB", (20, 20), (200, 200, 200)).convert("CMYK")
    else:
        made = Image.new("L", (20, 20), shade).convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    made.save(path)
    found = picture(path.read_bytes(), 16)
    assert found.shape == (3, 16, 16) and found.dtype == np.uint8
    assert abs(int(found[0, 8, 8]) - (255 if mode == "1" else 200)) <= 1
    assert (found[0] == found[1]).all() and (found[1] == found[2]).all()


def test_transparency_lies_on_white_and_exif_turns(tmp_path):
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (picture((tmp_path / "clear.png").read_bytes(), 8) == 255).all()
    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[:10] = 255  # white above
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    found = picture((tmp_path / "turned.png").read_bytes(), 20)
    assert (found[:, 15] == 255).all() and (found[:, 5] == 0).all()


def test_an_animation_shows_its_first_frame_and_a_long_picture_its_middle(tmp_path):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "two.gif", save_all=True, append_images=frames[1:])
    assert picture((tmp_path / "two.gif").read_bytes(), 8)[0].mean() > 250
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, 20:40] = 255
    Image.fromarray(pixels).save(tmp_path / "long.png")
    assert picture((tmp_path / "long.png").read_bytes(), 20)[:, :, 2:-2].min() > 250


def test_a_bomb_is_refused_by_its_header(tmp_path):
    for side, message in ((8_000, "8000 x 8000 pixels are more than 50,000,000"), (14_000, "decompression bomb")):
        Image.new("1", (side, side)).save(tmp_path / "bomb.png")
        assert (tmp_path / "bomb.png").stat().st_size < 50_000
        with pytest.raises(ValueError, match=message):
            picture((tmp_path / "bomb.png").read_bytes(), 32)


RSS = """
import resource, sys
from workbench.datasets.decoding import picture
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
from PIL import Image
import io
small = io.BytesIO()
Image.new("RGB", (200, 200)).save(small, "PNG")
picture(small.getvalue(), 96)
for name in sys.argv[1:]:
    content, before = open(name, "rb").read(), peak()
    assert (picture(content, 96) == 0).all()
    print(peak() - before)
"""


def test_just_under_the_limit_little_more_memory_is_taken_than_the_pixels_take(tmp_path):
    """49 million pixels each, of few bytes and of many, in a process that has held nothing so large."""
    import subprocess
    import sys

    names = {mode: str(tmp_path / f"{mode[0]}.png") for mode in ("P", "I;16", "RGBA")}
    for mode, name in names.items():
        made = Image.new(mode, (7_000, 7_000), (0, 0, 0, 255) if mode == "RGBA" else 0)
        made.save(name, compress_level=1, **({"transparency": 3} if mode == "P" else {}))
    done = subprocess.run([sys.executable, "-c", RSS, *names.values()], capture_output=True, text=True, check=True)
    taken = dict(zip(names, map(float, done.stdout.split()), strict=True))
    assert taken["P"] < 100 and taken["I;16"] < 150 and taken["RGBA"] < 250  # as decoded: 49, 98, 196 MB


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "F", "CMYK"])
def test_a_large_picture_comes_out_as_a_small_one_does(tmp_path, monkeypatch, mode):
    across, down = np.meshgrid(np.linspace(0, 1, 420), np.linspace(0, 1, 301))
    grey = ((across + down**2) * 127).astype("uint8")
    colours = Image.merge("RGB", [Image.fromarray(each) for each in (grey, 255 - grey, grey // 2)])
    if mode in ("I;16", "F"):
        made = Image.fromarray(grey.astype("uint16") * 257 if mode == "I;16" else grey.astype("float32"))
    elif mode == "1":
        made = Image.fromarray(grey).point(lambda value: 255 * (value > 99)).convert("1")
    else:
        made = colours.convert(mode)
    if mode in ("LA", "RGBA"):
        made.putalpha(Image.fromarray(255 - grey // 2))
    exif = Image.Exif()
    exif[0x0112] = 6  # held upright
    path = tmp_path / ("a.tif" if mode in ("F", "CMYK") else "a.png")
    made.save(path, exif=exif)
    plain = picture(path.read_bytes(), 24).astype(int)
    monkeypatch.setattr(decoding, "LARGE", 1_000)
    monkeypatch.setattr(decoding, "HUGE", 2_000)
    monkeypatch.setattr(decoding, "STRIP", 5_000)
    found = picture(path.read_bytes(), 24).astype(int)
    apart = np.abs(found - plain)  # black and white alone are scattered grains
    assert (apart.mean() < 4 and apart.max() < 60) if mode == "1" else (apart.mean() < 2 and apart.max() <= 8)


def test_very_long_pictures_are_cut_before_they_are_converted(monkeypatch):
    content = io.BytesIO()
    Image.new("RGB", (49_000, 100), "red").save(content, "PNG")
    found = picture(content.getvalue(), 96)
    assert (found[0] == 255).all() and not found[1:].any()
