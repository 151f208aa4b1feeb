"""The figure of heads: rows with ==, then dots, bars and the title."""

from __future__ import annotations

import pandas as pd

import workbench as wb
from workbench.plots.capacity import rows

LINEAR = {"layers": 0, "width": 0, "activation": "", "parameters": 970, "train_accuracy": 0.99, "accuracy": 0.95}
LINEAR |= {"low": 0.93, "high": 0.97, "valid_loss": 0.2, "ahead": 0.0, "ahead_low": 0.0, "ahead_high": 0.0}
DEEP = LINEAR | {"layers": 3, "width": 128, "activation": "relu", "parameters": 46_560, "accuracy": 0.94}
DEEP |= {"ahead": -0.01, "ahead_low": -0.02, "ahead_high": 0.01, "train_accuracy": 1.0}
NARROW = LINEAR | {"layers": 1, "width": 8, "activation": "tanh", "parameters": 866}


def frame(*lines):
    return pd.DataFrame([line | {"level": line["ahead_low"] <= 0 <= line["ahead_high"]} for line in lines])


def test_a_row_a_head_the_fewest_parameters_first():
    found = rows(frame(LINEAR, DEEP, NARROW))
    assert [row["said"] for row in found] == ["1 x 8, tanh: 866", "linear: 970", "3 x 128, relu: 46,560"]
    assert found[2]["accuracy"] == 0.94 and found[2]["level"]


def test_train_and_valid_are_dots_with_the_gap_between_them():
    figure = wb.plots.shapes(frame(LINEAR, DEEP))
    between, train, valid = figure.data
    assert list(between.x) == [0.95, 0.99, None, 0.94, 1.0, None] and list(between.y) == [0, 0, None, 1, 1, None]
    assert list(train.x) == [0.99, 1.0] and list(valid.x) == [0.95, 0.94]
    assert [round(each, 3) for each in valid.error_x.arrayminus] == [0.02, 0.01]
    assert list(figure.layout.yaxis.ticktext) == ["linear: 970", "3 x 128, relu: 46,560"]
    assert train.marker.symbol != valid.marker.symbol


def test_the_title_says_what_most_parameters_bring_and_whether_that_may_be_chance():
    said = "48 times the first head's parameters change validation accuracy by -0.010 [-0.020, +0.010]"
    assert wb.plots.shapes(frame(LINEAR, DEEP)).layout.title.text == f"{said}, which may be chance."
    worse = wb.plots.shapes(frame(LINEAR, DEEP | {"ahead_high": -0.005})).layout.title.text
    assert worse == f"{said.replace('+0.010', '-0.005')}."
