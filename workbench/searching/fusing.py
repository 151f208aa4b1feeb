"""Trials of a round: heads many at once, whole networks one after another, each through the one loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import psutil

from workbench import progress
from workbench.datasets.folds import folds
from workbench.errors import Diverged
from workbench.fine_tuning import prepared
from workbench.folder import RunFolder
from workbench.job import Job
from workbench.learners.plan import plan
from workbench.recording import LOOK, record
from workbench.searching.results import averaged
from workbench.trainer import Watch, train

if TYPE_CHECKING:
    from workbench.datasets.base import Data
    from workbench.datasets.folds import Folds
    from workbench.history import Row
    from workbench.learners.plan import Plan
    from workbench.recipe import Recipe
    from workbench.run import Run
    from workbench.searching.study import Study

About = dict[str, Any]
EPOCHS = "epochs of a round"
SHARE = 0.25  # of the memory that is free, for what grows with the trials of a pass


class Stopped(Exception):  # no error: somebody pressed Stop
    """The search was stopped between two steps."""


def together(
    study: Study, folder: RunFolder, recipes: Mapping[int, Recipe], before: Mapping[int, Sequence[Row]]
) -> Iterator[tuple[int, About]]:
    """Train these trials, which `fused` put together; yields how each went: state, how, seconds, reason, rows.

    `before`: the rows of other trials, which the stopping rule looks at too.
    """
    numbers = list(recipes)
    data = folds(recipes[numbers[0]].data, study.folds) if study.folds else None
    if recipes[numbers[0]].scope.name != "head":
        for number, recipe in recipes.items():
            yield number, _alone(study, folder, number, recipe, before, data)
        return
    whole = plan([*recipes.values()], data)
    size = in_one_pass(whole)
    if size >= len(numbers):
        yield from _fused(study, folder, numbers, before, whole)
        return
    for at in range(0, len(numbers), size):
        some = numbers[at : at + size]
        part = plan([recipes[number] for number in some], data or whole.data)
        yield from _fused(study, folder, some, before, part)


def in_one_pass(found: Plan) -> int:
    """How many trials fit into a share of the free memory: weights four times over, a batch's masks, and answers."""
    recipe, inputs, classes = found.recipe, found.built.width, len(found.data.classes)
    examples = found.train.shape[1] + found.valid.shape[1]
    width = recipe.scope.width if recipe.scope.layers else classes
    weights = 4 * (inputs * width + max(0, recipe.scope.layers - 1) * width**2 + width * classes)
    each = 8 * (weights + 6 * recipe.batch_size * (inputs + width) + 4 * examples * (classes + width))
    return max(1, int(SHARE * psutil.virtual_memory().available // (each * len(found.train))))


class Round(Watch):
    """Watches a fused pass: rows go to the round's folder, the stopping rule says who trains no further."""

    def __init__(self, study: Study, folder: RunFolder, numbers: Sequence[int], before: Mapping[int, Sequence[Row]]):
        self.study, self.folder, self.numbers = study, folder, numbers
        self.rule, self.metric, self.looked_at = study.stopping, study.metric, 0.0
        self.before, self.stopped = before, False
        self.rows: dict[int, list[Row]] = {number: [] for number in numbers}
        self.losers: set[int] = set()

    def go_on(self, job: Job) -> bool:
        """Look at the study's control file now and then: stop, or hold."""
        now = time.monotonic()
        if now - self.looked_at < LOOK:
            return True
        self.looked_at = now
        self.stopped = _state(self.study) == "stopped"
        return not self.stopped

    def on_rows(self, job: Job, rows: Sequence[Row]) -> None:
        """Write the rows, the folds of a trial as one, and ask the rule."""
        progress.tell(EPOCHS, job.epoch, max(recipe.epochs for recipe in job.recipes))
        trained = dict.fromkeys(row.get("trial", 0) // job.folds for row in rows)
        for at in trained:
            own = [job.rows_of[at * job.folds + fold][-1] for fold in range(job.folds)]
            row = averaged(own) | {"trial": self.numbers[at]}
            self.rows[self.numbers[at]].append(row)
            self.folder.tell("row", **row)
        if not rows or not rows[0]["epoch"]:
            return
        epoch = rows[0]["epoch"]  # who is done anyway is not stopped
        going = [self.numbers[at] for at in trained if epoch < job.recipes[at * job.folds].epochs]
        losers = self.rule.losers({**self.before, **self.rows}, going, epoch, self.metric)
        for at, number in enumerate(self.numbers):
            if number in losers:
                self.losers.add(number)
                job.stopping |= {at * job.folds + fold for fold in range(job.folds)}


def _state(study: Study) -> str:
    """What a person wants of the search: running or stopped; held here while it is paused."""
    state = str(study.files.control()["state"])
    if state == "paused":
        study.files.tell("paused")
        while (state := study.files.control()["state"]) == "paused":
            time.sleep(LOOK)
        study.files.tell("continued")
    return state


def _fused(
    study: Study, folder: RunFolder, numbers: Sequence[int], before: Mapping[int, Sequence[Row]], found: Plan
) -> Iterator[tuple[int, About]]:
    folder.tell("begun", trials=list(numbers))
    watch, job = Round(study, folder, numbers, before), Job(found)
    reason, began = "", time.perf_counter()
    try:
        for _ in train(job, watch):
            pass
    except Diverged as error:
        reason = str(error)
    if watch.stopped:
        raise Stopped
    seconds = (time.perf_counter() - began) / len(numbers)
    failed = {numbers[position // job.folds] for position in job.failed}
    for number in numbers:
        state = "failed" if number in failed else "stopped" if number in watch.losers else "finished"
        rows = watch.rows[number]
        about = {"state": state, "how": _how(len(numbers), job.folds), "seconds": seconds, "rows": rows}
        if state == "stopped":
            about["reason"] = f"{study.stopping.name} stopped it after epoch {rows[-1]['epoch']}."
        if state == "failed":
            since = f"the loss is no longer a finite number after epoch {rows[-1]['epoch'] if rows else 0}"
            about["reason"] = f"{since}; lower lr or a regularizer's strength." if len(numbers) > 1 else reason
        yield number, about


def _how(trials: int, folds: int) -> str:
    """`fused with 15 others, 5 folds each`."""
    others = trials - 1
    told = f"fused with {others} other{'s' if others > 1 else ''}" if others else "alone, on kept features"
    return f"{told}, {folds} folds each" if folds > 1 else told


def _alone(
    study: Study,
    folder: RunFolder,
    number: int,
    recipe: Recipe,
    before: Mapping[int, Sequence[Row]],
    data: Folds | None,
) -> About:
    """One trial in a run folder of its own, or in one a fold, from its last checkpoint where it was begun before.

    Folds train one after another, so there a stopping rule has nothing to compare and is not asked.
    """
    folder.tell("begun", trials=[number])
    place, rule = study.folder / "trials" / str(number), study.stopping

    def goes_on(rows: Sequence[Row]) -> bool:
        epoch = rows[-1]["epoch"]
        folder.tell("row", **rows[-1] | {"trial": number})
        within = 0 < epoch < recipe.epochs
        return not (within and number in rule.losers({**before, number: rows}, [number], epoch, study.metric))

    if data is None:
        run = prepared(recipe, place)
        for row in run.rows:
            folder.tell("row", **row | {"trial": number})
        return _driven(study, run, None, goes_on) | {"how": _one_by_one(run), "rows": run.rows}
    runs = [prepared(recipe, place / f"fold-{at + 1}") for at in range(len(data))]
    found = [_driven(study, run, data.one(at), lambda _: True) for at, run in enumerate(runs)]
    rows = []
    for epoch in range(max(len(run.rows) for run in runs)):
        rows.append(averaged([run.rows[min(epoch, len(run.rows) - 1)] for run in runs]) | {"trial": number})
        folder.tell("row", **rows[-1])
    worst = next((about for about in found if about["state"] == "failed"), found[0])
    seconds = sum(about["seconds"] for about in found)
    return worst | {"rows": rows, "seconds": seconds, "how": f"{_one_by_one(runs[0])}, {len(data)} folds each"}


def _one_by_one(run: Run) -> str:
    """`one by one, layer3 and what is before it computed once`."""
    cut = (run.files.read("environment.json") or {}).get("cut")
    return f"one by one, {cut} and what is before it computed once" if cut else "one by one"


def _driven(study: Study, run: Run, data: Data | None, goes_on: Callable[[Sequence[Row]], bool]) -> About:
    """Train the run until it ends or `goes_on`, asked after each epoch with all of its rows, says no."""
    began, state, reason = time.perf_counter(), "finished", ""
    try:
        if run.state != "finished":
            run.files.ask(state="running")
            rows = list(run.rows)
            for row in record(run.recipe, run.files, data):
                rows = [old for old in rows if old["epoch"] < row["epoch"]] + [row]
                if _state(study) == "stopped":
                    raise Stopped
                if not goes_on(rows):
                    state, reason = "stopped", f"{study.stopping.name} stopped it after epoch {row['epoch']}."
                    break
            if str(study.files.control()["state"]) == "stopped":  # within an epoch
                raise Stopped
    except Diverged as error:
        state, reason = "failed", str(error)
    seconds = run.rows[-1]["seconds"] if run.rows else time.perf_counter() - began  # earlier attempts count too
    return {"state": state, "seconds": seconds, "reason": reason}
