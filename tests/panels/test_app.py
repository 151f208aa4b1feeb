"""The whole bench as one widget."""

from __future__ import annotations

import asyncio
import html

import psutil
from helpers import plain
from ipywidgets import Widget
from panels.by_hand import PAYLOAD, driven, move, points, said, shown, written

import workbench as wb
from workbench import diagnosis
from workbench.panels.app import COMPARE, DATA, RECIPE, RUNS, SEARCH
from workbench.panels.live_panel import LivePanel
from workbench.panels.search_panel import UNSEEN


def test_it_shows_the_recipe_and_what_the_machine_has():
    recipe = wb.Recipe(regularizers="l2", epochs=3)
    bench = wb.Workbench(recipe)
    assert bench.value == recipe == bench.recipe.value and bench.live.run is None
    assert bench.tabs.titles == ("Recipe", "Search", "Data", "Runs", "Compare", "Labs")
    assert bench.tabs.children[0].children == (bench.recipe, bench.live)
    assert bench.tabs.children[3:] == (bench.runs, bench.compare, bench.labs)
    searching, fold = bench.tabs.children[1].children
    assert searching is bench.search and fold.children == (bench.path,)
    resting = f"{psutil.cpu_count()} CPUs · {psutil.virtual_memory().total / 2**30:.0f} GB"
    assert said(bench.status) == resting
    run = written("running")
    run.files.write("environment.json", {"device": "cpu", "device_name": "x86_64", "precision": "float32"})
    bench.live.show(run)
    assert said(bench.status) == "CPU, float32"
    bench.live.picker.value = ""
    assert said(bench.status) == resting


def test_the_verdicts_button_opens_the_tab_where_its_step_is_done(tiny):
    recipe = wb.Recipe(wb.Digits(per_class=5), tiny, epochs=4)
    run = wb.fine_tune(recipe)
    about = run.files.read("environment.json")
    bench, alone = wb.Workbench(), LivePanel()
    for changed, kind in (({"examples": 12}, "Too few validation examples"), ({"twins": 0.3}, "Leaking: 30% of")):
        run.files.write("environment.json", about | changed)
        for live in (bench.live, alone):
            live.show(None)
            live.show(run)
            assert said(live.verdict.said).startswith(kind)
        assert alone.verdict.step_button.disabled and alone.verdict.step_button.description.startswith("Next: ")
        assert not bench.live.verdict.step_button.disabled
        bench.recipe.training["lr"].main.value = -1.0 if kind.startswith("Too few") else 0.5  # the first is refused
        bench.live.verdict.step_button.click()
        assert not said(bench.live.error) and not said(bench.recipe.error)
        if kind.startswith("Too few"):
            assert (
                bench.value == recipe and bench.tabs.selected_index == SEARCH and bench.search.choice.folds.value == 5
            )
        else:
            assert bench.value.lr == 0.5 and bench.tabs.selected_index == DATA and bench.look.fold.selected_index == 0
    bench.close()
    few = diagnosis.verdict(run.rows, recipe.replace(data=wb.Digits(label_noise=0.2)), examples=12)
    assert few.kind == diagnosis.TOO_FEW and not few.next_step  # wrong labels cannot be cross-validated


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


def test_runs_are_read_when_their_tab_is_opened_and_no_tab_hides_a_run():
    bench = wb.Workbench()
    run = written("stopped", epochs=2, folder=wb.paths.runs() / "run")
    assert bench.runs.grid.rows == []
    bench.tabs.selected_index = RUNS
    assert [row["key"] for row in bench.runs.grid.rows] == ["run"] and bench.job.value == ""
    bench.live.show(run)
    assert said(bench.job) == "Stopped · epoch 2 of 4 · 1 s of training"
    with driven(run):
        run.files.tell("started")
        bench.live.refresh()
        assert said(bench.job) == "Running · epoch 2 of 4"
        bench.tabs.selected_index = RECIPE
        assert bench.job.value == "" and said(bench.live.progress) == "Running · epoch 2 of 4"


def test_a_run_goes_from_its_tab_to_the_others(here, tiny):
    recipe = wb.Recipe(wb.Digits(per_class=2), tiny, epochs=1, lr=0.05)
    names = [wb.fine_tune(recipe, wb.paths.runs() / str(seed), seed=seed).folder.name for seed in (1, 2)]
    bench = wb.Workbench()
    bench.tabs.selected_index = RUNS
    bench.runs.grid.ticked = names[:1]
    bench.runs.use_button.click()
    assert bench.value == recipe.replace(seed=1) and bench.tabs.selected_index == RECIPE
    bench.tabs.selected_index = RUNS
    bench.runs.on_button.click()
    assert bench.tabs.selected_index == RECIPE and bench.live.run.recipe == recipe.replace(seed=1, epochs=11)
    bench.live.run.join()
    bench.tabs.selected_index = RUNS
    bench.runs.grid.ticked = names
    bench.runs.compare_button.click()
    assert bench.tabs.selected_index == COMPARE and "“seed: 1”" in said(bench.compare.sentences)


def test_what_another_recipe_was_refused_for_is_forgotten_under_each_tab():
    bench = wb.Workbench()
    bench.recipe.training["lr"].main.value = -1.0
    bench.search.start_button.click()
    bench.path.draw()
    bench.labs.run()
    bench.live.start_button.click()
    panels = (bench.live, bench.search, bench.path, bench.labs)
    assert all("lr" in said(panel.error) for panel in panels)
    bench.recipe.training["lr"].main.value = 0.01
    assert not any(said(panel.error) for panel in panels)
    bench.search.error.value = f"{UNSEEN}: another look is needed"  # which is not of the recipe
    bench.recipe.training["lr"].main.value = 0.02
    assert UNSEEN in bench.search.error.value
    bench.close()


def test_closed_it_leaves_no_figure_behind():
    bench = wb.Workbench()
    bench.close()
    assert not [w for w in Widget.get_manager_state()["state"].values() if w["model_name"] == "FigureModel"]


def hostile():
    raise ValueError(PAYLOAD)


AS_TEXT = {  # what the browser puts into the page as text, or into an attribute
    *(("DropdownModel", "_options_labels"), ("SelectMultipleModel", "_options_labels")),
    *(("TextModel", "value"), ("TextareaModel", "value"), ("AnyModel", "text")),
    *(("AnyModel", "rows"), ("AnyModel", "columns"), ("AnyModel", "ticked")),  # see test_grid.py
}


def test_text_from_users_is_escaped_in_the_state_of_every_widget(tmp_path):
    data = wb.Images(folder=str(tmp_path / PAYLOAD))
    runs = [
        written("failed", epochs=2, folder=wb.paths.runs() / f"{PAYLOAD}{at}", data=data, backbone="glyph-vit")
        for at in range(2)
    ]
    for run in runs:
        run.files.tell("note", text=f"two classes are called {PAYLOAD}")
        run.files.tell("failed", kind="BadData", message=f"no example of {PAYLOAD}")
        run.files.write("environment.json", {"device": "cuda", "device_name": PAYLOAD, "precision": "float32"})
    bench = wb.Workbench(wb.Recipe(data, "glyph-vit"))
    bench.live.show(runs[0])
    bench.live.others.value = (str(runs[1].folder),)
    bench.live._recipe = hostile
    bench.live.start_button.click()
    bench.recipe._show_table(PAYLOAD, "error")
    bench.tabs.selected_index = RUNS
    runs[0].note = PAYLOAD
    bench.runs.grid.ticked = [run.folder.name for run in runs]
    bench.runs.compare_button.click()
    bench.tabs.selected_index = RUNS
    bench.runs._fill(bench.runs._notes, PAYLOAD, "error")
    escaped = html.escape(PAYLOAD)
    live, texts = bench.live, (bench.compare.sentences, bench.compare.summary, bench.runs.error, bench.recipe.table)
    for part in (live.messages, live.error, live.machine, bench.status, *texts):
        assert escaped in part.value
    assert any(escaped in trace.name for trace in bench.live.chart.widget.data)
    states = Widget.get_manager_state()["state"].values()
    raw = {
        (each["model_name"], key) for each in states for key, value in each["state"].items() if PAYLOAD in str(value)
    }
    assert raw <= AS_TEXT and ("DropdownModel", "_options_labels") in raw
