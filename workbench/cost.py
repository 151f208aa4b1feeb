"""What a run will take, estimated before it starts from a probe on this machine."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.backbones import Backbone
    from workbench.recipe import Recipe

PROBE = 8  # pictures in a probe's batch
BACKWARD = 3.0  # a step forward and back takes about three times as long as forward alone
WHOLE = 0.6 * BACKWARD + 0.4  # an epoch with every weight, in passes of all examples: 60 % train, 40 % are measured


@lru_cache(maxsize=256)
def forward_seconds(backbone: Backbone, side: int) -> float:
    """Seconds a picture of `side` px through `backbone` in eval mode, on the device that a run takes.

    Measured on random weights: it takes as long, and nothing is downloaded.
    """
    import torch

    from workbench.backbones.vision import build
    from workbench.learners.plan import device, resolved

    where = device()
    built = build(backbone.replace(weights="random"), side=side, seed=0)
    body, pictures = built.body.to(where), torch.zeros(PROBE, 3, side, side, dtype=torch.uint8, device=where)
    mixed = torch.autocast(where.type, torch.bfloat16, enabled=resolved("auto", where) == torch.bfloat16)
    took = []
    with torch.no_grad(), mixed:
        for _ in range(3):  # the first one warms up
            started = time.perf_counter()
            body(built.prepare(pictures)).sum().item()
            took.append(time.perf_counter() - started)
    return min(took[1:]) / PROBE


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
    examples, side = recipe.data.extent()
    forward = examples * forward_seconds(recipe.backbone, side)
    epoch = 0.0 if recipe.scope.name == "head" else forward * WHOLE
    return {"reading": reading, "features": forward, "epoch": epoch, "total": reading + forward + epoch}


def said(found: dict[str, float]) -> str:
    """`About 40 s to the first epoch: 31 s to read the pictures, 9 s through the backbone.`"""
    parts = [(found["reading"], "to read the pictures"), (found["features"], "through the backbone")]
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
