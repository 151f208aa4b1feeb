"""By the rules of axe-core: names for screen readers, roles, contrast, in both themes; a lesson by keyboard alone."""

from __future__ import annotations

import json

import pytest
from helpers import until

pytestmark = pytest.mark.browser
PANELS = """import workbench as wb
guess = wb.Prediction("who", "Who wins?", ["grid", "random"], "grid", "out", "class")
display(wb.PredictionPanel(guess), wb.StepsPanel([wb.plots.pictures(wb.batch(wb.Digits(), 8))]), wb.PlaygroundPanel())
print("shown")"""
BENCH = "import workbench as wb\nwb.Workbench(wb.Recipe(wb.Digits(per_class=5), epochs=3))"
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
# Not ours: what plotly and JupyterLab's own controls draw. `.modebar` is hidden where we show figures live.
LEFT_OUT = [[".js-plotly-plot"], [".jp-RenderedPlotly"]]


def broken(page, place):
    """What axe-core finds wrong within the place: rule, what it says, and the element."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page, context={"include": [[place]], "exclude": LEFT_OUT}, options=RULES).response["violations"]
    return [(each["id"], node["failureSummary"], node["html"][:200]) for each in found for node in each["nodes"]]


def run(page, shown):
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.locator(shown).first.wait_for()


def dark(page):
    """Turn to the dark theme."""
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    until(lambda: page.evaluate("() => document.body.dataset.jpThemeLight") == "false")


def test_the_bench_breaks_no_rule_in_either_theme(opened):
    page = opened("rules.ipynb", [BENCH])
    run(page, ".wb-live")
    page.locator(".wb-live").get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("Finished · epoch 3 of 3").first.wait_for()
    found = {}
    for theme in ("light", "dark"):
        if theme == "dark":
            dark(page)
        tabs = page.locator(".jp-OutputArea-output .lm-TabBar-tab")
        for at in range(tabs.count() if theme == "light" else 2):  # what differs by theme is the colours of the same
            tabs.nth(at).click()
            found[theme, tabs.nth(at).inner_text()] = broken(page, ".jp-OutputArea-output")
    assert {tab: wrong for tab, wrong in found.items() if wrong} == {}


def test_what_lessons_show_breaks_no_rule_in_either_theme(opened):
    page = opened("lesson rules.ipynb", [PANELS])
    run(page, ".wb-playground")
    page.get_by_text("shown", exact=True).wait_for()
    page.get_by_role("radio", name="grid").check()
    page.get_by_role("button", name="That is my prediction").click()
    page.get_by_text("The class so far: 1 prediction").wait_for()
    page.get_by_role("radiogroup", name="Who wins?").wait_for()
    assert broken(page, ".jp-OutputArea") == []
    dark(page)
    assert broken(page, ".jp-OutputArea") == []


def test_a_prediction_is_locked_in_by_keyboard_alone(opened, lab):
    page = opened("lesson by keyboard.ipynb", [PANELS.replace('"out"', '"by keyboard"')])
    run(page, ".wb-playground")
    page.locator(".wb-playground .noUi-handle[aria-label]").first.wait_for()  # panels are dressed, and keep their keys
    page.get_by_role("radio", name="grid").focus()
    page.keyboard.press("Space")  # ipywidgets' radio buttons are each a stop of their own
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("It is complete.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Locked in: grid.").wait_for()
    kept = {"answer": "grid", "reason": "It is complete.", "tries": 1, "first": "grid"}
    file = lab.here / "by keyboard" / "predictions.json"  # the last letters may come after the press
    until(lambda: json.loads(file.read_text())["who"] == kept)
