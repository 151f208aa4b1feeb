"""Digits, their placement, and what every data set has in common: split, cut, wrong labels, fingerprint."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn import functional as F

import workbench as wb
from workbench.datasets import placement
from workbench.datasets.base import finish
from workbench.datasets.parting import cut, positions, split, spoil
from workbench.errors import BadData

PARTS = ("train", "valid", "test")


def hashes(count):
    return np.array([f"example {at}".encode() for at in range(count)], dtype=object)


def members(found, names):
    return [{names[at] for at in part} for part in found]


def test_a_place_is_the_share_that_an_examples_own_hash_says():
    import hashlib

    name = b"example 7"
    wanted = int(hashlib.sha256(b"3" + name).hexdigest()[:16], 16) / 16**16
    assert positions(np.array([name], dtype=object), 3)[0] == wanted


def test_no_example_changes_sides_when_the_data_grows():
    draw, grown = np.random.default_rng(0), hashes(3000)
    small, shuffled = grown[:1000], draw.permutation(grown)
    before = members(split(positions(small, 5)), small)
    after = members(split(positions(shuffled, 5)), shuffled)
    assert all(part == whole & set(small) for part, whole in zip(before, after, strict=True))


def test_sixty_twenty_twenty_and_every_example_once():
    parts = split(positions(hashes(10_000), 0))
    assert sorted(np.concatenate(parts)) == list(range(10_000))
    for part, share in zip(parts, (0.6, 0.2, 0.2), strict=True):
        assert len(part) / 10_000 == pytest.approx(share, abs=0.015)  # three standard deviations


def test_parts_stand_in_the_order_of_their_places_and_the_seed_changes_them():
    places = positions(hashes(500), 0)
    for part, low, high in zip(split(places), (0, 0.6, 0.8), (0.6, 0.8, 1), strict=True):
        assert (np.diff(places[part]) > 0).all() and (places[part] >= low).all() and (places[part] < high).all()
    other = split(positions(hashes(500), 1))
    assert set(other[2]) != set(split(places)[2])


def test_duplicates_are_on_one_side():
    names = np.tile(hashes(200), 3)
    found = members(split(positions(names, 0)), names)
    assert sum(map(len, found)) == 200 and all(found)


def test_cuts_are_nested_and_even():
    draw = np.random.default_rng(0)
    labels, train = draw.integers(0, 4, 400), draw.permutation(400)[:300]
    held = [cut(train, labels, n) for n in (1, 5, 20, 1000)]
    for smaller, larger in zip(held, [*held[1:], cut(train, labels, None)], strict=True):
        assert list(smaller) == [at for at in larger if at in set(smaller)]  # the same order, too
    assert [np.bincount(labels[each]).tolist() for each in held[:3]] == [[n] * 4 for n in (1, 5, 20)]
    assert list(held[3]) == list(train)


@pytest.mark.parametrize("share", [0.0, 0.13, 0.5, 1.0])
@pytest.mark.parametrize("classes", [2, 7])
def test_exactly_so_many_training_labels_are_wrong(share, classes):
    draw = np.random.default_rng(0)
    labels, train = draw.integers(0, classes, 500), draw.permutation(500)[:333]
    given = spoil(labels, train, share, classes, seed=1)
    wrong = np.flatnonzero(given != labels)
    assert len(wrong) == round(share * 333) and set(wrong) <= set(train)
    assert given.min() >= 0 and given.max() < classes
    assert (given == spoil(labels, train, share, classes, seed=1)).all()


def test_wrong_labels_are_spread_evenly_over_the_other_classes():
    labels = np.zeros(6000, dtype=np.int64)
    counts = np.bincount(spoil(labels, np.arange(6000), 1.0, 4, seed=0), minlength=4)
    assert counts[0] == 0 and counts[1:] == pytest.approx(2000, abs=120)


def test_the_sealed_parts_do_not_depend_on_what_is_done_to_training():
    plain, changed = wb.Digits().load(), wb.Digits(per_class=7, label_noise=0.5).load()
    for part in ("valid", "test"):
        rows = getattr(plain, part)
        assert torch.equal(rows, getattr(changed, part))
        assert torch.equal(changed.labels[rows], plain.labels[rows])
    assert set(changed.train.tolist()) < set(plain.train.tolist())


def test_digits_are_scikit_learns():
    theirs, ours = load_digits(), wb.Digits().load()
    assert ours.inputs.shape == (1797, 1, 32, 32) and ours.inputs.dtype == torch.uint8
    assert ours.labels.tolist() == theirs.target.tolist() and ours.classes == tuple("0123456789")
    assert sorted(torch.cat([getattr(ours, part) for part in PARTS]).tolist()) == list(range(1797))
    assert not ours.spoilt
    blocks = F.avg_pool2d(ours.inputs.float(), 4).squeeze(1) / 255
    correlation = np.corrcoef(blocks.flatten().numpy(), theirs.images.flatten())[0, 1]
    assert correlation > 0.98  # enlarged, and nothing else


def test_label_noise_of_digits_is_counted_and_said():
    data = wb.Digits(per_class=10, label_noise=0.37).load()
    wrong = (data.labels != data.true_labels)[data.train]
    assert int(wrong.sum()) == 37 and data.spoilt
    assert data.notes == (
        f"100 training, {len(data.valid)} validation and {len(data.test)} test examples of 10 classes.",
        "37 of 100 training labels are wrong on purpose.",
        data.notes[2],
    )
    assert data.notes[2].startswith("How many train, validate and test, the rarest class first: ")


def made(**changes):
    """Twelve examples of three classes, finished."""
    labels = np.tile(np.arange(3), 4)
    about = {
        "inputs": torch.arange(48, dtype=torch.uint8).reshape(12, 1, 2, 2),
        "labels": labels,
        "classes": ["a", "b", "c"],
        "parts": (np.arange(6), np.arange(6, 9), np.arange(9, 12)),
    }
    return finish(**about | changes)


def test_fingerprints_are_the_datas_own():
    changes = [
        {"inputs": torch.arange(1, 49, dtype=torch.uint8).reshape(12, 1, 2, 2)},
        {"inputs": torch.arange(48, dtype=torch.uint8).reshape(12, 1, 1, 4)},
        {"labels": np.tile([1, 0, 2], 4)},
        {"classes": ["a", "b", "d"]},
        {"classes": ["a", "b\0c", ""]},
        {"parts": (np.arange(5), np.arange(5, 9), np.arange(9, 12))},  # the same rows in the same order
        {"per_class": 1},
        {"label_noise": 0.5},
        {"label_noise": 0.5, "seed": 1},
    ]
    found = [made(**change).fingerprint for change in [{}, *changes]]
    assert len(set(found)) == len(found) and made().fingerprint == found[0]
    assert all(len(each) == 16 for each in found)


def test_fingerprints_of_digits_differ_with_every_knob():
    knobs = [{}, {"per_class": 5}, {"label_noise": 0.1}, {"seed": 1}, {"placement": "scattered"}]
    found = [wb.Digits(**each).load().fingerprint for each in knobs]
    assert len(set(found)) == 5 and wb.Digits().load().fingerprint == found[0]


def test_keys_and_notes_go_through():
    assert made().keys == tuple(map(str, range(12)))
    told = made(keys=[f"{at}.png" for at in range(12)], notes=["Two are alike."])
    assert told.keys[11] == "11.png" and told.notes[-1] == "Two are alike."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ["a"], "labels": np.zeros(12, dtype=int)}, "at least two classes .* got 1: a"),
        ({"classes": ["a"], "labels": np.zeros(12, dtype=int), "label_noise": 0.5}, "at least two classes"),
        ({"parts": (np.array([0, 1]), np.arange(6, 9), np.arange(9, 12))}, "the training part holds no example of c:"),
        ({"parts": (np.arange(6), np.array([6]), np.arange(9, 12))}, "the validation part holds no example of b, c:"),
        ({"parts": (np.arange(0), np.arange(6, 9), np.arange(9, 12)), "per_class": 3}, "training part .* of a, b, c:"),
        ({"parts": (np.arange(6), np.arange(6, 9), np.arange(0))}, "the test part holds no example of a, b, c: "),
        (
            {"parts": (np.array([0, 1]), np.arange(6, 9), np.arange(9, 12))},
            "there are 2 of c in all. Add .* another seed",
        ),
    ],
)
def test_data_that_cannot_be_trained_on_says_why(changes, message):
    with pytest.raises(BadData, match=message):
        made(**changes)


def test_a_class_may_be_missing_in_the_test_part_and_that_is_said():
    found = made(parts=(np.arange(6), np.arange(6, 9), np.array([9])))
    assert found.test.tolist() == [9]
    assert found.notes[1:] == (
        "How many train, validate and test, the rarest class first: b 2, 1, 0; c 2, 1, 0; a 2, 1, 1.",
        "The test part holds no example of b, c: the test says nothing on it.",
    )


def test_of_very_many_classes_the_rarest_are_listed():
    labels = np.tile(np.arange(14), 3)
    parts = tuple(np.arange(at, at + 14) for at in (0, 14, 28))
    about = {"inputs": torch.zeros(42, 1, 2, 2, dtype=torch.uint8), "labels": labels, "parts": parts}
    said = finish(**about, classes=[*"abcdefghijklmn"]).notes[1]
    assert said.count(" 1, 1, 1") == 10 and said.endswith("; and 4 more classes.")


def test_scattered_digits_stand_where_their_draws_say(monkeypatch):
    monkeypatch.setattr(placement, "NOISE", 0.0)
    images, count = load_digits().images[:60], 60
    draws = torch.rand(count, 4, generator=torch.Generator().manual_seed(4)).numpy()
    scale, turn = 0.6 + 0.4 * draws[:, 1], 0.3 * (2 * draws[:, 0] - 1)
    move = (2 * draws[:, 2:] - 1) * (1 - scale[:, None])
    before = placement.placed(images, "centred", 4).double().numpy()[:, 0] / 255
    after = placement.placed(images, "scattered", 4).double().numpy()[:, 0] / 255
    assert after.sum((1, 2)) / before.sum((1, 2)) == pytest.approx(scale**2, rel=0.1)  # nothing is lost at the edge
    centre, found = _centre(before), _centre(after)
    turned = np.stack([centre[:, 0] * np.cos(turn) - centre[:, 1] * np.sin(turn),
                       centre[:, 0] * np.sin(turn) + centre[:, 1] * np.cos(turn)], 1)  # fmt: skip
    assert found == pytest.approx(turned * scale[:, None] + move, abs=0.03)  # half a pixel


def _centre(pictures):
    """Centre of the ink, (across, down) in [-1, 1]."""
    axis = (np.arange(32) + 0.5) / 16 - 1
    ink = pictures.sum((1, 2))
    return np.stack([(pictures.sum(1) * axis).sum(1) / ink, (pictures.sum(2) * axis).sum(1) / ink], 1)


def test_the_noise_of_scattered_digits_is_a_tenth():
    corner = placement.placed(np.zeros((400, 8, 8)), "scattered", 0).double() / 255
    seen = corner[corner > 0]  # of noise around zero, the half above it
    assert float((seen**2).mean().sqrt()) == pytest.approx(0.1, rel=0.02) and len(seen) / corner.numel() < 0.51


def test_placements_are_functions_of_the_seed():
    images = load_digits().images[:20]
    first, again, other = (placement.placed(images, "scattered", seed) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(placement.placed(images, "centred", 0), placement.placed(images, "centred", 1))
