"""Which examples are looked at, and what each counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

POOL = 20  # batches that are sorted by length together


def class_weights(labels: Tensor, classes: int) -> Tensor:
    """What each class weighs so that all weigh the same together, 1 on average over the examples: (classes,)."""
    counts = torch.bincount(labels, minlength=classes).double()
    return torch.where(counts > 0, len(labels) / (counts.clamp_min(1) * (counts > 0).sum()), 0.0)


def stratified(labels: Tensor, most: int) -> Tensor:
    """At most `most` positions, each class with its share, in order: a fixed probe of the training part."""
    if most >= len(labels):
        return torch.arange(len(labels))
    kept = [
        at[: max(1, round(most * len(at) / len(labels)))]
        for c in torch.unique(labels)
        for at in [(labels == c).nonzero().flatten()]
    ]
    return torch.cat(kept).sort().values[:most]


def order(labels: Tensor, shares: Tensor | None, generator: torch.Generator) -> Tensor:
    """Positions of an epoch: every example once; or, by the `shares` of the classes, as many draws with replacement."""
    if shares is None:
        return torch.randperm(len(labels), generator=generator)
    return torch.multinomial(shares[labels], len(labels), replacement=True, generator=generator)


def by_length(lengths: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Positions so that examples of about one length stand in one batch of `size`: padding costs time.

    Pools of some batches are sorted, then the whole batches of all are shuffled; what fills no batch comes last.
    """
    pools = [at[lengths[at].argsort(stable=True)] for at in torch.split(torch.arange(len(lengths)), POOL * size)]
    found = torch.cat(pools)
    whole = len(found) // size
    batches = found[: whole * size].reshape(whole, size)[torch.randperm(whole, generator=generator)]
    return torch.cat([batches.flatten(), found[whole * size :]])


def by_key(of: Tensor, keys: Sequence[Any]) -> Tensor:
    """Rows of `of`, one a key in the order in which the keys come, to one a trial; (1, ...) where there is but one."""
    if len(of) == 1:
        return of
    row = {key: at for at, key in enumerate(dict.fromkeys(keys))}
    return of[[row[key] for key in keys]]
