"""Wrong labels: how many of them a head repeats over the epochs, and which regularizer holds it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from workbench import evaluation, progress
from workbench.checks import whole
from workbench.datasets.folds import draws
from workbench.datasets.parting import spoil
from workbench.errors import BadKnob
from workbench.labs.arms import over_draws
from workbench.labs.together import Trained

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from workbench.datasets import Data
    from workbench.recipe import Recipe

REGULARIZERS = ("", "l2(strength=0.1)", "dropout(rate=0.5)", "mixup(alpha=1)")


def label_noise(
    recipe: Recipe,
    shares: Sequence[float] = (0.0, 0.2, 0.4),
    regularizers: Sequence[str] = REGULARIZERS,
    seeds: int = 5,
) -> pd.DataFrame:
    """Train with such shares of wrong labels, by each of `regularizers`, over `seeds` seeds.

    Which labels are wrong, and how, is drawn anew for each seed. A row a share, regularizer and epoch, means over the
    seeds: `accuracy` (validation, whose labels are right) with `low` and `high` over the seeds, `train_accuracy` on the
    labels given, `clean_train_accuracy` on the true ones, and `memorised`, the share of the wrong labels that is
    repeated (NaN where none is wrong).
    """
    from workbench.whole_table import WholeTable

    if not shares or not regularizers:
        raise BadKnob("name one share and one regularizer ('' for none) or more.")
    whole("seeds", seeds, 1, 100)
    data, lines = recipe.data.replace(label_noise=0.0).load(), []
    arms = {each or "none": recipe.replace(regularizers=each) for each in regularizers}
    for done, share in enumerate(shares):
        given = torch.stack([_given(data, share, recipe.data.seed + seed) for seed in range(seeds)])
        found = over_draws(arms, draws(data, torch.arange(len(data.train)).expand(seeds, -1), given))
        progress.tell("shares", done + 1, len(shares))
        for name, some in found.items():
            lines += [{"share": share, "regularizer": name} | each for each in _epochs(some)]
    return WholeTable(lines)


def _given(data: Data, share: float, seed: int) -> Tensor:
    """The labels of the training part with such a share of them wrong."""
    return torch.from_numpy(spoil(data.labels.numpy(), data.train.numpy(), share, len(data.classes), seed))[data.train]


def _epochs(some: Sequence[Trained]) -> list[dict[str, Any]]:
    columns = ("train_accuracy", "clean_train_accuracy", "memorised")
    found = []
    for rows in zip(*(each.rows for each in some), strict=True):
        right = np.array([row["valid_accuracy"] for row in rows])
        low, high = evaluation.interval(right) if len(right) > 1 else (float(right[0]), float(right[0]))
        means = {key: float(np.mean([row.get(key, np.nan) for row in rows])) for key in columns}
        found.append({"epoch": rows[0]["epoch"], "accuracy": float(right.mean()), "low": low, "high": high} | means)
    return found
