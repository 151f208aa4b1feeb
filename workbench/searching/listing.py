"""The studies that there are; one that cannot be read is told with its reason, and hides no other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import paths
from workbench.searching.study import Study

if TYPE_CHECKING:
    import pandas as pd


def open_study(name: str | Path) -> Study:
    """The study of this name, or in this folder."""
    path = Path(name).expanduser()
    study = Study(path if path.exists() or path.is_absolute() else paths.studies() / path)
    _ = study.about
    return study


def studies() -> pd.DataFrame:
    """All studies, the newest first: name, trials so far and asked for, strategy, knobs, the best value.

    `reason`: why one cannot be read; its other columns are empty then.
    """
    from workbench.whole_table import WholeTable

    columns = ["name", "trials", "asked", "strategy", "stopping", "knobs", "metric", "best", "reason"]
    return WholeTable([_line(study) for study in _newest_first()], columns=columns).convert_dtypes()


def listed(most: int) -> list[tuple[str, str]]:
    """The names of the newest, and why one cannot be read; databases elsewhere are not asked, and nobody waits."""
    found = []
    for study in _newest_first()[:most]:
        reason = ""
        try:
            if not study.elsewhere:
                study.stored()
        except Exception as error:  # as in `_line`
            reason = str(error)
        found.append((study.name, reason))
    return found


def _newest_first() -> list[Study]:
    found = []
    for path in paths.studies().glob("*/study.json"):
        try:
            found.append((path.stat().st_mtime, path.parent))
        except OSError:  # it was removed just now
            continue
    return [Study(folder) for _, folder in sorted(found, reverse=True)]


def _line(study: Study) -> dict[str, Any]:
    try:
        found, best = study.about, study.best
        line = {"name": study.name, "trials": len(study.results()), "asked": study.asked}
        line |= {"strategy": found["strategy"], "stopping": found["stopping"], "knobs": ", ".join(found["space"])}
        return line | {"metric": study.metric, "best": best["value"] if best else None, "reason": ""}
    except Exception as error:  # whatever is wrong with one study, the others are there
        return {"name": study.name, "reason": str(error) or type(error).__name__}
