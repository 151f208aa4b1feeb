"""More data, a bigger model, or more regularization? Validation by the number of training examples, at equal cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import progress
from workbench.choices import whole
from workbench.errors import BadKnob
from workbench.labs.arms import ends, over_seeds, right_of

if TYPE_CHECKING:
    import pandas as pd

    from workbench.labs.table import Floats
    from workbench.recipe import Recipe

WAYS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "L2": {"regularizers": "l2(strength=0.1)"},
    "hidden layer": {"scope": "head(layers=1, width=128)"},
}


def data_size(
    recipe: Recipe,
    per_class: Sequence[int] = (5, 10, 20, 40, 80),
    ways: Mapping[str, Mapping[str, Any]] | None = None,
    seeds: int = 5,
) -> pd.DataFrame:
    """Train on so many examples a class, by each of `ways` (settings by path), over `seeds` seeds and draws.

    All see as many examples, so fewer are gone through more often: `recipe.epochs` is for the most. A row a way and
    size: `way`, `per_class`, `labels`, `epochs`, what `ends` says, and `power`, `power_low`, `power_high`: the exponent
    of `error = a * labels ** -power`, fitted in logarithms, with its 95 % bootstrap interval over seeds.
    """
    from workbench.whole_table import WholeTable

    sizes = sorted({whole("per_class", each, 1, 1_000_000) for each in per_class})
    if len(sizes) < 2:
        raise BadKnob(f"two sizes or more are compared, got {[*per_class]}.")
    lines: list[dict[str, Any]] = []
    errors: dict[str, list[Floats]] = {}
    for done, size in enumerate(sizes):
        epochs = max(1, round(recipe.epochs * sizes[-1] / size))
        sized = recipe.replace(data=recipe.data.replace(per_class=size), epochs=epochs)
        arms = {name: sized.turned(settings) for name, settings in (WAYS if ways is None else ways).items()}
        found = over_seeds(arms, seeds)
        progress.tell("sizes", done + 1, len(sizes))
        for name, some in found.items():
            errors.setdefault(name, []).append(1 - right_of(some).mean(1))
            classes = len(sized.data.load().classes)
            lines.append({"way": name, "per_class": size, "labels": size * classes, "epochs": epochs} | ends(some))
    powers = {name: power(np.log([float(size) for size in sizes]), np.array(each)) for name, each in errors.items()}
    return WholeTable([line | powers[line["way"]] for line in lines])


def power(logs: Floats, errors: Floats) -> dict[str, float]:
    """The exponent of the power law through errors (sizes, seeds) at these logarithms of sizes, with its interval."""
    draw = np.random.default_rng(0).integers(0, errors.shape[1], (500, errors.shape[1]))
    slopes = [_slope(logs, errors[:, drawn].mean(1)) for drawn in draw]
    low, high = np.percentile(slopes, [2.5, 97.5])
    return {"power": _slope(logs, errors.mean(1)), "power_low": float(low), "power_high": float(high)}


def _slope(logs: Floats, errors: Floats) -> float:
    return -float(np.polyfit(logs, np.log(errors.clip(1e-4)), 1)[0])
