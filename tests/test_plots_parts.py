"""The gap in its parts: sums that hold, and the figure of them."""

from __future__ import annotations

import math

import pytest

import workbench as wb
from workbench.plots.parts import rows

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_parts_add_up_to_what_was_measured():
    recipe = wb.Recipe(
        wb.Digits(per_class=10, label_noise=0.4), lr=1e-2, epochs=30, regularizers="dropout(rate=0.5), l2"
    )
    run = wb.fine_tune(recipe)
    told = rows(run)
    assert told["epoch"] == [*range(1, 31)]
    for at, row in enumerate(run.rows[1:]):
        assert told["train_loss"][at] + told["gap"][at] == pytest.approx(row["valid_loss"])
        start, end = run.rows[at]["train_loss"], row["train_loss"]  # the objective is a mean over the epoch
        mean = (start - end) / math.log(start / end)
        assert mean + told["noise"][at] + told["penalty"][at] == pytest.approx(row["objective"])
    assert told["noise"][-1] > 0.1 and told["penalty"][-1] > 0 and told["rise"][-1] > 0
    figure = wb.plots.parts(run)
    assert list(figure.data[0].y) == told["train_loss"] and len(figure.data) == 5
    assert figure.layout.title.text.startswith("In the end: train ")


def test_what_the_loss_falls_within_an_epoch_is_no_noise():
    run = wb.fine_tune(wb.Recipe(wb.Digits(per_class=40), lr=1e-2, epochs=3))
    first = run.rows[1]
    assert first["objective"] - first["train_loss"] > 0.2 and abs(rows(run)["noise"][0]) < 0.1


def test_before_the_first_epoch_there_is_nothing_to_draw():
    run = wb.fine_tune(wb.Recipe(wb.Digits(per_class=5), epochs=1))
    run.files._events, run.files._counted = [each for each in run.files.events() if each.get("epoch") != 1], {}
    assert wb.plots.parts(run).layout.title.text == "No epoch has been trained yet."
