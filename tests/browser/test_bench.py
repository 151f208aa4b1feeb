"""A real JupyterLab in a real browser: choose, start, watch, pause, resume, stop, and lose nothing."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
import yaml
from helpers import until

import workbench as wb
from workbench.folder import RunFolder

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
BENCH = "import workbench as wb\nbench = wb.Workbench(wb.Recipe(wb.Digits(per_class=20), epochs=300))\nbench"
POINTS = """() => {
  const shown = [...document.querySelectorAll('.js-plotly-plot')];
  return shown.length ? shown[shown.length - 1].data.map(t => [t.name, t.x ? t.x.length : 0]) : [];
}"""


@pytest.fixture(autouse=True)
def known(lab):
    """Runs that other tests started are not the newest ones here."""
    _newest.known = [*lab.runs.glob("*/recipe.json")]


def test_the_bench(opened, lab):
    page = opened("bench.ipynb", [BENCH])
    _run_first(page)
    assert page.get_by_text("official Jupyter news").count() == 0
    _choose(page)
    _press(page, "Start")
    folder = _newest(lab)
    until(lambda: _epochs(page) >= 8)  # it grows
    recipe = json.loads((folder / "recipe.json").read_text())["recipe"]
    assert recipe["scope"] == "all" and recipe["backbone"] == "glyph-resnet(weights='random')"
    assert recipe["regularizers"].startswith("dropout(rate=0.3")

    _press(page, "Pause")
    until(lambda: _events(folder)[-1]["event"] == "paused")
    held = _rows(folder)
    time.sleep(1.5)
    assert _rows(folder) == held == _epochs(page)
    _press(page, "Resume")
    until(lambda: _rows(folder) >= held + 2)
    _screenshot(page)
    _press(page, "Stop")
    until(lambda: _events(folder)[-1]["event"] == "stopped")
    until(lambda: _epochs(page) == _rows(folder))

    page.keyboard.press("Control+s")
    until(lambda: '"application/vnd.jupyter.widget-view+json"' in (lab.here / "bench.ipynb").read_text())
    page.reload()
    page.wait_for_selector(".wb-live .js-plotly-plot")
    until(lambda: _epochs(page) == _rows(folder))
    assert _rows(folder) > held
    _press(page, "Resume")  # the buttons of the reloaded page work
    until(lambda: _events(folder)[-1]["event"] == "row" and _epochs(page) > held + 2)
    _press(page, "Stop")
    until(lambda: _events(folder)[-1]["event"] == "stopped")


def test_a_run_outlives_its_kernel(opened, lab):
    page = opened("restart.ipynb", [BENCH])
    _run_first(page)
    _choose(page)
    _press(page, "Start")
    folder = _newest(lab)
    until(lambda: _epochs(page) >= 2)
    page.evaluate("() => { window.restarted = window.jupyterapp.commands.execute('notebook:restart-kernel'); }")
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    page.evaluate("() => window.restarted")
    before = _rows(folder)
    until(lambda: _rows(folder) > before + 1)  # it goes on without a kernel
    page.get_by_text("(ipykernel) | Idle").wait_for()
    _run_first(page)
    page.locator(".wb-live").get_by_label("run", exact=True).select_option(index=1)
    until(lambda: _epochs(page) >= before + 2)
    _press(page, "Stop")
    until(lambda: _events(folder)[-1]["event"] == "stopped")
    until(lambda: _epochs(page) == _rows(folder))


AWAITED = """import workbench as wb
recipe = wb.Recipe(wb.Digits(per_class=5), 'glyph-resnet', epochs=100_000)
run = await wb.show(recipe, live=True)
print(run.state, len(run.rows))"""


def test_buttons_work_while_a_cell_awaits(opened, lab):
    page = opened("awaited.ipynb", [AWAITED])
    _run_first(page)
    folder = _newest(lab)
    until(lambda: _epochs(page) >= 2)
    _press(page, "Pause")
    until(lambda: _events(folder)[-1]["event"] == "paused")
    _press(page, "Resume")
    until(lambda: _events(folder)[-1]["event"] == "row")
    _press(page, "Stop")
    page.get_by_text(f"stopped {_settled(folder)}").wait_for()
    assert page.locator(".js-plotly-plot").count() == 2  # plain figures are left: curves and gap


DOWNLOAD = "11,176,512 parameters, 44.7 MB · 224 px · to be downloaded: timm/resnet18.tv_in1k · bsd-3-clause"
HOSTILE = """import workbench as wb
from dataclasses import dataclass
@dataclass(frozen=True)
class Hostile(wb.Regularizer):
    '''<img src=x onerror="window.hit=1"> does nothing.'''
    name = "<img src=x onerror='window.hit=1'>"
    strength: float = wb.knob(1.0, wb.Range(0.1, 10.0), "<script>window.hit=1</script>")
bench = wb.Workbench(wb.Recipe(regularizers=[Hostile()], data=wb.Images(folder="<img src=x onerror='window.hit=1'>")))
bench"""


def test_by_keyboard_in_the_dark_and_with_hostile_names(opened, lab):
    page = opened("hostile.ipynb", [HOSTILE])
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    _run_first(page)
    page.get_by_text("images.folder must be a folder").first.wait_for()
    page.locator(".wb-recipe").get_by_label("Data", exact=True).select_option("digits")
    page.get_by_text(": trains ").wait_for()
    assert page.get_by_text("images.folder must be a folder").count() == 0
    page.get_by_role("button", name="Remove").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Start", exact=True).focus()
    page.keyboard.press("Enter")
    folder = _newest(lab)
    until(lambda: _events(folder)[-1]["event"] == "finished")
    until(lambda: _epochs(page) == 21)
    assert json.loads((folder / "recipe.json").read_text())["recipe"]["regularizers"] == ""
    assert page.evaluate("() => window.hit") is None
    assert page.locator(".jp-OutputArea img, .jp-OutputArea script").count() == 0


def test_the_recipe_panel_finds_shows_copies_and_saves(opened, lab):
    regularizers = "l1, l2, weight-decay, dropout, label-smoothing, early-stopping"
    page = opened("recipe.ipynb", [BENCH.replace("epochs=300", f"regularizers='{regularizers}'")])
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    _run_first(page)
    recipe = page.locator(".wb-recipe")
    recipe.get_by_text("Find a backbone").click()
    _fill(recipe, "words", "resnet18 bsd")
    found = recipe.get_by_label("found", exact=True)
    found.get_by_text("to be downloaded: timm/resnet18.tv_in1k").wait_for(state="attached")
    found.select_option("resnet18.tv_in1k · " + DOWNLOAD.partition(" · ")[2])
    recipe.get_by_text(DOWNLOAD, exact=True).wait_for()
    page.keyboard.press("Escape")
    _fill(recipe, "weights", "random")
    recipe.get_by_text("Parameters and hyperparameters").click()
    recipe.get_by_role("cell", name="11,176,512").first.wait_for()
    assert recipe.get_by_role("cell", name="5,130").is_visible()  # 512 x 10 weights and 10 biases of the head
    recipe.get_by_role("button", name="Save as parameters").click()
    recipe.get_by_text("Saved:").wait_for()
    (saved,) = lab.here.glob("recipe-*.yaml")
    chosen = wb.Recipe(
        wb.Digits(per_class=20), backbone="resnet18.tv_in1k(weights='random')", regularizers=regularizers
    )
    assert yaml.safe_load(saved.read_text()) == chosen.to_dict()  # and no slider has moved by itself
    recipe.get_by_role("button", name="Copy as code").click()
    recipe.get_by_text("Copied:").wait_for()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert eval(copied, {"wb": wb}) == chosen


def _run_first(page):
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".wb-live .js-plotly-plot")


def _press(page, name):
    page.locator(".wb-live").get_by_role("button", name=name, exact=True).last.click()


def _choose(page):
    """A backbone, dropout at 0.3, every weight, and a pace that leaves time to press buttons."""
    recipe, live = page.locator(".wb-recipe"), page.locator(".wb-live")
    _fill(recipe, "Backbone", "glyph-resnet")
    _fill(recipe, "weights", "random")
    recipe.get_by_label("Scope", exact=True).select_option("all")
    recipe.get_by_label("Regularizers", exact=True).select_option("dropout")
    _fill(recipe, "rate", "0.3")
    _fill(live, "pace", "2")
    page.get_by_text(": trains ").wait_for()


def _fill(panel, name, text):
    field = panel.get_by_label(name, exact=True)
    field.fill(text)
    field.press("Tab")


def _epochs(page):
    """How many points the line of the training loss has, as plotly holds them in the page."""
    return dict(reversed(page.evaluate(POINTS))).get("train", 0)


def _newest(lab):
    """The folder of the run that was started last; the tests of a session share their runs."""
    known = set(getattr(_newest, "known", ()))
    until(lambda: set(lab.runs.glob("*/recipe.json")) - known)
    (found,) = set(lab.runs.glob("*/recipe.json")) - known
    _newest.known = known | {found}
    return found.parent


def _settled(folder):
    until(lambda: _events(folder)[-1]["event"] == "stopped")
    return _rows(folder)


def _events(folder):
    return RunFolder(folder).events() or [{"event": "none"}]


def _rows(folder):
    return sum(event["event"] == "row" for event in _events(folder))


def _screenshot(page):
    if os.environ.get("WORKBENCH_SCREENSHOT") == "1":
        (ROOT / "docs").mkdir(exist_ok=True)
        page.screenshot(path=ROOT / "docs" / "workbench.png")
