"""A lesson in JupyterLab: Run All, live; then a prediction by hand, and the Gaussian process trial by trial."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from helpers import until

from workbench.report import declared

pytestmark = pytest.mark.browser
LESSON = Path(__file__).resolve().parents[2] / "notebooks" / "lessons" / "04_search_strategies.ipynb"


def test_strategies_are_predicted_run_and_graded(opened, lab, tmp_path):
    source, content = lab.here / LESSON.name, nbformat.read(LESSON, as_version=4)
    small = {name: value for name, (_, value) in declared(LESSON).items()}
    small |= content.metadata.workbench.small | {"output": str(tmp_path / "results")}
    (cell,) = [cell for cell in content.cells if "parameters" in cell.metadata.get("tags", [])]
    cell.source = "\n".join(f"{name}: {type(value).__name__} = {value!r}" for name, value in small.items())
    nbformat.write(content, source)

    page = opened(LESSON.name)
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    until(lambda: len([*(tmp_path / "results").glob("*.csv")]) == 3, 180)
    until(lambda: lab.get("api/kernels")[0]["execution_state"] == "idle")
    assert page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']").count() == 0
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    page.get_by_text("That is my prediction").scroll_into_view_if_needed()
    page.locator(".widget-radio-box label", has_text="Bayesian, TPE").click()
    page.get_by_placeholder("Why? In your own words").fill("It learns.")
    page.get_by_role("button", name="That is my prediction").click()
    page.get_by_text("Locked in: Bayesian, TPE. Now run the cells below.").wait_for()
    kept = json.loads((tmp_path / "results" / "predictions.json").read_text())
    assert kept == {"three knobs": {"answer": "Bayesian, TPE", "reason": "It learns."}}

    page.get_by_role("button", name="Next trial").scroll_into_view_if_needed()
    page.get_by_text("step 1 of 6").wait_for()
    page.get_by_role("button", name="Next trial").click()
    title = page.locator(
        ".jp-OutputArea .gtitle", has_text="After 4 trials its best is"
    )  # plotly measures another copy
    title.wait_for()
    page.get_by_text("step 2 of 6").wait_for()
    until(lambda: nbformat.read(source, as_version=4).cells[-1].execution_count)
    outputs = [output for cell in nbformat.read(source, as_version=4).cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error"]
    charts = [output for output in outputs if "application/vnd.plotly.v1+json" in output.get("data", {})]
    assert len(charts) == 6 and source.stat().st_size < 1_000_000
