"""A study's trials as rows of the grid, and how far it is in a line."""

from __future__ import annotations

import math
from typing import Any

from workbench import errors
from workbench.panels.runs_panel import ranged
from workbench.searching import Study


def progress(study: Study, state: str, ended: int, going: int, epoch: int) -> str:
    """`first: running, 12 of 64 trials; 16 under way, epoch 7 of 40`; where it stopped by itself, why."""
    said = f"{study.name}: {state}, {ended} of {max(ended, study.asked)} trials"
    if going:
        of = "" if "epochs" in study.space else f" of {study.recipe.epochs}"
        said += f"; {going} under way, epoch {epoch}{of}"
    last: dict[str, Any] = next(reversed(study.files.events()), {"event": ""})
    if state == "running" and last["event"] == "preparing":
        said += f"; {last['what']}: {last['done']:,} of {last['total']:,}"
    return said + (f"; {why}" if (why := _why(study, state)) else "")


def _why(study: Study, state: str) -> str:
    """Why it stopped or failed, or what its driver noted at its end."""
    told = study.files.events()
    if state in ("stopped", "failed"):
        last: dict[str, Any] = [event for event in told if event["event"] == state][-1]
        return errors.told(last["kind"], last["message"]) if state == "failed" else last.get("why", "")
    ended = state == "finished" and len(told) > 1 and told[-2]["event"] == "note"
    return str(told[-2]["text"]) if ended else ""


def columns(study: Study) -> list[dict[str, Any]]:
    """What stands over each column."""
    number = {"number": True}
    knobs = [{"key": path, "title": path, "shown": f"{path} said"} | number for path in study.space]
    return [
        {"key": "number", "title": "trial"} | number, {"key": "state", "title": "state"}, *knobs,
        {"key": "value", "title": study.metric, "shown": "value said"} | number,
        {"key": "accuracy", "title": "accuracy", "shown": "accuracy said", "help": "At the best epoch"} | number,
        {"key": "gap", "title": "gap", "shown": "gap said", "help": "Accuracy of train minus validation"} | number,
        {"key": "epochs", "title": "epochs"} | number, {"key": "how", "title": "how"},
        {"key": "reason", "title": "reason"},
    ]  # fmt: skip


def row(result: dict[str, Any]) -> dict[str, Any]:
    """A trial as a row of the grid."""
    best = result.get("row") or {}
    found = {"key": str(result["number"]), "number": result["number"], "state": result["state"]}
    for path, value in result["settings"].items():
        found |= {path: value, f"{path} said": f"{value:.3g}" if isinstance(value, float) else str(value)}
    value = result["value"] if result["value"] is not None and math.isfinite(result["value"]) else None
    found |= {"value": value, "value said": "" if value is None else f"{value:.4g}"}
    accuracy, gap = best.get("valid_accuracy"), best.get("gap_accuracy")
    found |= {"accuracy": accuracy, "accuracy said": ranged(accuracy, best.get("valid_low"), best.get("valid_high"))}
    found |= {"gap": gap, "gap said": ranged(gap, best.get("low"), best.get("high"))}
    return found | {"epochs": result["epochs"], "how": result["how"], "reason": result.get("reason", "")}
