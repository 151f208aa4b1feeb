"""Where runs, kept features, data and weights lie."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def clone() -> Path | None:
    """The root of the clone that the package runs from, or None where it is installed without one."""
    root = PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() and (root / "data").is_dir() else None


def runs() -> Path:
    """Where runs go: `WORKBENCH_RUNS`, else `runs/` at the root of the clone, else `runs/` here."""
    named = os.environ.get("WORKBENCH_RUNS")
    return Path(named).expanduser().resolve() if named else (clone() or Path.cwd()) / "runs"


def studies() -> Path:
    """Where searches go: `studies` beside the runs."""
    return runs() / "studies"


def cache() -> Path:
    """Where what can be computed again is kept: `WORKBENCH_CACHE`, else `workbench` in the user's cache folder."""
    named = os.environ.get("WORKBENCH_CACHE")
    if named:
        return Path(named).expanduser().resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "workbench"


def weights() -> Path:
    """Where our own small pretrained backbones lie: `data/weights` of the clone, or the same inside a built wheel."""
    root = clone()
    return root / "data" / "weights" if root else PACKAGE / "data" / "weights"
