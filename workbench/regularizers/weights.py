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

    A weight that a step carries across zero rests there, exactly, until the rest of the loss pulls on with more than
    `strength`: so its slope at zero is, of all that the sum has there, the one that moves it least.
    Source: Tibshirani, "Regression shrinkage and selection via the lasso", 1996; the steps: Andrew and Gao, "Scalable
    training of L1-regularized log-linear models", 2007, here with any optimizer.
    """

    name = "l1"
    strength: float = knob(1e-2, Range(1e-4, 1e-1, log=True), "Force on each weight.", limits=(0, 1e3))

    def penalty(self, weights: Sequence[Tensor], now: Any) -> Any:
        return now.strength * total(w.abs() for w in weights)

    def on_gradients(self, weights: Sequence[Tensor], now: Any) -> None:
        now.sides = []  # of zero: on which alone each weight may lie after the step (0: none), and whether that holds
        for w in weights:
            base = w if w._base is None else w._base  # a network's own weight, of which this is a view
            assert base.grad is not None
            grad, force, sign = base.grad.view_as(w), spread(now.strength, w), w.sign()
            resting = 1 - sign.abs()  # signs and products throughout: to compare takes a CPU ten times as long
            grad += resting * (grad.sign() * (grad.abs() - force).relu() - grad)
            held = 1 - (sign * grad - 2 * force).sign().relu()  # 0 where the rest, grad - force * sign, pulls on
            now.sides.append((sign - resting * grad.sign(), held * (force > 0)))

    def after_step(self, weights: Sequence[Tensor], now: Any) -> None:
        for w, (side, held) in zip(weights, now.sides, strict=True):
            w *= 1 - held * (1 - (w * side).sign().relu())


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
            w.mul_((1 - spread(now.lr * now.strength, w)).clamp_min_(0))  # beyond all of itself it would grow, swinging
