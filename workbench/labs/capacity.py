"""Heads of several shapes compared: how many parameters each has, and what they bring."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import evaluation
from workbench.checks import whole
from workbench.choices import entry
from workbench.errors import BadKnob, Diverged
from workbench.labs.together import Trained, trained
from workbench.scopes import Head, Scope

if TYPE_CHECKING:
    import pandas as pd

    from workbench.recipe import Recipe

RATES = (1e-3, 3e-3, 1e-2, 3e-2)


def shapes(recipe: Recipe, heads: Iterable[Head | str], rates: Sequence[float] = RATES, seeds: int = 3) -> pd.DataFrame:
    """Train each head with each learning rate over `seeds` seeds; a row a head, at the rate that suits it best.

    `heads`: scopes, such as "head(layers=1, width=32)"; the first is what the others are held against. A row holds
    `head`, `layers`, `width`, `activation`, `parameters`, and of the end of training, means over the seeds: `lr`,
    `train_loss`, `valid_loss`, `train_accuracy`, `accuracy` (validation), `low` and `high`, its 95 % interval over
    seeds and examples; `ahead` of the first head, paired, with `ahead_low` and `ahead_high`; `level`: whether that
    interval holds zero. The rate is the one of the least validation loss: a choice among few, the same for all.
    """
    from workbench.whole_table import WholeTable

    chosen = [entry(Scope, each) for each in heads]
    if len(chosen) < 2 or any(each.name != "head" for each in chosen):
        raise BadKnob(f"two heads or more are compared, such as 'head(layers=1)', got {[*map(str, chosen)]}.")
    whole("seeds", seeds, 1, 100)
    drawn = [recipe.seed + seed for seed in range(seeds)]
    settings = [(head, rate, seed) for head in chosen for rate in rates for seed in drawn]
    found = trained([recipe.replace(scope=head, lr=rate, seed=seed) for head, rate, seed in settings])
    lines, first = [], None
    for at, head in enumerate(chosen):
        own = found[at * len(rates) * seeds : (at + 1) * len(rates) * seeds]
        tried = {rate: own[place * seeds : (place + 1) * seeds] for place, rate in enumerate(rates)}
        rate = min(rates, key=lambda rate: _loss(tried[rate]))
        right = np.array([each.right for each in tried[rate] if each.right is not None])
        if len(right) < seeds:
            said = ", ".join(f"{rate:g}" for rate in rates)
            raise Diverged(f"training of {head} diverged with each of the learning rates {said}: give lower ones.")
        first = right if first is None else first
        lines.append(_line(head, rate, tried[rate], right, first))
    return WholeTable(lines)


def _loss(some: Sequence[Trained]) -> float:
    """The mean validation loss at the end; no number where one diverged."""
    return float("inf") if any(each.right is None for each in some) else _mean(some, "valid_loss")


def _mean(some: Sequence[Trained], key: str) -> float:
    return float(np.mean([each.rows[-1][key] for each in some]))


def _line(head: Any, rate: float, some: Sequence[Trained], right: Any, first: Any) -> dict[str, Any]:
    low, high = evaluation.interval_over(right)
    ahead_low, ahead_high = evaluation.interval_over(right - first)
    means = {key: _mean(some, key) for key in ("train_loss", "valid_loss", "train_accuracy")}
    shape = head.values() if head.layers else {"layers": 0, "width": 0, "activation": ""}
    about = {"head": str(head), **shape, "parameters": some[0].numbers, "lr": rate}
    line = about | means | {"accuracy": float(right.mean()), "low": low, "high": high}
    line |= {"ahead": float((right - first).mean()), "ahead_low": ahead_low, "ahead_high": ahead_high}
    return line | {"level": ahead_low <= 0 <= ahead_high}
