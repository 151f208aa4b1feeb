"""Notebooks headless: parameters checked, run by papermill, written as one self-contained page."""

from __future__ import annotations

import ast
import math
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.checks import nearest
from workbench.errors import BadParameter, ReportFailed

TYPES = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "text"}
INJECTED = "# Parameters"  # the first line of the cell that papermill puts in
OUT_OF_TIME = {"ename": "OutOfTime", "evalue": "", "traceback": []}
GRACE = 10  # seconds for a kernel that does not let itself be interrupted
NUMBER = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")  # `1e-3`, which YAML 1.1 takes for text


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
    if limit is not None and not limit > 0:
        raise BadParameter(f"the limit must be more than 0 seconds, got {limit:g}.")
    there = declared(source)
    given = checked(there, parameters or {})
    if "live" in there:
        given.setdefault("live", False)
    target.mkdir(parents=True, exist_ok=True)
    done, page = target / source.name, target / f"{source.stem}.html"
    if done.exists() and done.samefile(source):
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

    try:
        content = nbformat.read(notebook, as_version=4)
        cells = [cell for cell in content.cells if "parameters" in cell.metadata.get("tags", [])]
    except Exception as error:  # no JSON, or JSON of something else: nbformat has many errors
        raise BadParameter(f"{notebook} cannot be read as a notebook.") from error
    try:
        return _assigned(cells[0].source) if cells else {}
    except SyntaxError as error:
        raise BadParameter(f"the parameters of {notebook} are no Python: {error.msg}, line {error.lineno}.") from error


def _assigned(source: str) -> dict[str, tuple[str, Any]]:
    """Type and value of each plain scalar that a cell assigns: `epochs: int = 5`; without a type, the value's own."""
    found = {}
    for node in ast.parse(source).body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=kind, value=ast.expr() as value):
                found[name] = (ast.unparse(kind), _scalar(value))
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = (type(_scalar(value)).__name__, _scalar(value))
            case ast.Expr(value=ast.Constant()):
                pass
            case _:
                raise BadParameter(f"a parameter is assigned as `name: type = value`, got {ast.unparse(node)!r}.")
    return found


def _scalar(node: ast.expr) -> Any:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        value = ...
    if value is not None and not isinstance(value, bool | int | float | str):
        raise BadParameter(f"a parameter's value is a number, a text or a truth, got {ast.unparse(node)!r}.")
    return value


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
        if (kind in TYPES and type(value).__name__ != kind) or not _storable(value):
            raise BadParameter(f"{name} must be {TYPES.get(kind, 'plain')}, such as {default!r}, got {value!r}.")
        found[name] = value
    return found


def _storable(value: Any) -> bool:
    """Whether a notebook's JSON can hold the value: no number beyond all numbers, no half of a letter."""
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, str) or not any("\ud800" <= letter <= "\udfff" for letter in value)


def check_parameters() -> None:
    """Refuse wrong parameters, in the cell after a notebook's parameters, whoever put them there.

    papermill itself takes any name and any type, and runs on with the notebook's own value for a misspelt one. Reads
    the cells that ran: the last of plain assignments declares, one between it and this that begins `# Parameters` was
    put in. Raises `BadParameter`.
    """
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        return
    put_in: dict[str, Any] = {}
    for cell in reversed(shell.user_ns["In"][:-1]):
        if cell.startswith(INJECTED):
            put_in |= {name: shell.user_ns[name] for name in _names(cell)}
            continue
        try:
            there = _assigned(cell)
        except (SyntaxError, ValueError):
            continue
        if there:
            checked(there, put_in | {name: shell.user_ns[name] for name in there})
            return
    raise BadParameter("no cell before this one declares parameters: run that cell first.")


def _names(cell: str) -> list[str]:
    return [
        node.id for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]


def _executed(source: Path, done: Path, given: dict[str, Any], limit: float | None, progress: bool) -> str:
    """Run the notebook into `done`; what went wrong, or nothing."""
    import papermill
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    ends = time.monotonic() + limit if limit else math.inf
    more: dict[str, Any] = {"store_widget_state": False, "extra_arguments": ["--Application.log_level=50"]}
    if limit:
        more |= {"interrupt_on_timeout": True, "error_on_timeout": OUT_OF_TIME, "timeout": GRACE}
        more["timeout_func"] = lambda cell: max(0.05, ends - time.monotonic())
    try:
        papermill.execute_notebook(
            _unformatted(source), _unformatted(done), given, progress_bar=progress, cwd=str(source.parent), **more
        )
    except PapermillExecutionError as error:
        if time.monotonic() >= ends:
            return f"{source.name} took more than its {limit:g} s, the last in cell {error.exec_count}."
        return f"cell {error.exec_count} of {source.name} failed. {error.ename}: {error.evalue.rstrip('.')}."
    except (CellTimeoutError, TimeoutError) as error:
        why = str(error).split("\n")[0].rstrip(".")
        return f"{source.name} took more than its {limit:g} s." if limit else f"{source.name} was cut off: {why}."
    except DeadKernelError:
        return f"the kernel of {source.name} died: killed, or out of memory."
    except NoSuchKernel as error:
        return f"{source.name} wants the kernel {error.name!r}, which is not installed."
    return ""


def _unformatted(path: Path) -> str:
    """papermill formats paths with the parameters; a brace in a folder's name is a brace."""
    return str(path.resolve()).replace("{", "{{").replace("}", "}}")


def _beside(source: Path) -> str:
    there = [path.name for path in source.parent.glob("*.ipynb")] if source.parent.is_dir() else []
    return nearest(source.name, there) + (f" There are: {', '.join(sorted(there))}." if there else "")


def as_values(pairs: list[str]) -> dict[str, Any]:
    """`name=value` words of the command line; values as YAML reads them, so that `5` is a number and `true` a truth."""
    found = {}
    for pair in pairs:
        name, is_there, text = pair.partition("=")
        if not is_there or not name.strip():
            raise BadParameter(f"a parameter is written name=value, got {pair!r}.")
        found[name.strip()] = _value(text)
    return found


def _value(text: str) -> Any:
    """A plain scalar as YAML reads it; what is none is text as it stands, a date among them."""
    import yaml

    if NUMBER.fullmatch(text) or not text:
        return float(text) if text else text
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return text
    return value if value is None or isinstance(value, bool | int | float | str) else text


def read_values(path: str | Path) -> dict[str, Any]:
    """A YAML file of plain scalars, `epochs: 20` and the like, a line each; a list of them counts as one text."""
    import yaml

    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadParameter(f"{path} is not there: name a file of knobs, such as 'epochs: 20', a line each.") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BadParameter(f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from error
    rule = f"{path} must hold plain knobs, `epochs: 20` and the like, a line each"
    if not isinstance(found, dict):
        raise BadParameter(f"{rule}.")
    for key, value in found.items():
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, dict | list) for v in value)):
            raise BadParameter(f"{rule}; {key} is none.")
    plain = {str(key): ", ".join(map(str, v)) if isinstance(v, list) else v for key, v in found.items()}
    return {key: float(v) if isinstance(v, str) and NUMBER.fullmatch(v) else v for key, v in plain.items()}


def write_results(folder: str | Path, figures: Mapping[str, Any], tables: Mapping[str, Any]) -> Path:
    """Write plotly figures as `<name>.json` and DataFrames as `<name>.csv` into `folder`; returns the folder."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        (target / f"{name}.json").write_text(figure.to_json(), encoding="utf-8")
    for name, table in tables.items():
        table.to_csv(target / f"{name}.csv", index=False)
    return target
