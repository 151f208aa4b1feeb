"""All the runs there are, and one of them by name."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import paths
from workbench.errors import BadChoice, BrokenRun
from workbench.history import best
from workbench.run import Run

if TYPE_CHECKING:
    import pandas as pd

CHOSEN = ("data", "backbone", "scope", "regularizers")
NUMBERS = ("lr", "epochs", "batch_size")  # of a recipe: what training takes for granted
REACHED = ("valid_precision", "valid_recall", "valid_f1")
COLUMNS = (
    *("name", "note", "state", *CHOSEN, *NUMBERS, "best_epoch", "valid_accuracy", "low", "high"),
    *(*REACHED, "gap_accuracy", "gap_low", "gap_high", "seconds"),
)


def open_run(folder: str | Path) -> Run:
    """The run in `folder`; a bare name is looked for where runs go."""
    path = Path(folder).expanduser()
    path = path if path.exists() or path.is_absolute() else paths.runs() / path
    if not (path / "recipe.json").is_file():
        raise BrokenRun(f"{path} holds no recipe.json: it is no run. wb.runs() lists those that are there.")
    return Run(path)


def runs() -> pd.DataFrame:
    """All runs, the newest first: name, note, state, recipe, its best epoch and what it reached; no broken ones.

    `low` and `high` are the 95 % bootstrap interval of `valid_accuracy`; precision, recall and F1 are means over the
    classes; `seconds` are those of training.
    """
    from workbench.whole_table import WholeTable

    found = []
    for path in paths.runs().glob("*/recipe.json"):
        try:
            found.append((path.stat().st_mtime, line(Run(path.parent))))
        except (BrokenRun, ValueError, OSError, KeyError, TypeError, AttributeError):
            continue
    return WholeTable([line for _, line in sorted(found, key=lambda pair: -pair[0])], columns=list(COLUMNS))


def line(run: Run) -> dict[str, Any]:
    """The row of one run, from its files alone: no data is loaded and no network built."""
    rows = run.rows
    found = best(rows) or {}
    try:
        recipe = run.recipe
        said: dict[str, Any] = {name: str(getattr(recipe, name)) for name in CHOSEN}
        said["regularizers"] = ", ".join(map(str, recipe.regularizers))
        said |= {name: getattr(recipe, name) for name in NUMBERS}
    except BadChoice:  # a class of a cell that was not run here yet: as it was written down
        written = run.files.read("recipe.json")["recipe"]
        said = {name: str(written[name]) for name in CHOSEN} | {name: written.get(name) for name in NUMBERS}
    return {
        "name": run.folder.name,
        "note": _note(run),
        "state": run.state,
        **said,
        "best_epoch": found.get("epoch"),
        "valid_accuracy": found.get("valid_accuracy"),
        "low": found.get("valid_low"),
        "high": found.get("valid_high"),
        **{name: found.get(name) for name in REACHED},
        "gap_accuracy": found.get("gap_accuracy"),
        "gap_low": found.get("low"),
        "gap_high": found.get("high"),
        "seconds": rows[-1].get("seconds") if rows else None,
    }


def _note(run: Run) -> str:
    with suppress(BrokenRun, TypeError):  # a damaged control file hides no run
        return run.note
    return ""
