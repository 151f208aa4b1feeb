"""What so many labels a class are worth: draws of the training part, the same for all that are compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import evaluation, progress
from workbench.checks import whole
from workbench.errors import BadKnob

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.datasets import Data
    from workbench.labs.table import Floats

    Positions = NDArray[np.int64]

Sizes = Sequence[int | None]


def measured(data: Data, per_class: Sizes, draws: int, answered: Callable[[Positions], Floats]) -> list[dict[str, Any]]:
    """Validation accuracy with so many labels a class, None for all: a row a size.

    `answered`: positions in the training part, (draws, labels), to what is right of the validation part after training
    on each draw, 0 or 1, (ways, draws, examples); the way that is right most often counts. A row holds `per_class` (of
    all: the mean), `labels`, `draws` (of all there is but one), `accuracy`, and `low` and `high`, its 95 % interval
    over draws and examples.
    """
    whole("draws", draws, 1, 1000)
    if not per_class:
        raise BadKnob("name one number of labels a class or more, None for all, got none.")
    labels, lines = data.labels[data.train].numpy(), []
    for done, size in enumerate(per_class):
        drawn = draw(labels, size, draws, len(data.classes))
        right = max(answered(drawn), key=lambda each: float(each.mean()))
        low, high = evaluation.interval_over(right)
        line = {"per_class": size or len(labels) / len(data.classes), "labels": drawn.shape[1], "draws": len(drawn)}
        lines.append(line | {"accuracy": float(right.mean()), "low": low, "high": high})
        progress.tell("sizes", done + 1, len(per_class))
    return lines


def draw(labels: NDArray[np.int64], per_class: int | None, draws: int, classes: int) -> Positions:
    """Positions of `per_class` examples of each class by chance, (draws, labels); None takes all, once.

    A draw's larger sizes hold its smaller ones.
    """
    if per_class is None:
        return np.arange(len(labels))[None]
    whole("labels a class", per_class, 1, int(np.bincount(labels, minlength=classes).min()))
    found = []
    for seed in range(draws):
        own = [np.random.default_rng([seed, at]).permutation(np.flatnonzero(labels == at)) for at in range(classes)]
        found.append(np.sort(np.concatenate([each[:per_class] for each in own])))
    return np.array(found)
