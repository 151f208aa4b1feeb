"""A search in a real browser: priced, started, watched, stopped, extended; a trial opened as a run and taken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers import until

pytestmark = pytest.mark.browser
DOCS = Path(__file__).resolve().parents[2] / "docs"
CELL = """import workbench as wb
bench = wb.Workbench(wb.Recipe(wb.Digits(per_class=20, placement="scattered"), regularizers="l2, dropout", epochs=120))
bench"""


def test_a_search_is_started_watched_stopped_and_extended(opened, lab):
    page = opened("search.ipynb", [CELL])
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".wb-live .js-plotly-plot")
    page.locator(".jupyter-widget-tab .lm-TabBar-tab", has_text="Search").click()
    search = page.locator(".wb-search")
    search.get_by_text("32 trials over 3 knobs; a grid of 4 values a range would take 64.").wait_for()
    search.get_by_text("scope all").wait_for()  # what it would cost with every weight
    search.get_by_placeholder("a new one").fill("by hand")
    search.get_by_placeholder("a new one").press("Enter")
    search.get_by_role("button", name="Start", exact=True).click()
    search.get_by_text("by hand: running").wait_for()
    search.get_by_text("under way, epoch").wait_for()  # it is followed within a round, of some seconds
    search.get_by_role("button", name="Stop", exact=True).click()  # within the round
    search.get_by_text("by hand: stopped").wait_for()
    search.get_by_role("button", name="Resume", exact=True).click()
    search.locator(".wb-grid tbody tr[data-key]").first.wait_for()  # a round is done
    until((lab.runs / "studies" / "by hand" / "study.db").exists)
    search.get_by_text("by hand: finished, 32 of 32 trials").wait_for(timeout=180_000)
    search.get_by_role("button", name="Extend", exact=True).click()
    search.get_by_text("by hand: finished, 48 of 48 trials").wait_for(timeout=180_000)
    grid = search.locator(".wb-grid")
    until(lambda: grid.locator("tbody tr").count() == 48)
    if os.environ.get("WORKBENCH_SCREENSHOT") == "1":
        page.set_viewport_size({"width": 1440, "height": 2000})
        page.wait_for_timeout(1000)
        page.screenshot(path=DOCS / "search.png", clip=search.bounding_box() | {"height": 950})
    figures = search.locator("select").filter(has_text="importance")
    figures.nth(1).select_option(label="importance")
    search.get_by_text("of what the knobs explain, by fanova.").wait_for()
    grid.locator("tbody tr").first.get_by_text("finished").click()  # anywhere in the row
    search.get_by_text("1 ticked").wait_for()
    search.get_by_role("button", name="Open as run", exact=True).click()
    page.locator(".wb-live").get_by_text("Finished · epoch 120 of 120").wait_for()
    page.locator(".jupyter-widget-tab .lm-TabBar-tab", has_text="Search").click()
    search.get_by_role("button", name="Use this recipe", exact=True).click()
    page.locator(".jupyter-widget-tab .lm-mod-current", has_text="Recipe").wait_for()
