"""Rows of plain numbers per epoch: as tables, the gap, the best epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]

METRICS = ("loss", "accuracy", "precision", "recall", "f1")
GAP = ("gap_loss", "gap_loss_low", "gap_loss_high", "gap_accuracy", "low", "high", "rise", "rise_low", "rise_high")
HISTORY = (
    "epoch",
    *(f"{side}_{metric}" for metric in METRICS for side in ("train", "valid")),
    *("objective", "penalty", "lr", "examples", "seconds"),
)


def history(rows: Sequence[Row]) -> pd.DataFrame:
    """One row an epoch; with wrong labels put in on purpose also `clean_train_accuracy` and `memorised`."""
    from workbench.whole_table import WholeTable

    more = [key for key in ("clean_train_accuracy", "memorised") if rows and key in rows[0]]
    return WholeTable([{key: row[key] for key in [*HISTORY, *more]} for row in rows], columns=[*HISTORY, *more])


def gap(rows: Sequence[Row]) -> pd.DataFrame:
    """The gap an epoch: of the loss (validation minus train, nats) and of accuracy (train minus validation).

    `low` and `high` are the 95 % bootstrap interval of `gap_accuracy`. `rise`: by how much the validation loss stands
    above its own minimum, paired over the examples; where `rise_low` is above 0, that is overfitting. (Where epochs
    scatter, a minimum is lucky too: `wb.diagnose` asks for more than luck makes.)
    """
    from workbench.whole_table import WholeTable

    return WholeTable([{key: row[key] for key in ("epoch", *GAP)} for row in rows], columns=["epoch", *GAP])


def best(rows: Sequence[Row]) -> Row | None:
    """The row with the lowest validation loss, the earliest of equals; None without rows."""
    return min(rows, key=lambda row: row["valid_loss"], default=None)
