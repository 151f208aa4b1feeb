"""Copies are found: byte for byte always, and saved anew; what only resembles is none."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

import workbench as wb
from workbench.datasets import copies


def test_what_belongs_together_has_one_name_and_keeps_it():
    hashes, groups = ["aa", "bb", "aa", "cc", "dd"], ["", "1", "2", "2", ""]
    found = copies.together(hashes, groups)
    assert found[0] == found[2] == found[3] and len({*found}) == 3
    assert (copies.together(hashes[:4], groups[:4]) == found[:4]).all()
    assert copies.together(["aa", "bb"], ["", ""]).tolist() == [b"\xaa", b"\xbb"]


def saved_anew(path, at):
    """A picture as it comes back from a chat or a shop: smaller, and compressed harder."""
    with Image.open(path) as opened:
        smaller = opened.convert("RGB").resize((int(opened.width * 0.7), int(opened.height * 0.7)))
    content = io.BytesIO()
    smaller.save(content, "JPEG", quality=35 + at % 40)
    return content.getvalue()


@pytest.mark.real
def test_pictures_saved_anew_are_found_and_others_are_not(test_data, tmp_path):
    import shutil

    own = shutil.copytree(test_data / "vision_hymenoptera" / "plain", tmp_path / "own")
    originals = sorted(own.glob("train/*/*.jpg"))
    for path in own.rglob("*"):
        path.chmod(0o755)
    own.chmod(0o755)
    for at, path in enumerate(originals[:30]):
        path.with_name(f"again-{path.stem}.jpg").write_bytes(saved_anew(path, at))
    data = wb.Images(str(own), broken="leave out").load()
    pairs = {tuple(sorted(data.keys[at].rsplit("/", 1)[1].removeprefix("again-") for at in pair)) for pair in data.near}
    planted = {(path.name, path.name) for path in originals[:30]}
    assert len(pairs & planted) >= 29 and len(pairs - planted) <= 1


def test_plain_backgrounds_alone_are_not_alike():
    from workbench.datasets.pictures import look

    draw = np.random.default_rng(0)
    shown = np.full((40, 3, 64, 64), 255, np.uint8)
    for at in range(40):  # small things on white, as in a shop
        y, x = draw.integers(8, 48, 2)
        shown[at, :, y : y + 8, x : x + 8] = draw.integers(0, 200, (3, 1, 1))
    looks, hashes = [look(each) for each in shown], [f"{at:02x}" for at in range(40)]
    pairs = copies.near(torch.from_numpy(shown), hashes, looks)
    assert len(pairs) <= 8  # of 780


def test_equal_files_are_no_near_pair_and_order_is_by_likeness():
    from workbench.datasets.pictures import look

    draw = np.random.default_rng(1)
    base = (draw.random((8, 8)).repeat(8, 0).repeat(8, 1) * 255)[None].repeat(3, 0)
    noisy = [(base + draw.normal(0, sigma, base.shape)).clip(0, 255).astype("uint8") for sigma in (0, 2, 30)]
    looks = [look(each) for each in noisy]
    shown = torch.from_numpy(np.stack(noisy))
    assert copies.near(shown, ["aa", "aa", "bb"], looks) == [(1, 2), (0, 2)] or copies.near(
        shown, ["aa", "aa", "bb"], looks
    ) == [(0, 2), (1, 2)]
    assert copies.near(shown, ["aa", "bb", "cc"], looks)[0] == (0, 1)
    assert copies.near(shown, ["aa", "bb", ""], [looks[0], looks[1], ""]) == [(0, 1)]


def test_among_very_many_the_closest_are_found_without_comparing_every_two(monkeypatch):
    draw = np.random.default_rng(0)
    bits = draw.integers(0, 2**63, 3000, dtype=np.uint64)
    for at in range(0, 40, 2):  # twenty pairs, three bits apart
        bits[at + 1] = bits[at]
        for bit in draw.choice(64, 3, replace=False):
            bits[at + 1] ^= np.uint64(1) << np.uint64(bit)
    wanted = [(at, at + 1) for at in range(0, 40, 2)]
    assert sorted(pairs_of(copies._in_bands(bits))) == wanted
    assert set(wanted) <= pairs_of(copies._every_pair(bits))
    shown = torch.from_numpy(draw.integers(0, 256, (3000, 1, 16, 16)).astype("uint8"))
    for a, b in wanted:
        shown[b] = shown[a]
    looks = [f"{int(each):016x}" for each in bits]
    monkeypatch.setattr(copies, "MANY", 100)
    assert sorted(copies.near(shown, [f"{at:04x}" for at in range(3000)], looks)) == wanted
    every = {(a, b) for a in range(5) for b in range(a + 1, 5)}
    assert pairs_of(copies._in_bands(np.zeros(5, np.uint64))) == every


def pairs_of(batches):
    return {(int(one[a]), int(two[b])) for one, two, close in batches for a, b in zip(*close.nonzero(), strict=True)}


@pytest.mark.parametrize("many", [copies.MANY, 100])
def test_of_very_many_that_are_all_alike_the_most_alike_are_kept_in_little_memory(monkeypatch, many):
    """Frames of one film, so to say: 1,200 make 700,000 pairs."""
    import tracemalloc

    draw, count = np.random.default_rng(0), 1200
    frame = draw.integers(60, 190, (1, 16, 16))
    shown = (frame + draw.integers(-9, 10, (count, 1, 16, 16))).astype("uint8")
    shown[7], shown[1100] = frame, frame  # two that are the very same picture, in two files
    monkeypatch.setattr(copies, "MANY", many)
    monkeypatch.setattr(copies, "MOST", 500)
    monkeypatch.setattr(copies, "BLOCK", 512)
    tracemalloc.start()
    pairs = copies.near(torch.from_numpy(shown), [f"{at:04x}" for at in range(count)], ["0" * 16] * count)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(pairs) == 500 == len({*pairs}) and all(a < b for a, b in pairs) and peak < 40e6
    assert many == 100 or pairs[0] == (7, 1100)  # among very many, each is compared with those near it in the list
