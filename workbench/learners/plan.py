"""Which learner drives a recipe, and on which examples."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from workbench import features
from workbench.backbones.vision import build
from workbench.learners.heads import Heads
from workbench.learners.module import Module

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.backbones import Built
    from workbench.datasets import Data
    from workbench.recipe import Recipe

Learner = Heads | Module
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}


@dataclass(eq=False)
class Plan:
    """A learner with its examples: rows 0..train of its inputs are the training part, the rest the validation part."""

    recipe: Recipe
    data: Data
    built: Built
    learner: Learner
    standard: tuple[Tensor, Tensor]  # mean and spread of the training part's features
    device: torch.device
    dtype: torch.dtype


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


def plan(recipe: Recipe, data: Data | None = None) -> Plan:
    """Load the data, build the backbone, keep its features, and choose the learner."""
    data = data or recipe.data.load()
    built = build(recipe.backbone, side=data.inputs.shape[-1], seed=recipe.seed)
    where = device()
    dtype = resolved(recipe.precision, where)
    rows = torch.cat([data.train, data.valid])
    pictures, labels = data.inputs[rows], data.labels[rows]
    found = features.kept(built, pictures, where, dtype)
    standard = spread_of(found[: len(data.train)])
    learner: Learner
    if recipe.scope.name == "head":
        exact = torch.float64 if dtype == torch.float64 else torch.float32
        learner = Heads([recipe], (found - standard[0]) / standard[1], labels, len(data.classes), exact)
    else:
        learner = Module(recipe, built, pictures, labels, len(data.classes), standard, where, dtype)
    return Plan(recipe, data, built, learner, standard, where, dtype)


def spread_of(found: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each feature; one that never varies gets 1."""
    std = found.std(0, correction=0)
    return found.mean(0), torch.where(std > 1e-8, std, 1.0)
