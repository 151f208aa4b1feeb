"""The playground in a browser: it trains before one's eyes, smoothly; points are drawn by hand; a knob is turned."""

from __future__ import annotations

import pytest
from helpers import until

pytestmark = pytest.mark.browser
CELL = """import workbench as wb
played = wb.PlaygroundPanel(wb.Recipe(wb.Points(shape="circles"), scope="head(layers=2, width=16)", lr=0.02,
    epochs=100_000, precision="float32"))
played"""
COLOURS = """() => { const c = document.querySelector('.wb-board');
  const p = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  const seen = new Set(); for (let i = 0; i < p.length; i += 404) seen.add(p[i] + ',' + p[i+1] + ',' + p[i+2]);
  return seen.size; }"""
PICTURE = "() => document.querySelector('.wb-board').toDataURL()"


def test_points_are_learned_drawn_and_turned(opened):
    page = opened("play.ipynb", [CELL])
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    panel = page.locator(".wb-playground")
    panel.get_by_role("button", name="Start").click()
    until(lambda: epoch(panel) >= 5)
    until(lambda: page.evaluate(COLOURS) > 40)  # the surface is there, and no flat one
    drawn = set()
    until(lambda: drawn.add(page.evaluate(PICTURE)) or len(drawn) >= 5)  # it moves

    panel.get_by_role("button", name="Pause").click()
    panel.get_by_role("button", name="Resume").wait_for()
    rate = panel.get_by_label("lr", exact=True).first
    rate.fill("0.001")
    rate.press("Enter")
    before = epoch(panel)
    panel.get_by_role("button", name="Resume").click()
    until(lambda: epoch(panel) > before)  # turned, it goes on where it was

    panel.get_by_role("button", name="Clear the board").click()
    until(lambda: (panel.locator(".wb-board").get_attribute("aria-label") or "").startswith("0 points"))  # it is empty
    board = panel.locator(".wb-board").bounding_box()
    for at in range(12):
        if at == 6:
            panel.get_by_role("button", name="b", exact=True).click()
        right, down = 0.1 + 0.06 * at, 0.2 if at < 6 else 0.8
        page.mouse.click(board["x"] + board["width"] * right, board["y"] + board["height"] * down)
    panel.get_by_role("button", name="Start").click()
    until(lambda: "12 points and the regions" in (panel.locator(".wb-board").get_attribute("aria-label") or ""))


def epoch(panel):
    """The epoch that the panel tells, -1 for none."""
    told = [each for each in panel.locator(".wb-strong").all_inner_texts() if each.startswith("epoch ")]
    return int(told[0].split(":")[0].split()[1]) if told else -1
