"""Regularizers that act inside the network."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.choices import Range, knob
from workbench.regularizers.base import Regularizer


@dataclass(frozen=True)
class Dropout(Regularizer):
    """Set a share of the head's inputs (and hidden units) to zero in each step, and scale up the rest.

    The learner applies it, since kept features have no module to put it in.
    Source: Srivastava and others, "Dropout: a simple way to prevent neural networks from overfitting", 2014.
    """

    name = "dropout"
    rate: float = knob(0.2, Range(0.0, 0.8), "Share of the inputs that a step does not see.", limits=(0, 0.99))
