"""Several ways of training held against each other over seeds: what each lab of arms shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import evaluation
from workbench.checks import whole
from workbench.errors import BadKnob, Diverged
from workbench.labs.together import Trained, trained

if TYPE_CHECKING:
    from workbench.datasets import Data
    from workbench.labs.table import Floats
    from workbench.recipe import Recipe

Arms = Mapping[str, "Recipe"]


def over_seeds(arms: Arms, seeds: int, early: bool = False, data: Data | None = None) -> dict[str, list[Trained]]:
    """Each arm's recipe trained over `seeds` seeds, those at once that can be; `Diverged` names an arm that did.

    `data`: other parts than the recipes' own.
    """
    whole("seeds", seeds, 1, 100)
    if not arms:
        raise BadKnob("name one arm or more, got none.")
    every = [(name, recipe.replace(seed=recipe.seed + seed)) for name, recipe in arms.items() for seed in range(seeds)]
    found = trained([recipe for _, recipe in every], early, data)
    told: dict[str, list[Trained]] = {name: [] for name in arms}
    for (name, _), each in zip(every, found, strict=True):
        if each.right is None:
            raise Diverged(f"training of {name!r} diverged: lower lr, or a regularizer's strength.")
        told[name].append(each)
    return told


def over_draws(arms: Arms, draws: Sequence[Data]) -> dict[str, list[Trained]]:
    """Each arm's recipe trained on each of `draws`, other parts or labels of its own data, by a seed of its own."""
    found: dict[str, list[Trained]] = {name: [] for name in arms}
    for at, data in enumerate(draws):
        own = {name: recipe.replace(seed=recipe.seed + at) for name, recipe in arms.items()}
        for name, some in over_seeds(own, 1, data=data).items():
            found[name] += some
    return found


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
