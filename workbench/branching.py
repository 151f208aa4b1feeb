"""A run that goes on from another's checkpoint, in a folder of its own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from workbench import paths
from workbench.errors import BadKnob, BrokenRun, RunBusy
from workbench.folder import RunFolder, new
from workbench.history import best

if TYPE_CHECKING:
    from workbench.recipe import Recipe
    from workbench.run import Run


def longer(run: Run, epochs: int) -> Run:
    """A new run that has not started yet: the same recipe with so many epochs more, at the last checkpoint of `run`."""
    recipe = run.recipe
    more = next(knob for knob in recipe.knobs() if knob.name == "epochs").check(epochs, "train_on")
    if run.state in ("running", "paused", "queued"):
        raise RunBusy(f"{run.folder} is {run.state}: run.stop() it first, then train on from where it stopped.")
    place, step = _last(run)
    rows = [row for row in run.rows if row["step"] <= step]
    for each in recipe.turned(place["knobs"]).regularizers:
        if each.should_stop(rows):
            knobs = ", ".join(f"{key}={value}" for key, value in each.values().items())
            raise BadKnob(
                f"{each.name} ({knobs}) has ended this run at epoch {place['epoch']} and would end it again at once. "
                f"Start a run without it, or with other knobs: wb.fine_tune(run.recipe.replace(regularizers=...))."
            )
    return branched(run, recipe.replace(epochs=recipe.epochs + more), place, rows)


def _last(run: Run) -> tuple[dict[str, Any], int]:
    """The place of the newest checkpoint that is whole, and its step."""
    found, said = run.files.newest()
    if found is None:
        damaged = f" {said[0].partition(';')[0]}." if said else ""
        raise BrokenRun(f"{run.folder} has no checkpoint to train on from.{damaged} run.resume() trains it first.")
    return found[1], found[1]["step"]


def branched(run: Run, recipe: Recipe, place: dict[str, Any], rows: list[dict[str, Any]]) -> Run:
    """A new run of `recipe` that stands where the checkpoint of `place` was taken, `rows` behind it.

    Its recipe.json comes last, so that nobody finds a run of which half is there.
    """
    files, step = new(recipe.id), place["step"]
    try:
        _carry(run, files, step, rows)
        files.write("control.json", {"n": place.get("control", 0)})  # the checkpoint says which number was obeyed last
        held = run.files.read("recipe.json")
        parent = run.folder.name if run.folder.parent == paths.runs() else str(run.folder)
        about = {"recipe": recipe.to_dict(), "sources": held.get("sources", {})}
        files.write("recipe.json", about | {"parent": {"run": parent, "step": step}})
    except BaseException:
        shutil.rmtree(files.path, ignore_errors=True)
        raise
    return type(run)(files)


def _carry(run: Run, files: RunFolder, step: int, rows: list[dict[str, Any]]) -> None:
    """Copy what the branch needs of its parent: what the environment was, what was told, the last and best weights."""
    if environment := run.files.read("environment.json"):
        files.write("environment.json", environment)
    files.tell("branched", run=str(run.folder), step=step)
    if baseline := run.baseline:
        files.tell("baseline", **baseline)
    for knob in run.files.counted("knob"):
        if knob["step"] <= step:
            files.tell("knob", **knob)
    for row in rows:
        files.tell("row", **row)
    best_row = best(rows)
    for each in {step, best_row["step"] if best_row else step} & set(run.files.steps()):
        files.take(run.files, each)
