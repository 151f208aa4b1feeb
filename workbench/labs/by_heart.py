"""What a head answers of each training example, epoch by epoch: which wrong labels it learns by heart, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.checks import whole
from workbench.errors import BadKnob
from workbench.trainer import Watch, train

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from workbench.datasets import Data
    from workbench.job import Job
    from workbench.recipe import Recipe
    from workbench.regularizers import Row


@dataclass(frozen=True, eq=False)
class ByHeart:
    """A head that was watched. `rows`: of its epochs, row 0 before training.

    `chances`: the probability of each class, (epochs + 1, training examples, classes), float32; `positions` of these
    examples in `data`; `labels` as given and `true_labels`, (training examples,).
    """

    rows: list[Row]
    data: Data
    positions: NDArray[np.int64]
    labels: NDArray[np.int64]
    true_labels: NDArray[np.int64]
    chances: NDArray[np.float32]

    @property
    def history(self) -> pd.DataFrame:
        """One row an epoch."""
        from workbench.history import history

        return history(self.rows)

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Which labels are wrong, (training examples,)."""
        return np.asarray(self.labels != self.true_labels)

    def table(self, epoch: int = -1) -> pd.DataFrame:
        """After this epoch, a row a training example: `key`, `label`, `true`, `answer`, `confidence`, `repeated`.

        `repeated`: whether a wrong label is given back; false where the label is right.
        """
        from workbench.whole_table import WholeTable

        last = len(self.chances) - 1
        at = last if epoch == -1 else whole("the epoch", epoch, 0, last)
        names, chances = self.data.classes, self.chances[at]
        answers = chances.argmax(-1)
        lines = [
            {"key": self.data.keys[row], "label": names[given], "true": names[true], "answer": names[answer],
             "confidence": float(chances[one, answer]), "repeated": bool(answer == given != true)}
            for one, (row, given, true, answer) in enumerate(
                zip(self.positions, self.labels, self.true_labels, answers, strict=True)
            )
        ]  # fmt: skip
        return WholeTable(lines)

    def repeated(self) -> list[int]:
        """How many of the wrong labels are given back after each epoch, row 0 before training."""
        return [int(each) for each in (self.chances.argmax(-1) == self.labels)[:, self.wrong].sum(-1)]


class _Answers(Watch):
    """Keeps the probabilities of each training example after every epoch."""

    def __init__(self) -> None:
        self.kept: list[NDArray[np.float32]] = []

    def on_rows(self, job: Job, rows: Sequence[Row]) -> None:
        with job.moments.answering():
            logits = job.learner.answers(job.train)[0]
        self.kept.append(logits.float().softmax(-1).cpu().numpy())


def by_heart(recipe: Recipe) -> ByHeart:
    """Train the recipe's head in this process and keep what it answers of each training example after every epoch.

    The rows are those of the same recipe run anywhere else. Heads alone: what they answer costs next to nothing.
    """
    from workbench.job import Job
    from workbench.learners.plan import plan

    if recipe.scope.name != "head":
        raise BadKnob(f"examples are watched while a head trains: give a recipe of scope 'head', got {recipe.scope}.")
    job, watch = Job(plan([recipe])), _Answers()
    for _ in train(job, watch):
        pass
    data, own = job.data, job.data.train[job.train[0]]
    labels, true = (each[own].numpy() for each in (data.labels, data.true_labels))
    return ByHeart(job.rows, data, own.numpy(), labels, true, np.array(watch.kept))
