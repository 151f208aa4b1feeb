"""A person's own pictures in a real browser: look at them, relabel one, reload, find the correction, run again."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from helpers import IN_FULL, until

pytestmark = pytest.mark.browser
DOCS = Path(__file__).resolve().parents[2] / "docs"
MINE = """import workbench as wb
folder = wb.sample_folder(wb.paths.runs() / "own pictures")
mine = wb.Images(str(folder), size=32, broken="leave out")
recipe = wb.Recipe(mine, "glyph-resnet", epochs=6, lr=3e-3)
run = wb.fine_tune(recipe, wb.paths.runs() / "first")
bench = wb.Workbench(recipe)
bench.live.show(run)
bench"""

CHOOSING = """import workbench as wb
wb.sample_folder(wb.paths.runs() / "own pictures")
bench = wb.Workbench()
bench"""


def test_a_label_is_mended_found_after_a_reload_and_trained_on(opened, lab):
    page = opened("mending.ipynb", [MINE])
    _run(page)
    _tab(page, "Data")
    page.get_by_role("button", name="Look at a batch").click()
    until(lambda: page.locator("figure img").count() >= 24)
    mend = page.locator(".wb-mend")
    mend.get_by_text("1 to 24 of the").wait_for()
    choices = mend.locator("select")
    until(lambda: choices.count() == 2 + 24)
    first = choices.nth(2)
    given = first.input_value()
    said = mend.locator(".wb-faint", has_text="loss").first.inner_text()  # "4 → 3 0.96 …"
    answer = said.split("→")[1].split()[0]
    assert said.split("→")[0].strip() == given != answer
    first.select_option(answer)
    mend.get_by_text("1 relabelled, 0 dropped").wait_for()
    choices.nth(3).select_option("(drop)")
    mend.get_by_text("1 relabelled, 1 dropped").wait_for()
    (file,) = (lab.runs / "corrections").glob("own-pictures-*.jsonl")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["now"] for line in lines] == [answer, ""] and lines[0]["was"] == given
    _look(page, "mending")

    page.keyboard.press("Control+s")
    until(lambda: '"application/vnd.jupyter.widget-view+json"' in (lab.here / "mending.ipynb").read_text())
    page.reload()
    page.wait_for_selector(".wb-mend select", state="attached")
    _tab(page, "Data")
    until(lambda: first.input_value() == answer and choices.nth(3).input_value() == "(drop)")
    mend.get_by_role("button", name="Undo").click()
    mend.get_by_text("1 relabelled, 0 dropped").wait_for()

    _run(page)  # a new bench, as after a restart: the file has it
    _tab(page, "Data")
    mend.get_by_text("1 relabelled, 0 dropped").wait_for()
    until(lambda: first.input_value() == answer)
    mend.get_by_role("button", name="Run again with these").click()
    page.get_by_text("Corrected: 1 label, and 0 examples left out").first.wait_for()
    page.get_by_text("Finished · epoch 6 of 6").first.wait_for()
    corrected = [path for path in lab.runs.glob("*/recipe.json") if f"{file}@3" in path.read_text()]
    assert len(corrected) == 1


@IN_FULL
def test_own_pictures_ask_for_a_backbone_before_they_start(opened, lab):
    page = opened("choosing.ipynb", [CHOOSING])
    _run(page)
    folder = lab.runs / "own pictures"
    recipe = page.locator(".wb-recipe")
    recipe.locator("select").first.select_option("images")
    recipe.get_by_text("none is taken in silence").wait_for()
    recipe.locator("input[type=text]").first.fill(str(folder))
    recipe.locator("input[type=text]").first.press("Tab")
    recipe.get_by_label("broken", exact=True).select_option("leave out")
    recipe.get_by_text("313 examples of 96 px").wait_for()
    page.get_by_role("button", name="Start", exact=True).click()
    page.locator(".wb-live .wb-error", has_text="no backbone is chosen").wait_for()
    listed = recipe.get_by_role("option", name="glyph-resnet")
    listed.wait_for(state="attached", timeout=120_000)
    _look(page, "choosing")
    listed.locator("xpath=..").select_option(label=listed.inner_text())
    counted = recipe.get_by_text(": trains ")
    counted.wait_for()
    assert "to the first epoch" in counted.inner_text()


def _run(page):
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(300)
    page.get_by_text("(ipykernel) | Idle").wait_for()
    page.wait_for_selector(".wb-live .js-plotly-plot")


def _tab(page, name):
    page.locator(".jupyter-widget-tab .lm-TabBar-tab", has_text=name).click()


def _look(page, name):
    """Pictures for whoever looks; and the README's, when it is asked for."""
    page.set_viewport_size({"width": 1440, "height": 1700})
    if seen := os.environ.get("WORKBENCH_SEEN"):
        page.wait_for_timeout(800)
        page.screenshot(path=Path(seen) / f"{name}.png")
    if os.environ.get("WORKBENCH_SCREENSHOT") == "1" and name == "mending":
        page.locator(".wb-mend").screenshot(path=DOCS / "mending.png")
    page.set_viewport_size({"width": 1440, "height": 1080})
