"""Regularizers that act on gradients and steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.choices import Range, knob
from workbench.regularizers.base import Regularizer, spread, total

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Clipping(Regularizer):
    """Scale the gradient back where it is longer than `most`, all weights and biases together.

    Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013; as torch's
    `clip_grad_norm_`, a trial at a time.
    """

    name, in_sight, turn = "clipping", False, 1  # the gradient as the others leave it
    when = "Steps that now and then go far too far: high learning rates, transformers, odd examples."
    most: float = knob(1.0, Range(0.01, 10.0, log=True), "Length that a gradient may have.", limits=(1e-9, 1e9))

    def on_gradients(self, weights: Sequence[Tensor], now: Any) -> None:
        grads = now.learner.gradients().values()
        scale = (now.most / (total(g.square() for g in grads).sqrt() + 1e-6)).clamp(max=1)
        for g in grads:
            g.mul_(spread(scale, g))


@dataclass(frozen=True)
class SAM(Regularizer):
    """Step by the gradient at the worst place near by: `radius` up the gradient's own direction.

    Each step costs two. Source: Foret and others, "Sharpness-aware minimization for efficiently improving
    generalization", 2021.
    """

    name, in_sight = "sam", False
    when = "Every weight trains, or labels are wrong: it looks for flat ground, where a small change costs little."
    radius: float = knob(0.05, Range(0.01, 0.5, log=True), "How far away the worst place may be.", limits=(0, 1e3))

    def around_step(self, compute: Callable[[], Any], now: Any) -> Any:
        import torch

        learner, found = now.learner, compute()
        with torch.no_grad():
            grads, weights = learner.gradients(), learner.every()
            scale = now.radius / (total(g.square() for g in grads.values()).sqrt() + 1e-12)
            moved = [(w, w.clone()) for w in (weights[name] for name in grads)]
            moved += [(buffer, buffer.clone()) for buffer in learner.floating]  # those of the first pass shall stay
            for name, grad in grads.items():
                weights[name].add_(spread(scale, grad) * grad)
            learner.clear()
        compute()
        with torch.no_grad():
            for tensor, before in moved:
                tensor.copy_(before)
        return found
