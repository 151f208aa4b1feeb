"""What a run will take, estimated before it starts from a probe on this machine."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from workbench.backbones import Backbone, Built
    from workbench.recipe import Recipe
    from workbench.scopes import Scope

PROBE = 8  # pictures in a probe's batch
FEW = 2  # pictures whose activations are counted
BACKWARD = 3.0  # a step forward and back takes about three times as long as forward alone
WHOLE = 0.6 * BACKWARD + 0.4  # an epoch with every weight, in passes of all examples: 60 % train, 40 % are measured
WORTH = 3.0  # seconds to the first epoch from which on they are worth a word


def forward_seconds(backbone: Backbone, side: int) -> float:
    """Seconds a picture of `side` px through `backbone` in eval mode, on the device that a run takes.

    Measured on random weights: it takes as long, and nothing is downloaded.
    """
    return _probed(backbone.replace(weights="random"), side)[0]


def held_bytes(backbone: Backbone, side: int) -> float:
    """Bytes a picture of `side` px that lie between forward and backward where every weight of `backbone` trains."""
    return _probed(backbone.replace(weights="random"), side)[1]


@lru_cache(maxsize=256)
def _probed(backbone: Backbone, side: int) -> tuple[float, float]:
    """Seconds, and bytes between forward and backward, a picture."""
    built, blank, where, mixed = _built(backbone, side)
    with mixed:
        seconds, body = _timed(built.body, built.prepare(blank).to(where)), built.body.requires_grad_(True)
        few, more = (_saved(body, built.prepare(blank[:many]).to(where)) for many in (FEW, 2 * FEW))
    return seconds, (more - few) / FEW  # what both hold, weights in half the bits say, is no picture's


@lru_cache(maxsize=64)
def _tail_seconds(backbone: Backbone, scope: Scope, side: int, examples: int) -> float | None:
    """Seconds a picture through what is left where a frozen beginning is computed once; None where none is."""
    from workbench.learners.plan import half_of, resolved
    from workbench.recipe import Recipe

    built, blank, where, mixed = _built(backbone, side)
    recipe = Recipe("digits", backbone, scope=scope)
    half = half_of(recipe, built, blank[:FEW], examples, where, resolved("auto", where))
    if half is None:
        return None
    import torch

    with mixed, torch.no_grad():
        middle = half.beginning(built.prepare(blank).to(where))
        return _timed(half.tail, middle)


def _built(backbone: Backbone, side: int) -> tuple[Built, Any, torch.device, torch.autocast]:
    """The network with random weights, blank examples for it, where they are, and in which numbers it computes."""
    import torch

    from workbench.backbones.building import build
    from workbench.learners.plan import device, resolved

    where = device()
    built = build(backbone, side=side, seed=0)
    built.body.to(where)
    mixed = torch.autocast(where.type, torch.bfloat16, enabled=resolved("auto", where) == torch.bfloat16)
    return built, built.front.blank(PROBE, side), where, mixed


def _timed(body: Any, inputs: torch.Tensor) -> float:
    """Seconds a picture through `body`."""
    import torch

    took = []
    with torch.no_grad():
        for _ in range(3):  # the first one warms up
            started = time.perf_counter()
            body(inputs).sum().item()
            took.append(time.perf_counter() - started)
    return min(took[1:]) / len(inputs)


def _saved(body: Any, inputs: torch.Tensor) -> int:
    """Bytes that autograd keeps of a forward pass, weights aside."""
    import torch

    weights, found = {weight.data_ptr() for weight in body.parameters()}, dict[int, int]()

    def kept(tensor: torch.Tensor) -> torch.Tensor:
        found[tensor.data_ptr()] = tensor.nbytes  # what two operations keep lies there once
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(kept, lambda tensor: tensor):
        held = body(inputs)
    del held
    return sum(size for place, size in found.items() if place not in weights)


@lru_cache(maxsize=16)
def augmented_seconds(how: str, side: int) -> float:
    """Seconds that changing one picture at random takes."""
    import torch

    from workbench.datasets.augmentation import augmented

    took = []
    for _ in range(2):  # the first one loads what it takes
        started = time.perf_counter()
        augmented(torch.zeros(PROBE, 3, side, side, dtype=torch.uint8), how, 0)
        took.append(time.perf_counter() - started)
    return took[-1] / PROBE


def before(recipe: Recipe) -> dict[str, float]:
    """Seconds until the first epoch is done: `reading` files, `features` of all pictures, `epoch`; and `total`.

    Nothing but a few files is read; a frozen body's features may be kept from before, and then it is faster.
    """
    reading, _ = recipe.data.reading()
    train, valid, _ = recipe.data.parts()
    side, how = recipe.data.size, recipe.data.augment
    forward, changed = forward_seconds(recipe.backbone, side), augmented_seconds(how, side) if how != "none" else 0.0
    if recipe.scope.name == "head":
        features, epoch = _head(recipe, train, valid, forward, changed), 0.0
    else:
        features, epoch = _body(recipe, train, valid, forward, changed)
    return {"reading": reading, "features": features, "epoch": epoch, "total": reading + features + epoch}


def _head(recipe: Recipe, train: int, valid: int, forward: float, changed: float) -> float:
    """Seconds that a head's features take; with augmentation those of each changed version too."""
    from workbench.datasets.augmentation import VIEWS

    views = min(VIEWS, recipe.epochs) if recipe.data.augment != "none" else 0
    return forward * (train + valid) + views * train * (forward + changed)


def _body(recipe: Recipe, train: int, valid: int, forward: float, changed: float) -> tuple[float, float]:
    """Seconds that features take where the body trains (to standardise by, and of a beginning), and those of an epoch.

    The probe of the training part and the validation part are measured twice: before training, and after the epoch.
    """
    from workbench.learners.plan import ENOUGH

    random, still = recipe.backbone.replace(weights="random"), recipe.data.augment == "none"
    tail = _tail_seconds(random, recipe.scope, recipe.data.size, train + valid) if still else None
    each = forward if tail is None else min(tail, forward)
    features = forward * min(train, ENOUGH) + (forward - each) * (train + valid)
    measured = 2 * (min(train, valid) + valid)
    return features, each * (BACKWARD * train + measured) + changed * train


def foretold(recipe: Recipe) -> str:
    """What `said` says of a person's own data where it takes a while; "" where it does not, or cannot be known."""
    with suppress(Exception):  # what is wrong with the data or the backbone, the run itself will say
        found = before(recipe) if recipe.data.own else {"total": 0.0}
        return said(found) if found["total"] >= WORTH else ""
    return ""


def said(found: dict[str, float]) -> str:
    """`About 40 s to the first epoch: 31 s to read the examples, 9 s through the backbone.`"""
    parts = [(found["reading"], "to read the examples"), (found["features"], "through the backbone")]
    parts.append((found["epoch"], "for the epoch itself"))
    shown = ", ".join(f"{lasting(seconds)} {what}" for seconds, what in parts if seconds >= 0.5)
    return f"About {lasting(found['total'])} to the first epoch{f': {shown}' if shown else ''}."


def lasting(seconds: float) -> str:
    """`12 s`, `3 min 20 s` or `2 h 5 min`."""
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 6000 else f"{whole // 3600} h {whole % 3600 // 60} min"


def sized(count: float) -> str:
    """`23 MB` or `1.4 GB`."""
    return f"{count / 2**20:.0f} MB" if count < 2**30 else f"{count / 2**30:.1f} GB"
