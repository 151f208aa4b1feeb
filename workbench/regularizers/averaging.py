"""Regularizers that answer with an average of the weights that were gone through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.choices import Range, knob
from workbench.regularizers.base import Regularizer, plain, spread

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.recipe import Recipe


class Average(Regularizer):
    """Keeps an average of the weights that answers in their place; a subclass says how it moves after a step."""

    in_sight = False

    def unfit(self, recipe: Recipe) -> str:
        others = [r.name for r in recipe.regularizers if isinstance(r, Average) and r.name != self.name]
        told = f"{self.name} and {others[0]} both answer with an average: leave one out." if others else ""
        return told or super().unfit(recipe)

    def prepare(self, learner: Any, now: Any) -> None:
        if not now.memory:
            self.join(learner, now)

    def join(self, learner: Any, now: Any) -> None:
        import torch

        now.memory = {name: plain(w) for name, w in learner.averaged().items()}
        now.memory["count"] = torch.zeros(learner.trials, dtype=torch.float64, device=learner.device)

    def answering(self, memory: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: mean for name, mean in memory.items() if name != "count"}


@dataclass(frozen=True)
class EMA(Average):
    """Answer with a moving average of the weights; training goes on from the weights themselves.

    In the first steps it forgets faster, as timm's does: `min(decay, (1 + step) / (10 + step))`.
    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992; Tarvainen and Valpola,
    "Mean teachers are better role models", 2017.
    """

    name = "ema"
    when = "Validation that goes up and down between epochs: the average lies below most of what it averages."
    decay: float = knob(0.99, Range(0.9, 0.9999), "Share of the average that a step leaves.", limits=(0, 0.999999))

    def after_step(self, weights: Sequence[Tensor], now: Any) -> None:
        step = now.epoch * now.steps + now.step
        kept = now.decay.clamp(max=(1 + step) / (10 + step))
        _move(now, 1 - kept)


@dataclass(frozen=True)
class SWA(Average):
    """Answer with the plain mean of the weights at the ends of the epochs, from a share of the run on.

    BatchNorm's running statistics are averaged along. A constant learning rate suits it. Source: Izmailov and others,
    "Averaging weights leads to wider optima and better generalization", 2018.
    """

    name = "swa"
    when = "Long runs at a constant learning rate, whose last epochs go round a good place."
    start: float = knob(0.5, Range(0.0, 0.9), "Share of the epochs after which it begins.", limits=(0, 1))

    def after_step(self, weights: Sequence[Tensor], now: Any) -> None:
        if now.step < now.steps - 1:
            return
        counts = now.memory["count"]
        counts += (now.epoch + 1 > now.start * now.epochs).to(counts.dtype)
        _move(now, 1 / counts.clamp(min=1))  # before the first it goes along with the weights


def _move(now: Any, share: Tensor) -> None:
    """Move each average by `share` (trials,) of the way to where its weight is."""
    for name, w in now.learner.averaged().items():
        now.memory[name].lerp_(w, spread(share, w).to(w.dtype))
