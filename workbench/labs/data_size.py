"""More data, a bigger model, or more regularization? Validation by the number of training examples, at equal cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from workbench import progress
from workbench.checks import whole
from workbench.datasets.folds import draws
from workbench.errors import BadKnob
from workbench.labs.arms import ends, over_draws, right_of
from workbench.labs.sizes import draw

if TYPE_CHECKING:
    import pandas as pd

    from workbench.labs.table import Floats
    from workbench.recipe import Recipe

SIZES = (5, 10, 20, 40)
WAYS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "L2": {"regularizers": "l2(strength=0.1)"},
    "hidden layer": {"scope": "head(layers=1, width=128)"},
}


def data_size(
    recipe: Recipe,
    per_class: Sequence[int] = SIZES,
    ways: Mapping[str, Mapping[str, Any]] | None = None,
    seeds: int = 5,
) -> pd.DataFrame:
    """Train on so many examples a class, by each of `ways` (settings by path), over `seeds` seeds, each its own draw.

    Draws are of the whole training part and the same for all ways; a draw's larger sizes hold its smaller ones. All see
    as many examples, so fewer are gone through more often: `recipe.epochs` is for the most. Sizes that the rarest class
    has not are left out. A row a way and size: `way`, `per_class`, `labels`, `epochs`, what `ends` says, and what `law`
    says: `power` of `error = a * labels ** -power`, fitted in logarithms, and `fitted`, each with an interval.
    """
    from workbench.whole_table import WholeTable

    data = recipe.data.replace(per_class=None).load()
    labels = data.labels[data.train].numpy()
    many = len(data.classes)
    there = int(np.bincount(labels, minlength=many).min())
    sizes = sorted({size for each in per_class if (size := whole("per_class", each, 1, 1_000_000)) <= there})
    if len(sizes) < 2:
        raise BadKnob(f"two sizes or more, up to the {there} of the rarest class, are compared, got {[*per_class]}.")
    lines: list[dict[str, Any]] = []
    errors: dict[str, list[Floats]] = {}
    for done, size in enumerate(sizes):
        sized = recipe.replace(epochs=max(1, round(recipe.epochs * sizes[-1] / size)))
        arms = {name: sized.turned(settings) for name, settings in (WAYS if ways is None else ways).items()}
        found = over_draws(arms, draws(data, torch.from_numpy(draw(labels, size, seeds, many))))
        progress.tell("sizes", done + 1, len(sizes))
        for name, some in found.items():
            errors.setdefault(name, []).append(1 - right_of(some).mean(1))
            about = {"way": name, "per_class": size, "labels": size * many, "epochs": sized.epochs}
            lines.append(about | ends(some))
    logs = np.log([float(size) for size in sizes])
    laws = {name: law(logs, np.array(each)) for name, each in errors.items()}
    return WholeTable([line | laws[line["way"]][sizes.index(line["per_class"])] for line in lines])


def law(logs: Floats, errors: Floats) -> list[dict[str, float]]:
    """The power law through errors (sizes, draws) at these logarithms of sizes: at each size `fitted`, and its `power`.

    Both with 95 % bootstrap intervals over the draws.
    """
    again = np.random.default_rng(0).integers(0, errors.shape[1], (500, errors.shape[1]))
    lines = np.array([_line(logs, errors[:, one].mean(1)) for one in again])
    slope, start = _line(logs, errors.mean(1))
    powers = dict(zip(("power_low", "power_high"), np.percentile(-lines[:, 0], [2.5, 97.5]).tolist(), strict=True))
    found = []
    for at in logs:
        low, high = np.percentile(np.exp(lines @ np.array([at, 1.0])), [2.5, 97.5])
        fitted = {"fitted": float(np.exp(slope * at + start)), "fitted_low": float(low), "fitted_high": float(high)}
        found.append({"power": -slope} | powers | fitted)
    return found


def _line(logs: Floats, errors: Floats) -> tuple[float, float]:
    """Slope and height at zero of the line through the logarithms of errors."""
    slope, start = np.polyfit(logs, np.log(errors.clip(1e-4)), 1)
    return float(slope), float(start)
