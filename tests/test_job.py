"""Many trials in one job: each as if it were alone, through the whole loop."""

from __future__ import annotations

import math

import pytest
import torch
from helpers import plain

import workbench as wb
from workbench.errors import Diverged
from workbench.job import Job
from workbench.learners.plan import fused, plan
from workbench.trainer import Watch, train

pytestmark = pytest.mark.usefixtures("one_thread")
STACK = "l2(strength={}), l1(strength={}), dropout(rate={}), weight-decay(strength={}), label-smoothing(amount={})"


@pytest.fixture
def recipes(tiny):
    """Six that differ in every strength, rate, seed and number of epochs."""
    first = wb.Recipe(wb.Digits(per_class=6), "glyph-resnet", epochs=5, lr=1e-2, precision="float64", batch_size=16)
    return [
        first.replace(regularizers=STACK.format(l2, l1, rate, decay, amount), lr=lr, seed=seed, epochs=epochs)
        for l2, l1, rate, decay, amount, lr, seed, epochs in [
            (0.0, 0.0, 0.0, 0.0, 0.0, 1e-2, 0, 5),
            (0.1, 1e-3, 0.5, 0.1, 0.1, 3e-2, 0, 5),
            (0.01, 1e-2, 0.2, 1.0, 0.0, 1e-3, 1, 5),
            (0.2, 0.0, 0.8, 0.0, 0.3, 1e-2, 1, 2),
            (0.0, 1e-4, 0.1, 10.0, 0.2, 2e-2, 2, 3),
            (0.3, 1e-3, 0.0, 0.5, 0.5, 5e-3, 0, 5),
        ]
    ]


def together(recipes, watch=None):
    job = Job(plan(recipes))
    list(train(job, watch or Watch()))
    return job


def weights(job, trial):
    at = job.going.index(trial)
    return {name: w.detach()[at] for name, w in job.learner.weights_all.items()}


def close(one, other, tolerance):
    """Rows agree; the sixth digit of an interval is rounding."""
    assert [row["epoch"] for row in one] == [row["epoch"] for row in other]
    for a, b in zip(plain(one), plain(other), strict=True):
        for key in a.keys() - {"trial"}:
            least = 3e-6 if "low" in key or "high" in key else 1e-9
            assert a[key] == b[key] is None or b[key] == pytest.approx(a[key], rel=tolerance, abs=least)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("scope", ["head", "head(layers=1, width=12)"])
def test_a_trial_among_others_is_the_trial_alone(recipes, optimizer, scope):
    recipes = [recipe.replace(optimizer=optimizer, scope=scope) for recipe in recipes]
    many = together(recipes)
    for trial, recipe in enumerate(recipes):
        alone = together([recipe])
        close(alone.rows_of[0], many.rows_of[trial], 1e-7)
        if trial in many.going:
            for name, w in weights(alone, 0).items():
                torch.testing.assert_close(weights(many, trial)[name], w, rtol=0, atol=1e-10)


def test_in_float32_the_losses_agree_and_so_does_the_order(recipes):
    recipes = [recipe.replace(precision="float32") for recipe in recipes]
    many = [rows[-1]["valid_loss"] for rows in together(recipes).rows_of]
    alone = [together([recipe]).rows[-1]["valid_loss"] for recipe in recipes]
    assert many == pytest.approx(alone, rel=1e-4)
    assert sorted(range(6), key=many.__getitem__)[:3] == sorted(range(6), key=alone.__getitem__)[:3]


@pytest.mark.parametrize("schedule", ["cosine", "one-cycle"])
def test_each_trials_schedule_ends_with_its_own_epochs(recipes, schedule):
    recipes = [recipe.replace(schedule=schedule) for recipe in recipes[2:5]]
    many = together(recipes)
    assert [len(rows) for rows in many.rows_of] == [6, 3, 4]
    for trial, recipe in enumerate(recipes):
        close(together([recipe]).rows, many.rows_of[trial], 1e-7)


def test_those_that_stop_early_leave_and_change_no_other(recipes):
    stack = "l2(strength=0.01), early-stopping(patience={})"
    stopping = [recipes[0].replace(regularizers=stack.format(p), epochs=12, lr=0.1) for p in (1, 2, 50)]
    many = together(stopping)
    assert len(many.rows_of[0]) < len(many.rows_of[1]) < len(many.rows_of[2]) == 13 and many.going == [2]
    for trial, recipe in enumerate(stopping):
        close(together([recipe]).rows, many.rows_of[trial], 1e-7)


def test_one_that_diverges_leaves_and_changes_no_other(recipes):
    wild = recipes[1].replace(lr=1e12, optimizer="sgd")
    recipes = [recipe.replace(optimizer="sgd") for recipe in recipes]
    many = together([recipes[0], wild, recipes[2]])
    assert many.going == [0, 2] and len(many.rows_of[1]) < 6
    assert all(math.isfinite(row["valid_loss"]) for rows in many.rows_of for row in rows)
    close(together([recipes[0]]).rows, many.rows_of[0], 1e-7)
    close(together([recipes[2]]).rows, many.rows_of[2], 1e-7)
    with pytest.raises(Diverged):
        together([wild, wild.replace(seed=1)])


def test_whoever_watches_can_let_trials_go(recipes):
    class Second(Watch):
        def on_rows(self, job, rows):
            job.stopping |= {row["trial"] for row in rows if row["epoch"] == 2} - {1}

    many = together(recipes[:3], Second())
    assert [len(rows) for rows in many.rows_of] == [3, 6, 3] and many.going == [1]
    close(together([recipes[1]]).rows, many.rows_of[1], 1e-7)


def test_groups_hold_what_differs_in_numbers_alone(recipes, tiny):
    first = recipes[0]
    assert fused(recipes) == [[0, 1, 2, 3, 4, 5]]
    others = [
        first.replace(batch_size=32),
        first.replace(regularizers="l2"),
        first.replace(scope="head(layers=1)"),
        first.replace(scope="all"),
        first.replace(scope="all", seed=1),
        first.replace(changes="3: lr=0.1"),
        first.replace(data=wb.Digits(per_class=7)),
        first.replace(optimizer="sgd"),
    ]
    assert fused([first, *others, first.replace(seed=5)]) == [[0, 9], *[[at] for at in range(1, 9)]]
    drawn = first.replace(backbone=tiny)
    assert fused([drawn, drawn.replace(seed=1), drawn.replace(lr=0.1)]) == [[0, 2], [1]]
    watched = [first.replace(regularizers=f"early-stopping(watch={w!r}, patience={p})") for w, p in
               (("loss", 1), ("gap", 1), ("loss", 2))]  # fmt: skip
    assert fused(watched) == [[0, 2], [1]]
