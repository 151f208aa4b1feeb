"""Cross-validation: every example validates once, groups stay together, and a fold is a run of its own."""

from __future__ import annotations

import re

import pytest
import torch
from helpers import noisy_folder, plain

import workbench as wb
from workbench.datasets.base import finish
from workbench.datasets.folds import draws, folds
from workbench.errors import BadData, BadKnob
from workbench.job import Job
from workbench.learners.plan import plan
from workbench.sampling import by_key
from workbench.trainer import Watch, train


class Grouped:
    """Digits, of which every few in a row were written by one hand; on no menu."""

    name, seed, per_class, label_noise = "grouped-digits", 0, None, 0.0
    sizes = (3,)

    def load(self):
        whole = wb.Digits().load()
        import numpy as np

        sizes = np.resize(self.sizes, len(whole.labels))
        groups = np.repeat(np.arange(len(sizes)), sizes)[: len(whole.labels)]
        parts = [groups % 5 < 3, groups % 5 == 3, groups % 5 == 4]
        parts = tuple(np.flatnonzero(part) for part in parts)
        return finish(whole.inputs, whole.labels.numpy(), list(whole.classes), parts, groups=groups)


def test_every_example_that_is_not_sealed_validates_once():
    cut = folds(wb.Digits(), 5)
    data = wb.Digits().load()
    assert len(cut) == 5 and cut.train.shape == (5, 4 * cut.valid.shape[1])
    every = torch.cat([cut.one(at).valid for at in range(5)])
    assert len(set(every.tolist())) == len(every) == (len(data.train) + len(data.valid)) // 5 * 5
    assert not {*every.tolist()} & {*data.test.tolist()}
    for at in range(5):
        one = cut.one(at)
        assert not {*one.train.tolist()} & {*one.valid.tolist()}
        shares = torch.bincount(one.labels[one.valid]) / len(one.valid)
        assert shares.min() > 0.07 and shares.max() < 0.13
    assert len({cut.one(at).fingerprint for at in range(5)} | {data.fingerprint}) == 6
    assert torch.equal(cut.valid, folds(wb.Digits(), 5).valid)
    assert not torch.equal(cut.valid, folds(wb.Digits(seed=1), 5).valid)


def test_images_a_class_cut_the_training_side_of_each_fold_alone():
    cut = folds(wb.Digits(per_class=7), 4)
    assert cut.train.shape == (4, 70) and cut.valid.shape[1] > 300
    for at in range(4):
        one = cut.one(at)
        assert torch.bincount(one.labels[one.train]).tolist() == [7] * 10


def test_a_group_is_never_on_both_sides():
    cut = folds(Grouped(), 4)
    groups = cut.pool.groups
    assert cut.valid.shape[1] > 300
    for at in range(4):
        one = cut.one(at)
        assert not {*groups[one.train].tolist()} & {*groups[one.valid].tolist()}


def test_pictures_of_one_group_stay_in_one_fold(tmp_path):
    own = wb.Images(noisy_folder(tmp_path / "own", each=60), size=32, group=r"\d(\d)")
    data = own.load()
    assert len(set(data.groups.tolist())) < len(data.labels)
    cut = folds(own, 3)
    for at in range(3):
        one = cut.one(at)
        assert not {*data.groups[one.train].tolist()} & {*data.groups[one.valid].tolist()}


@pytest.mark.parametrize(
    ("data", "count", "kind", "says"),
    [
        (wb.Digits(), 1, BadKnob, "folds must be a whole number in [2, 20], got 1."),
        (wb.Digits(), True, BadKnob, "folds must be a whole number in [2, 20], got True."),
        (wb.Digits(label_noise=0.2), 5, BadKnob, "digits.label_noise must be 0, got 0.2."),
    ],
)
def test_what_cannot_be_folded_is_told(data, count, kind, says):
    with pytest.raises(kind, match=re.escape(says)):
        folds(data, count)


def test_too_few_of_a_class_and_uneven_groups_are_told(monkeypatch):
    monkeypatch.setattr(Grouped, "sizes", (400,))
    with pytest.raises(BadData, match=r"5 folds need at least 5 groups of each class, got 4 of 0; take fewer folds"):
        folds(Grouped(), 5)
    monkeypatch.setattr(Grouped, "sizes", (1,) * 400 + (1000,))
    with pytest.raises(BadData, match="the groups are too uneven for 4 folds: the smallest would hold"):
        folds(Grouped(), 4)


def trained_on(recipes, data):
    job = Job(plan(recipes, data))
    for _ in train(job, Watch()):
        pass
    return job


def must_be_alike(alone, job, position):
    """The one trial of `alone` is that at `position` of `job`, in weights and rows."""
    for name, w in alone.learner.weights_all.items():
        assert (w[0] - job.learner.weights_all[name][position]).abs().max() < 1e-10
    for row, mine in zip(plain(alone.rows), plain(job.rows_of[position]), strict=True):
        numbers = {key: value for key, value in row.items() if value is not None}
        assert {key: mine[key] for key in numbers} == pytest.approx(numbers, rel=1e-6, abs=2e-6)


@pytest.mark.parametrize("balance", ["as is", "weighted", "resampled"])
def test_a_fold_among_others_is_the_run_alone_on_its_data(balance, monkeypatch):
    monkeypatch.setattr(wb.Digits, "balance", balance)
    base = wb.Recipe(
        wb.Digits(per_class=12), "glyph-resnet", regularizers="l2, dropout, l1", epochs=3, precision="float64"
    )
    recipes = [base.replace(lr=lr, seed=seed) for lr, seed in ((1e-3, 0), (3e-2, 1))]
    cut = folds(base.data, 3)
    job = trained_on(recipes, cut)
    assert job.learner.trials == 6
    for position, recipe in enumerate(r for r in recipes for _ in range(3)):
        must_be_alike(trained_on(recipe, cut.one(position % 3)), job, position)


def test_a_knob_that_was_turned_is_turned_in_every_fold():
    recipe = wb.Recipe(wb.Digits(per_class=12), "glyph-resnet", regularizers="l2", epochs=3, precision="float64")
    turned, cut = recipe.replace(changes="2: l2.strength=0.3"), folds(recipe.data, 3)
    job = trained_on(turned, cut)
    for position in range(3):
        must_be_alike(trained_on(turned, cut.one(position)), job, position)
    assert job.rows_of[2][-1]["penalty"] > 1.5 * trained_on(recipe, cut).rows_of[2][-1]["penalty"]


@pytest.mark.parametrize("own_labels", [False, True])
def test_a_draw_among_others_is_the_run_alone_on_its_data_with_its_labels_and_seed(own_labels):
    recipe = wb.Recipe(wb.Digits(per_class=30), "glyph-resnet", regularizers="l2", epochs=3, precision="float64")
    data = recipe.data.load()
    train = torch.stack([torch.arange(at, len(data.train), 3) for at in range(3)])  # a third each
    labels = torch.stack([data.labels[data.train].roll(at) for at in range(3)]) if own_labels else None
    some, both = draws(data, train, labels), [recipe, recipe.replace(lr=3e-2)]
    own = some.own(both)
    assert [each.seed for each in own] == [0, 1, 2] * 2
    for at in range(3):
        one = some.one(at)
        assert one.train.equal(data.train[train[at]]) and one.valid.equal(data.valid)
        assert one.labels[one.train].equal((labels[at] if own_labels else data.labels[data.train])[train[at]])
    job = trained_on(both, some)
    assert ("memorised" in job.rows[0]) == own_labels
    for position, each in enumerate(own):
        must_be_alike(trained_on(each, some.one(position % 3)), job, position)


def test_a_fold_that_ended_leaves_the_others_as_they_were():
    base = wb.Recipe(wb.Digits(per_class=12), "glyph-resnet", epochs=4, precision="float64")
    cut = folds(base.data, 3)
    whole, left = Job(plan([base, base.replace(lr=1e-2)], cut)), Job(plan([base, base.replace(lr=1e-2)], cut))
    for _ in train(whole, Watch()):
        pass
    for row in train(left, Watch()):
        if row["epoch"] == 2:
            left.stopping |= {0, 4}
    assert len(left.rows_of[0]) == len(left.rows_of[4]) == 3
    for position in (1, 2, 3, 5):
        for mine, row in zip(plain(left.rows_of[position]), plain(whole.rows_of[position]), strict=True):
            assert mine["train_loss"] == pytest.approx(row["train_loss"], rel=1e-10)
            assert mine["valid_loss"] == pytest.approx(row["valid_loss"], rel=1e-10)


def test_one_row_a_key_becomes_one_a_trial():
    of = torch.tensor([[1], [2]])
    assert by_key(of, ["a", "b", "a"]).tolist() == [[1], [2], [1]]
    assert by_key(of[:1], ["a", "a"]).tolist() == [[1]]
