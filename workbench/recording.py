"""Drives a run and keeps its folder: rows, checkpoints, pause, stop, turned knobs, and going on after a kill."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import GeneratorType
from typing import TYPE_CHECKING, Any, cast

from filelock import FileLock, Timeout

from workbench import progress
from workbench.errors import BrokenRun, Diverged, Interrupted, RunBusy
from workbench.job import Job
from workbench.learners.plan import plan
from workbench.surroundings import environment, memory
from workbench.trainer import Watch, train

if TYPE_CHECKING:
    from workbench.datasets import Data
    from workbench.folder import RunFolder
    from workbench.recipe import Recipe
    from workbench.regularizers import Row

    Rows = GeneratorType[Row, None, None]

LEAST, MOST = 1.0, 60.0  # seconds between checkpoints: no closer at epoch ends, no further apart within one
SHARE = 0.005  # of a run's time goes into them, at most: where writing one takes long they stand further apart
UNTRAINED = (
    "No epoch has a lower validation loss than the start, so answers come from the untrained head: lower lr, "
    "regularize, or take a backbone that knows such examples."
)
LOOK = 0.05  # seconds between looks at the control file


class Recorder(Watch):
    """Watches one job into one folder."""

    def __init__(self, folder: RunFolder):
        self.folder, self.stopped, self.interrupted = folder, False, False
        self.saved_at = self.told_at = self.looked_at = time.monotonic()
        self.seen, self.pace, self.marks = 0, 0.0, folder.control()["marks"]
        self.held: tuple[Any, Any] | None = None
        self.best_step, self.cost = 0, 0.0
        self.marked = {int(event["step"]) for event in folder.events() if event["event"] == "marked"}  # branch points
        self.rows: Callable[[], Rows | None] = lambda: None  # what it yields, while somebody holds it

    def go_on(self, job: Job) -> bool:
        """Look at the control file: pause, stop, turn knobs; save once a minute. False ends the run."""
        if self.interrupted:
            return self.end(job, "interrupted")
        now = time.monotonic()
        if now - self.looked_at > LOOK or job.step_in_epoch == 0:
            self.looked_at = now
            if not self._obey(job):
                return False
        if now - self.saved_at > MOST:
            self.save(job)
        if now - self.told_at > 0.5:
            self._tell_progress(job)
        if self.pace:
            self._wait(1 / self.pace / job.steps_per_epoch)
        return True

    def on_rows(self, job: Job, rows: Sequence[Row]) -> None:
        """Append the row; checkpoint it where one is due, hold it in memory where it is the best so far."""
        [row] = rows
        self.folder.tell("row", **row)
        if job.is_best_row(row):
            self.best_step, self.held = job.step, None if self._due() else job.snapshot()
        if self._due():
            self.save(job)

    def save(self, job: Job) -> None:
        """Write the best state where it is still in memory, then the present one."""
        keep, begun = {self.best_step} | self.marked, time.monotonic()
        if self.held and self.held[1]["step"] != job.step:
            self.folder.save(*self.held, keep=keep | {job.step})
        self.held = None
        tensors, place = job.snapshot()
        self.folder.save(tensors, place | {"best_step": self.best_step, "control": self.seen}, keep=keep)
        self.folder.tell("checkpoint", step=job.step)
        self.saved_at = time.monotonic()
        self.cost = self.saved_at - begun

    def _due(self) -> bool:
        return time.monotonic() - self.saved_at > min(max(LEAST, self.cost / SHARE), MOST)

    def _obey(self, job: Job) -> bool:
        control = self.folder.control()
        if control["n"] != self.seen:
            self.seen, self.pace = control["n"], float(control["pace"])
            for path, value in control["knobs"].items():
                if job.knobs.get(path) != value:
                    job.turn(path, value)
                    self.folder.tell("knob", step=job.step, path=path, value=value)
            if control["marks"] > self.marks:
                self.marks = control["marks"]
                self.marked.add(job.step)
                self.save(job)
                self.folder.tell("marked", marks=self.marks, step=job.step)
        if control["state"] == "stopped":
            return self.end(job)
        if control["state"] == "paused":
            self.save(job)
            self.folder.tell("paused", step=job.step)
            while (control := self.folder.control())["state"] == "paused" and not self.interrupted:
                time.sleep(0.05)
            if control["state"] == "running" and not self.interrupted:
                self.folder.tell("continued", step=job.step)
            return self._obey(job) if not self.interrupted else self.end(job, "interrupted")
        return True

    def end(self, job: Job, why: str = "") -> bool:
        """Checkpoint and say that the run was stopped; False, so that the loop ends."""
        self.save(job)
        self.folder.tell("stopped", step=job.step, why=why)
        self.stopped = True
        return False

    def _tell_progress(self, job: Job) -> None:
        self.told_at = time.monotonic()
        about = {"step": job.step, "steps": job.steps, "seconds": job.elapsed, **memory(job)}
        self.folder.tell("progress", epoch=job.epoch, **about)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and self.folder.control()["state"] == "running":
            time.sleep(min(left, 0.05))


@contextmanager
def deferred_interrupts(recorder: Recorder) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM ends the run between two steps, the second at once; handlers are put back.

    Where nobody is in the loop, but in a caller's `for` or nowhere near any more, the run ends there and then.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def note(number: int, frame: Any) -> None:
        if recorder.interrupted:
            raise KeyboardInterrupt
        recorder.interrupted = True
        rows = recorder.rows()
        if rows is not None and not rows.gi_running:  # else it is looked at before the next step
            rows.close()
            raise Interrupted(_goes_on(recorder.folder))

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _goes_on(folder: RunFolder) -> str:
    command = f"on the command line: run RECIPE -o {folder.path}"
    return f"Interrupted between two steps. wb.fine_tune(recipe, folder={str(folder.path)!r}) goes on; {command}."


def record(recipe: Recipe, folder: RunFolder, data: Data | None = None) -> Rows:
    """Train `recipe` into `folder`, going on from its newest whole checkpoint; yields the rows that are new.

    `data`: other parts than the recipe's own, for a fold.
    """
    recorder = Recorder(folder)
    rows = cast("Rows", _held(recipe, recorder, data))
    recorder.rows = weakref.ref(rows)  # weakly: rows that are dropped shall end the run at once
    return rows


def _held(recipe: Recipe, recorder: Recorder, data: Data | None) -> Iterator[Row]:
    """The rows, while nobody else drives the folder."""
    folder = recorder.folder
    lock = FileLock(folder.path / ".lock", timeout=0.5)  # a viewer that looks whether someone holds it is gone by then
    try:
        lock.acquire()
    except Timeout:
        raise RunBusy(f"another process drives {folder.path}; watch it with wb.open_run, or stop it first.") from None
    try:
        with deferred_interrupts(recorder):
            yield from _recorded(recipe, folder, recorder, data)
        if recorder.interrupted:
            raise Interrupted(_goes_on(folder))
    finally:
        lock.release()


def _recorded(recipe: Recipe, folder: RunFolder, recorder: Recorder, data: Data | None) -> Iterator[Row]:
    folder.clear_orphans()
    folder.tell("started", pid=os.getpid())
    job = None
    try:
        with progress.told_to(partial(_getting_ready, folder, recorder)):
            job = Job(plan(recipe, data))
            unseen = job.plan.built.front.said(job.data.inputs)
        _go_on_from(job, folder, recorder)
        told = {event["text"] for event in folder.events() if event["event"] == "note"}
        for note in (*job.data.notes, *unseen):
            if note not in told:
                folder.tell("note", text=note)
        for row in train(job, recorder):
            yield row
            if row["epoch"] == 0:
                _tell_baseline(job, folder)
        if not recorder.stopped:
            recorder.save(job)
            if recorder.best_step == 0 and job.steps:
                folder.tell("note", text=UNTRAINED)
            folder.tell("finished", step=job.step, seconds=job.seconds, **memory(job))
    except _Left:
        folder.tell("stopped", step=0, why="before the first epoch")
    except GeneratorExit:  # whoever drives the loop left it, at an epoch's end
        if job is not None:
            recorder.end(job, "interrupted" if recorder.interrupted else "")
        raise
    except BaseException as error:
        if isinstance(error, Diverged) and job is not None:
            recorder.save(job)
        folder.tell("failed", kind=type(error).__name__, message=str(error))
        raise


class _Left(Exception):  # no error: somebody pressed Stop
    """Stopped while the data was read."""


def _getting_ready(folder: RunFolder, recorder: Recorder, what: str, done: int, total: int) -> None:
    """Tell how far reading is; stopped or interrupted, leave: what was read is kept."""
    folder.tell("preparing", what=what, done=done, total=total)
    if recorder.interrupted or folder.control()["state"] == "stopped":
        raise _Left


def _go_on_from(job: Job, folder: RunFolder, recorder: Recorder) -> None:
    """Restore the newest whole checkpoint, void what came after it, and say where it is not exact."""
    now, before = environment(job), folder.read("environment.json")
    found, said = folder.newest()
    for sentence in said:
        folder.tell("note", text=sentence)
    if found is None:
        folder.write("environment.json", now)
        if folder.rows():
            folder.tell("resumed", step=-1, exact=True)
            folder.tell("note", text="No checkpoint was there to go on from: the run begins again.")
        return
    tensors, place = found
    if before and before["data"] != now["data"]:
        raise BrokenRun(f"the data changed since {folder.path} began; start the recipe in a new folder.")
    if before and before.get("reading", now["reading"]) != now["reading"]:
        raise BrokenRun(
            f"the tokenizer, the feature extractor or the pooling of the backbone changed since {folder.path} began; "
            f"put its folder back as it was, or start the recipe in a new folder."
        )
    changed = [k for k in ("device", "precision", "threads", "versions") if before and before[k] != now[k]]
    folder.tell("resumed", step=place["step"], exact=not changed)
    folder.tell("note", text=f"Going on from step {place['step']}, in epoch {place['epoch'] + 1}.")
    if changed:
        folder.tell("note", text=f"Going on is not exact: {', '.join(changed)} changed since the run began.")
    job.restore(tensors, place, folder.rows())
    best = min(job.rows, key=lambda row: row["valid_loss"]) if job.rows else None
    recorder.best_step = best["step"] if best else 0
    recorder.seen = place.get("control", 0)


def _tell_baseline(job: Job, folder: RunFolder) -> None:
    try:
        from workbench.baseline import baseline

        folder.tell("baseline", **baseline(job.data))
    except Exception as error:  # a line on the chart, not the run
        print(f"no plain baseline: {error}", file=sys.stderr)
        folder.tell("note", text=f"The plain baseline could not be computed: {error}")
