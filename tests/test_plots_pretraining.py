"""Figures of what pretraining is worth: rows with ==, then curves, panels and titles."""

from __future__ import annotations

import pandas as pd
import pytest

import workbench as wb
from workbench.plots.pretraining import clock, rows

ACCURACIES = {
    ("digits", "pretrained"): [0.7, 0.9], ("digits", "random weights"): [0.1, 0.4], ("digits", "pixels"): [0.3, 0.5],
    ("a <b>", "pretrained"): [0.5, 0.8], ("a <b>", "random weights"): [0.2, 0.3], ("a <b>", "TF-IDF"): [0.3, 0.7],
}  # fmt: skip


@pytest.fixture
def found():
    return pd.DataFrame(
        [
            {"data": data, "start": start, "per_class": size, "labels": round(10 * size), "accuracy": accuracy}
            | {"low": accuracy - 0.1, "high": accuracy + 0.05}
            for (data, start), each in ACCURACIES.items()
            for size, accuracy in zip((1.0, 111.8), each, strict=True)
        ]
    )


def test_a_row_a_curve(found):
    told = rows(found)
    assert [(row["data"], row["start"]) for row in told] == [*ACCURACIES]
    assert (
        told[0]["accuracy"] == [0.7, 0.9] and told[0]["per_class"] == [1.0, 111.8] and told[0]["labels"] == [10, 1118]
    )


def test_a_panel_a_data_set_with_each_start_once_in_the_legend(found):
    figure = wb.plots.pretraining(found)
    assert [trace.xaxis for trace in figure.data] == ["x"] * 3 + ["x2"] * 3
    named = [trace.name for trace in figure.data if trace.showlegend]
    assert named == ["pretrained", "random weights", "pixels", "TF-IDF"]
    assert [trace.line.dash for trace in figure.data[:3]] == ["solid", "dash", "dot"]
    assert len({trace.marker.symbol for trace in figure.data[:3]}) == 3
    assert list(figure.data[0].error_y.array) == pytest.approx([0.05, 0.05])
    assert list(figure.data[0].error_y.arrayminus) == pytest.approx([0.1, 0.1])
    assert list(figure.layout.xaxis.ticktext) == ["1", "112"] and figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis2.title.text == "a &lt;b&gt;: labels a class"


def test_the_title_says_the_lead_at_either_end(found):
    said = "Pretrained weights against the best without: "
    assert wb.plots.pretraining(found).layout.title.text == (
        f"{said}+0.20 to +0.40 with the fewest labels, +0.10 to +0.40 with the most labels."
    )
    one = wb.plots.pretraining(found[found["data"] == "digits"]).layout.title.text
    assert one == f"{said}+0.40 with the fewest labels, +0.40 with the most labels."


def test_accuracy_by_the_clock():
    lines = [
        {"name": name, "epoch": at, "seconds": seconds, "accuracy": value, "low": value - 0.1, "high": value + 0.1}
        for name, each in {"head <1>": [(0.0, 0.1), (0.5, 0.9)], "all": [(0.0, 0.2), (4.0, 0.7)]}.items()
        for at, (seconds, value) in enumerate(each)
    ]
    found = pd.DataFrame(lines)
    assert [(row["name"], row["seconds"], row["accuracy"]) for row in clock(found)] == [
        ("head <1>", [0.0, 0.5], [0.1, 0.9]), ("all", [0.0, 4.0], [0.2, 0.7]),
    ]  # fmt: skip
    figure = wb.plots.in_time(found)
    bands, curves = figure.data[:2], figure.data[2:]
    assert list(curves[0].x) == [0.001, 0.5] and list(curves[0].y) == [0.1, 0.9]  # a logarithm has no zero
    assert list(bands[0].y) == pytest.approx([0.2, 1.0, 0.8, 0.0]) and figure.layout.xaxis.type == "log"
    assert [curve.name for curve in curves] == ["head &lt;1&gt;", "all"] and curves[0].line.dash != curves[1].line.dash
    assert figure.layout.title.text == "Highest in the end: “head &lt;1&gt;”, 0.90 after 0.5 s of work."
