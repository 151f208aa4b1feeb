"""Rows as tables: history, gap, best epoch."""

from __future__ import annotations

import pytest

import workbench as wb
from workbench.history import GAP, HISTORY, best, gap, history


def rows(count, **more):
    """Rows whose numbers say where they came from: column 3 of epoch 2 holds 2.03."""
    names = [*HISTORY, *GAP, "step", "rise"]
    return [{name: at + i / 100 for i, name in enumerate(names)} | {"epoch": at} | more for at in range(count)]


def test_history_has_the_columns_that_are_promised_in_their_order():
    assert list(history(rows(3)).columns) == [
        *("epoch", "train_loss", "valid_loss", "train_accuracy", "valid_accuracy"),
        *("train_precision", "valid_precision", "train_recall", "valid_recall", "train_f1", "valid_f1"),
        *("objective", "penalty", "lr", "examples", "seconds"),
    ]


def test_every_number_stands_in_its_place():
    told = rows(4)
    for table, names in ((history(told), HISTORY), (gap(told), ("epoch", *GAP))):
        assert len(table) == 4
        for at, row in enumerate(told):
            assert table.iloc[at].tolist() == [row[name] for name in names]


def test_wrong_labels_have_columns_of_their_own():
    table = history(rows(2, clean_train_accuracy=0.5, memorised=0.25))
    assert list(table.columns[-2:]) == ["clean_train_accuracy", "memorised"]
    assert table["memorised"].tolist() == [0.25, 0.25] and "memorised" not in history(rows(2))


def test_without_rows_there_are_columns_and_no_best():
    assert list(history([]).columns) == list(HISTORY) and len(history([])) == 0
    assert list(gap([]).columns) == ["epoch", *GAP] and len(gap([])) == 0
    assert best([]) is None


@pytest.mark.parametrize(
    ("losses", "epoch"), [([3, 1, 2], 1), ([3, 1, 1], 1), ([1, 1, 1], 0), ([3, float("nan"), 2], 2)]
)
def test_the_best_epoch_has_the_lowest_validation_loss_the_earliest_of_equals(losses, epoch):
    assert best([{"epoch": at, "valid_loss": loss} for at, loss in enumerate(losses)])["epoch"] == epoch


def test_a_runs_tables_are_its_rows(tiny):
    run = wb.fine_tune(wb.Recipe(wb.Digits(per_class=5, label_noise=0.2), tiny, epochs=2))
    assert run.history["valid_loss"].tolist() == [row["valid_loss"] for row in run.rows]
    assert run.history["epoch"].tolist() == run.gap["epoch"].tolist() == [0, 1, 2]
    assert run.history["objective"].isna().tolist() == [True, False, False]
    difference = run.history["train_accuracy"] - run.history["valid_accuracy"]
    assert run.gap["gap_accuracy"].tolist() == pytest.approx(difference.tolist())
    assert run.best["valid_loss"] == run.history["valid_loss"].min()
    assert {"clean_train_accuracy", "memorised"} <= set(run.history.columns)


def test_the_gap_holds_the_rise_by_which_overfitting_is_told():
    assert [*gap(rows(2)).columns[-3:]] == ["rise", "rise_low", "rise_high"]
