"""Pictures, texts and recordings in a real browser: backbones that fit, what trains, a batch, a run; a file chosen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers import until
from PIL import Image

pytestmark = pytest.mark.browser
DOCS = Path(__file__).resolve().parents[2] / "docs"
BENCH = "import workbench as wb\nbench = wb.Workbench(wb.Recipe(wb.Digits(per_class=20), epochs=3))\nbench"
DOMAINS = {
    "digits": ("glyph-resnet", "on the last layer's mean over the picture; the network's", "figure img"),
    "docstrings": ("docs-bert", "on the mean of the last layer's tokens; the encoder's", ".wb-note > span"),
    "vowels": ("formant-encoder", "on the last layer's mean and spread over a clip; the encoder's", "figure audio"),
}
HEARD = """async () => {
  const player = document.querySelector('figure audio');
  player.load();
  await new Promise(done => { player.onloadedmetadata = done; player.onerror = done; });
  return player.duration;
}"""


def test_three_domains_are_chosen_looked_at_and_trained(opened, lab, tmp_path):
    page = opened("domains.ipynb", [BENCH])
    _run(page)
    recipe, shots = page.locator(".wb-recipe"), []
    for data, (backbone, trains, batch) in DOMAINS.items():
        _tab(page, "Recipe")
        recipe.get_by_label("Data", exact=True).select_option(data)
        recipe.get_by_text(trains).wait_for()
        assert recipe.get_by_label("Backbone", exact=True).input_value() == backbone
        _offered(recipe, data, backbone)
        shots.append(_shot(recipe, tmp_path / f"{data}.png"))
        _tab(page, "Data")
        page.get_by_role("button", name="Look at a batch").click()
        until(lambda batch=batch: page.locator(batch).count() >= 24)
        if data == "vowels":
            assert 0.1 < page.evaluate(HEARD) < 2
    _side_by_side(shots)
    _tab(page, "Recipe")
    page.locator(".wb-live").get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("Finished · epoch 3 of 3").first.wait_for()


def test_a_file_is_chosen_by_keyboard(opened, lab):
    (lab.here / "letters").mkdir()
    rows = [f"letter {at} is about {kind},{kind}" for at, kind in enumerate(["money", "travel"] * 20)]
    (lab.here / "letters" / "a<img src=x onerror='window.hit=1'>.csv".replace("/", "")).write_text("text,label\na,b\n")
    (lab.here / "letters" / "post.csv").write_text("\n".join(["text,label", *rows]))
    page = opened("choosing a file.ipynb", [BENCH])
    _run(page)
    recipe = page.locator(".wb-recipe")
    recipe.get_by_label("Data", exact=True).select_option("table")
    path = recipe.get_by_label("path", exact=True)
    path.focus()
    _to(page, "Browse")
    recipe.get_by_text("here/", exact=True).wait_for()
    _to(page, "letters/")
    recipe.get_by_text("here/letters", exact=True).wait_for()
    recipe.get_by_role("button", name="post.csv", exact=True).wait_for()  # what is focused is named before it is there
    until(lambda: page.evaluate("() => document.activeElement.innerText").startswith(".."))
    _to(page, "post.csv")
    recipe.get_by_text("40 examples of up to 128 tokens").wait_for()
    assert path.input_value() == str(lab.here.resolve() / "letters" / "post.csv")
    assert page.evaluate("() => window.hit") is None and page.locator(".wb-recipe img").count() == 0


def _to(page, name):
    """Go on with Tab to the button of this name, and press it."""
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.innerText").strip() == name:
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"Tab does not reach {name}")


def _offered(recipe, data, backbone):
    """The list of backbones holds those that read such data, and no others."""
    if data == "digits":
        recipe.get_by_text("Find a backbone").click()
    listed = recipe.get_by_label("found", exact=True)
    until(lambda: any(name.startswith(backbone) for name in listed.locator("option").all_inner_texts()))
    assert any(name.startswith("glyph-resnet") for name in listed.locator("option").all_inner_texts()) == (
        data == "digits"
    )


def _run(page):
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".wb-live .js-plotly-plot")


def _tab(page, name):
    page.locator(".jupyter-widget-tab .lm-TabBar-tab", has_text=name).click()


def _shot(panel, path):
    if os.environ.get("WORKBENCH_SCREENSHOT") == "1":
        panel.screenshot(path=path)
    return path


def _side_by_side(paths):
    """The panel in three domains as one picture for the README."""
    if os.environ.get("WORKBENCH_SCREENSHOT") != "1":
        return
    pictures = [Image.open(path).convert("RGB") for path in paths]
    whole = Image.new("RGB", (sum(each.width for each in pictures), max(each.height for each in pictures)), "white")
    for at, each in enumerate(pictures):
        whole.paste(each, (sum(before.width for before in pictures[:at]), 0))
    whole.quantize(64).save(DOCS / "domains.png", optimize=True)
