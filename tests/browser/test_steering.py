"""A run under way is steered in a real browser: a knob turned, its mark, the verdict, two arms, a lab."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from browser.test_bench import _events, _fill, _press, _run_first
from helpers import IN_FULL, until

import workbench as wb

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
BENCH = """import workbench as wb
data = wb.Digits(per_class=10, label_noise=0.4)
bench = wb.Workbench(wb.Recipe(data, epochs=240, lr=1e-2, batch_size=25, regularizers='l2(strength=0.001)'))
bench"""
LINES = """() => {
  const shown = [...document.querySelectorAll('.js-plotly-plot')];
  return shown[shown.length - 1].data.map(t => [t.name, t.x ? t.x.length : 0]);
}"""


def test_a_knob_is_turned_and_the_run_branched(opened, lab):
    page = opened("steering.ipynb", [BENCH])
    _run_first(page)
    live = page.locator(".wb-live")
    _fill(live, "pace", "4")
    before = set(lab.runs.glob("*/recipe.json"))  # of the tests before
    _press(page, "Start")
    until(lambda: set(lab.runs.glob("*/recipe.json")) - before)
    (recipe,) = set(lab.runs.glob("*/recipe.json")) - before
    folder = recipe.parent
    live.get_by_text("Turn knobs while it trains").click()
    until(lambda: sum(event["event"] == "row" for event in _events(folder)) > 12)
    live.get_by_text("Memorising wrong labels: ").or_(live.get_by_text("Still learning: ")).first.wait_for()
    _fill(live, "l2.strength", "0.1")
    until(lambda: any(event["event"] == "knob" for event in _events(folder)))
    until(lambda: ["knob turned, or branched", 1] in page.evaluate(LINES))
    live.get_by_text("l2.strength=0.1").first.wait_for()

    live.get_by_text("Branch: the same moment, another knob").click()
    live.get_by_label("arm 2", exact=True).select_option("dropout.rate")
    live.get_by_label("to", exact=True).nth(1).fill("0.6")
    live.get_by_label("to", exact=True).nth(1).press("Tab")
    _press(page, "Branch")
    live.get_by_text("2 arms began at step").wait_for()
    arms = [path.parent for path in set(lab.runs.glob("*/recipe.json")) - before - {recipe}]
    assert len(arms) == 2
    wb.open_run(folder).pace(0)
    told = [event["value"] for event in _events(folder) if event["event"] == "knob"]
    until(lambda: all(_events(each)[-1]["event"] == "finished" for each in (folder, *arms)))
    assert told == [0.1]  # and no slider has turned a knob by itself, of the run or of its arms
    assert all([e["value"] for e in _events(each) if e["event"] == "knob"] == [0.1] for each in arms)
    names = {f"{each.name}, valid" for each in (folder, *arms)}
    until(lambda: {name for name, many in page.evaluate(LINES) if many == 241} >= names)
    if os.environ.get("WORKBENCH_SCREENSHOT") == "1":
        live.get_by_text("Turn knobs while it trains").click()
        page.set_viewport_size({"width": 1440, "height": 1900})
        live.screenshot(path=ROOT / "docs" / "steering.png")


@IN_FULL
def test_a_lab_answers_its_question(opened, lab):
    page = opened("labs.ipynb", ["import workbench as wb\nwb.LabsPanel(wb.Recipe(wb.Digits(per_class=10), lr=1e-2))"])
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    panel = page.locator(".wb-labs")
    panel.get_by_label("Lab", exact=True).select_option("robustness")
    panel.get_by_text("which regularizer holds up?").wait_for()
    panel.get_by_role("button", name="Run", exact=True).click()
    panel.locator(".js-plotly-plot").wait_for()
    panel.get_by_text("Who holds up best at the most").first.wait_for()
    panel.get_by_text("The numbers").click()
    panel.get_by_role("cell", name="units deleted").first.wait_for()
