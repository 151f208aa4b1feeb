"""Regularizers that end a run before it overfits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.choices import Options, Range, knob
from workbench.regularizers.base import Regularizer, Row


@dataclass(frozen=True)
class EarlyStopping(Regularizer):
    """Stop when validation has not improved for `patience` epochs, or not while the gap was open; the best is kept.

    By `loss`, `accuracy` or `f1` of the validation part; the best epoch is the one with the lowest loss all the same.
    A gap alone is no reason to stop, since it grows in every healthy run while validation still improves. By `gap` an
    epoch counts that reaches no new best and has a gap of the loss above `at_least` beyond doubt (`gap_loss_low`).
    Source: Prechelt, "Early stopping - but when?", 1998.
    """

    name = "early-stopping"
    when = "Wrong labels, few examples, or no idea how many epochs are enough: it costs nothing, and saves time."
    watch: str = knob(
        "loss",
        Options(("loss", "accuracy", "f1", "gap")),
        "Which of validation ends a run; gap: its loss, with an open gap.",
    )
    patience: int = knob(5, Range(1, 50), "Epochs without improvement that are waited for.", limits=(1, 100_000))
    at_least: float = knob(0.0, Range(0.0, 0.1), "What counts as an improvement, or as a gap.", limits=(0, 1e6))

    def should_stop(self, history: Sequence[Row]) -> bool:
        by_gap, higher = self.watch == "gap", self.watch in ("accuracy", "f1")
        column, sign = f"valid_{'loss' if by_gap else self.watch}", -1 if higher else 1
        best, since = float("inf"), 0
        for row in history:
            if row["epoch"] == 0:
                continue
            value = sign * row[column]
            improved = value < best - (0.0 if by_gap else self.at_least)
            closed = by_gap and row["gap_loss_low"] <= self.at_least
            best, since = value if improved else best, 0 if improved or closed else since + 1
        return since >= self.patience
