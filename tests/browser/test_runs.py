"""All runs and two of them side by side, in a real browser: tick, compare, write a note, find it again, delete."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from helpers import until

pytestmark = pytest.mark.browser
DOCS = Path(__file__).resolve().parents[2] / "docs"
FOR_README = os.environ.get("WORKBENCH_SCREENSHOT") == "1"  # then it is a lesson that is worth a picture
HOSTILE = "held back" if FOR_README else "<img src=x onerror='window.hit=1'>"
SIZES = ("per_class=10, label_noise=0.4", 100) if FOR_README else ("per_class=6", 4)
NOTES = ("no regularizer", "L2") if FOR_README else ("note of plain run", f"note of {HOSTILE}")
TWO = f"""import workbench as wb
recipe = wb.Recipe("digits({SIZES[0]})", epochs={SIZES[1]}, lr=1e-2)
for name, note, regularizers in zip(("plain run", {HOSTILE!r}), {NOTES!r}, ("", "l2(strength=0.1)")):
    run = wb.fine_tune(recipe, wb.paths.runs() / name, regularizers=regularizers)
    run.note = note
bench = wb.Workbench(recipe)
bench"""


def test_two_runs_are_ticked_compared_noted_and_deleted(opened, lab):
    page = opened("runs.ipynb", [TWO])
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".wb-live .js-plotly-plot")
    _tab(page, "Runs")
    grid = page.locator(".wb-runs .wb-grid")
    grid.get_by_label("filter").fill(f"digits({SIZES[0]}) L2")
    until(lambda: grid.locator("tbody tr").count() == 1)
    grid.get_by_label("filter").fill(f"digits({SIZES[0]}) finished")
    until(lambda: grid.locator("tbody tr").count() == 2)
    grid.get_by_label("tick plain run").check()
    grid.get_by_label(f"tick {HOSTILE}").check()
    grid.get_by_role("button", name="accuracy").click()
    assert grid.locator("th[aria-sort=descending]").inner_text().startswith("accuracy")
    numbers = [float(cell.split()[0]) for cell in grid.locator("tbody tr td:nth-child(10)").all_inner_texts()]
    assert numbers == sorted(numbers, reverse=True) and len(numbers) == 2
    _look(page, "runs")

    page.locator(".wb-runs").get_by_role("button", name="Compare").click()
    compare = page.locator(".wb-compare")
    compare.get_by_text("; p ").first.wait_for()
    compare.get_by_text(NOTES[1]).first.wait_for()
    until(lambda: compare.locator(".js-plotly-plot").count() == 3)  # curves, recalls, confusion matrices
    assert compare.get_by_role("cell", name="l2", exact=True).is_visible()
    _look(page, "compare")

    _tab(page, "Runs")
    note = grid.get_by_label("note of plain run")
    note.fill("the one without <b>L2</b>")
    note.press("Enter")
    control = lab.runs / "plain run" / "control.json"
    until(lambda: json.loads(control.read_text()).get("note") == "the one without <b>L2</b>")
    page.keyboard.press("Control+s")
    until(lambda: '"application/vnd.jupyter.widget-view+json"' in (lab.here / "runs.ipynb").read_text())
    page.reload()
    page.wait_for_selector(".wb-runs .wb-grid tbody tr", state="attached")
    _tab(page, "Runs")
    until(lambda: note.input_value() == "the one without <b>L2</b>")
    _tab(page, "Compare")
    until(lambda: compare.locator(".js-plotly-plot").count() == 3)  # what was compared is there again
    _look(page, "again")
    _tab(page, "Runs")

    assert grid.get_by_label("tick plain run").is_checked()  # the ticks are there again too
    page.locator(".wb-runs").get_by_role("button", name="Delete").click()
    page.locator(".wb-runs").get_by_role("button", name="Really delete 2?").click()
    until(lambda: not control.exists() and not (lab.runs / HOSTILE).exists())
    until(lambda: grid.get_by_label("tick plain run").count() == 0)
    assert page.evaluate("() => window.hit") is None
    assert page.locator(".jp-OutputArea img[src=x], .jp-OutputArea b, .jp-OutputArea script").count() == 0


def _tab(page, name):
    page.locator(".jupyter-widget-tab .lm-TabBar-tab", has_text=name).click()


def _look(page, name):
    """Pictures for whoever looks, in both themes; and the README's, when it is asked for."""
    if FOR_README and name == "compare":
        page.set_viewport_size({"width": 1440, "height": 2700})
        page.wait_for_timeout(800)
        page.locator(".wb-compare").screenshot(path=DOCS / "comparing.png")
        page.set_viewport_size({"width": 1440, "height": 1080})
    if not (seen := os.environ.get("WORKBENCH_SEEN")):
        return
    page.set_viewport_size({"width": 1500, "height": 2700})
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        page.evaluate(f"() => window.jupyterapp.commands.execute('apputils:change-theme', {{theme: '{theme}'}})")
        page.wait_for_timeout(1500)
        page.screenshot(path=Path(seen) / f"{name}-{theme.split()[-1].lower()}.png")
    page.set_viewport_size({"width": 1440, "height": 1080})
