"""Regularizers that act on the weights.

Defaults and ranges follow from `python -m benchmarks strengths`: below the ranges nothing changes, the defaults help on
wrong labels and cost at most a point or so on right ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.choices import Range, knob
from workbench.regularizers.base import Regularizer, plain, spread, total

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
    when = "Many features, of which few matter: it picks those, and sets the weights of the others to zero."
    strength: float = knob(1e-2, Range(1e-4, 1e-1, log=True), "Force on each weight.", limits=(0, 1e3))

    def penalty(self, weights: Sequence[Tensor], now: Any) -> Any:
        return now.strength * total(w.detach().abs() for w in weights)  # told; its force is on_gradients'

    def on_gradients(self, weights: Sequence[Tensor], now: Any) -> None:
        _hold(weights, now.strength, now)

    def after_step(self, weights: Sequence[Tensor], now: Any) -> None:
        _rest(weights, now)


def _hold(weights: Sequence[Tensor], force: Tensor, now: Any) -> None:
    """Before a step: add `force` (trials,) to the gradient, and keep weights at zero on which the rest pulls with less.

    Here, and not by the loss: SAM asks for that at weights beside those that step, where none is at zero.
    """
    import torch

    now.sides = []  # of zero: on which alone each weight may lie after the step (0: none), and whether that holds
    for w in weights:
        base = w if w._base is None else w._base  # a network's own weight, of which this is a view
        if base.grad is None:  # the loss does not reach it
            base.grad = torch.zeros_like(base)
        grad, each, sign = base.grad.view_as(w), spread(force, w), w.sign()
        grad += each * sign
        resting = 1 - sign.abs()  # signs and products throughout: to compare takes a CPU ten times as long
        grad += resting * (grad.sign() * (grad.abs() - each).relu() - grad)
        held = 1 - (sign * grad - 2 * each).sign().relu()  # 0 where the rest, grad - force * sign, pulls on
        now.sides.append((sign - resting * grad.sign(), held * (each > 0)))


def _rest(weights: Sequence[Tensor], now: Any) -> None:
    """After a step: weights that it carried across zero rest there."""
    for w, (side, held) in zip(weights, now.sides, strict=True):
        w *= 1 - held * (1 - (w * side).sign().relu())


@dataclass(frozen=True)
class L2(Regularizer):
    """Pull every weight towards zero in proportion to its size: adds `strength * sum(w ** 2)` to the loss.

    Source: Hoerl and Kennard, "Ridge regression", 1970.
    """

    name = "l2"
    when = "Few examples or wrong labels: no single weight, and no outlier, can rule the answer."
    strength: float = knob(3e-2, Range(1e-4, 3e-1, log=True), "Force in proportion to a weight.", limits=(0, 1e3))

    def penalty(self, weights: Sequence[Tensor], now: Any) -> Any:
        return now.strength * total(w * w for w in weights)


@dataclass(frozen=True)
class ElasticNet(Regularizer):
    """L1 and L2 in one: adds `strength * (share * sum(|w|) + (1 - share) / 2 * sum(w ** 2))` to the loss.

    Zeros are exact, as L1's are. Source: Zou and Hastie, "Regularization and variable selection via the elastic net",
    2005; strength and share as scikit-learn's `alpha` and `l1_ratio`.
    """

    name, in_sight = "elastic-net", False
    when = "Features that go together: L1 alone picks one of them by chance, this keeps or drops them as a group."
    strength: float = knob(1e-2, Range(1e-4, 1e-1, log=True), "Force of both together.", limits=(0, 1e3))
    share: float = knob(0.5, Range(0.0, 1.0), "Share of it that is L1's.")

    def penalty(self, weights: Sequence[Tensor], now: Any) -> Any:
        own, other = total(w.detach().abs() for w in weights), total(w * w for w in weights)  # as L1's, and as L2's
        return now.strength * (now.share * own + (1 - now.share) / 2 * other)

    def on_gradients(self, weights: Sequence[Tensor], now: Any) -> None:
        _hold(weights, now.strength * now.share, now)

    def after_step(self, weights: Sequence[Tensor], now: Any) -> None:
        _rest(weights, now)


@dataclass(frozen=True)
class WeightDecay(Regularizer):
    """Shrink every weight by `lr * strength` of itself before each step, apart from the gradient.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019; the order is that of torch's AdamW.
    """

    name, in_sight = "weight-decay", False
    when = "As L2, where the optimizer is Adam, whose steps would even a penalty's force out."
    strength: float = knob(1.0, Range(1e-2, 1e1, log=True), "Share of a weight that goes, times lr.", limits=(0, 1e3))

    def on_gradients(self, weights: Sequence[Tensor], now: Any) -> None:
        for w in weights:
            w.mul_((1 - spread(now.lr * now.strength, w)).clamp_min_(0))  # beyond all of itself it would grow, swinging


@dataclass(frozen=True)
class L2SP(Regularizer):
    """Pull the backbone's weights towards where pretraining left them: adds `strength * sum((w - start) ** 2)`.

    Source: Li, Grandvalet and Davoine, "Explicit inductive bias for transfer learning with convolutional
    networks", 2018.
    """

    name, in_sight, within = "l2-sp", False, True
    when = "Few examples and every weight trains: what pretraining knows is kept unless the data say otherwise."
    strength: float = knob(1e-2, Range(1e-4, 1.0, log=True), "Force in proportion to the way gone.", limits=(0, 1e3))

    def prepare(self, learner: Any, now: Any) -> None:
        if not now.memory:
            now.memory |= {name: plain(w) for name, w in _of_body(learner)}

    def penalty(self, weights: Sequence[Tensor], now: Any) -> Any:
        moved = (w - now.memory[name] for name, w in _of_body(now.learner))
        return now.strength * total(each * each for each in moved)


def _of_body(learner: Any) -> Iterator[tuple[str, Tensor]]:
    """The backbone's weights that train, no biases and no norms, the trial axis in front."""
    return ((name, w) for name, w in learner.every().items() if name.startswith("body.") and w.dim() > 2)


@dataclass(frozen=True)
class GroupLasso(Regularizer):
    """Pull whole groups of weights to zero: all that a head's layer takes from one feature; one filter of the backbone.

    After each step a group shrinks by `lr * strength * sqrt(its size)` of its length, and is zero where that is more
    than it has: the proximal step of `strength * sum(sqrt(size) * ||group||)`. With plain SGD it ends at the minimum of
    loss and penalty together; with Adam the pull stands beside the gradient, as weight decay's does.
    Source: Yuan and Lin, "Model selection and estimation in regression with grouped variables", 2006; for networks,
    Wen and others, "Learning structured sparsity in deep neural networks", 2016.
    """

    name, in_sight = "group-lasso", False
    when = "To see which features are needed at all: a feature goes for every class at once, a filter as a whole."
    strength: float = knob(0.1, Range(1e-2, 0.5, log=True), "Force on each group.", limits=(0, 1e3))

    def penalty(self, weights: Sequence[Tensor], now: Any) -> Any:
        return now.strength * total(_length(w.detach()) * _size(w) for w in weights)  # told; the step is after_step's

    def after_step(self, weights: Sequence[Tensor], now: Any) -> None:
        for w in weights:
            pull = spread(now.lr * now.strength, w) * _size(w)
            w.mul_((1 - pull / _length(w).clamp_min(1e-30)).clamp_min_(0))


def _length(w: Tensor) -> Tensor:
    """The length of each group: (trials, groups, 1, ...)."""
    return w.square().sum(tuple(range(2, w.dim())), keepdim=True).sqrt()


def _size(w: Tensor) -> float:
    """The root of how many weights a group has."""
    return float(w[0, 0].numel() ** 0.5)


@dataclass(frozen=True)
class MaxNorm(Regularizer):
    """Hold what comes into each unit to a length of at most `most`: longer weight vectors are scaled back.

    Source: Srebro, Rennie and Jaakkola, "Maximum-margin matrix factorization", 2004; with dropout, Srivastava and
    others, 2014.
    """

    name, in_sight = "max-norm", False
    when = "High learning rates, and dropout: weights cannot run away, and small ones are left alone."
    most: float = knob(1.0, Range(0.1, 10.0, log=True), "Length that a unit's weights may have.", limits=(1e-6, 1e6))

    def after_step(self, weights: Sequence[Tensor], now: Any) -> None:
        for name, w in now.learner.every().items():
            if w.dim() > 2:  # a head's units are its last axis, the backbone's its first
                axes = (1,) if name.startswith("head.") else tuple(range(2, w.dim()))
                length = w.square().sum(axes, keepdim=True).sqrt()
                w.mul_((spread(now.most, w) / length.clamp_min(1e-30)).clamp_max_(1))
