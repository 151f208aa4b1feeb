"""Lessons in JupyterLab: Run All, live; then a prediction by hand and its grade, and a figure step by step."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from helpers import IN_FULL, until

from workbench.report import declared

pytestmark = pytest.mark.browser
LESSONS = Path(__file__).resolve().parents[2] / "notebooks" / "lessons"


@pytest.fixture
def run_live(opened, lab, tmp_path):
    """A function that runs a lesson live at small parameters, none of its cells failing.

    Returns the page, the notebook's file, and the folder of its results, which ends with as many `tables`.
    """

    def run(name, tables, classroom=False, **more):
        source, results = lab.here / name, tmp_path / "results"
        content, there = nbformat.read(LESSONS / name, as_version=4), declared(LESSONS / name)
        values = {each: value for each, (_, value) in there.items()} | {"output": str(results)}
        values |= content.metadata.workbench.small | more
        values |= {"classroom": str(tmp_path / "class")} if classroom else {}
        (cell,) = [cell for cell in content.cells if "parameters" in cell.metadata.get("tags", [])]
        cell.source = "\n".join(f"{each}: {type(value).__name__} = {value!r}" for each, value in values.items())
        nbformat.write(content, source)
        page = opened(name)
        page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
        until(lambda: len([*results.glob("*.csv")]) >= tables or failed(page), 180)
        until(lambda: lab.get("api/kernels")[0]["execution_state"] == "idle")
        assert not failed(page)
        return page, source, results

    return run


def run_cell(page, text):
    """Run the cell that holds this text."""
    page.locator(".jp-CodeCell .jp-InputArea-editor", has_text=text).click()
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-cell')")


def write_cell(page, text, change):
    """Have the cell that holds this text say what `change` makes of it."""
    cell = page.locator(".jp-CodeCell .jp-InputArea-editor", has_text=text)
    cell.click()
    old = page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.getSource()")
    page.evaluate(
        "source => window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.setSource(source)",
        change(old),
    )


def failed(page):
    """How many cells ended with an error."""
    return page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']").count()


def predict(page, question, answer, reason=""):
    """Lock in a prediction by hand."""
    panel = page.locator(".jp-OutputArea-output", has_text=question).filter(has=page.get_by_role("radio"))
    panel.scroll_into_view_if_needed()
    panel.get_by_role("radio", name=answer, exact=True).check()
    panel.get_by_placeholder("Why? In your own words").fill(reason)
    panel.get_by_role("button", name="That is my prediction").click()
    panel.get_by_text(f"You predicted “{answer}”").wait_for()  # all cells have run: it is graded at once


def charts(page, source, most=1_000_000):
    """The plain figures that the notebook holds once it is saved, in `most` bytes."""
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    until(lambda: nbformat.read(source, as_version=4).cells[-1].execution_count)
    outputs = [output for cell in nbformat.read(source, as_version=4).cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error"] and source.stat().st_size < most
    return [output for output in outputs if "application/vnd.plotly.v1+json" in output.get("data", {})]


@IN_FULL
def test_strategies_are_predicted_run_and_graded(run_live):
    page, source, results = run_live("04_search_strategies.ipynb", tables=3)
    predict(page, "Which comes nearest to the lowest loss", "Bayesian, TPE", "It learns.")
    kept = json.loads((results / "predictions.json").read_text())
    about = kept["three knobs"]
    assert (about["answer"], about["reason"], about["tries"]) == ("Bayesian, TPE", "It learns.", 1)

    page.get_by_role("button", name="Next trial").scroll_into_view_if_needed()
    page.get_by_text("step 1 of 6").wait_for()
    page.get_by_role("button", name="Next trial").click()
    title = page.locator(
        ".jp-OutputArea .gtitle", has_text="After 4 trials its best is"
    )  # plotly measures another copy
    title.wait_for()
    page.get_by_text("step 2 of 6").wait_for()
    assert len(charts(page, source)) == 6


def test_a_student_walks_through_overfitting_to_the_grades(run_live):
    """Predicts, sees the class, reads the grades, solves an exercise, hands in; a reload loses none of it."""
    page, source, results = run_live("02_overfitting.ipynb", tables=8, epochs=60, pace=40.0, classroom=True)
    predict(page, "how many of these 100 labels", "95 % or more", "It sees them often enough.")
    predict(page, "How many of the wrong labels", "below 50 %")
    page.get_by_text("The class so far: 1 prediction").first.wait_for()
    run_cell(page, "run = await wb.show(recipe")
    grades = page.locator("pre", has_text="(It was ")
    grades.filter(has_text="You predicted “95 % or more”, and so it came.").wait_for()
    grades.filter(has_text="You predicted “below 50 %”; it came out otherwise: “95 % or more”.").wait_for()

    best = pd.read_csv(results / "history.csv").set_index("epoch")["valid_loss"].idxmin()
    write_cell(page, "mine, stop = None, None", lambda old: old.replace("= None, None", f"= None, {best}", 1))
    run_cell(page, f"mine, stop = None, {best}")
    page.get_by_text("Solved. From there on validation loss rises").wait_for()
    run_cell(page, "print(wb.hand_in(output, tables, student))")
    until(lambda: json.loads((results / "hand_in.json").read_text())["exercises"])
    handed = json.loads((results / "hand_in.json").read_text())
    assert {name: each["held"] for name, each in handed["predictions"].items()} == {"labels given": True, "lies": False}
    assert handed["exercises"]["when"]["solved"] and len(handed["rows"]["history"]) == 61
    assert len(charts(page, source, 2_000_000)) >= 8  # JupyterLab keeps a picture of each figure, of both sheets too

    page.reload()
    grades.filter(has_text="You predicted “95 % or more”, and so it came.").wait_for()


@IN_FULL
def test_a_learning_rate_is_predicted_and_graded(run_live):
    page, source, results = run_live("01_parameters_and_hyperparameters.ipynb", tables=10)
    ends = pd.read_csv(results / "ends.csv")
    best = f"{ends.loc[ends['verdict'] == 'fits best', 'lr'].item():g}"
    predict(page, "Which learning rate ends lowest?", best, "Neither far nor near.")
    run_cell(page, "falls = wb.labs.rates")
    told = page.locator("pre", has_text=f"You predicted “{best}”, and so it came. Your reason was: “Neither far")
    told.wait_for()
    assert len(charts(page, source)) == 9
