"""Regularizers that act on the weights.

Defaults and ranges follow from `python -m benchmarks strengths`: below the ranges nothing changes, the defaults help on
wrong labels and cost at most a point or so on right ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.choices import Range, knob
from workbench.regularizers.base import Regularizer, spread, total

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class L1(Regularizer):
    """Pull every weight towards zero with constant force: adds `strength * sum(|w|)` to the loss.

    Source: Tibshirani, "Regression shrinkage and selection via the lasso", 1996.
    """

    name = "l1"
    strength: float = knob(1e-2, Range(1e-4, 1e-1, log=True), "Force on each weight.", limits=(0, 1e3))

    def penalty(self, weights: Sequence[Tensor], now: Any) -> Any:
        return now.strength * total(w.abs() for w in weights)


@dataclass(frozen=True)
class L2(Regularizer):
    """Pull every weight towards zero in proportion to its size: adds `strength * sum(w ** 2)` to the loss.

    Source: Hoerl and Kennard, "Ridge regression", 1970.
    """

    name = "l2"
    strength: float = knob(3e-2, Range(1e-4, 3e-1, log=True), "Force in proportion to a weight.", limits=(0, 1e3))

    def penalty(self, weights: Sequence[Tensor], now: Any) -> Any:
        return now.strength * total(w * w for w in weights)


@dataclass(frozen=True)
class WeightDecay(Regularizer):
    """Shrink every weight by `lr * strength` of itself before each step, apart from the gradient.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019; the order is that of torch's AdamW.
    """

    name = "weight-decay"
    strength: float = knob(1.0, Range(1e-2, 1e1, log=True), "Share of a weight that goes, times lr.", limits=(0, 1e3))

    def on_gradients(self, weights: Sequence[Tensor], now: Any) -> None:
        for w in weights:
            w.mul_(1 - spread(now.lr * now.strength, w))
