"""All runs, and the buttons for those that are ticked, by value."""

from __future__ import annotations

import asyncio
import os

import pytest
from panels.by_hand import PAYLOAD, driven, said, shown, written

import workbench as wb
from workbench import paths
from workbench.panels import runs_panel
from workbench.panels.runs_panel import RunsPanel, ranged

FOR_ONE = ("use_button", "again_button", "on_button")


@pytest.fixture
def panel():
    """A panel over three runs; what it calls is kept in `told`."""
    for at, (name, recipe) in enumerate((("first", wb.Recipe(epochs=4)), ("second", wb.Recipe(lr=0.1, epochs=4)))):
        run = written("finished", epochs=3, folder=paths.runs() / name, recipe=recipe)
        os.utime(run.folder / "recipe.json", (at, at))
    written("stopped", folder=paths.runs() / "third")
    told = []
    made = RunsPanel(*(lambda what, at=at: told.append((at, what)) for at in ("use", "watch", "compare")))
    made.told = told
    yield made
    made.close()


def test_all_runs_stand_in_the_grid_the_newest_first(panel):
    third, second, first = panel.grid.rows
    assert [row["key"] for row in (first, second, third)] == ["first", "second", "third"]
    assert (first["state"], first["best_epoch"], first["data"], first["scope"]) == ("finished", 2, "digits", "head")
    assert (first["accuracy said"], first["seconds said"]) == ("0.500", "1.5")
    assert (second["lr said"], second["epochs"], second["batch_size"], second["F1 said"]) == ("0.1", 4, 32, "0.450")
    assert first["gap said"] == "0.400\u00a0[0.300,\u00a00.500]"
    assert third["valid_accuracy"] is None and third["accuracy said"] == third["gap said"] == third["F1 said"] == ""
    assert {column["key"] for column in panel.grid.columns} <= first.keys()
    assert {column["shown"] for column in panel.grid.columns if "shown" in column} <= first.keys()


def test_an_interval_stands_where_it_is_known():
    assert ranged(0.5, 0.4, 0.6) == "0.500\u00a0[0.400,\u00a00.600]" and ranged(0.5, None, None) == "0.500"
    assert ranged(None, None, None) == ranged(float("nan"), 0.1, 0.2) == "" and ranged(0.5, float("nan"), 1) == "0.500"


def test_only_buttons_that_do_something_can_be_pressed(panel):
    buttons = {name: getattr(panel, name) for name in (*FOR_ONE, "compare_button", "delete_button")}
    for many, allowed in enumerate(((), (*FOR_ONE, "delete_button"), ("compare_button", "delete_button"))):
        panel.grid.ticked = ["first", "second"][:many]
        assert {name for name, button in buttons.items() if not button.disabled} == {*allowed}
    assert all(button.tooltip for button in (*buttons.values(), panel.refresh_button, panel.epochs))


def test_a_note_that_is_edited_is_the_runs(panel):
    text = f"good {PAYLOAD}"
    panel.grid.edited = {"row": "second", "column": "note", "text": text, "number": 1}
    assert wb.open_run("second").note == text and wb.open_run("first").note == ""
    assert [row["note"] for row in panel.grid.rows] == ["", text, ""]
    assert RunsPanel().grid.rows[1]["note"] == text


def test_a_recipe_is_used_and_runs_are_compared_in_the_order_of_the_ticks(panel):
    panel.grid.ticked = ["second"]
    panel.use_button.click()
    assert panel.told == [("use", wb.Recipe(lr=0.1, epochs=4))]
    panel.grid.ticked = ["second", "first"]
    panel.compare_button.click()
    assert [run.folder.name for run in panel.told[1][1]] == ["second", "first"]


def test_it_starts_a_run_again_and_trains_on(here, tiny):
    run = wb.fine_tune(wb.Recipe(wb.Digits(per_class=2), tiny, epochs=1), paths.runs() / "small")
    told = []
    panel = RunsPanel(watch=told.append)
    panel.grid.ticked = ["small"]
    panel.again_button.click()
    assert told[0].join().recipe == run.recipe and told[0].folder != run.folder
    panel.epochs.value = 2
    panel.on_button.click()
    assert told[1].join().recipe.epochs == 3 and [row["epoch"] for row in told[1].rows] == [0, 1, 2, 3]
    assert told[1].files.read("recipe.json")["parent"]["run"] == "small"
    assert not panel.error.value and len(panel.grid.rows) == 3 and panel.grid.ticked == ["small"]


def test_what_fails_is_said_letter_by_letter_and_goes_with_the_next_press(panel):
    panel.grid.ticked = ["third"]
    panel.on_button.click()
    assert "has no checkpoint to train on from" in said(panel.error) and "wb-error" in panel.error.value
    panel.refresh_button.click()
    assert panel.error.value == ""
    panel._fill(panel._notes, PAYLOAD, "error")
    assert said(panel.error) == f"The runs cannot be listed: {PAYLOAD}" and PAYLOAD not in panel.error.value


def test_delete_asks_once_more_and_then_deletes(panel):
    panel.grid.ticked = ["first", "third"]
    panel.delete_button.click()
    assert panel.delete_button.description == "Really delete 2?" and panel.armed and len(wb.runs()) == 3
    panel.delete_button.click()
    assert [row["key"] for row in panel.grid.rows] == [*wb.runs()["name"]] == ["second"]
    assert panel.grid.ticked == [] and panel.delete_button.description == "Delete" and panel.delete_button.disabled


@pytest.mark.parametrize("instead", ["refresh", "tick"])
def test_anything_else_that_is_done_takes_the_question_back(panel, instead):
    panel.grid.ticked = ["first"]
    panel.delete_button.click()
    if instead == "refresh":
        panel.refresh_button.click()
    else:
        panel.grid.ticked = ["first", "second"]
    assert not panel.armed and panel.delete_button.description == "Delete"
    panel.delete_button.click()
    assert panel.armed and len(wb.runs()) == 3


def test_after_a_while_the_question_is_taken_back(monkeypatch):
    monkeypatch.setattr(runs_panel, "PATIENCE", 0.1)

    async def waited():
        written(folder=paths.runs() / "run")
        panel = RunsPanel()
        await shown(lambda: panel.grid.rows)  # read off the loop
        panel.grid.ticked = ["run"]
        panel.delete_button.click()
        assert panel.armed
        await shown(lambda: not panel.armed)
        panel.close()

    asyncio.run(waited())
    assert len(wb.runs()) == 1


def test_a_run_that_goes_on_is_not_deleted_and_the_others_are(panel):
    run = written("running", folder=paths.runs() / "busy")
    panel.refresh()
    panel.grid.ticked = ["busy", "first"]
    with driven(run):
        panel.delete_button.click()
        panel.delete_button.click()
        assert "busy is running: run.stop() it first" in said(panel.error)
        assert {*wb.runs()["name"]} == {"busy", "second", "third"} and panel.grid.ticked == ["busy"]


def test_a_folder_of_that_name_here_is_not_taken_for_the_run(panel, tmp_path, monkeypatch):
    other = written(folder=tmp_path / "first")
    monkeypatch.chdir(tmp_path)
    panel.grid.ticked = ["first"]
    panel.delete_button.click()
    panel.delete_button.click()
    assert other.folder.exists() and not (paths.runs() / "first").exists()


def test_without_an_app_around_it_there_is_nothing_to_compare_or_to_put_a_recipe_in():
    panel = RunsPanel()
    buttons = panel.children[1].children
    assert panel.compare_button not in buttons and panel.use_button not in buttons and panel.on_button in buttons


def test_read_later_it_reads_nothing_at_first():
    written()
    assert RunsPanel(now=False).grid.rows == []


def test_a_note_written_while_the_folders_are_read_is_not_lost(monkeypatch):
    from workbench.panels import runs_panel

    written("finished", epochs=1, folder=wb.paths.runs() / "a")
    panel = wb.RunsPanel(now=False)
    panel.refresh()
    real = runs_panel.listed

    def slow():
        found = real()
        if not panel._notes:  # somebody writes just now
            panel._note("a", "mine")
        return found

    monkeypatch.setattr(runs_panel, "listed", slow)
    before = panel._notes
    panel._fill(before, slow(), "faint")
    assert [row["note"] for row in panel.grid.rows] == ["mine"]
    panel.close()
