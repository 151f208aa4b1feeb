"""Figures of strategies: rows with ==, then traces and titles."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.plots.strategies import DASHES, rows

FOUND = {
    "grid": np.array([[3.0, 1.0], [5.0, 1.0], [4.0, 1.0]]),
    "a <b>": np.array([[2.0, 0.5], [2.0, 0.5]]),
}


def test_rows_are_medians_with_their_interval():
    found = rows(FOUND)
    assert [(row["strategy"], row["trial"], row["median"]) for row in found] == [
        ("grid", 1, 4.0), ("grid", 2, 1.0), ("a <b>", 1, 2.0), ("a <b>", 2, 0.5),
    ]  # fmt: skip
    assert (found[0]["low"], found[0]["high"]) == (3.0, 5.0) and found[3]["low"] == found[3]["high"] == 0.5


def test_the_band_is_that_of_the_median_and_narrows_with_the_replays():
    draw = np.random.default_rng(0)
    widths = [rows({"x": draw.normal(0, 1, (many, 1))})[0] for many in (20, 500)]
    assert 0 < widths[1]["high"] - widths[1]["low"] < 0.4 * (widths[0]["high"] - widths[0]["low"])


def test_the_race_has_a_band_and_a_line_of_its_own_dash_each():
    figure = wb.plots.race(FOUND)
    bands, lines = figure.data[:2], figure.data[2:]
    assert [line.line.dash for line in lines] == [*DASHES[:2]] and len({line.line.color for line in lines}) == 2
    assert list(lines[0].y) == [4, 1] and list(bands[0].y) == [5, 1, 1, 3] and list(bands[0].x) == [1, 2, 2, 1]
    assert [line.name for line in lines] == ["grid (3 replays)", "a &lt;b&gt; (2 replays)"]
    assert figure.layout.yaxis.type == "log"
    assert figure.layout.title.text == "In the end a &lt;b&gt; is 0.500 nats above the lowest loss, grid 1.000."


def test_where_searches_looked_along_one_knob():
    searches = {
        "grid": [({"lr": rate, "l2": at}, rate * 10) for rate in (1.0, 0.01) for at in (1, 2)],
        "random": [({"lr": 0.01 * at, "l2": 1}, 0.5) for at in (1, 2, 3, 4)],
    }
    figure = wb.plots.looked(searches, "lr")
    assert [list(trace.x) for trace in figure.data] == [[1.0, 1.0, 0.01, 0.01], [0.01, 0.02, 0.03, 0.04]]
    assert figure.layout.xaxis.type == figure.layout.xaxis2.type == "log" and figure.layout.xaxis2.matches == "x"
    assert len({trace.marker.symbol for trace in figure.data}) == 2
    assert figure.layout.title.text == "4 trials each, seen along lr: grid tries 2 values, random tries 4."
    assert wb.plots.looked({"zero": [({"rate": 0.0}, 1.0)]}, "rate").layout.xaxis.type is None


@pytest.fixture(scope="module")
def steps():
    def step(tried):
        found = wb.labs.learned(wb.Range(1e-3, 1e-1, log=True), tried)
        return found | {"knob": "lr", "log": True, "tried": tried, "truth": [1.0] * len(found["x"])}

    first = [(1e-3, 2.0), (1e-1, 1.5)]
    return [step(first), step([*first, (1e-2, 1.0)])]


def test_a_step_of_the_gaussian_process_shows_what_it_believes_and_where_it_looks(steps):
    figure = wb.plots.surrogate(steps[:1])
    band, truth, mean, dots, ahead, gain = figure.data
    assert list(dots.x) == [1e-3, 1e-1] and list(dots.y) == [2.0, 1.5] and truth.line.dash == "dot"
    assert list(mean.y) == steps[0]["mean"] and list(band.y) == steps[0]["high"] + steps[0]["low"][::-1]
    assert set(ahead.x) == {steps[0]["next"]} and list(gain.y) == steps[0]["improvement"] and gain.yaxis == "y2"
    assert figure.layout.xaxis.range == figure.layout.xaxis2.range == pytest.approx((-3.03, -0.97))
    assert figure.layout.title.text == (
        f"After 2 trials its best is 1.500 nats, and it looks next at lr {steps[0]['next']:.2g}."
    )


def test_steps_stand_side_by_side_on_one_scale(steps):
    figure = wb.plots.surrogate(steps)
    assert len(figure.data) == 12 and sum(trace.showlegend for trace in figure.data) == 6
    assert figure.layout.yaxis.range == figure.layout.yaxis3.range
    assert figure.layout.xaxis.domain[1] < figure.layout.xaxis3.domain[0] and figure.layout.xaxis3.domain[1] > 0.99
    titles = [figure.layout[name].title.text for name in ("xaxis2", "xaxis4")]
    assert titles == ["lr, after 2 trials", "lr, after 3 trials"]
