"""Heads at all values of one knob, trained: what a path runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench import history, progress
from workbench.errors import Diverged
from workbench.job import Job
from workbench.learners.plan import plan
from workbench.searching.fusing import in_one_pass
from workbench.searching.path import Path
from workbench.trainer import Watch, train

if TYPE_CHECKING:
    from workbench.datasets.base import Data
    from workbench.history import Row
    from workbench.recipe import Recipe
    from workbench.searching.path import End


def walked(shared: Recipe, knob: str, points: Sequence[float], data: Data) -> Path:
    """A head at each of these points, as many at once as memory takes; `Diverged` where fewer than two are left."""
    recipes = [shared.turned({knob: value}) for value in points]
    size = in_one_pass(plan(shared, data))
    passes = [recipes[at : at + size] for at in range(0, len(recipes), size)]
    ends: dict[int, End] = {}
    for at, group in enumerate(passes):
        ends |= {at * size + position: end for position, end in _trained(group, data, at, len(passes)).items()}
    lost = {
        value: "its loss is no longer a finite number; lower lr or the strengths."
        for at, value in enumerate(points)
        if at not in ends
    }
    if len(ends) < 2:
        raise Diverged(f"training diverged at {len(lost)} of {len(points)} values of {knob}; lower lr or its values.")
    kept = sorted(ends)
    heads = {name: np.stack([ends[at][2][name] for at in kept]) for name in ends[kept[0]][2]}
    rows, bests, _ = zip(*(ends[at] for at in kept), strict=True)
    return Path(shared, knob, tuple(points[at] for at in kept), rows, bests, heads, data.classes, lost)


class _Told(Watch):
    """Says how many epochs are done, those of the passes `before` among them."""

    def __init__(self, before: int, total: int):
        self.before, self.total = before, total

    def on_rows(self, job: Job, rows: Sequence[Row]) -> None:
        """Once an epoch."""
        progress.tell("epochs", self.before + job.epoch, self.total)


def _trained(recipes: Sequence[Recipe], data: Data, before: int, passes: int) -> dict[int, End]:
    """Last row, best row and weights of each that did not diverge; `before` of the `passes` are done."""
    job, epochs, found = Job(plan(recipes, data)), recipes[0].epochs, {}
    try:
        for _ in train(job, _Told(before * epochs, passes * epochs)):
            pass
    except Diverged:
        pass
    with job.moments.answering():
        heads = {name: w.clone() for name, w in job.learner.state().items() if name.startswith("head.")}
    for position, trial in enumerate(job.going):
        rows = job.rows_of[trial][1:]
        if trial not in job.failed and np.isfinite(rows[-1]["valid_loss"]):
            weights = {name: w[position].numpy() for name, w in heads.items()}
            found[trial] = (rows[-1], history.best(rows) or rows[-1], weights)
    return found
