"""The whole bench as one widget."""

from __future__ import annotations

import asyncio
import html

import psutil
from helpers import plain
from ipywidgets import Widget
from panels.by_hand import PAYLOAD, move, points, said, shown, written

import workbench as wb


def test_it_shows_the_recipe_and_what_the_machine_has():
    recipe = wb.Recipe(regularizers="l2", epochs=3)
    bench = wb.Workbench(recipe)
    assert bench.value == recipe == bench.recipe.value and bench.live.run is None
    assert bench.tabs.titles == ("Recipe",) and bench.tabs.children[0].children == (bench.recipe, bench.live)
    resting = f"{psutil.cpu_count()} CPUs · {psutil.virtual_memory().total / 2**30:.0f} GB"
    assert said(bench.status) == resting
    run = written("running")
    run.files.write("environment.json", {"device": "cpu", "device_name": "x86_64", "precision": "float32"})
    bench.live.show(run)
    assert said(bench.status) == "CPU, float32"
    bench.live.picker.value = ""
    assert said(bench.status) == resting


def test_start_trains_what_is_chosen_in_a_process_of_its_own(ready, tiny):
    recipe = wb.Recipe(wb.Digits(per_class=2), tiny, epochs=2, regularizers="l2")
    here = wb.fine_tune(recipe)

    async def pressed():
        bench = wb.Workbench(wb.Recipe(wb.Digits(per_class=2), tiny))
        move(bench.recipe.training["epochs"], 2)
        bench.recipe.regularizers.adder.value = "l2"
        bench.live.start_button.click()
        await shown(lambda: said(bench.live.progress).startswith("Finished · epoch 2 of 2"))
        bench.recipe.close()
        return bench

    bench = asyncio.run(pressed())
    assert bench.live.run.recipe == bench.value == recipe and not bench.live.error.value
    assert points(bench.live)[0] == [0, 1, 2] and "CPU, " in said(bench.status)
    assert plain(bench.live.run.rows) == plain(here.rows)


def test_start_trains_nothing_else_than_what_is_seen():
    bench = wb.Workbench()
    move(bench.recipe.training["epochs"], 0)
    bench.live.start_button.click()
    rule = "epochs must be a whole number in [1, 100000], got 0."
    assert said(bench.live.error) == said(bench.recipe.error) == rule
    assert bench.live.run is None and wb.runs().empty


def test_closed_it_leaves_no_figure_behind():
    bench = wb.Workbench()
    bench.close()
    assert not [w for w in Widget.get_manager_state()["state"].values() if w["model_name"] == "FigureModel"]


def hostile():
    raise ValueError(PAYLOAD)


AS_TEXT = {  # what the browser puts into the page as text, or into an attribute
    *(("DropdownModel", "_options_labels"), ("SelectMultipleModel", "_options_labels")),
    *(("TextModel", "value"), ("TextareaModel", "value"), ("AnyModel", "text")),
}


def test_text_from_users_is_escaped_in_the_state_of_every_widget(tmp_path):
    data = wb.Images(folder=str(tmp_path / PAYLOAD))
    runs = [written("failed", epochs=2, folder=wb.paths.runs() / f"{PAYLOAD}{at}", data=data) for at in range(2)]
    for run in runs:
        run.files.tell("note", text=f"two classes are called {PAYLOAD}")
        run.files.tell("failed", kind="BadData", message=f"no example of {PAYLOAD}")
        run.files.write("environment.json", {"device": "cuda", "device_name": PAYLOAD, "precision": "float32"})
    bench = wb.Workbench(wb.Recipe(data))
    bench.live.show(runs[0])
    bench.live.others.value = (str(runs[1].folder),)
    bench.live._recipe = hostile
    bench.live.start_button.click()
    bench.recipe._show_table(PAYLOAD, "error")
    escaped = html.escape(PAYLOAD)
    for part in (bench.live.messages, bench.live.error, bench.live.machine, bench.status, bench.recipe.table):
        assert escaped in part.value
    assert any(escaped in trace.name for trace in bench.live.chart.widget.data)
    states = Widget.get_manager_state()["state"].values()
    raw = {
        (each["model_name"], key) for each in states for key, value in each["state"].items() if PAYLOAD in str(value)
    }
    assert raw <= AS_TEXT and ("DropdownModel", "_options_labels") in raw
