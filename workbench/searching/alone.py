"""Whole networks of a search: each a run of its own, or one a fold, from its last checkpoint where it was begun."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from threading import Timer
from typing import TYPE_CHECKING

from workbench.errors import Diverged
from workbench.fine_tuning import prepared
from workbench.recording import record
from workbench.searching.results import averaged
from workbench.searching.working import OVER, About, Stopped, Work

if TYPE_CHECKING:
    from workbench.datasets.base import Data
    from workbench.datasets.folds import Folds
    from workbench.history import Row
    from workbench.recipe import Recipe
    from workbench.run import Run


def alone(work: Work, number: int, recipe: Recipe, data: Folds | None) -> About:
    """One trial. Folds train one after another: there a stopping rule has nothing to compare, and is not asked."""
    work.folder.tell("begun", trials=[number])
    place = work.study.folder / "trials" / str(number)
    if data is None:
        run = prepared(recipe, place)
        for row in run.rows:
            work.folder.tell("row", **row | {"trial": number})
        return _driven(work, run, work.loaded(recipe), number) | {"how": _one_by_one(run), "rows": run.rows}
    runs = [prepared(recipe, place / f"fold-{at + 1}") for at in range(len(data))]
    found = [_driven(work, run, data.one(at)) for at, run in enumerate(runs)]
    rows = []
    for epoch in range(max(len(run.rows) for run in runs)):
        rows.append(averaged([run.rows[min(epoch, len(run.rows) - 1)] for run in runs]) | {"trial": number})
        work.folder.tell("row", **rows[-1])
    worst = next((about for about in found if about["state"] == "failed"), found[0])
    seconds = sum(about["seconds"] for about in found)
    return worst | {"rows": rows, "seconds": seconds, "how": f"{_one_by_one(runs[0])}, {len(data)} folds each"}


def _one_by_one(run: Run) -> str:
    """`one by one, layer3 and what is before it computed once`."""
    cut = (run.files.read("environment.json") or {}).get("cut")
    return f"one by one, {cut} and what is before it computed once" if cut else "one by one"


def _driven(work: Work, run: Run, data: Data | None, number: int | None = None) -> About:
    """Train the run until it ends; where it is a trial, its rows are told and the rule may end it after an epoch."""
    began, rows, reason = time.perf_counter(), list(run.rows), ""
    lost = any(_loses(work, number, run, rows[: at + 1]) for at in range(len(rows)))  # its driver was killed just then
    try:
        if run.state != "finished" and not lost:
            with _until(work, run), closing(_epochs(run, data)) as epochs:
                for row in epochs:
                    rows = [old for old in rows if old["epoch"] < row["epoch"]] + [row]
                    if number is not None:
                        work.folder.tell("row", **row | {"trial": number})
                    work.must_go_on()
                    lost = _loses(work, number, run, rows)
                    if lost:
                        break
            if run.state == "stopped" and not lost:  # within an epoch
                raise Stopped(OVER if work.over else "")
    except Diverged as error:
        reason = str(error)
    seconds = rows[-1]["seconds"] if rows else time.perf_counter() - began  # earlier attempts count too
    about = {"seconds": seconds, "reason": reason, "state": "failed" if reason else "finished"}
    if lost:
        about |= {
            "state": "stopped",
            "reason": f"{work.study.stopping.name} stopped it after epoch {rows[-1]['epoch']}.",
        }
    return about


def _epochs(run: Run, data: Data | None) -> Generator[Row]:
    yield from record(run.recipe, run.files, data)


def _loses(work: Work, number: int | None, run: Run, rows: Sequence[Row]) -> bool:
    """Whether the rule ends this trial after the last of these rows, judged beside all trials before it."""
    epoch = rows[-1]["epoch"]
    if number is None or not 0 < epoch < run.recipe.epochs:
        return False
    every = {**work.before, number: rows}
    return number in work.study.stopping.losers(every, [number], epoch, work.study.metric)


@contextmanager
def _until(work: Work, run: Run) -> Iterator[None]:
    """The run is asked to train, and to stop, within an epoch too, when the minutes are over."""
    run.files.ask(state="running")
    clock = Timer(work.left, run.files.ask, kwargs={"state": "stopped"}) if work.left is not None else None
    if clock:
        clock.start()
    try:
        yield
    finally:
        if clock:
            clock.cancel()
