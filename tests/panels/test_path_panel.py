"""The panel of a path, by value: drawn off the loop, a slider over its values, its recipe taken."""

from __future__ import annotations

import asyncio
import importlib

import pytest
from helpers import until
from panels.by_hand import PAYLOAD, said, shown

import workbench as wb
from workbench.panels.path_panel import CHANGED, HINT, PathPanel

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def recipe():
    return wb.Recipe(wb.Digits(per_class=5), regularizers="dropout", lr=1e-2)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Paths of a few epochs: these tests look at the panel."""
    monkeypatch.setattr(importlib.import_module("workbench.searching.path"), "EPOCHS", 8)


async def path_of(panel, knob="l2.strength", many=5):
    panel.knob.value, panel.many.value = knob, many
    before = panel.path
    panel.draw_button.click()
    assert panel.draw_button.disabled and said(panel.said) == "Reading the data …"
    await shown(lambda: panel.path is not before or said(panel.error))
    return panel.path


def test_a_path_is_drawn_and_the_slider_goes_along_it(recipe):
    taken = []

    async def act():
        panel = PathPanel(lambda: recipe, use=taken.append)
        assert said(panel.said) == HINT and panel.chart is None and panel.use_button.disabled
        assert panel.knob.options[:3] == ("l2.strength", "l1.strength", "dropout.rate") and "lr" in panel.knob.options
        path = await path_of(panel)
        assert not said(panel.error) and not said(panel.said) and not panel.draw_button.disabled
        assert path.recipe.regularizers == (wb.Dropout(), wb.L2()) and len(path.values) == 5
        assert panel.slider.value == path.at(path.best) and panel.value.description == "l2.strength"
        widget, sent = panel.chart.widget, []
        panel.slider.observe(lambda _: sent.append(widget.layout.title.text), "value")
        for at in (4, 0, 2):
            panel.slider.value = at
            row = path.rows()[at]
            assert sent[-1].startswith(f"l2.strength {row['value']:.3g}: validation accuracy")
            assert panel.value.value == pytest.approx(row["value"], rel=1e-3)
            for number in (
                row["train_accuracy"],
                row["valid_accuracy"],
                row["gap_accuracy"],
                row["best_valid_accuracy"],
            ):
                assert f"{number:.3f}" in said(panel.numbers)
            assert f"{row['low']:.3f},\u00a0{row['high']:.3f}" in said(panel.numbers)
        assert panel.chart.widget is widget  # refilled, not made anew
        panel.use_button.click()
        assert taken == [path.recipe_of(path.values[2])]
        panel.close()
        assert panel.chart.widget.comm is None

    asyncio.run(act())


def test_a_typed_value_goes_to_the_nearest_that_was_trained(recipe):
    async def act():
        panel = PathPanel(recipe)
        path = await path_of(panel)
        for typed, at in ((path.values[3] * 1.1, 3), (1e9, 4), (-5.0, 0), (float("nan"), path.at(path.best))):
            panel.value.value = typed
            assert panel.slider.value == at and panel.value.value == pytest.approx(path.values[at], rel=1e-3)
        panel.value.value = path.values[panel.slider.value] * 1.01  # nearest is where it stands
        assert panel.value.value == pytest.approx(path.values[panel.slider.value], rel=1e-3)
        assert not said(panel.error)
        panel.close()

    asyncio.run(act())


def test_another_knob_goes_into_the_same_chart_and_another_recipe_is_said(recipe):
    async def act():
        panel = PathPanel(recipe)
        await path_of(panel, "dropout.rate")
        chart, widget = panel.chart, panel.chart.widget
        assert widget.layout.xaxis.type == "linear" and widget.layout.xaxis.title.text == "dropout.rate"
        path = await path_of(panel, "l1.strength", 3)
        assert panel.chart is chart and chart.widget is widget and panel.slider.max == 2
        assert widget.layout.xaxis.type == "log" and widget.layout.xaxis.title.text == "l1.strength"
        assert [*widget.data[0].x] == pytest.approx([*path.values]) and widget.layout.autosize
        assert path.knob == "l1.strength" and panel.value.description == "l1.strength"
        panel.follow_recipe(recipe.replace(seed=1))
        assert said(panel.said) == CHANGED and panel.path is path and panel.knob.value == "l1.strength"
        panel.follow_recipe(recipe)
        assert not said(panel.said)
        panel._recipe = recipe.replace(seed=2)  # chosen while a path trained: it comes late, and says so
        panel._found(recipe, path, "faint")
        assert said(panel.said) == CHANGED
        panel.close()

    asyncio.run(act())


def test_errors_are_shown_escaped_and_what_was_drawn_stays(recipe):
    async def act():
        now = [recipe]
        panel = PathPanel(lambda: now[0])
        path = await path_of(panel)
        now[0] = recipe.replace(scope="norms")
        await path_of(panel)
        assert "recipe.replace(scope='head'), got the scope norms" in said(panel.error) and panel.path is path
        now[0] = recipe.replace(data=wb.Images(folder=f"/nowhere/{PAYLOAD}"), backbone="test_resnet")
        await path_of(panel)
        assert PAYLOAD in said(panel.error) and PAYLOAD not in panel.error.value
        panel.close()

        def refuses():
            raise ValueError(f"no recipe {PAYLOAD}")

        panel = PathPanel(refuses)
        panel.draw_button.click()
        assert said(panel.error) == f"no recipe {PAYLOAD}" and PAYLOAD not in panel.error.value
        panel.close()

    asyncio.run(act())
    panel = PathPanel(recipe)
    panel.draw_button.click()
    assert "Without a running kernel nothing is drawn" in said(panel.error) and not panel.draw_button.disabled
    panel.close()


def test_values_that_diverged_are_told(recipe):
    wild = wb.path(
        recipe.replace(optimizer="sgd", lr=0.5), "l2.strength", [1e-3, 1e-2, 900.0], settled=False, epochs=20
    )
    panel = PathPanel(recipe)
    panel._found(recipe, wild, "faint")
    assert said(panel.said) == "Left out, since training diverged there: 900." and panel.slider.max == 1
    panel.close()


def test_closed_while_it_trains_it_ends(recipe, monkeypatch):
    monkeypatch.setattr(importlib.import_module("workbench.searching.path"), "EPOCHS", 100_000)

    async def act():
        panel = PathPanel(recipe)
        panel.draw_button.click()
        await shown(lambda: "epochs" in said(panel.said))
        panel.close()
        (thread,) = panel._work._thread._threads
        until(lambda: not thread.is_alive())  # 100,000 epochs would take several times as long
        assert panel.path is None

    asyncio.run(act())
