"""One real JupyterLab, as `make lab` opens it, and one real browser for all tests here."""

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
from typing import NamedTuple

import pytest
from helpers import PATIENCE

import workbench as wb
from workbench.panels.run_words import UNDER_WAY

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
FLAGS += " --disable-component-update --disable-sync"


class Lab(NamedTuple):
    """A server: its address, its token, the folder that it serves, the folder of the runs."""

    address: str
    token: str
    here: Path
    runs: Path

    def get(self, path, method="GET"):
        """What the server's own interface answers."""
        request = urllib.request.Request(f"{self.address}/{path}", method=method)
        request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or "null")


@pytest.fixture(scope="module")
def browser():
    """Debian's chromium, driven by playwright, whose event loop would be in the way of tests that have their own."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: nothing is looked at in a browser")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """JupyterLab by our own command, on a free port, serving a folder of its own."""
    base = tmp_path_factory.mktemp("lab")
    here, runs = base / "here", base / "runs"
    here.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token, log = secrets.token_hex(16), (base / "lab.log").open("wb")
    own = {"WORKBENCH_RUNS": str(runs), "WORKBENCH_CACHE": str(base / "cache"), "PYTHONPATH": str(ROOT)}
    own |= {"JUPYTER_CONFIG_DIR": str(base / "config"), "JUPYTER_RUNTIME_DIR": str(base / "runtime")}
    own |= {"JUPYTERLAB_SETTINGS_DIR": str(base / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(base / "spaces")}
    command = [
        *(sys.executable, "-m", "workbench", "lab", "--no-browser", f"--port={port}", "--ServerApp.port_retries=0"),
        *(f"--ServerApp.root_dir={here}", f"--IdentityProvider.token={token}"),
        "--LabApp.expose_app_in_browser=True",
    ]
    server = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | own | {"WORKBENCH_THREADS": "1"})
    made = Lab(f"http://127.0.0.1:{port}", token, here, runs)
    try:
        _await_server(made, server, base / "lab.log")
        yield made
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()


def _await_server(lab, server, log):
    for _ in range(600):
        if server.poll() is not None:
            break
        try:
            lab.get("api/status")
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start: {log.read_text()[-2000:]}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What stood on the page, and what its console told, where a test failed."""
    report = yield
    if report.when == "call" and report.failed:
        for page, console in getattr(item.funcargs.get("opened"), "pages", {}).items():
            report.sections.append(("the page", page.locator("body").inner_text()[:4000]))
            report.sections.append(("its console", "\n".join(console[-20:])))
    return report


@pytest.fixture
def opened(browser, lab):
    """A function that opens a notebook of these cells, or of this file, its kernel ready; returns the page."""

    def open_notebook(name, cells=None):
        if cells is not None:
            (lab.here / name).write_text(json.dumps(_notebook(cells)))
        page = browser.new_page(viewport={"width": 1440, "height": 1080})
        console = open_notebook.pages[page] = []
        page.on("console", lambda said: console.append(said.text[:400]))
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(f"{lab.address}/lab/tree/{name}?token={lab.token}&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.get_by_text("(ipykernel) | Idle").wait_for()
        return page

    open_notebook.pages = {}
    yield open_notebook
    for at, page in enumerate(open_notebook.pages):
        if seen := os.environ.get("WORKBENCH_SEEN"):  # a folder for pictures of how each test left its page
            test = os.environ["PYTEST_CURRENT_TEST"].split("::")[-1].split()[0]
            page.screenshot(path=Path(seen) / f"{test}-{at}.png")
        page.close()
    for path in lab.runs.glob("*/recipe.json"):  # what a test that failed has left running, the next would wait for
        if (run := wb.open_run(path.parent)).state in UNDER_WAY:
            run.stop()
    for session in lab.get("api/sessions"):
        urllib.request.urlopen(_delete(lab, f"api/sessions/{session['id']}"), timeout=20).close()


def _delete(lab, path):
    return urllib.request.Request(
        f"{lab.address}/{path}", method="DELETE", headers={"Authorization": f"token {lab.token}"}
    )


def _notebook(cells):
    made = [
        {"cell_type": "code", "id": f"c{at}", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
        for at, source in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    return {"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
