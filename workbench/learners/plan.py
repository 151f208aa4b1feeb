"""Which learner drives a recipe, and on which examples."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from workbench import features
from workbench.backbones.building import build_for
from workbench.datasets.augmentation import NONE, VIEWS
from workbench.datasets.folds import Folds
from workbench.errors import BadChoice
from workbench.learners.cutting import Halves, halves
from workbench.learners.heads import CPU, Heads
from workbench.learners.module import Module

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.backbones import Built
    from workbench.datasets import Data
    from workbench.datasets.base import Inputs
    from workbench.recipe import Recipe

Learner = Heads | Module
ENOUGH = 2048  # examples that tell how wide features are, where the body that computes them is going to change
KEPT = 1 << 30  # bytes that a frozen beginning's features may take, in memory and on the disk
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}


@dataclass(eq=False)
class Plan:
    """A learner with its examples; `train` and `valid` are positions in its inputs, (folds, examples) each.

    With one fold, rows 0..train are the training part, the rest the validation part. With several the trials go through
    them in turn: fold 0 of the first recipe, fold 1 of it, and so on.
    """

    recipes: tuple[Recipe, ...]  # several where a group trains at once
    data: Data
    built: Built
    learner: Learner
    train: Tensor
    valid: Tensor
    truth: Tensor  # the true labels of the learner's examples
    standard: tuple[Tensor, Tensor]  # mean and spread of the training part's features
    device: torch.device
    dtype: torch.dtype

    @property
    def recipe(self) -> Recipe:
        """The recipe, or what all of a group share; strengths, rates, seeds and epochs may differ."""
        return self.recipes[0]


def device() -> torch.device:
    """`WORKBENCH_DEVICE`, else a GPU where torch finds one, else the CPU."""
    named = os.environ.get("WORKBENCH_DEVICE")
    return torch.device(named or ("cuda" if torch.cuda.is_available() else "cpu"))


def resolved(precision: str, where: torch.device) -> torch.dtype:
    """`auto` is bfloat16 where the hardware has matrix units for it (and float32 elsewhere)."""
    if precision != "auto":
        return DTYPES[precision]
    if where.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(where) >= (8, 0) else torch.float32
    tiles = torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if tiles else torch.float32


def plan(recipe: Recipe | Sequence[Recipe], loaded: Data | Folds | None = None) -> Plan:
    """Load the data, build the backbone, keep its features, and choose the learner; a group as `fused` makes it.

    `loaded`: the data where they are there already; with `Folds` each recipe is a trial a fold.
    """
    recipes = tuple(recipe) if isinstance(recipe, Sequence) else (recipe,)
    first = recipes[0]
    for why in filter(None, (each.unfit(first) for each in first.regularizers)):
        raise BadChoice(why)
    parted = loaded if isinstance(loaded, Folds) else None
    data = loaded.pool if isinstance(loaded, Folds) else loaded or first.data.load()
    built = build_for(first.backbone, data, first.seed)
    must_train(first, built)
    where = device()
    dtype = resolved(first.precision, where)
    rows = torch.cat([data.train, data.valid])
    labels, truth, many = data.labels[rows], data.true_labels[rows], len(data.train)
    train, valid = torch.arange(many)[None], torch.arange(many, len(rows))[None]
    if parted:
        recipes, train, valid = parted.own(recipes), parted.train, parted.valid
        labels = labels if parted.given is None else parted.given
    learner: Learner
    if first.scope.name == "head":
        once, place = _once(rows)
        found = features.kept(built, data, once, where, dtype)
        mean, std = zip(*(spread_of(found[part if place is None else place[part]]) for part in train), strict=True)
        standard = torch.stack(mean), torch.stack(std)
        exact = torch.float64 if dtype == torch.float64 else torch.float32
        views = _views(first, built, data, where, dtype)
        on = where if where.type == "cuda" else CPU
        learner = Heads(recipes, found, labels, len(data.classes), exact, views, standard, on, place)
    else:
        some = data.train[:: math.ceil(len(data.train) / ENOUGH)]
        standard = spread_of(features.kept(built, data, some, where, dtype))
        half = half_of(first, built, data.inputs[data.train[:2]], len(rows), where, dtype)
        held = features.kept(built, data, rows, where, dtype, half=half) if half else None
        learner = Module(
            first, built, data.inputs[rows], labels, len(data.classes), standard, where, dtype, half, held
        )  # fmt: skip
    return Plan(recipes, data, built, learner, train, valid, truth, standard, where, dtype)


def _once(rows: Tensor) -> tuple[Tensor, Tensor | None]:
    """Each row once, in the order of coming, and where in that each stands; None where none comes twice."""
    found = list(dict.fromkeys(rows.tolist()))
    if len(found) == len(rows):
        return rows, None
    once = torch.tensor(found)
    place = torch.zeros(int(once.max()) + 1, dtype=torch.long)
    place[once] = torch.arange(len(once))
    return once, place[rows]


def must_train(recipe: Recipe, built: Built) -> None:
    """Refuse a scope that the backbone does not take, before anything is computed: `BadChoice`."""
    if recipe.scope.name != "head":
        recipe.scope.chosen(built.body)
        if next(built.body.parameters(), None) is None:
            raise BadChoice(f"{recipe.backbone.architecture} has no weights that could train: take scope='head'.")


def fused(recipes: Sequence[Recipe]) -> list[list[int]]:
    """Positions of the recipes, in groups that train at once.

    Heads alone join, and only those that differ in nothing but the numbers of regularizers, the learning rate, the
    epochs and, where no picture is changed at random and no backbone's weights are drawn, the seed.
    """
    groups: dict[Any, list[int]] = {}
    for at, recipe in enumerate(recipes):
        groups.setdefault(_shared(recipe) if recipe.scope.name == "head" and not recipe.changes else at, []).append(at)
    return list(groups.values())


def _shared(recipe: Recipe) -> tuple[Any, ...]:
    """What must be equal in trials that train at once."""
    drawn = recipe.data.augment != NONE or recipe.backbone.weights == "random"
    held = recipe.replace(lr=1e-3, epochs=1, seed=recipe.seed if drawn else 0, regularizers=())
    words = tuple((r.name, *(v for v in r.values().values() if isinstance(v, str | bool))) for r in recipe.regularizers)
    views = min(recipe.epochs, VIEWS) if recipe.data.augment != NONE else 0
    return held, words, views


def half_of(
    recipe: Recipe, built: Built, pictures: Inputs, examples: int, where: torch.device, dtype: torch.dtype
) -> Halves | None:
    """Where the body can be cut so that its frozen beginning is computed once; None where it cannot, or not exactly.

    Pictures that change at random have no one beginning, nor have those that a regularizer acts on within the body, and
    float64 is there to be exact. `pictures`: a few to try.
    """
    within = any(each.within for each in recipe.regularizers)
    if within or recipe.scope.trains_statistics or recipe.data.augment != NONE or dtype == torch.float64:
        return None
    if not isinstance(pictures, torch.Tensor):  # what is of unequal length is padded for each batch anew
        return None
    body = built.body.eval().to(where)
    example = built.prepare(pictures).to(where)
    found = halves(body, set(recipe.scope.chosen(body)), example)
    if found is None:
        return None
    with torch.no_grad():
        each = found.beginning(example)[0].numel() * 4
    return found if each * examples <= KEPT else None


def _views(recipe: Recipe, built: Built, data: Data, where: torch.device, dtype: torch.dtype) -> list[Tensor]:
    """Features of the training part in as many changed versions as there are, none where pictures stay as they are."""
    how = recipe.data.augment
    if how == NONE:
        return []
    seeds = [recipe.seed * 1009 + view for view in range(min(VIEWS, recipe.epochs))]
    return [features.kept(built, data, data.train, where, dtype, how, seed) for seed in seeds]


def spread_of(found: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each feature; one that never varies gets 1."""
    std = found.std(0, correction=0)
    return found.mean(0), torch.where(std > 1e-8, std, 1.0)
