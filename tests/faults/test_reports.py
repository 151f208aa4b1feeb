"""A kernel that does not let itself be interrupted does not hold a report up."""

from __future__ import annotations

import nbformat
import pytest
from helpers import notebook

from workbench.errors import ReportFailed
from workbench.report import report

pytestmark = pytest.mark.faults
DEAF = """
import time
while True:
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        pass
"""


def test_a_cell_that_ignores_interrupts_ends_with_its_time(tmp_path):
    source = notebook(tmp_path / "deaf.ipynb", "print('first')", DEAF, "print('never')")
    with pytest.raises(
        ReportFailed,
        match=r"deaf.ipynb took more than its 1 s(, the last in cell 1)?\. What was done until then: .*deaf.html",
    ):
        report(source, tmp_path / "out", limit=1, progress=False)
    cells = nbformat.read(tmp_path / "out" / "deaf.ipynb", as_version=4).cells
    assert [output.get("text") for cell in cells for output in cell.outputs] == ["first\n"]
    assert "first" in (tmp_path / "out" / "deaf.html").read_text()
