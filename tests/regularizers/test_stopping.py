"""When early stopping ends a run: by validation loss, accuracy or F1, or by the gap."""

from __future__ import annotations

import pytest

import workbench as wb


def history(values, column="valid_loss"):
    return [{"epoch": at, column: value} for at, value in enumerate(values)]


def test_early_stopping_waits_and_stops():
    stop = wb.EarlyStopping(patience=2)
    assert not stop.should_stop(history([9, 3, 2, 2.5]))
    assert stop.should_stop(history([9, 3, 2, 2.5, 2.1]))
    assert not stop.should_stop(history([9, 3, 2, 2.5, 1.9, 2]))
    assert not stop.should_stop(history([0.1]))  # the row before training does not count
    assert wb.EarlyStopping(patience=2, at_least=0.5).should_stop(history([9, 3, 2.8, 2.6]))


@pytest.mark.parametrize("watch", ["accuracy", "f1"])
def test_by_accuracy_or_f1_higher_is_better(watch):
    stop = wb.EarlyStopping(watch=watch, patience=2)
    assert not stop.should_stop(history([0.1, 0.5, 0.7, 0.6], f"valid_{watch}"))
    assert stop.should_stop(history([0.1, 0.5, 0.7, 0.6, 0.7], f"valid_{watch}"))
    assert not stop.should_stop(history([0.1, 0.5, 0.7, 0.6, 0.71], f"valid_{watch}"))


def test_by_the_gap_it_waits_while_the_gap_is_closed_or_validation_improves():
    def stops(losses, lows, **knobs):
        rows = [
            {"epoch": at, "valid_loss": v, "gap_loss_low": g}
            for at, (v, g) in enumerate(zip(losses, lows, strict=True))
        ]
        return wb.EarlyStopping(watch="gap", patience=2, **knobs).should_stop(rows)

    assert not stops([9, 3, 2, 1, 0.5], [-1, 0.1, 0.2, 0.3, 0.4])  # the gap grows, and so does what is learnt
    assert not stops([9, 3, 4, 5, 6], [-1, -0.1, -0.1, -0.1, 0.1])
    assert stops([9, 3, 4, 5], [-1, -0.1, 0.1, 0.1]) and not stops([9, 3, 4, 5], [-1, -0.1, 0.1, 0.1], at_least=0.1)
    assert stops([9, 3, 2.9, 2.9, 2.9], [-1, 0.3, 0.3, 0.3, 0.3], at_least=0.2)


@pytest.mark.usefixtures("one_thread")
def test_by_the_gap_a_healthy_run_goes_to_its_end_and_one_on_wrong_labels_does_not():
    healthy = wb.Recipe(wb.Digits(per_class=20), epochs=55, regularizers="early-stopping(watch='gap')")
    run = wb.fine_tune(healthy)
    assert run.rows[-1]["epoch"] == 55 and run.rows[-1]["gap_loss_low"] > 0  # a gap, and better with every epoch
    run = wb.fine_tune(healthy.replace(data=wb.Digits(per_class=20, label_noise=0.4), lr=1e-2))
    assert 20 < run.rows[-1]["epoch"] < 50 and run.rows[-1]["rise_low"] > 0
