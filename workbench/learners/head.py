"""Heads as plain tensors with a trial axis in front: linear, or with hidden layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.scopes import Head

BENT: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "gelu": torch.nn.functional.gelu,
    "tanh": torch.tanh,
}


def start(spec: Head, inputs: int, classes: int, seeds: Sequence[int], dtype: torch.dtype) -> dict[str, Tensor]:
    """Weights and biases, drawn evenly within `1 / sqrt(inputs)` from the trial's own seed, as in torch's Linear.

    Returns `head.<layer>.weight` (trials, inputs, outputs) and `head.<layer>.bias` (trials, 1, outputs).
    """
    widths = [inputs, *[spec.width] * spec.layers, classes]
    found: dict[str, Tensor] = {}
    for at, (fan_in, fan_out) in enumerate(pairwise(widths)):
        for kind, rows in (("weight", fan_in), ("bias", 1)):
            drawn = []
            for seed in seeds:
                generator = torch.Generator().manual_seed(seed * 1_000_003 + 2 * at + (kind == "bias"))
                drawn.append(torch.rand(rows, fan_out, generator=generator, dtype=torch.float64))
            found[f"head.{at}.{kind}"] = ((2 * torch.stack(drawn) - 1) / fan_in**0.5).to(dtype)
    return found


def apply(
    weights: Mapping[str, Tensor], x: Tensor, activation: str, change: Callable[[Tensor, int], Tensor] | None = None
) -> Tensor:
    """Logits (trials, batch, classes) of features (1 or trials, batch, width); `change(x, layer)`: of what it reads."""
    layers = len(weights) // 2
    for at in range(layers):
        if change is not None:
            x = change(x, at)
        x = _product(x, weights[f"head.{at}.weight"]) + weights[f"head.{at}.bias"]
        if at < layers - 1:
            x = BENT[activation](x)
    return x


def _product(x: Tensor, w: Tensor) -> Tensor:
    """`x @ w`, (1 or trials, batch, inputs) and (trials, inputs, outputs); what all trials share is multiplied once."""
    trials, inputs, outputs = w.shape
    if len(x) > 1 or trials == 1:
        return x @ w
    side_by_side = w.transpose(0, 1).reshape(inputs, trials * outputs)
    return (x[0] @ side_by_side).view(-1, trials, outputs).transpose(0, 1)
