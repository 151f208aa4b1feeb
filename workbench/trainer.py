"""The one training loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.job import Job
    from workbench.regularizers import Row

    Told = tuple[Tensor, Any, Tensor]  # a batch's objective (trials,), the penalty in it, and its positions


class Watch:
    """Who watches a run without changing it; asked between steps, told of rows."""

    def go_on(self, job: Job) -> bool:
        """Whether the next step may be taken."""
        return True

    def on_rows(self, job: Job, rows: Sequence[Row]) -> None:
        """An epoch was measured: a row for each trial that still trains."""


def train(job: Job, watch: Watch) -> Iterator[Row]:
    """The loop: a row a trial and epoch, row 0 before training; it ends, between two steps, where `watch` says so."""
    learner, regularizers = job.learner, job.regularizers
    if not job.rows:
        yield from job.measure(watch)
    while job.goes_on():
        with job.at_work():
            for step in range(job.step_in_epoch, job.steps_per_epoch):
                if not watch.go_on(job):
                    return
                batches = job.batches(step)

                def compute(batches: list[tuple[Tensor, float]] = batches) -> list[Told]:
                    told = []
                    for positions, share in batches:
                        inputs, targets = job.batch_at(positions)
                        for r in regularizers:
                            inputs, targets = r.on_batch(inputs, targets, job.now[r.name])
                        logits = learner.logits(inputs, job.moments.on_features)
                        loss = cross_entropy(logits, targets, job.class_weights)
                        extra = sum(r.on_logits(logits, targets, job.now[r.name]) for r in regularizers)
                        penalty = sum(r.penalty(job.weights, job.now[r.name]) for r in regularizers)
                        objective = loss + extra + penalty
                        torch.autograd.backward(objective.sum() * share)
                        told.append((objective, penalty, positions))
                    return told

                for r in regularizers:
                    compute = partial(r.around_step, compute, job.now[r.name])
                job.must_be_finite(learner.finite(job.count(compute())))
                with torch.no_grad():
                    for r in regularizers:
                        r.on_gradients(job.weights, job.now[r.name])
                    learner.step(job.lr, job.alive)
                    for r in regularizers:
                        r.after_step(job.weights, job.now[r.name])
                job.step_in_epoch = step + 1
        job.epoch, job.step_in_epoch = job.epoch + 1, 0
        yield from job.measure(watch)


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean over the batch, one value a trial: (trials, batch, classes) and (1 or trials, batch) to (trials,).

    `targets`: classes, or shares of each where examples are mixed, (1 or trials, batch, classes). `weights`: what an
    example of each class counts, (1 or trials, classes).
    """
    if targets.is_floating_point():
        shares = targets if weights is None else targets * weights[:, None]
        return -(shares * logits.log_softmax(-1)).sum(-1).mean(1)
    labels = targets.expand(logits.shape[:2])
    each = F.cross_entropy(logits.flatten(0, 1), labels.reshape(-1), reduction="none").view(labels.shape)
    if weights is not None:
        each = each * weights.expand(len(logits), -1).gather(1, labels)
    return each.mean(1)
