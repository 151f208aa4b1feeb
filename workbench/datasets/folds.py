"""Parts of one data set that train at once: folds that take turns at validating, or draws that validate on the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workbench.checks import whole
from workbench.datasets.parting import cut
from workbench.errors import BadData, BadKnob

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from torch import Tensor

    from workbench.datasets.base import Data, Dataset
    from workbench.recipe import Recipe

UNEVEN = 2.0  # a fold may be at most so many times as large as another: what is over is left out


@dataclass(frozen=True, eq=False)
class Folds:
    """`pool`: all of them as one training part. `train`, `valid`: positions in it, (folds, examples) each.

    `given`: the label of each of the pool's positions, where draws have labels of their own. `apart`: a recipe's trial
    on a fold has a seed of its own, the recipe's and the fold's number.
    """

    pool: Data
    train: Tensor
    valid: Tensor
    given: Tensor | None = None
    apart: bool = False

    def __len__(self) -> int:
        return len(self.train)

    def one(self, at: int) -> Data:
        """The data of one fold, as a run of its own takes it."""
        rows, name = self.pool.train, f"{self.pool.fingerprint[:12]}-{at + 1}.{len(self)}"
        labels = self.pool.labels
        if self.given is not None:
            labels = labels.clone()
            for own in (self.train[at], self.valid[at]):
                labels[rows[own]] = self.given[own]
        train, valid = rows[self.train[at]], rows[self.valid[at]]
        return replace(self.pool, labels=labels, train=train, valid=valid, fingerprint=name)

    def own(self, recipes: Sequence[Recipe]) -> tuple[Recipe, ...]:
        """The recipe of each trial: the folds of the first recipe, then those of the next."""
        return tuple(
            recipe.replace(seed=recipe.seed + at) if self.apart else recipe
            for recipe in recipes
            for at in range(len(self))
        )


def folds(data: Dataset, count: int) -> Folds:
    """`count` folds of what is not sealed, stratified; examples of one group stay in one.

    All folds are of one size: the few examples that are over are left out. `per_class` cuts each fold's training side.
    Source: scikit-learn's StratifiedKFold and StratifiedGroupKFold.
    """
    import torch

    check_folds(data, count)
    uncut = (data.replace(per_class=None) if data.per_class else data).load()
    rows = torch.cat([uncut.train, uncut.valid])
    labels = uncut.labels[rows].numpy()
    groups = None if uncut.groups is None else uncut.groups[rows].numpy()
    _enough(labels, groups, uncut.classes, count)
    sides = [(cut(train, labels, data.per_class), valid) for train, valid in _sides(labels, groups, count, data.seed)]
    train, valid = (_even([side[part] for side in sides], count) for part in (0, 1))
    return Folds(replace(uncut, train=rows, valid=rows[:0]), train, valid)


def draws(data: Data, train: Tensor, labels: Tensor | None = None) -> Folds:
    """Draws of a training part, each with a seed of its own, that all validate on `data`'s validation part.

    `train`: positions in the training part, (draws, examples). `labels`: that of each example of the whole training
    part, (draws, its examples), where they differ between draws.
    """
    import torch

    many, copies = len(data.train), 1 if labels is None else len(train)
    rows = torch.cat([*[data.train] * copies, data.valid])
    valid = torch.arange(many * copies, len(rows)).expand(len(train), -1)
    if labels is None:
        return Folds(replace(data, train=rows, valid=rows[:0]), train, valid, apart=True)
    given = torch.cat([labels.flatten(), data.labels[data.valid]])
    at = train + many * torch.arange(copies)[:, None]
    return Folds(replace(data, train=rows, valid=rows[:0]), at, valid, given, apart=True)


def check_folds(data: Dataset, count: int) -> None:
    """What can be told before anything is read."""
    whole("folds", count, 2, 20)
    if data.label_noise:
        raise BadKnob(
            "cross-validation needs the labels as they are, since every example validates once: "
            f"{data.name}.label_noise must be 0, got {data.label_noise:g}."
        )


def _enough(labels: np.ndarray, groups: np.ndarray | None, classes: Sequence[str], count: int) -> None:
    import numpy as np

    for at, name in enumerate(classes):
        own = labels == at
        have = int(own.sum()) if groups is None else len(np.unique(groups[own]))
        if have < count:
            what = "examples" if groups is None else "groups"
            rule = f"{count} folds need at least {count} {what} of each class"
            raise BadData(f"{rule}, got {have} of {name}; take fewer folds.")


def _sides(labels: np.ndarray, groups: np.ndarray | None, count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if groups is None:
        even = len(labels) // count * count
        return list(StratifiedKFold(count, shuffle=True, random_state=seed).split(labels[:even], labels[:even]))
    return list(StratifiedGroupKFold(count, shuffle=True, random_state=seed).split(labels, labels, groups))


def _even(parts: list[np.ndarray], count: int) -> Tensor:
    """The parts cut to the size of the smallest, the rest drawn by chance: (folds, examples)."""
    import numpy as np
    import torch

    sizes = [len(part) for part in parts]
    if max(sizes) > UNEVEN * min(sizes):
        raise BadData(
            f"the groups are too uneven for {count} folds: the smallest would hold {min(sizes)} examples, the largest "
            f"{max(sizes)}; take fewer folds."
        )
    kept = []
    for at, part in enumerate(parts):
        drawn = np.random.default_rng([at, len(part)]).permutation(len(part))[: min(sizes)]
        kept.append(torch.from_numpy(part[np.sort(drawn)].astype("int64")))
    return torch.stack(kept)
