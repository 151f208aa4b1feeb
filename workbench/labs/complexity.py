"""Model complexity against error: a wider head, or more of the backbone; and whether the error comes down twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import evaluation
from workbench.checks import whole
from workbench.errors import BadKnob
from workbench.labs.arms import Arms, ends, over_seeds, right_of

if TYPE_CHECKING:
    import pandas as pd

    from workbench.labs.table import Floats
    from workbench.recipe import Recipe

WIDTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def widths(recipe: Recipe, widths: Sequence[int] = WIDTHS, seeds: int = 5) -> pd.DataFrame:
    """Train heads with one hidden layer of so many units over `seeds` seeds, to see error by complexity.

    A row a width: `model` (its width), `parameters` (of the head), `train_error` and `error` (validation) with `low`
    and `high`, and, the same in each row, `twice`: whether the error comes down, goes up and comes down again beyond
    chance (Belkin and others, "Reconciling modern machine-learning practice and the bias-variance trade-off", 2019).
    """
    sizes = sorted({whole("width", each, 1, 65536) for each in widths})
    return _by_complexity({str(each): recipe.replace(scope=f"head(layers=1, width={each})") for each in sizes}, seeds)


def unfrozen(recipe: Recipe, last: Sequence[int] = (1, 2), seeds: int = 3) -> pd.DataFrame:
    """The same by how many of the backbone's last blocks train beside the head; 0 is the head alone.

    Whole networks train one after another: `wb.price` says how long one takes.
    """
    wanted = sorted({whole("last", each, 1, 1000) for each in last})
    arms = {"head": recipe.replace(scope="head")}
    return _by_complexity(
        arms | {f"last {each}": recipe.replace(scope=f"blocks(last={each})") for each in wanted}, seeds
    )


def _by_complexity(arms: Arms, seeds: int) -> pd.DataFrame:
    from workbench.whole_table import WholeTable

    if len(arms) < 2:
        raise BadKnob("two models or more are compared, got one.")
    found = over_seeds(arms, seeds)
    right = [right_of(some) for some in found.values()]
    lines: list[dict[str, Any]] = []
    for name, some in found.items():
        of = ends(some)
        line = {"model": name, "parameters": some[0].numbers, "train_error": 1 - of["train_accuracy"]}
        lines.append(line | {"error": 1 - of["accuracy"], "low": 1 - of["high"], "high": 1 - of["low"]})
    return WholeTable(lines).assign(twice=comes_down_twice(right))


def comes_down_twice(right: Sequence[Floats]) -> bool:
    """Whether errors, by models of rising complexity, rise to a peak in between, on both sides beyond chance.

    `right`: what each answers rightly, (seeds, examples); compared pair by pair with the peak.
    """
    errors = [1 - float(each.mean()) for each in right]
    for peak in range(1, len(errors) - 1):
        before, after = int(np.argmin(errors[:peak])), peak + 1 + int(np.argmin(errors[peak + 1 :]))
        if all(evaluation.interval_over(right[other] - right[peak])[0] > 0 for other in (before, after)):
            return True
    return False
