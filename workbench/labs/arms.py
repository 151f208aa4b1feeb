"""Several ways of training held against each other over seeds: what each lab of arms shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import evaluation
from workbench.checks import whole
from workbench.errors import BadKnob, Diverged
from workbench.labs.together import Trained, trained, trained_on

if TYPE_CHECKING:
    from workbench.datasets.folds import Folds
    from workbench.labs.table import Floats
    from workbench.recipe import Recipe

Arms = Mapping[str, "Recipe"]


def over_seeds(arms: Arms, seeds: int, early: bool = False) -> dict[str, list[Trained]]:
    """Each arm's recipe trained over `seeds` seeds, those at once that can be; `Diverged` names an arm that did."""
    whole("seeds", seeds, 1, 100)
    if not arms:
        raise BadKnob("name one arm or more, got none.")
    every = [(name, recipe.replace(seed=recipe.seed + seed)) for name, recipe in arms.items() for seed in range(seeds)]
    found = trained([recipe for _, recipe in every], early)
    return _named(arms, [found[at : at + seeds] for at in range(0, len(found), seeds)])


def over_draws(arms: Arms, draws: Folds) -> dict[str, list[Trained]]:
    """The same over draws of the arms' own data, by a seed of its own each."""
    if not arms:
        raise BadKnob("name one arm or more, got none.")
    return _named(arms, trained_on([*arms.values()], draws))


def _named(arms: Arms, found: Sequence[list[Trained]]) -> dict[str, list[Trained]]:
    told = dict(zip(arms, found, strict=True))
    for name, some in told.items():
        if any(each.right is None for each in some):
            raise Diverged(f"training of {name!r} diverged: lower lr, or a regularizer's strength.")
    return told


def right_of(some: Sequence[Trained]) -> Floats:
    """What is right of the validation part, (seeds, examples)."""
    return np.array([each.right for each in some])


def ends(some: Sequence[Trained]) -> dict[str, float]:
    """Means over the seeds of the weights kept: `accuracy` with `low` and `high`, and the losses and the gap."""
    right = right_of(some)
    low, high = evaluation.interval_over(right)
    last = [each.rows[each.kept] for each in some]
    named = {
        "train_accuracy": "train_accuracy",
        "valid_loss": "valid_loss",
        "train_loss": "train_loss",
        "gap": "gap_accuracy",
    }
    means = {name: float(np.mean([row[key] for row in last])) for name, key in named.items()}
    return {"accuracy": float(right.mean()), "low": low, "high": high, **means}


def ahead(some: Sequence[Trained], of: Sequence[Trained]) -> dict[str, Any]:
    """By how much validation accuracy is ahead of `of`'s, paired over seeds and examples; `level` where zero may be."""
    difference = right_of(some) - right_of(of)
    low, high = evaluation.interval_over(difference)
    return {"ahead": float(difference.mean()), "ahead_low": low, "ahead_high": high, "level": low <= 0 <= high}
