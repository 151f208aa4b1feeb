"""Validation examples that training has as good as seen: what makes a gap look closed that is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from workbench.learners.heads import Heads

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.job import Job

SOME = 500  # examples that are looked at of each part
MOST = 20_000  # training examples that they are compared with
NEAR = 0.2  # of the usual way from a training example to its nearest neighbour: closer is as good as the same


def twins(job: Job) -> float:
    """The share of the validation examples that are, or nearly are, among the training ones.

    By pairs that the data set names; and, where features are kept, by their distances.
    """
    train, valid = {*job.data.train.tolist()}, {*job.data.valid.tolist()}
    paired = {b if b in valid else a for a, b in job.data.near if {a, b} & train and {a, b} & valid}
    named = len(paired) / max(1, len(valid))
    if not isinstance(job.learner, Heads) or job.folds > 1:
        return named
    train_features, valid_features = (job.learner.features_at(part[0]).float() for part in (job.train, job.valid))
    return max(named, close(train_features, valid_features))


def close(train: Tensor, valid: Tensor) -> float:
    """The share of `valid` that is far closer to one of `train` than those are to each other; (examples, width)."""
    train, step = train[:MOST], max(1, len(valid) // SOME)
    own = train[:: max(1, len(train) // SOME)]
    if len(own) < 3:
        return 0.0
    usual = torch.cdist(own, train).topk(2, largest=False).values[:, 1].median()  # the nearest is itself
    nearest = torch.cdist(valid[::step], train).amin(1)
    return float((nearest < NEAR * usual).float().mean()) if float(usual) > 0 else 0.0
