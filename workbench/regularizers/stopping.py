"""Regularizers that end a run before it overfits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.choices import Options, Range, knob
from workbench.regularizers.base import Regularizer, Row


@dataclass(frozen=True)
class EarlyStopping(Regularizer):
    """Stop when the validation loss, or the gap, has not improved for `patience` epochs; the best epoch is kept.

    Source: Prechelt, "Early stopping - but when?", 1998.
    """

    name = "early-stopping"
    watch: str = knob("loss", Options(("loss", "gap")), "What must go on improving: validation loss, or the gap.")
    patience: int = knob(5, Range(1, 50), "Epochs without improvement that are waited for.", limits=(1, 100_000))
    at_least: float = knob(0.0, Range(0.0, 0.1), "What counts as an improvement, at the least.", limits=(0, 1e6))

    def should_stop(self, history: Sequence[Row]) -> bool:
        column = "valid_loss" if self.watch == "loss" else "gap_loss"
        trained = [row[column] for row in history if row["epoch"] > 0]
        best, since = float("inf"), 0
        for value in trained:
            best, since = (value, 0) if value < best - self.at_least else (best, since + 1)
        return since >= self.patience
