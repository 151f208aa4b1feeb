"""A path's figure: rows with ==, then traces, marks, weights and title."""

from __future__ import annotations

import numpy as np
import pytest
from panels.by_hand import PAYLOAD

import workbench as wb
from workbench.plots.path import FEATURES, OUTPUTS, rows
from workbench.searching.path import COLUMNS, Path


def drawn(values=(1e-3, 1e-2, 1e-1), knob="l1.strength", shape=(6, 3), classes=None, layers=1):
    """A path as training leaves it: the loss least at the second value, every weight zero at the last."""
    ends, bests = [], []
    for at in range(len(values)):
        row = dict.fromkeys(COLUMNS, 0.1 * (at + 1)) | {"epoch": 300, "valid_loss": 1.0 + abs(at - 1)}
        ends.append(row)
        bests.append(row | {"epoch": 7, "valid_loss": 0.5})
    weights = np.random.default_rng(0).normal(size=(len(values), *shape))
    weights[0, 0, 0] = 9.0  # the first feature has the largest weight
    weights[-1] = 0.0
    heads = {f"head.{at}.{kind}": weights for at in range(layers) for kind in ("weight", "bias")}
    names = classes or tuple("abc")
    return Path(wb.Recipe(regularizers="l1"), knob, tuple(values), tuple(ends), tuple(bests), heads, names)


def named(figure, name):
    return [trace for trace in figure.data if trace.name == name]


def test_rows_hold_each_value_at_its_end_and_at_its_best():
    path = drawn()
    found = rows(path)
    assert [row["value"] for row in found] == [1e-3, 1e-2, 1e-1] and [row["zeros"] for row in found] == [0, 0, 1]
    assert found[1]["size"] == pytest.approx(np.abs(path.weights(1e-2)).mean()) and found[2]["size"] == 0
    assert [row["features"] for row in found] == [6, 6, 0] and found[2]["strongest"] == 0
    looked = np.abs(path.weights(1e-3)).sum(1)
    assert found[0]["strongest"] == pytest.approx(looked[0] / looked.sum())  # the first feature has the largest weight
    assert {row["epoch"] for row in found} == {300} and {row["best_epoch"] for row in found} == {7}
    assert [row["valid_loss"] for row in found] == [2, 1, 2] and found[0]["best_valid_loss"] == 0.5


def test_lines_and_marks():
    path = drawn()
    figure = wb.plots.path(path, 0.09)
    losses, accuracies = named(figure, "valid")
    assert [*losses.x] == [*path.values] and [*losses.y] == [2, 1, 2] and losses.line.dash == "dash"
    assert named(figure, "train")[0].line.dash == "solid" and [*accuracies.y] == pytest.approx([0.1, 0.2, 0.3])
    [gap] = named(figure, "gap")[-1:]
    assert [list(ends) for ends in gap.customdata] == [pytest.approx([0.1 * at] * 2) for at in (1, 2, 3)]
    here = named(figure, "here")
    assert [[*mark.x] for mark in here] == [[0.1, 0.1], [0.1, 0.1], [0.1], [0.1]] and [*here[3].y] == [1]
    assert [*here[0].y] == [pytest.approx(0.3), 2]
    assert next(([*star.x], [*star.y]) for star in named(figure, "least validation loss")) == ([0.01], [1])
    said = "l1.strength 0.1: validation accuracy 0.300, gap 0.300 [0.300, 0.300], 100.0% of the weights at zero."
    assert figure.layout.title.text == said and figure.layout.xaxis.type == "log"
    assert wb.plots.path(path).layout.title.text.startswith("l1.strength 0.01: ")


def test_weights_at_zero_are_blank_and_the_scale_stays():
    path = drawn()
    maps = [named(wb.plots.path(path, value), "weights")[0] for value in path.values]
    assert np.isnan(maps[2].z).all() and not np.isnan(maps[0].z).any()
    assert maps[0].z.shape == (3, 6) and maps[0].z[0, 0] == 9.0  # classes down, the largest feature first
    assert len({each.zmax for each in maps}) == 1 and maps[0].zmin == -maps[0].zmax
    assert sorted(maps[1].z.ravel()) == sorted(path.weights(1e-2).ravel())


def test_a_range_with_zero_in_it_is_linear_and_wide_heads_are_cut():
    flat = drawn((0.0, 0.4, 0.8), "dropout.rate")
    assert wb.plots.path(flat).layout.xaxis.type == "linear"
    wide = drawn(shape=(FEATURES + 50, OUTPUTS + 5), layers=2)
    figure = wb.plots.path(wide)
    assert named(figure, "weights")[0].z.shape == (OUTPUTS, FEATURES)
    assert figure.layout.yaxis5.title.text == "unit" and "the 200 of most weight" in figure.layout.xaxis5.title.text


def test_class_names_are_shown_letter_by_letter():
    figure = wb.plots.path(drawn(classes=(PAYLOAD[:10], "b", "$x$")))
    assert [*figure.layout.yaxis5.ticktext] == ["&lt;img src=x", "b", "&#36;x&#36;"]


def test_doses_stand_side_by_side():
    paths = {"L1": drawn(), PAYLOAD: drawn(values=(0.0, 0.2, 0.8), knob="dropout.rate")}
    figure = wb.plots.doses(paths)
    assert [trace.xaxis for trace in figure.data] == ["x"] * 3 + ["x2"] * 3
    assert [[*star.x] for star in named(figure, "least validation loss")] == [[0.01], [0.2]]
    assert (figure.layout.xaxis.type, figure.layout.xaxis2.type) == ("log", None)
    assert [trace.name for trace in figure.data if trace.showlegend] == ["train", "valid", "least validation loss"]
    assert figure.layout.title.text.startswith("Validation loss is least at: L1 0.01 (0.200), ")
    assert PAYLOAD not in figure.layout.title.text
