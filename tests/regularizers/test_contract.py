"""What holds for every regularizer on the menu: where it fits it trains, goes on to the same bits, and is told."""

from __future__ import annotations

import pytest
import torch
from helpers import plain

import workbench as wb
from workbench.choices import entries
from workbench.errors import BadChoice
from workbench.job import Job
from workbench.learners.plan import plan
from workbench.regularizers import Regularizer
from workbench.trainer import Watch, train

pytestmark = pytest.mark.usefixtures("one_thread")
DATA = {
    "vision": wb.Digits(per_class=5),
    "language": wb.Docstrings(per_class=3, size=16),
    "speech": wb.Vowels(per_class=5),
}
OURS = [name for name, kind in entries(Regularizer).items() if kind.__module__.startswith("workbench.")]
WITH = {"r-drop": "dropout, r-drop"}  # what it needs beside it


def recipe_of(name, domain, scope):
    return wb.Recipe(
        DATA[domain], scope=scope, regularizers=WITH.get(name, name), epochs=3, lr=3e-3, precision="float32"
    )


def fits(name, domain, scope):
    recipe = recipe_of(name, domain, scope)
    return not any(each.unfit(recipe) for each in recipe.regularizers)


def places(name):
    """Where it is tried: with the head alone where that may be, and in one domain with all weights."""
    found = [("vision", "head")] if fits(name, "vision", "head") else []
    return found + [(domain, "all") for domain in DATA if fits(name, domain, "all")][:1]


PLACES = [(name, *place) for name in OURS for place in places(name)]


@pytest.mark.parametrize(("name", "domain", "scope"), PLACES)
def test_it_trains_and_goes_on_to_the_same_bits(name, domain, scope, tmp_path):
    recipe = recipe_of(name, domain, scope)
    whole = wb.fine_tune(recipe, tmp_path / "whole")
    assert whole.state == "finished" and len(whole.rows) == 4
    assert whole.rows[-1]["train_loss"] < whole.rows[0]["train_loss"]
    for row in wb.train(recipe, tmp_path / "parted"):
        if row["epoch"] == 1:
            break
    assert plain(wb.fine_tune(recipe, tmp_path / "parted").rows) == plain(whole.rows)


@pytest.mark.parametrize("name", [name for name in OURS if fits(name, "vision", "head")])
def test_it_changes_training_and_a_trial_among_others_is_the_trial_alone(name):
    base = wb.Recipe(wb.Digits(per_class=5), lr=1e-2, batch_size=16, epochs=4, precision="float64")
    kind = next(k for k in entries(Regularizer)[name].knobs() if not isinstance(k.default, str | bool))
    values = {"patience": (1, 2, 3)}.get(kind.name, (kind.domain.low, kind.default, kind.domain.high))
    spelled = WITH.get(name, name).removesuffix(name) + name
    recipes = [base.replace(regularizers=f"{spelled}({kind.name}={value})") for value in values]
    group = Job(plan(recipes))
    list(train(group, Watch()))
    for at, recipe in enumerate(recipes):
        alone = Job(plan(recipe))
        rows = list(train(alone, Watch()))
        for one, other in zip(group.rows_of[at], rows, strict=True):
            assert one["valid_loss"] == pytest.approx(other["valid_loss"], rel=1e-9)
    without = list(train(Job(plan(base.replace(regularizers=spelled.rpartition(", ")[0]))), Watch()))
    assert name == "early-stopping" or any(
        rows[-1]["valid_loss"] != without[-1]["valid_loss"] for rows in group.rows_of
    )


@pytest.mark.parametrize("name", OURS)
def test_it_says_what_it_does_when_it_helps_and_where_it_is_from(name):
    kind = entries(Regularizer)[name]
    assert kind.about().endswith((".", "`.")) and kind.when.endswith(".") and len(kind.when) < 130
    assert "Source:" in kind.__doc__ or name == "early-stopping"
    places = {(domain, scope) for domain in DATA for scope in ("head", "all")}
    for domain, scope in places:
        recipe = recipe_of(name, domain, scope)
        if not fits(name, domain, scope):
            with pytest.raises(BadChoice, match=f"{name} .*leave it out"):
                plan(recipe)


def test_all_that_fit_stack(tiny):
    for scope in ("head", "all"):
        names = [name for name in OURS if fits(name, "vision", scope) and name not in ("swa", "mixup", "cutmix")]
        recipe = wb.Recipe(wb.Digits(per_class=5), scope=scope, epochs=3, regularizers=", ".join(names))
        run = wb.fine_tune(recipe)
        assert run.rows[-1]["penalty"] > 0 and run.rows[-1]["objective"] > run.rows[-1]["penalty"]
        assert all(torch.isfinite(t.double()).all() for t in run.files.load(run.files.steps()[-1])[0].values())


@pytest.mark.parametrize(
    ("scope", "regularizers"),
    [
        ("head", "l1(strength=0.01), clipping(most=0.5), dropout, sam"),
        ("head", "mixup, label-smoothing, gaussian-noise, r-drop"),
        ("blocks(last=1)", "dropout, distillation(strength=1)"),
    ],
)
def test_in_which_order_they_stand_changes_nothing(scope, regularizers):
    names = regularizers.split(", ")
    base = wb.Recipe(wb.Digits(per_class=5), scope=scope, epochs=3, lr=3e-3, precision="float64")
    first, *others = ([*wb.train(base.replace(regularizers=order))] for order in (names, names[::-1], sorted(names)))
    for rows in others:
        assert rows[-1]["valid_loss"] == pytest.approx(first[-1]["valid_loss"], rel=1e-9)


@pytest.mark.parametrize(
    ("regularizers", "why"),
    [
        ("ema, swa", "ema and swa both answer with an average: leave one out"),
        ("mixup, distillation", "distillation compares each example with itself, and mixup mixes them: leave one out"),
    ],
)
def test_two_that_do_not_go_together_are_told(regularizers, why):
    with pytest.raises(BadChoice, match=why):
        plan(wb.Recipe(wb.Digits(per_class=5), scope="all", regularizers=regularizers))


def test_five_are_in_sight_and_the_rest_is_folded_away():
    kinds = entries(Regularizer)
    assert {name for name in OURS if kinds[name].in_sight} == {
        "l1", "l2", "dropout", "label-smoothing", "early-stopping",
    }  # fmt: skip
    assert len(OURS) == 27
