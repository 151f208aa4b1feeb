"""Many heads trained in memory, those at once that can be: what an experiment asks of each."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench import progress
from workbench.errors import Diverged
from workbench.history import best
from workbench.measuring import side
from workbench.regularizers import Regularizer
from workbench.trainer import Watch, train

if TYPE_CHECKING:
    from workbench.datasets import Data
    from workbench.datasets.folds import Folds
    from workbench.history import Row
    from workbench.job import Job
    from workbench.labs.table import Floats
    from workbench.learners.plan import Plan
    from workbench.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Trained:
    """One recipe's head. `rows`: of its epochs, fewer than it has where it diverged. `numbers`: its parameters.

    `right`: which validation examples the weights of row `kept` answer rightly, 0 or 1, (examples,); None where it
    diverged.
    """

    rows: list[Row]
    numbers: int
    right: Floats | None
    kept: int = -1


class _Telling(Watch):
    """Says how many epochs are done, and may be stopped there by who listens."""

    def go_on(self, job: Job) -> bool:
        progress.tell("epochs", job.epoch, job.recipe.epochs)
        return True


class _Stopped(_Telling):
    """Keeps what is right at the best epoch until a trial would stop: it trains on, since others of its pass do."""

    def __init__(self, recipes: Sequence[Recipe]) -> None:
        self.stoppers = [[r for r in recipe.regularizers if stops(r)] for recipe in recipes]
        self.found: dict[int, tuple[int, Floats]] = {}  # by trial: the row, and what is right
        self._over: set[int] = set()

    def on_rows(self, job: Job, rows: Sequence[Row]) -> None:
        ask = [at for at, trial in enumerate(job.going) if self.stoppers[trial] and trial not in self._over]
        if not ask:
            return
        with job.moments.answering():
            right = side(job, job.valid)["right"]
        for at in ask:
            trial, told = job.going[at], job.rows_of[job.going[at]]
            if best(told) is told[-1]:
                self.found[trial] = (len(told) - 1, right[at])
            if any(r.should_stop(told) for r in self.stoppers[trial]):
                self._over.add(trial)


def trained(recipes: Sequence[Recipe], early: bool = False) -> list[Trained]:
    """Train these recipes, of one data set and as many epochs, to their end; in their order, heads at once.

    `early`: what stops early keeps its best epoch until then; else it does not act: all would have to stop at once.
    """
    return [each[0] for each in _trained(recipes, recipes[0].data.load(), early)]


def trained_on(recipes: Sequence[Recipe], draws: Folds) -> list[list[Trained]]:
    """Train each of these recipes, of one data set and as many epochs, on each of the draws; heads at once."""
    from workbench.learners.plan import fused

    if all(recipe.scope.name == "head" and len(fused(draws.own([recipe]))) == 1 for recipe in recipes):
        return _trained(recipes, draws)
    own, count = draws.own(recipes), len(draws)
    each = [_trained(own[at::count], draws.one(at)) for at in range(count)]
    return [[some[at][0] for some in each] for at in range(len(recipes))]


def _trained(recipes: Sequence[Recipe], data: Data | Folds, early: bool = False) -> list[list[Trained]]:
    """What each recipe came to: one, or one a fold."""
    from workbench.datasets.folds import Folds
    from workbench.learners.plan import fused, plan
    from workbench.searching.fusing import in_one_pass

    asked, folds = [*recipes], len(data) if isinstance(data, Folds) else 1
    recipes = [recipe.replace(regularizers=[r for r in recipe.regularizers if not stops(r)]) for recipe in asked]
    found: dict[int, list[Trained]] = {}
    for group in fused(recipes):
        whole: Plan | None = plan([recipes[one] for one in group], data)
        size = in_one_pass(whole) if whole and len(group) > 1 else 1
        whole = whole if size >= len(group) else None  # what it holds has no place beside its parts
        for at in range(0, len(group), size):
            some = group[at : at + size]
            watch = _Stopped([asked[one] for one in some]) if early else _Telling()
            each = _passed(whole or plan([recipes[one] for one in some], data), watch)
            found |= {one: each[folds * at : folds * (at + 1)] for at, one in enumerate(some)}
            progress.tell("heads", len(found), len(recipes))
    return [found[at] for at in range(len(recipes))]


def stops(regularizer: Regularizer) -> bool:
    """Whether it may end a run before its epochs are over."""
    return type(regularizer).should_stop is not Regularizer.should_stop


def _passed(whole: Plan, watch: Watch) -> list[Trained]:
    """One pass: its recipes in their order."""
    from workbench.job import Job

    job = Job(whole)
    with contextlib.suppress(Diverged):  # of all: what they came to before stands in their rows
        for _ in train(job, watch):
            pass
    numbers = sum(w[0].numel() for name, w in job.learner.state().items() if name.startswith("head."))
    with job.moments.answering():
        answers = side(job, job.valid)["right"]
    right = {trial: (-1, answers[at]) for at, trial in enumerate(job.going)}
    right |= watch.found if isinstance(watch, _Stopped) else {}
    kept = {trial: each for trial, each in right.items() if trial not in job.failed}
    return [
        Trained(rows, numbers, kept[trial][1], kept[trial][0]) if trial in kept else Trained(rows, numbers, None)
        for trial, rows in enumerate(job.rows_of)
    ]
