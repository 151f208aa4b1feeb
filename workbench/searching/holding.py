"""The checkpoint of a fused pass: one for all of its trials, from which they go on to the same bits."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.folder import RunFolder

if TYPE_CHECKING:
    from workbench.job import Job

EVERY = 60.0  # seconds between two checkpoints; Stop and Pause make one too
Place = dict[str, Any]


class Held:
    """A pass in its own folder within the round's: rows as they come, trial by fold, and checkpoints; gone in the end.

    Rows are written when a checkpoint is, so that a pass that is done within a minute costs nothing.
    """

    def __init__(self, round: RunFolder, numbers: Sequence[int]):
        self.files, self.numbers = RunFolder(round.path / "pass"), list(numbers)
        self.written: list[int] = []
        self.saved_at = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether the last one is old enough."""
        return time.monotonic() - self.saved_at > EVERY

    def save(self, job: Job, **about: Any) -> None:
        """Write what moves, who still trains, and the rows since the last time."""
        self.files.path.mkdir(exist_ok=True)
        written = self.written or [0] * len(job.rows_of)
        for rows, since in zip(job.rows_of, written, strict=True):
            for row in rows[since:]:
                self.files.tell("row", **row)
        self.written = [len(rows) for rows in job.rows_of]
        tensors, place = job.snapshot()
        who = {"going": job.going, "stopping": sorted(job.stopping), "failed": sorted(job.failed)}
        self.files.save(tensors, place | who | about | {"trials": self.numbers}, keep=set())
        self.saved_at = time.monotonic()

    def restore(self, job: Job) -> Place | None:
        """Put the job back where it was left; None where it was not begun, or nothing of it is whole."""
        found, _ = self.files.newest()
        if found is None or found[1]["trials"] != self.numbers:
            self.clear()
            return None
        tensors, place = found
        self.files.tell("resumed", step=place["step"])
        rows: list[list[Any]] = [[] for _ in job.recipes]
        for row in self.files.rows():
            rows[row.get("trial", 0)].append(row)
        job.stopping = {*job.going} - {*place["going"]}
        job.best_losses = job.best_losses.new_zeros(len(job.recipes), 0)
        job.goes_on()  # those that had left leave the trial axis
        job.restore(tensors, place, rows[0])
        job.rows_of, self.written = rows, [len(each) for each in rows]
        job.stopping, job.failed = {*place["stopping"]}, {*place["failed"]}
        return place

    def clear(self) -> None:
        """Remove it: the pass is done, or begins anew."""
        shutil.rmtree(self.files.path, ignore_errors=True)
        self.files = RunFolder(self.files.path)


def left(round: RunFolder) -> list[int]:
    """The trials of the pass that was left half-way in this round, in their order; none where there is none."""
    found, _ = RunFolder(round.path / "pass").newest()
    return list(found[1]["trials"]) if found else []
