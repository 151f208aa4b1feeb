"""A run that goes on from another's checkpoint, in a folder of its own."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench import paths
from workbench.choices import Range, entries, entry, menu_base
from workbench.errors import BadKnob, BrokenRun, RunBusy
from workbench.folder import RunFolder, new
from workbench.history import best

if TYPE_CHECKING:
    from workbench.recipe import Recipe
    from workbench.run import Run

PATIENCE = 60.0  # seconds in which a run that is under way comes to its next step


def longer(run: Run, epochs: int) -> Run:
    """A new run that has not started yet: the same recipe with so many epochs more, at the last checkpoint of `run`."""
    recipe = run.recipe
    more = next(knob for knob in recipe.knobs() if knob.name == "epochs").check(epochs, "train_on")
    if run.state in ("running", "paused", "queued"):
        raise RunBusy(f"{run.folder} is {run.state}: run.stop() it first, then train on from where it stopped.")
    place, step = _last(run)
    rows = [row for row in run.rows if row["step"] <= step]
    way = "start a run (wb.fine_tune(run.recipe.replace(regularizers=...))) without it, or with"
    _must_go_on(recipe, place, rows, way)
    return branched(run, recipe.replace(epochs=recipe.epochs + more), place, rows)


def _must_go_on(recipe: Recipe, place: Mapping[str, Any], rows: list[dict[str, Any]], way: str) -> None:
    """Refuse what a regularizer would end at once, with the values that its knobs have at this place."""
    due = {path: value for step, path, value in recipe.turns() if step == place["step"]}
    known = recipe.places()
    present = {p: v for p, v in (place["knobs"] | due).items() if p in known and _numeric(recipe, p)}
    for each in recipe.turned(present).regularizers:
        if each.should_stop(rows):
            knobs = ", ".join(f"{key}={value}" for key, value in each.values().items())
            raise BadKnob(
                f"{each.name} ({knobs}) has ended this run at epoch {place['epoch']} and would end it again at once: "
                f"{way} other knobs."
            )


def _last(run: Run) -> tuple[dict[str, Any], int]:
    """The place of the newest checkpoint that is whole, and its step."""
    found, said = run.files.newest()
    if found is None:
        damaged = f" {said[0].partition(';')[0]}." if said else ""
        raise BrokenRun(f"{run.folder} has no checkpoint to train on from.{damaged} run.resume() trains it first.")
    return found[1], found[1]["step"]


def arm(run: Run, settings: Mapping[str, Any], step: int | str | None = None) -> Run:
    """A new run that has not started yet: it goes on from `run` at `step` with these knobs changed, by path.

    `step`: of a checkpoint that is kept, "best", or None for the present moment, else the newest one. Without settings
    it is the run itself, to the same bits.
    """
    if step == "best" and run.state == "running":
        here(run)  # until it is asked, a run may hold its best epoch in memory
    at = here(run) if step is None else _kept(run, step)
    _, place = run.files.load(at)
    recipe, rows = turned(run, settings, place), [row for row in run.rows if row["step"] <= at]
    if place["epoch"] >= recipe.epochs:
        raise BadKnob(
            f"at step {at} no epoch is left of {recipe.epochs}: branch with more epochs, or from an earlier checkpoint "
            f"(steps {', '.join(map(str, run.files.steps()))})."
        )
    _must_go_on(recipe, place, rows, "branch from an earlier checkpoint, such as step='best', without it, or with")
    return branched(run, recipe, place, rows)


def arms(run: Run, settings: Sequence[Mapping[str, Any]], step: int | str | None = None) -> list[Run]:
    """An arm for each of these settings, all from one place, started; where one is refused, none is made."""
    made: list[Run] = []
    try:
        for each in settings:
            made.append(arm(run, each, step))
            step = int(made[0].files.read("recipe.json")["parent"]["step"])  # the others begin where the first does
    except BaseException:
        for each_made in made:
            each_made.files.remove()
        raise
    return [each_made.resume() for each_made in made]


def here(run: Run) -> int:
    """The step of a checkpoint of this moment, which a run under way is asked for; of one that stands, the newest."""
    if run.state == "queued":
        raise RunBusy(f"{run.folder} has not begun: branch it once it trains.")
    if run.state == "running":
        marks = run.files.control()["marks"] + 1
        run.files.ask(marks=marks)
        until = time.monotonic() + PATIENCE
        while run.state == "running" and time.monotonic() < until:
            for event in reversed(run.files.events()):
                if event["event"] == "marked" and event["marks"] >= marks:
                    return int(event["step"])
            time.sleep(0.02)
        if run.state == "running":
            raise RunBusy(f"{run.folder} does not answer: it is still reading, or in a step of over {PATIENCE:.0f} s.")
    return _last(run)[1]


def _kept(run: Run, step: int | str) -> int:
    steps, best_row = run.files.steps(), best(run.rows)
    found = best_row["step"] if step == "best" and best_row else step
    if found not in steps:
        kept = ", ".join(map(str, steps)) or "none"
        raise BadKnob(f"step must be 'best' or that of a checkpoint that is kept ({kept}), got {step!r}.")
    return int(found)


def played(run: Run, place: Mapping[str, Any] | None = None) -> Recipe:
    """The run's recipe with every knob that was turned while it ran in `changes`: headless it is the same run.

    `place`: of a checkpoint; turns after it are left out.
    """
    turns = [(turn["step"], turn["path"], turn["value"]) for turn in run.files.counted("knob")]
    if place is not None:
        at, knobs = place["step"], place["knobs"]
        turns = [(s, path, v) for s, path, v in turns if s < at or (s == at and knobs.get(path) == v)]
    every = [*dict.fromkeys([*run.recipe.turns(), *turns])]  # an arm has its parent's in both
    return run.recipe.replace(changes=_written(_free(every, run.recipe)))


def _otherwise(before: Recipe, after: Recipe, step: int) -> list[str]:
    """What no recipe says of a branch: which regularizers joined and left on the way, in words."""
    own, others = ([r.name for r in recipe.regularizers] for recipe in (after, before))
    joined = [f"{name} joined at step {step}" for name in own if name not in others]
    return joined + [f"{name} left at step {step}" for name in others if name not in own]


def code(run: Run) -> str:
    """Python of the recipe that replays the run; where it does not to the bit, a comment says why."""
    otherwise = (run.files.read("recipe.json") or {}).get("parent", {}).get("otherwise", [])
    said = f"# not the same run: {'; '.join(otherwise)}, and here from the beginning\n" if otherwise else ""
    return said + played(run).as_code()


def _free(turns: list[tuple[int, str, float]], recipe: Recipe) -> list[tuple[int, str, float]]:
    """The turns of knobs that the recipe has: a regularizer that left takes its own along."""
    return [turn for turn in turns if turn[1] in recipe.places()]


def marks(run: Run) -> list[dict[str, Any]]:
    """What happened to a run on the way, in order: `step`, `epoch` (a share of one too), and `said` in words."""
    rows, files = run.rows, run.files
    if not rows or not rows[-1]["epoch"]:
        return []
    each, reached = rows[-1]["step"] / rows[-1]["epoch"], max(rows[-1]["step"], run.progress.get("step", 0))
    turns = [(step, f"{path}={value:g}") for step, path, value in run.recipe.turns() if step <= reached]
    turns += [(turn["step"], f"{turn['path']}={turn['value']:g}") for turn in files.counted("knob")]
    if parent := (files.read("recipe.json") or {}).get("parent"):
        turns.append((parent["step"], f"branched from {parent['run']}"))
    turns = [*dict.fromkeys(sorted(turns, key=lambda turn: turn[0]))]  # an arm's own change is in its parent's too
    return [{"step": step, "epoch": step / each, "said": said} for step, said in turns]


def _written(turns: list[tuple[int, str, float]]) -> str:
    return "; ".join(f"{step}: {path}={value!r}" for step, path, value in sorted(turns, key=lambda turn: turn[0]))


def turned(run: Run, settings: Mapping[str, Any], place: Mapping[str, Any]) -> Recipe:
    """The recipe of an arm: what may be turned under way becomes a change at its step; regularizers join or leave."""
    recipe, step = played(run, place), place["step"]
    for path, value in settings.items():
        name, _, inner = path.partition(".")
        if path == "regularizers":
            bare = recipe.replace(changes="", regularizers=value)
            values = {f"{r.name}.{k}": v for r in bare.regularizers for k, v in r.values().items() if v is not None}
            past = [turn for turn in _free(recipe.turns(), bare) if turn[0] < step]
            held = place["knobs"]  # the checkpoint's: what it has otherwise is turned
            given = [(step, p, v) for p, v in values.items() if held.get(p, v) != v and _numeric(bare, p)]
            recipe = bare.replace(changes=_written([*past, *given]))
        elif path == "epochs":
            recipe = recipe.replace(epochs=value)
        elif inner and name in entries(menu_base("regularizers")) and path not in recipe.places():
            joined = entry(menu_base("regularizers"), name).replace(**{inner: value})
            recipe = recipe.replace(regularizers=[*recipe.regularizers, joined])
        else:
            later = [turn for turn in recipe.turns() if turn[1] != path or turn[0] < step]
            recipe = recipe.replace(changes=_written([*later, (step, path, recipe.turning(path, value))]))
    return recipe


def _numeric(recipe: Recipe, path: str) -> bool:
    return isinstance(recipe.places()[path][0].domain, Range)


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
        before = held.get("parent", {}).get("otherwise", [])
        otherwise = [*before, *_otherwise(run.recipe, recipe, step)]
        about["parent"] = {"run": parent, "step": step} | ({"otherwise": otherwise} if otherwise else {})
        files.write("recipe.json", about)
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
