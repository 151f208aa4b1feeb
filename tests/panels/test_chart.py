"""The live figure is refilled in place, and whole again on a reloaded page."""

from __future__ import annotations

import json

import numpy as np
from panels.by_hand import row
from plotly.basewidget import BaseFigureWidget

from workbench.panels.chart import Chart
from workbench.plots.curves import line, watched


def drawn(epochs, *names):
    return watched([line(name, [row(at) for at in range(epochs)], None) for name in names])


def test_the_same_kind_refills_the_traces_that_are_there():
    chart = Chart(drawn(0, "a"))
    before = chart.widget.data
    chart.draw(drawn(3, "a"))
    chart.draw(drawn(5, "b"))
    assert all(new is old for new, old in zip(chart.widget.data, before, strict=True))
    assert [*chart.widget.data[0].x] == [0, 1, 2, 3, 4]
    assert [*chart.widget.data[0].y] == [2 / (at + 1) for at in range(5)]
    star = next(trace for trace in chart.widget.data if trace.name == "best epoch")
    assert ([*star.x], [*star.y]) == ([2], [1])
    gap = next(trace for trace in chart.widget.data if trace.name == "gap")
    assert [list(bounds) for bounds in gap.customdata] == [[0.3, 0.5]] * 5
    assert chart.widget.layout.title.text == "Validation accuracy 0.500 at the best epoch, 2."


def test_numbers_travel_as_bytes():
    chart = Chart(drawn(3, "a"))
    chart.draw(drawn(4, "a"))
    assert all(isinstance(trace.y, np.ndarray) and trace.y.dtype == np.float64 for trace in chart.widget.data)


def test_another_kind_replaces_them():
    chart = Chart(drawn(3, "a"))
    many = len(chart.widget.data)
    chart.draw(drawn(4, "a", "b"))
    assert len(chart.widget.data) == 2 * many
    assert {"a, train", "b, train", "a, valid", "b, valid"} <= {trace.name for trace in chart.widget.data}
    chart.draw(drawn(2, "a"))
    assert len(chart.widget.data) == many and [*chart.widget.data[0].x] == [0, 1]


def test_a_reloaded_page_is_sent_what_stands_here_now():
    chart = Chart(drawn(0, "a"))
    chart.draw(drawn(4, "a"))
    state = chart.widget.get_state()
    assert len(state["_widget_data"]) == len(chart.widget.data)
    assert [*chart.widget._widget_data[0]["x"]] == [0, 1, 2, 3]
    assert state["_widget_layout"]["title"]["text"] == "Validation accuracy 0.500 at the best epoch, 2."


def test_what_a_reloaded_page_asks_for_does_without_the_code_which_is_sent_on_demand(monkeypatch):
    charts, sent = [Chart(drawn(1, "a")) for _ in range(2)], []
    assert all(len(json.dumps(chart.widget.get_state()["_esm"])) < 10_000 for chart in charts)
    widget = charts[0].widget
    monkeypatch.setattr(type(widget), "send", lambda self, content, buffers=None: sent.append((content, buffers)))
    widget._handle_custom_msg({"kind": "plotly"}, [])
    ((content, (code,)),) = sent
    assert content == {"kind": "plotly"} and code == BaseFigureWidget._esm._path.read_bytes()


def test_closed_it_leaves_nothing_in_the_page():
    chart = Chart(drawn(2, "a"))
    chart.close()
    assert chart.box.children == () and chart.widget.comm is None


def test_what_fits_it_to_its_box_goes_with_it():
    chart = Chart(drawn(2, "a"))
    chart.fit()
    figure, fitting = chart.box.children
    assert figure is chart.widget
    chart.close()
    assert chart.box.children == () and fitting.comm is None
