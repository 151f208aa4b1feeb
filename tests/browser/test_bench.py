"""A real JupyterLab in a real browser: choose, start, watch, pause, resume, stop, and reload the page."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
FLAGS += " --disable-component-update --disable-sync"
BENCH = "import workbench as wb\nbench = wb.Workbench()\nbench"
POINTS = """() => {
  const shown = [...document.querySelectorAll('.js-plotly-plot')];
  return shown.length ? shown[shown.length - 1].data.map(t => [t.name, t.x ? t.x.length : 0]) : [];
}"""


@pytest.fixture
def lab(tmp_path):
    """JupyterLab on a free port with one notebook; yields (address, token, folder of the runs)."""
    here, runs = tmp_path / "here", tmp_path / "runs"
    here.mkdir()
    (here / "bench.ipynb").write_text(json.dumps(_notebook([BENCH])))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token, log = secrets.token_hex(16), open(tmp_path / "lab.log", "wb")
    own = {"WORKBENCH_RUNS": str(runs), "PYTHONPATH": str(ROOT), "WORKBENCH_THREADS": "1"}
    own |= {"JUPYTER_CONFIG_DIR": str(tmp_path / "config"), "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    own |= {"JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "spaces")}
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
        *(f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={here}"),
        *(f"--IdentityProvider.token={token}", "--LabApp.news_url=None", "--LabApp.check_for_updates_class="
          "jupyterlab.NeverCheckForUpdate"),
    ]  # fmt: skip
    server = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | own, cwd=here)
    try:
        _await_server(f"http://127.0.0.1:{port}/api?token={token}", server, tmp_path / "lab.log")
        yield f"http://127.0.0.1:{port}", token, runs
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()


def _notebook(cells):
    made = [
        {"cell_type": "code", "id": f"c{at}", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
        for at, source in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}


def _await_server(address, server, log):
    for _ in range(300):
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start: {log.read_text()[-2000:]}")


@pytest.fixture
def page(lab):
    """A page of the lab in a browser, the notebook open."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: the bench is not looked at in a browser")
    address, token, _ = lab
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        page = browser.new_page(viewport={"width": 1440, "height": 1080})
        page.set_default_timeout(30_000)
        page.goto(f"{address}/lab/tree/bench.ipynb?token={token}")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        yield page
        page.screenshot(path="/tmp/last.png")
        browser.close()


def test_the_bench_in_jupyterlab(page, lab):
    runs = lab[2]
    _run_all(page)
    page.wait_for_selector(".wb-live .js-plotly-plot", timeout=60_000)
    _choose(page)
    page.get_by_role("button", name="Start", exact=True).click()
    started = time.monotonic()
    _until(lambda: _epochs(page) >= 1, 30)
    print(f"Start to first point: {time.monotonic() - started:.2f} s")
    folder = _only_run(runs)
    _until(lambda: _epochs(page) >= 4, 30)  # it grows
    recipe = json.loads((folder / "recipe.json").read_text())["recipe"]
    assert recipe["scope"] == "all"
    assert recipe["regularizers"].startswith("dropout(rate=0.3")

    page.get_by_role("button", name="Pause", exact=True).click()
    _until(lambda: _events(folder)[-1]["event"] == "paused", 5)
    held = _rows(folder)
    time.sleep(1.5)
    assert _rows(folder) == held
    assert _epochs(page) == held
    page.get_by_role("button", name="Resume", exact=True).click()
    _until(lambda: _rows(folder) >= held + 2, 20)
    page.get_by_role("button", name="Stop", exact=True).click()
    _until(lambda: _events(folder)[-1]["event"] == "stopped", 5)
    _until(lambda: _epochs(page) == _rows(folder), 5)
    _screenshot(page)

    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Control+s")
    _until(lambda: _saved(lab)["outputs"], 10)
    page.reload()
    page.wait_for_selector(".wb-live .js-plotly-plot", timeout=60_000)
    _until(lambda: _epochs(page) == _rows(folder), 20)
    assert _rows(folder) > held


def _saved(lab):
    return json.loads((lab[2].parent / "here" / "bench.ipynb").read_text())["cells"][0]


def _run_all(page):
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']", timeout=60_000)
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")


def _choose(page):
    """A backbone, dropout at 0.3, every weight, and a pace that leaves time to press buttons."""
    recipe, live = page.locator(".wb-recipe"), page.locator(".wb-live")
    _fill(recipe, "Backbone", "glyph-resnet")
    _fill(recipe, "weights", "random")
    recipe.get_by_label("Scope", exact=True).select_option("all")
    recipe.get_by_label("Regularizers", exact=True).select_option("dropout")
    _fill(recipe, "rate", "0.3")
    _fill(live, "pace", "2")
    page.wait_for_function("() => document.body.innerText.includes('are frozen')", timeout=60_000)


def _fill(panel, name, text):
    field = panel.get_by_label(name, exact=True)
    field.fill(text)
    field.press("Tab")


def _epochs(page):
    """How many points the line of the training loss has, as plotly holds them in the page."""
    return dict(reversed(page.evaluate(POINTS))).get("train", 0)


def _only_run(runs):
    found = [path.parent for path in runs.glob("*/recipe.json")]
    assert len(found) == 1
    return found[0]


def _events(folder):
    lines = (folder / "events.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")]


def _rows(folder):
    return sum(event["event"] == "row" for event in _events(folder))


def _until(true, seconds):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def _screenshot(page):
    if os.environ.get("WORKBENCH_SCREENSHOT") == "1":
        (ROOT / "docs").mkdir(exist_ok=True)
        page.screenshot(path=ROOT / "docs" / "workbench.png")
