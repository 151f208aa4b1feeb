"""Imports go one way, and importing is cheap and has no effect."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import workbench as wb

PACKAGE = Path(wb.__file__).parent
LINES, LONGEST = 300, 40  # of a module, of a function
ONLY = {
    "ipywidgets": {"panels"},
    "anywidget": {"panels"},
    "papermill": {"report.py"},
    "optuna": {"searching"},
    "ray": {"searching"},
}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_libraries_stay_where_they_belong(path):
    home = path.relative_to(PACKAGE).parts[0]
    for name in imported(path):
        allowed = ONLY.get(name.split(".")[0])
        assert allowed is None or home in allowed, f"{path.name} imports {name}"
        assert not name.startswith("workbench.panels") or home in ("panels", "__init__.py")


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_and_its_functions_can_be_read_at_one_go(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LINES, f"{path.name} is longer than {LINES} lines: split it by what it does"
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = {node.name: size for node in functions if (size := (node.end_lineno or 0) - node.lineno + 1) > LONGEST}
    assert long == {}, f"longer than {LONGEST} lines"


def test_the_bench_is_made_without_torch_and_without_grammars():
    """Both took seconds in which nobody saw anything; what needs torch is asked for later, off the kernel's loop."""
    code = (
        "import sys, workbench as wb; wb.Workbench(); print([h for h in ('torch', 'timm', 'lark') if h in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_importing_loads_nothing_heavy():
    heavy = "torch timm transformers plotly ipywidgets pandas sklearn papermill optuna matplotlib"
    modules = "workbench, workbench.choices, workbench.regularizers, workbench.recipe"
    code = f"import sys, {modules}; print([h for h in {heavy.split()} if h in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("name", [n for n in wb.__all__ if n not in ("plots", "errors")])
def test_every_name_is_there(name):
    assert getattr(wb, name).__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'fine_tun'"):
        wb.fine_tun  # noqa: B018


def test_no_pickle_is_ever_read_outside_the_pipe():
    for path in PACKAGE.rglob("*.py"):
        names = set(imported(path))
        assert not names & {"pickle", "joblib", "dill"}
        assert "cloudpickle" not in names or path.name == "worker.py"
        assert "torch.load(" not in path.read_text()
