"""Kept features: equal to computed ones, read the second time, never damaged, never another's."""

from __future__ import annotations

import os
import random
from dataclasses import replace

import pytest
import torch
from helpers import with_front
from safetensors.torch import save_file

import workbench as wb
from workbench import features, paths, progress
from workbench.backbones.building import build
from workbench.datasets import Data
from workbench.datasets.augmentation import augmented

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def pictures():
    draw = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (40, 1, 32, 32), generator=draw, dtype=torch.uint8)


class NoBody(torch.nn.Module):
    """Cannot compute: whoever gets features by it has read them."""

    def forward(self, pictures):
        raise AssertionError("computed again")


def files():
    folder = paths.cache() / "features"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def data_of(pictures):
    """A data set of these pictures alone."""
    none = torch.zeros(0, dtype=torch.long)
    labels = torch.zeros(len(pictures), dtype=torch.long)
    return Data(pictures, labels, labels, ("a", "b"), torch.arange(len(pictures)), none, none, "")


def kept(built, pictures, dtype=torch.float32, **how):
    data = data_of(pictures)
    return features.kept(built, data, data.train, CPU, dtype, **how)


def compute(built, pictures, **how):
    return features.compute(built, pictures, torch.arange(len(pictures)), CPU, torch.float32, **how)


def test_kept_are_the_bodys_own_and_the_second_call_reads_them(tiny, pictures):
    built = build(tiny, side=32, seed=0)
    with torch.no_grad():
        wanted = built.body(built.prepare(pictures))
    first = kept(built, pictures)
    assert (
        torch.allclose(first, wanted, atol=1e-6) and first.dtype == torch.float32 and first.shape == (40, built.width)
    )
    assert len(files()) == 1
    assert torch.equal(kept(replace(built, body=NoBody()), pictures), first)
    assert len(files()) == 1


def test_batches_do_not_show(tiny, pictures, monkeypatch):
    built = build(tiny, side=32, seed=0)
    whole = compute(built, pictures)
    monkeypatch.setattr(features, "BATCH", 7)
    torch.testing.assert_close(compute(built, pictures), whole, rtol=1e-4, atol=1e-6)


def test_the_body_computes_in_eval_mode_and_without_gradients(tiny, pictures):
    built = build(tiny, side=32, seed=0)
    before = {name: tensor.clone() for name, tensor in built.body.state_dict().items()}
    built.body.train().requires_grad_(True)
    found = compute(built, pictures)
    assert not found.requires_grad and not built.body.training
    assert all(torch.equal(before[name], tensor) for name, tensor in built.body.state_dict().items())


def test_bfloat16_is_near_and_kept_apart(tiny, pictures):
    built = build(tiny, side=32, seed=0)
    exact, rough = kept(built, pictures), kept(built, pictures, torch.bfloat16)
    assert rough.dtype == torch.float32 and not torch.equal(exact, rough) and len(files()) == 2
    assert torch.nn.functional.cosine_similarity(exact - exact.mean(0), rough - rough.mean(0)).median() > 0.98


@pytest.mark.parametrize("damage", ["cut off", "emptied", "another name", "no checksum", "a folder"])
def test_a_damaged_file_is_computed_again_and_mended(damage, tiny, pictures):
    built = build(tiny, side=32, seed=0)
    wanted, (path,) = kept(built, pictures), files()
    if damage == "cut off":
        path.write_bytes(path.read_bytes()[:-50])
    elif damage == "emptied":
        path.write_bytes(b"")
    elif damage == "another name":
        save_file({"other": wanted}, path)
    elif damage == "no checksum":
        save_file({"features": torch.zeros_like(wanted)}, path)
    elif damage == "a folder":
        path.unlink()
        path.mkdir()
    assert torch.equal(kept(built, pictures), wanted)
    if damage != "a folder":
        assert torch.equal(kept(replace(built, body=NoBody()), pictures), wanted)
    assert files() == [path]  # nothing half-written is left beside it


def test_no_flipped_bit_gets_through(tiny, pictures):
    built, draw = build(tiny, side=32, seed=0), random.Random(0)
    wanted, (path,) = kept(built, pictures), files()
    whole = path.read_bytes()
    for _ in range(30):
        content = bytearray(whole)
        content[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        path.write_bytes(content)
        assert torch.equal(kept(built, pictures), wanted)


def test_another_key_for_whatever_changes_the_features(tiny, pictures):
    built = build(tiny, side=32, seed=0)
    other = pictures.clone()
    other[7, 0, 5, 5] ^= 1
    cases = [
        (built, pictures),
        (built, other),
        (built, pictures.flip(0)),
        (built, pictures[:39]),
        (built, pictures.reshape(40, 1, 16, 64)),
        (build(tiny, side=32, seed=1), pictures),  # other weights
        (with_front(built, mean=(0.0, 0.0, 0.0)), pictures),  # other preprocessing
        (with_front(built, std=(1.0, 1.0, 1.0)), pictures),
        (with_front(built, size=64), pictures),
    ]
    found = [kept(*case) for case in cases]
    assert len(files()) == len(cases)
    for case, held in zip(cases, found, strict=True):
        assert torch.equal(kept(*case), held)
        assert torch.equal(compute(*case), held)


def test_a_cache_that_cannot_be_written_costs_nothing(tiny, pictures, tmp_path, monkeypatch):
    built = build(tiny, side=32, seed=0)
    wanted = compute(built, pictures)
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "locked").mkdir(mode=0o500)
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "features").write_text("a file in the folder's place")
    for place in (tmp_path / "file" / "cache", tmp_path / "locked", tmp_path / "odd", "/proc/no"):
        monkeypatch.setenv("WORKBENCH_CACHE", str(place))
        assert torch.equal(kept(built, pictures), wanted)
        assert torch.equal(kept(built, pictures), wanted)
    assert (tmp_path / "odd" / "features").read_text() == "a file in the folder's place"


def test_a_run_goes_through_without_a_cache(tiny, monkeypatch):
    recipe = wb.Recipe(wb.Digits(per_class=2), tiny, epochs=1)
    with_cache = wb.fine_tune(recipe).best["valid_loss"]
    monkeypatch.setenv("WORKBENCH_CACHE", os.devnull + "/cache")
    assert wb.fine_tune(recipe).best["valid_loss"] == with_cache


def test_changed_pictures_have_features_of_their_own(tiny, pictures):
    built = build(tiny, side=32, seed=0)
    plain, light = kept(built, pictures), kept(built, pictures, how="light", seed=3)
    with torch.no_grad():
        wanted = built.body(built.prepare(augmented(pictures, "light", 3 * 1_000_003)))
    assert torch.allclose(light, wanted, atol=1e-6) and not torch.equal(light, plain) and len(files()) == 2
    assert not torch.equal(kept(built, pictures, how="light", seed=4), light)
    assert torch.equal(kept(replace(built, body=NoBody()), pictures, how="light", seed=3), light)


def test_rows_may_be_some_of_the_data(tiny, pictures):
    built, data = build(tiny, side=32, seed=0), data_of(pictures)
    some = features.kept(built, data, torch.tensor([5, 3]), CPU, torch.float32)
    torch.testing.assert_close(some, kept(built, pictures)[[5, 3]], rtol=1e-4, atol=1e-6)
    assert features.kept(built, data, torch.tensor([], dtype=torch.long), CPU, torch.float32).shape == (0, built.width)


def test_a_body_that_takes_long_says_how_far_it_is(tiny, pictures, monkeypatch):
    monkeypatch.setattr(features, "BATCH", 16)
    monkeypatch.setattr(progress, "EVERY", 0)
    told = []
    with progress.told_to(lambda *said: told.append(said)):
        kept(build(tiny, side=32, seed=0), pictures)
    assert told == [("examples through the backbone", done, 40) for done in (16, 32, 40)]
