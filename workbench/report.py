"""Notebooks headless: parameters checked, run by papermill, written as one self-contained page."""

from __future__ import annotations

import ast
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.choices import nearest
from workbench.errors import BadParameter, ReportFailed

TYPES = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "text"}
INJECTED = "# Parameters"  # the first line of the cell that papermill puts in


def report(
    notebook: str | Path,
    folder: str | Path = "reports",
    parameters: Mapping[str, Any] | None = None,
    *,
    limit: float | None = None,
    progress: bool = True,
) -> Path:
    """Run `notebook` without a browser and write `<folder>/<notebook>.ipynb` and `.html`; returns the page.

    `parameters`: of those that the notebook declares, others are an error; `live` is false unless given. `limit`:
    seconds for the whole notebook. Where a cell fails or time runs out, `ReportFailed` says which, the run that it
    waited for is stopped between two steps, and the page with what was done so far is written all the same.
    """
    source, target = Path(notebook), Path(folder)
    if not source.is_file():
        raise BadParameter(f"there is no notebook {str(source)!r}.{_beside(source)}")
    there = declared(source)
    given = checked(there, parameters or {})
    if "live" in there:
        given.setdefault("live", False)
    target.mkdir(parents=True, exist_ok=True)
    done, page = target / source.name, target / f"{source.stem}.html"
    if done.resolve() == source.resolve():
        raise BadParameter(f"the report must not overwrite {source}: name another folder.")
    trouble = _executed(source, done, given, limit, progress)
    if done.is_file():
        from workbench.page import write_page

        write_page(done, page)
    if trouble:
        raise ReportFailed(f"{trouble} What was done until then: {page}")
    return page


def declared(notebook: Path) -> dict[str, tuple[str, Any]]:
    """The parameters of a notebook's cell tagged `parameters`: type and default by name."""
    import nbformat

    content = nbformat.read(notebook, as_version=4)
    cells = [cell for cell in content.cells if "parameters" in cell.metadata.get("tags", [])]
    return _assigned(cells[0].source) if cells else {}


def _assigned(source: str) -> dict[str, tuple[str, Any]]:
    """Type and value of each plain scalar that a cell assigns: `epochs: int = 5`; without a type, the value's own."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found[node.target.id] = (ast.unparse(node.annotation), ast.literal_eval(node.value))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = ast.literal_eval(node.value)
            found[node.targets[0].id] = (type(value).__name__, value)
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            raise BadParameter(f"a parameter is assigned as `name: type = value`, got {ast.unparse(node)!r}.")
    return found


def checked(there: Mapping[str, tuple[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` in the types of the parameters `there`; `BadParameter` for a name that is not there, or another type."""
    found = {}
    for name, value in given.items():
        if name not in there:
            listed = ", ".join(there) or "none"
            raise BadParameter(f"the notebook has no parameter {name!r}.{nearest(name, there)} There are: {listed}.")
        kind, default = there[name]
        if kind == "float" and type(value) is int:
            value = float(value)
        if kind in TYPES and type(value).__name__ != kind:
            raise BadParameter(f"{name} must be {TYPES[kind]}, such as {default!r}, got {value!r}.")
        found[name] = value
    return found


def check_parameters() -> None:
    """Refuse wrong parameters, in the cell after a notebook's parameters, whoever put them there.

    papermill itself takes any name and any type, and runs on with the notebook's own value for a misspelt one. Reads the
    cells that ran: the last of typed assignments declares, one between it and this that begins `# Parameters` was put
    in. Raises `BadParameter`.
    """
    from IPython import get_ipython

    shell = get_ipython()  # type: ignore[no-untyped-call]
    if shell is None:
        return
    put_in: dict[str, Any] = {}
    for cell in reversed(shell.user_ns["In"][:-1]):
        try:
            names = _assigned(cell)
        except (SyntaxError, ValueError):
            continue
        if cell.startswith(INJECTED):
            put_in = {name: value for name, (_, value) in names.items()} | put_in
        elif names:
            checked(names, put_in)
            checked(names, {name: shell.user_ns[name] for name in names})
            return


def _executed(source: Path, done: Path, given: dict[str, Any], limit: float | None, progress: bool) -> str:
    """Run the notebook into `done`; what went wrong, or nothing."""
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    ends = time.monotonic() + limit if limit else None
    more: dict[str, Any] = {"store_widget_state": False}
    if ends is not None:
        out_of_time = {"ename": "OutOfTime", "evalue": f"the notebook took more than its {limit:g} s", "traceback": []}
        more |= {"interrupt_on_timeout": True, "error_on_timeout": out_of_time}
        more["timeout_func"] = lambda cell: max(1, round(ends - time.monotonic()))
    try:
        papermill.execute_notebook(
            _unformatted(source), _unformatted(done), given, progress_bar=progress, cwd=str(source.parent), **more
        )
    except PapermillExecutionError as error:
        return f"cell {error.exec_count} of {source.name} failed. {error.ename}: {error.evalue}."
    except (CellTimeoutError, DeadKernelError) as error:
        return f"{source.name} was cut off: {error}."
    return ""


def _unformatted(path: Path) -> str:
    """papermill formats paths with the parameters; a brace in a folder's name is a brace."""
    return str(path.resolve()).replace("{", "{{").replace("}", "}}")


def _beside(source: Path) -> str:
    there = [path.name for path in source.parent.glob("*.ipynb")] if source.parent.is_dir() else []
    return nearest(source.name, there) + (f" There are: {', '.join(sorted(there))}." if there else "")


def as_values(pairs: list[str]) -> dict[str, Any]:
    """`name=value` words of the command line; values as YAML reads them, so that `5` is a number and `true` a truth."""
    import yaml

    found = {}
    for pair in pairs:
        name, is_there, text = pair.partition("=")
        if not is_there or not name.isidentifier():
            raise BadParameter(f"a parameter is written name=value, got {pair!r}.")
        found[name] = yaml.safe_load(text) if text else ""
    return found


def write_results(folder: str | Path, figures: Mapping[str, Any], tables: Mapping[str, Any]) -> Path:
    """Write plotly figures as `<name>.json` and DataFrames as `<name>.csv` into `folder`; returns the folder."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        (target / f"{name}.json").write_text(figure.to_json(), encoding="utf-8")
    for name, table in tables.items():
        table.to_csv(target / f"{name}.csv", index=False)
    return target
