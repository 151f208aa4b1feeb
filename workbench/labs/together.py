"""Many heads trained in memory, those at once that can be: what an experiment asks of each."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench import progress
from workbench.errors import Diverged

if TYPE_CHECKING:
    from workbench.datasets import Data
    from workbench.datasets.folds import Folds
    from workbench.history import Row
    from workbench.labs.table import Floats
    from workbench.learners.plan import Plan
    from workbench.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Trained:
    """One recipe: the rows of its epochs; fewer than it has where it `diverged`.

    `right`: which validation examples its last weights answer rightly, 0 or 1, (folds, examples); empty where it
    diverged. `numbers`: how many parameters its head has.
    """

    rows: list[Row]
    right: Floats
    numbers: int
    diverged: bool


def trained(recipes: Sequence[Recipe], loaded: Data | Folds | None = None) -> list[Trained]:
    """Train heads of these recipes to their end, in their order; recipes that train at once have as many epochs.

    `loaded`: the data of all, where they are there already; with `Folds` a recipe trains on each of them, and its rows
    are those of the first.
    """
    from workbench.learners.plan import fused, plan
    from workbench.searching.fusing import in_one_pass

    found: dict[int, Trained] = {}
    for group in fused(recipes):
        first = plan(recipes[group[0]], loaded)
        size = in_one_pass(first)
        for at in range(0, len(group), size):
            some = group[at : at + size]
            whole = first if len(group) == 1 else plan([recipes[one] for one in some], loaded or first.data)
            found |= dict(zip(some, _passed(whole), strict=True))
            progress.tell("heads", len(found), len(recipes))
    return [found[at] for at in range(len(recipes))]


def _passed(whole: Plan) -> list[Trained]:
    """One pass: its recipes in their order."""
    from workbench.job import Job
    from workbench.measuring import side
    from workbench.trainer import Watch, train

    job = Job(whole)
    with contextlib.suppress(Diverged):  # of all: what they came to before stands in their rows
        for _ in train(job, Watch()):
            pass
    heads = [w for name, w in job.learner.state().items() if name.startswith("head.")]
    numbers = sum(w[0].numel() for w in heads)
    last = side(job, job.valid)["right"]
    right = {trial: last[at] for at, trial in enumerate(job.going) if trial not in job.failed}
    found = []
    for at in range(0, len(job.recipes), job.folds):
        own = [right[trial] for trial in range(at, at + job.folds) if trial in right]
        whole_way = len(own) == job.folds
        found.append(Trained(job.rows_of[at], np.array(own if whole_way else []), numbers, not whole_way))
    return found
