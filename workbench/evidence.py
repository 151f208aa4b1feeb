"""What the rows of a run say of generalisation, in numbers: what a verdict goes by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from workbench.history import Row

RECENT = 0.25  # share of the epochs that tell whether it still learns
Z = 1.959964  # standard deviations on either side that hold 95 %
MIDDLE = 0.674490  # standard deviations on either side that hold half
AS_MEASURED = (  # at the last epoch
    *("rise", "rise_low", "rise_high", "gap_loss", "gap_loss_low", "gap_loss_high"),
    *("valid_accuracy", "train_loss", "valid_loss"),
)


def evidence(rows: Sequence[Row]) -> dict[str, float]:
    """The numbers of the verdict, at the last epoch where not said otherwise. Losses in nats.

    `best_accuracy`: validation accuracy at the best epoch, with `best_high`, the upper end of its interval; `rise`:
    validation loss above its own minimum, paired, with `rise_low` and `rise_high`; `luck`: by how much that minimum
    lies lower by chance alone, the least of so many epochs that scatter; `gap`, `gap_low`, `gap_high`: of accuracy;
    `gap_slope`: its change an epoch, of late; `noise`: what dropout, augmentation, smoothing, weights of classes and
    the like add to the loss that the optimizer sees, over the last epoch; `drift`: by how much surer of itself than
    right the model became since the best epoch; `memorised`: share of the wrong labels repeated, NaN where none is
    known; `falling`: of all that validation loss has fallen, what it fell of late.
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
        "luck": luck([row["valid_loss"] for row in past]),
        "gap": last["gap_accuracy"],
        "gap_low": last["low"],
        "gap_high": last["high"],
        "gap_slope": _slope(recent[:, 0], recent[:, 1]),
        "noise": noise(rows[-2] if len(rows) > 1 else last, last),
        "drift": _sure(last) - _sure(best),
        "memorised": last.get("memorised", math.nan),
        "memorised_before": best.get("memorised", math.nan),
        "falling": (before["valid_loss"] - last["valid_loss"]) / learnt if learnt > 0 else 0.0,
        "train_accuracy": last.get("clean_train_accuracy", last["train_accuracy"]),
        "train_loss_before": start["train_loss"],
        "train_loss_best": best["train_loss"],
    }


def luck(losses: Sequence[float]) -> float:
    """By how much the least of these losses is expected to lie below the curve that they scatter around.

    The scatter is that of the third differences, which a smooth curve hardly has (their median, so that a steep
    beginning counts little). The least of n normal draws lies at most sqrt(2 ln n) standard deviations below their
    mean, in expectation. Of fewer than five losses no scatter is known, and it is 0. Sources: Gasser, Sroka,
    Jennen-Steinmetz, "Residual variance and residual pattern in nonlinear regression", 1986; Boucheron, Lugosi,
    Massart, "Concentration inequalities", 2013, section 2.5.
    """
    found = np.array(losses, dtype=float)
    bends = np.diff(found[np.isfinite(found)], 3)
    if len(bends) < 2:
        return 0.0
    scatter = np.median(np.abs(bends)) / (MIDDLE * math.sqrt(20))
    return float(scatter * math.sqrt(2 * math.log(len(losses))))


def wilson(share: float, examples: float) -> tuple[float, float]:
    """95 % interval of a share that was counted on so many examples.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    part = Z**2 / examples
    middle, half = share + part / 2, Z * math.sqrt(share * (1 - share) / examples + part / (4 * examples))
    return (middle - half) / (1 + part), (middle + half) / (1 + part)


def _slope(x: Any, y: Any) -> float:
    return float(np.polyfit(x, y, 1)[0]) if len(x) > 1 and np.isfinite(y).all() else 0.0


def _sure(row: Row) -> float:
    """By how much the model is surer of its answers than right, on the validation part."""
    return float(row.get("valid_confidence", math.nan) - row["valid_accuracy"])


def noise(before: Row, row: Row) -> float:
    """What an epoch's objective has on top of penalties and of the train loss, in nats; `before`: the row before it.

    The objective is a mean over the epoch, in which the loss fell: so it is held against the mean of a loss that falls
    from one end to the other by the same share in each step, the logarithmic mean of both.
    """
    if row["objective"] is None:
        return 0.0
    start, end = before["train_loss"], row["train_loss"]
    steady = min(start, end) <= 0 or math.isclose(start, end, rel_tol=1e-6) or not math.isfinite(start + end)
    mean = (start + end) / 2 if steady else (start - end) / math.log(start / end)
    return float(row["objective"] - (row["penalty"] or 0.0) - mean)
