"""Trials of a round: heads many at once, whole networks one after another, each through the one loop."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import psutil
import torch

from workbench import progress
from workbench.datasets.folds import folds
from workbench.errors import Diverged
from workbench.job import Job
from workbench.learners.plan import plan
from workbench.recording import LOOK
from workbench.searching.alone import alone
from workbench.searching.holding import Held, left
from workbench.searching.results import averaged, rows_of
from workbench.searching.working import EPOCHS, About, Stopped, Work
from workbench.trainer import Watch, train

if TYPE_CHECKING:
    from workbench.history import Row
    from workbench.learners.plan import Plan
    from workbench.recipe import Recipe

SHARE = 0.25  # of the memory that is free, for what grows with the trials of a pass
Done = list[tuple[int, About]]  # trials that ended together: how each went


def together(work: Work, recipes: Mapping[int, Recipe]) -> Iterator[Done]:
    """Train these trials, which `fused` put together; yields, a pass at a time, how each went.

    That is: state, how, seconds, reason, rows. A pass that was left half-way goes on from its checkpoint.
    """
    numbers, first = list(recipes), next(iter(recipes.values()))
    data = folds(first.data, work.study.folds) if work.study.folds else None
    if first.scope.name != "head":
        for number, recipe in recipes.items():
            yield [(number, alone(work, number, recipe, data))]
        return
    whole = plan([*recipes.values()], data or work.loaded(first))
    size = len(numbers) if left(work.folder) == numbers else in_one_pass(whole)
    if size >= len(numbers):
        yield from _fused(work, numbers, whole)
        return
    if work.study.stopping.name != "none":
        work.study.files.tell("note", text=f"Memory is enough for {size} trials at once: {ONE_BY_ONE}")
    for at in range(0, len(numbers), size):
        some = numbers[at : at + size]
        yield from _fused(work, some, plan([recipes[number] for number in some], data or whole.data))


ONE_BY_ONE = "a stopping rule judges each pass beside those before it, so more trials go on than in one pass."


def in_one_pass(found: Plan) -> int:
    """How many trials fit into a share of the free memory: weights four times over, a batch's masks, and answers."""
    recipe, inputs, classes = found.recipe, found.built.width, len(found.data.classes)
    examples = found.train.shape[1] + found.valid.shape[1]
    width = recipe.scope.width if recipe.scope.layers else classes
    weights = 4 * (inputs * width + max(0, recipe.scope.layers - 1) * width**2 + width * classes)
    each = 8 * (weights + 6 * recipe.batch_size * (inputs + width) + 4 * examples * (classes + width))
    free = psutil.virtual_memory().available
    if found.learner.device.type == "cuda":
        free = min(free, torch.cuda.mem_get_info(found.learner.device)[0])
    return max(1, int(SHARE * free // (each * len(found.train))))


class Round(Watch):
    """Watches a fused pass: rows go to the round's folder, the stopping rule says who trains no further."""

    def __init__(self, work: Work, numbers: Sequence[int]):
        self.work, self.folder, self.numbers = work, work.folder, numbers
        self.rule, self.metric, self.looked_at = work.study.stopping, work.study.metric, 0.0
        self.held = Held(work.folder, numbers)
        self.why: str | None = None  # it was stopped
        self.rows: dict[int, list[Row]] = {number: [] for number in numbers}
        self.losers: dict[int, str] = {}  # and the rule that ended them

    def begin(self, job: Job) -> None:
        """Begin, or go on from where the pass was left; a rule that is another by now is asked for all epochs again."""
        if (place := self.held.restore(job)) is None:
            self.folder.tell("begun", trials=list(self.numbers))
            return
        self.folder.tell("resumed", trials=list(self.numbers), step=place["step"])
        self.rows |= {number: rows for number, rows in rows_of(self.folder).items() if number in self.rows}
        self.losers = dict(place["losers"])
        if place["rule"] != self.rule.spelled():
            for epoch in range(1, job.epoch + 1):
                self._judge(job, {trial // job.folds for trial in job.going}, epoch)

    def go_on(self, job: Job) -> bool:
        """Look at the study's control file now and then: stop, or hold, both with a checkpoint; one a minute else."""
        now = time.monotonic()
        if now - self.looked_at < LOOK:
            return True
        self.looked_at, asked = now, self.work.asked()
        if self.held.due or asked != "running":
            self.held.save(job, losers=[*self.losers.items()], rule=self.rule.spelled())
        self.why = self.work.halt(asked)
        return self.why is None

    def on_rows(self, job: Job, rows: Sequence[Row]) -> None:
        """Write the rows, the folds of a trial as one, and ask the rule."""
        progress.tell(EPOCHS, job.epoch, max(recipe.epochs for recipe in job.recipes))
        trained = dict.fromkeys(row.get("trial", 0) // job.folds for row in rows)
        for at in trained:
            own = [job.rows_of[at * job.folds + fold][-1] for fold in range(job.folds)]
            row = averaged(own) | {"trial": self.numbers[at]}
            self.rows[self.numbers[at]].append(row)
            self.folder.tell("row", **row)
        if rows and rows[0]["epoch"]:
            self._judge(job, trained, rows[0]["epoch"])

    def _judge(self, job: Job, trained: Iterable[int], epoch: int) -> None:
        """Ask the rule about those at these positions that are not done anyway."""
        going = [self.numbers[at] for at in trained if epoch < job.recipes[at * job.folds].epochs]
        losers = self.rule.losers({**self.work.before, **self.rows}, going, epoch, self.metric)
        for at, number in enumerate(self.numbers):
            if number in losers:
                self.losers[number] = self.rule.name
                job.stopping |= {at * job.folds + fold for fold in range(job.folds)}


def _fused(work: Work, numbers: Sequence[int], found: Plan) -> Iterator[Done]:
    watch, job, reason = Round(work, numbers), Job(found), ""
    watch.begin(job)
    try:
        for _ in train(job, watch):
            pass
    except Diverged as error:
        reason = str(error)
    if watch.why is not None:
        raise Stopped(watch.why)
    lost = {numbers[position // job.folds] for position in job.failed}
    yield [(number, _went(watch, job, number, reason if number in lost else None)) for number in numbers]
    watch.held.clear()


def _went(watch: Round, job: Job, number: int, reason: str | None) -> About:
    """How a trial of a pass went; `reason`: what was told of one that failed."""
    many, rows = len(watch.numbers), watch.rows[number]
    last = rows[-1]["epoch"] if rows else 0
    about = {"how": _how(many, job.folds), "seconds": job.seconds / many, "rows": rows}
    if reason is not None:
        since = f"the loss is no longer a finite number after epoch {last}"
        told = f"{since}; lower lr or a regularizer's strength." if many > 1 else reason
        return about | {"state": "failed", "reason": told}
    if number in watch.losers:
        return about | {"state": "stopped", "reason": f"{watch.losers[number]} stopped it after epoch {last}."}
    return about | {"state": "finished"}


def _how(trials: int, folds: int) -> str:
    """`fused with 15 others, 5 folds each`."""
    others = trials - 1
    told = f"fused with {others} other{'s' if others > 1 else ''}" if others else "alone, on kept features"
    return f"{told}, {folds} folds each" if folds > 1 else told
