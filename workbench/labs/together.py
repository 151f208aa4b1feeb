"""Many heads trained in memory, those at once that can be: what an experiment asks of each."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench import progress
from workbench.errors import Diverged
from workbench.regularizers import Regularizer

if TYPE_CHECKING:
    from workbench.history import Row
    from workbench.labs.table import Floats
    from workbench.learners.plan import Plan
    from workbench.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Trained:
    """One recipe's head. `rows`: of its epochs, fewer than it has where it diverged. `numbers`: its parameters.

    `right`: which validation examples its last weights answer rightly, 0 or 1, (examples,); None where it diverged.
    """

    rows: list[Row]
    numbers: int
    right: Floats | None


def trained(recipes: Sequence[Recipe]) -> list[Trained]:
    """Train these recipes, of one data set and as many epochs, to their end; in their order, heads at once.

    What stops early does not here: all would have to stop at once to be compared.
    """
    from workbench.learners.plan import fused, plan
    from workbench.searching.fusing import in_one_pass

    recipes = [recipe.replace(regularizers=[r for r in recipe.regularizers if not stops(r)]) for recipe in recipes]
    found: dict[int, Trained] = {}
    data = recipes[0].data.load()
    for group in fused(recipes):
        size = in_one_pass(plan(recipes[group[0]], data)) if recipes[group[0]].scope.name == "head" else 1
        for at in range(0, len(group), size):
            some = group[at : at + size]
            found |= dict(zip(some, _passed(plan([recipes[one] for one in some], data)), strict=True))
            progress.tell("heads", len(found), len(recipes))
    return [found[at] for at in range(len(recipes))]


def stops(regularizer: Regularizer) -> bool:
    """Whether it may end a run before its epochs are over."""
    return type(regularizer).should_stop is not Regularizer.should_stop


def _passed(whole: Plan) -> list[Trained]:
    """One pass: its recipes in their order."""
    from workbench.job import Job
    from workbench.measuring import side
    from workbench.trainer import Watch, train

    job = Job(whole)
    with contextlib.suppress(Diverged):  # of all: what they came to before stands in their rows
        for _ in train(job, Watch()):
            pass
    numbers = sum(w[0].numel() for name, w in job.learner.state().items() if name.startswith("head."))
    answers = side(job, job.valid)["right"]
    right = {trial: answers[at] for at, trial in enumerate(job.going) if trial not in job.failed}
    return [Trained(rows, numbers, right.get(trial)) for trial, rows in enumerate(job.rows_of)]
