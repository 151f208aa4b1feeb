"""Regularizers that act on what the network answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.choices import Range, knob
from workbench.regularizers.base import Regularizer

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class LabelSmoothing(Regularizer):
    """Ask for a little of every class: the target is `1 - amount` of the label and `amount` spread over all classes.

    It calibrates; against wrong labels a head alone gains nothing from it (`python -m benchmarks strengths`).
    Source: Szegedy and others, "Rethinking the inception architecture for computer vision", 2016.
    """

    name = "label-smoothing"
    amount: float = knob(0.1, Range(0.0, 0.5), "Share of the target that all classes divide.", limits=(0, 1))

    def on_logits(self, logits: Tensor, targets: Tensor, now: Any) -> Any:
        logp = logits.log_softmax(-1)
        own = logp.gather(-1, targets.expand(logits.shape[:2]).unsqueeze(-1)).squeeze(-1)
        return now.amount * (own - logp.mean(-1)).mean(-1)
