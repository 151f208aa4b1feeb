"""Runs side by side as a panel, by value."""

from __future__ import annotations

import asyncio
import json

import pytest
from ipywidgets import Widget
from panels.by_hand import PAYLOAD, said, shown, written

import workbench as wb
from workbench import paths
from workbench.page import PLOTLY
from workbench.panels import compare_panel
from workbench.panels.compare_panel import GOING, HINT, ComparePanel, shortened

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two runs whose weights are there, and what they were compared to."""
    recipe = wb.Recipe(wb.Digits(per_class=5), epochs=2, lr=1e-2, precision="float32")
    folder = tmp_path_factory.mktemp("trained")
    a, b = wb.fine_tune(recipe, folder / "a"), wb.fine_tune(recipe, folder / PAYLOAD, regularizers="dropout")
    a.note, b.note = "a", PAYLOAD  # by which they go
    return a, b


def figures(panel):
    return [output["data"][PLOTLY] for output in (*panel.curves.outputs, *panel.figures.outputs)]


def test_two_runs_are_compared(trained):
    panel, found = ComparePanel(trained), wb.compare(trained)
    assert not panel.error.value and not panel.said.value and panel.parts.layout.display == ""
    assert found.pairs["said"][0] in said(panel.sentences)
    differs = said(panel.differences)
    assert differs.startswith("knoba" + PAYLOAD) and "dropout.rate–0.2" in differs
    assert "regularizersnonedropout" in differs
    row = found.runs.iloc[0]
    assert f"{row['valid_accuracy']:.3f}\u00a0[{row['low']:.3f},\u00a0{row['high']:.3f}]" in said(panel.summary)
    assert f"{found.pairs['p'][0]:.2g}" in said(panel.pairs) and "Holm" not in said(panel.pairs)
    drawn = wb.plots.learning_curves(found.given), wb.plots.recalls(found), wb.plots.confusions(found.given)
    assert [each["layout"]["title"]["text"] for each in figures(panel)] == [each.layout.title.text for each in drawn]


def test_classes_stand_metric_by_metric_with_the_difference(trained):
    panel, found = ComparePanel(trained), wb.compare(trained)
    titles = [column["title"] for column in panel.classes.columns]
    assert titles[:4] == ["class", "recall, a", f"recall, {PAYLOAD}", "recall, b − a"] and len(titles) == 10
    assert [row["class"] for row in panel.classes.rows] == list("0123456789")
    key = panel.classes.columns[3]["key"]
    assert [row[key] for row in panel.classes.rows] == found.classes["difference", "recall"].tolist()
    assert panel.classes.rows[0][f"{key} said"] == f"{panel.classes.rows[0][key]:.3f}"


def test_slow_work_is_done_off_the_loop_and_what_stands_in_the_folders_is_there_at_once(trained):
    async def compared():
        panel = ComparePanel()
        assert said(panel.said) == HINT and panel.parts.layout.display == "none"
        panel.show(trained)
        assert said(panel.said).startswith("Asking each run") and panel.curves.outputs and not panel.figures.outputs
        await shown(lambda: panel.figures.outputs)
        assert panel.said.value == "" and "p = " in said(panel.sentences)
        panel.close()

    asyncio.run(compared())


def test_what_was_asked_for_last_is_shown(trained):
    async def compared():
        panel = ComparePanel(trained)
        panel.show(trained[::-1])
        await shown(lambda: panel.figures.outputs)
        await asyncio.sleep(0.2)
        assert [*panel.comparison.given] == [PAYLOAD, "a"] and said(panel.differences).startswith(f"knob{PAYLOAD}a")
        assert panel.classes.columns[1]["title"] == f"recall, {PAYLOAD}"
        panel.close()

    asyncio.run(compared())


def test_the_curves_of_a_run_that_goes_on_follow_it_to_its_end(trained, monkeypatch):
    monkeypatch.setattr(compare_panel, "LOOK", 0.05)

    async def compared():
        going = wb.start(trained[0].recipe.replace(epochs=12))
        going.pace(8)
        panel, seen, told = ComparePanel([trained[0], going]), set(), set()
        while going.state != "finished":
            told.add(said(panel.said))
            seen.add(max(len(each["x"]) for each in figures(panel)[0]["data"]))
            await asyncio.sleep(0.05)
        await shown(lambda: "; p " in said(panel.sentences))
        assert (
            panel.said.value == "" and len(seen) > 3 and max(len(each["x"]) for each in figures(panel)[0]["data"]) == 13
        )
        assert "finished" in said(panel.summary) and "running" not in said(panel.summary)
        assert GOING in told
        panel.close()

    asyncio.run(compared())


def test_an_error_is_said_and_what_stood_there_stays(trained):
    panel = ComparePanel(trained)
    before = panel.sentences.value
    for wrong, rule in (
        ([trained[0]], "a comparison takes two different runs or more, got 1."),
        ([trained[0], PAYLOAD], "holds no recipe.json"),
        ([*trained] * 7, "at most 12 runs are shown at once, got 14; wb.compare takes more."),
    ):
        panel.show(wrong)
        assert rule in said(panel.error) and PAYLOAD not in panel.error.value and panel.sentences.value == before
    panel.show(trained)
    assert not panel.error.value


def test_a_run_without_an_epoch_is_compared_as_far_as_it_goes(trained):
    panel = ComparePanel([trained[0], written("queued", folder=paths.runs() / "waits")])
    assert "Not comparable: " in said(panel.sentences) and "has no epoch yet." in said(panel.sentences)
    assert panel.classes.rows == [] and len(figures(panel)) == 1 and "queued" in said(panel.summary)


def test_three_runs_are_compared_pair_by_pair(trained):
    third = wb.fine_tune(trained[0].recipe.replace(seed=1))
    panel = ComparePanel([*trained, third])
    assert said(panel.sentences).count("corrected for 3 tests") + said(panel.sentences).count("No difference") == 3
    assert "p (Holm)" in said(panel.pairs) and len(panel.classes.columns) == 1 + 3 * 4


def test_equal_recipes_are_said_to_be_equal(trained):
    again = wb.fine_tune(trained[0].recipe)
    panel = ComparePanel([trained[0], again])
    assert said(panel.differences) == "The recipes are equal: what differs came about by chance."
    assert said(panel.sentences).startswith("No difference")


def test_long_names_are_cut_and_stay_apart():
    assert shortened(["a", "b" * 40]) == ["a", "b" * 29 + "…"]
    assert shortened(["x" * 40 + "1", "x" * 40 + "2"]) == [f"1: {'x' * 29}…", f"2: {'x' * 29}…"]


def test_hostile_names_stay_text(trained):
    panel = ComparePanel(trained)
    for part in (panel.sentences, panel.summary, panel.differences, panel.pairs):
        assert PAYLOAD not in part.value and "&lt;img" in part.value
    for figure in figures(panel):
        assert PAYLOAD not in json.dumps(figure)


def test_closed_it_leaves_no_figure_behind(trained):
    ComparePanel(trained).close()
    assert not [w for w in Widget.get_manager_state()["state"].values() if w["model_name"] == "FigureModel"]
