"""A lesson as a page of its own, by Voila: no code in sight, its panels alive."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from helpers import IN_FULL, until

pytestmark = pytest.mark.browser
LESSON = Path(__file__).resolve().parents[2] / "notebooks" / "lessons" / "02_overfitting.ipynb"


@pytest.fixture
def served(tmp_path):
    """The address of a lesson at small parameters as a page, and where it writes."""
    pytest.importorskip("voila", reason="voila is not installed: pip install -e '.[app]'")
    content = nbformat.read(LESSON, as_version=4)
    small = content.metadata.workbench.small | {"epochs": 6, "pace": 100.0, "output": str(tmp_path / "results")}
    (cell,) = [cell for cell in content.cells if "parameters" in cell.metadata.get("tags", [])]
    cell.source += "".join(f"\n{name}: {type(value).__name__} = {value!r}" for name, value in small.items())
    nbformat.write(content, tmp_path / "lesson.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"WORKBENCH_RUNS": str(tmp_path / "runs"), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    command = [sys.executable, "-m", "voila", str(tmp_path / "lesson.ipynb"), "--no-browser", f"--port={port}"]
    log = (tmp_path / "voila.log").open("wb")
    server = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | own, cwd=tmp_path)
    try:
        until(lambda: answers(port) or server.poll() is not None)
        assert server.poll() is None, (tmp_path / "voila.log").read_text()[-2000:]
        yield f"http://127.0.0.1:{port}/", tmp_path / "results"
    finally:
        server.terminate()
        server.wait(15)
        log.close()


def answers(port):
    """Whether somebody listens there."""
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


@IN_FULL
def test_a_lesson_is_a_page(browser, served):
    address, results = served
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(120_000)
    page.goto(address)
    page.get_by_role("heading", name="Overfitting: when a model learns its examples by heart").wait_for()
    page.get_by_role("button", name="That is my prediction").first.wait_for()
    assert (results / "hand_in.json").is_file() and page.locator("text=wb.check_parameters").count() == 0
    assert page.locator(".js-plotly-plot").count() >= 6
    page.get_by_role("radio", name="95 % or more").first.check()
    page.get_by_role("button", name="That is my prediction").first.click()
    page.get_by_text("You predicted “95 % or more”").wait_for()  # all ran before: graded at once
    page.close()
