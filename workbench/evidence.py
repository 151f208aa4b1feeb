"""What the rows of a run say of generalisation, in numbers: what a verdict goes by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from workbench.history import Row

RECENT = 0.25  # share of the epochs that tell whether it still learns
AS_MEASURED = (  # at the last epoch
    *("rise", "rise_low", "rise_high", "gap_loss", "gap_loss_low", "gap_loss_high"),
    *("valid_accuracy", "train_loss", "valid_loss"),
)


def evidence(rows: Sequence[Row]) -> dict[str, float]:
    """The numbers of the verdict, at the last epoch where not said otherwise. Losses in nats.

    `best_accuracy`: validation accuracy at the best epoch, with `best_high`, the upper end of its interval;
    `rise`: validation loss above its own minimum, paired, with `rise_low` and `rise_high`; `gap`, `gap_low`,
    `gap_high`: of accuracy; `gap_slope`: its change an epoch, of late; `noise`: what dropout, augmentation and the like
    add to the loss that the optimizer sees; `drift`: by how much surer of itself than right the model became since the
    best epoch; `memorised`: share of the wrong labels repeated, NaN where none is known; `falling`: of all that
    validation loss has fallen, what it fell of late.
    """
    last, start, past = rows[-1], rows[0], rows[1:] or rows
    best = min(rows, key=lambda row: row["valid_loss"])
    late = max(2, math.ceil(RECENT * len(past)))
    recent = np.array([[row["epoch"], row["gap_accuracy"], row["valid_loss"]] for row in past[-late:]])
    learnt = start["valid_loss"] - best["valid_loss"]
    before = rows[-late - 1] if len(rows) > late else start
    return {
        "epoch": last["epoch"],
        "best_epoch": best["epoch"],
        "best_accuracy": best["valid_accuracy"],
        "best_high": best.get("valid_high", math.nan),
        **{name: last[name] for name in AS_MEASURED},
        "gap": last["gap_accuracy"],
        "gap_low": last["low"],
        "gap_high": last["high"],
        "gap_slope": _slope(recent[:, 0], recent[:, 1]),
        "noise": _noise(last),
        "drift": _sure(last) - _sure(best),
        "memorised": last.get("memorised", math.nan),
        "memorised_before": best.get("memorised", math.nan),
        "falling": (before["valid_loss"] - last["valid_loss"]) / learnt if learnt > 0 else 0.0,
        "train_accuracy": last.get("clean_train_accuracy", last["train_accuracy"]),
        "train_loss_before": start["train_loss"],
        "train_loss_best": best["train_loss"],
    }


def _slope(x: Any, y: Any) -> float:
    return float(np.polyfit(x, y, 1)[0]) if len(x) > 1 and np.isfinite(y).all() else 0.0


def _sure(row: Row) -> float:
    """By how much the model is surer of its answers than right, on the validation part."""
    return float(row.get("valid_confidence", math.nan) - row["valid_accuracy"])


def _noise(row: Row) -> float:
    if row["objective"] is None:
        return 0.0
    return float(row["objective"] - (row["penalty"] or 0.0) - row["train_loss"])
