"""Notebooks in JupyterLab as `make lab` opens it: Run All, live, to the end."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from helpers import IN_FULL, until

from workbench.report import declared

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]


GUIDES = [pytest.param(f"guides/your_own_{what}.ipynb", marks=IN_FULL) for what in ("images", "texts", "recordings")]


@pytest.mark.parametrize("path", ["quickstart.ipynb", *GUIDES])
def test_run_all(path, opened, lab, tmp_path):
    name = Path(path).name
    source = lab.here / name
    content = nbformat.read(ROOT / "notebooks" / path, as_version=4)
    small = {name: value for name, (_, value) in declared(ROOT / "notebooks" / path).items()}
    small |= content.metadata.workbench.small | {"output": str(tmp_path / "results"), "live": True}
    (cell,) = [cell for cell in content.cells if "parameters" in cell.metadata.get("tags", [])]
    cell.source = "\n".join(f"{name}: {type(value).__name__} = {value!r}" for name, value in small.items())
    nbformat.write(content, source)

    page = opened(name)
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    until(lambda: (tmp_path / "results").is_dir() and len([*(tmp_path / "results").glob("*.csv")]) >= 3, 120)
    until(lambda: lab.get("api/kernels")[0]["execution_state"] == "idle")
    assert page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']").count() == 0
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    until(lambda: saved(source).cells[-1].execution_count)
    outputs = [output for cell in saved(source).cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error"]
    charts = [output for output in outputs if "application/vnd.plotly.v1+json" in output.get("data", {})]
    assert len(charts) >= 6 and source.stat().st_size < 1_000_000


def saved(path):
    try:
        return nbformat.read(path, as_version=4)
    except ValueError:  # half written
        return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()])
