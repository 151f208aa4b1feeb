"""The figure of learning rates: rows with ==, then lines, dashes and the title."""

from __future__ import annotations

import math

import pandas as pd
import pytest

import workbench as wb
from workbench.plots.learning_rate import rows

LOSSES = {0.001: [2.0, 1.9, 1.8], 0.1: [2.0, 1.0, 0.2], 10.0: [2.0, 30.0, 9.0], 1e9: [2.0, 5.0]}


def frame(losses):
    lines = [
        {"lr": rate, "epoch": epoch, "train_loss": loss, "valid_loss": loss + 0.1}
        for rate, each in losses.items()
        for epoch, loss in enumerate(each)
    ]
    return pd.DataFrame(lines)


def test_a_row_a_rate():
    found = rows(frame(LOSSES))
    assert [row["verdict"] for row in found] == ["crawls", "fits best", "overshoots", "overshoots"]
    told = {"lr": 0.1, "start": 2.0, "end": 0.2, "valid_end": pytest.approx(0.3), "verdict": "fits best"}
    assert found[1] == told | {"epoch": [0, 1, 2], "train_loss": [2.0, 1.0, 0.2]}
    assert found[3]["end"] == math.inf


def test_each_rate_has_a_line_and_those_that_came_to_their_end_a_dot_on_either_side():
    figure = wb.plots.rates(frame(LOSSES))
    curves, (train, valid, start) = figure.data[:4], figure.data[4:]
    assert [curve.line.dash for curve in curves] == ["dot", "solid", "dash", "dash"]
    assert [curve.name for curve in curves][:2] == ["lr 0.001: crawls", "lr 0.1: fits best"]
    assert len({curve.line.color for curve in curves}) == 4 and curves[1].line.width > curves[0].line.width
    assert list(train.x) == list(valid.x) == [0.001, 0.1, 10.0] and list(train.y) == [1.8, 0.2, 9.0]
    assert list(valid.y) == pytest.approx([1.9, 0.3, 9.1]) and valid.line.dash == "dash" and set(start.y) == {2.0}
    assert figure.layout.yaxis.type == figure.layout.xaxis2.type == "log"
    assert (
        figure.layout.title.text == "lr 0.1 ends at the lowest validation loss, 0.30; 1e+09 overshoots; 0.001 crawls."
    )


def test_a_title_where_all_overshoot_or_all_fit():
    assert wb.plots.rates(frame({1: [2.0, 3.0], 2: [2.0, 4.0]})).layout.title.text == "2 overshoots; 1 overshoots."
    said = wb.plots.rates(frame({1: [2.0, 1.0], 2: [2.0, 1.0]})).layout.title.text
    assert said == "lr 1 ends at the lowest validation loss, 1.10."
