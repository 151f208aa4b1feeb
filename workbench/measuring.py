"""What an epoch leaves: a row of plain numbers for each trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from workbench import evaluation

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.history import Row
    from workbench.job import Job


def measured(job: Job) -> list[Row]:
    """Evaluate the probe and the validation part: a row for each trial that still trains, in the order of its axis."""
    with job.at_work():
        train, valid = side(job, job.probe), side(job, job.valid)
        columns: dict[str, Any] = {}
        for name, of in (("train", train), ("valid", valid)):
            columns[f"{name}_loss"] = of["loss"].mean(-1)
            columns[f"{name}_confidence"] = of["confidence"].mean(-1)
            scores = evaluation.summary(of["labels"], of["answers"], len(job.data.classes))
            columns |= {f"{name}_{key}": value for key, value in scores.items()}
        columns |= evaluation.compared(train, valid)
        columns["valid_low"], columns["valid_high"] = evaluation.intervals(valid["right"])
        columns |= _rise(job, valid["loss"])
        if any(map(len, job.spoilt)):
            columns |= _noise(job)
    return [_row(job, at, columns) for at in range(len(job.going))]


def _row(job: Job, at: int, columns: dict[str, Any]) -> Row:
    row: Row = {"epoch": job.epoch, "step": job.step} | {name: float(column[at]) for name, column in columns.items()}
    objective, penalty, examples = (float(total[at]) for total in job.sums)
    row["objective"] = objective / examples if examples else None
    row["penalty"] = penalty / examples if examples else None
    row["lr"] = float(job.lr[at]) if job.epoch else None
    row["examples"] = job.epoch * job.examples
    row["seconds"] = job.seconds
    return row


def side(job: Job, positions: Tensor) -> dict[str, Any]:
    """Loss, rightness and answers of the examples at `positions`, (folds, examples) each, and their labels.

    All are (trials, examples), the labels (1, examples) where there is one fold.
    """
    logits = job.learner.answers(positions).double().cpu().numpy()
    labels = job.learner.labels.cpu()[positions][job.fold_of if job.folds > 1 else [0]].numpy()
    answers = logits.argmax(-1)
    right = (answers == labels).astype(float)
    found = {"loss": evaluation.losses(logits, labels), "confidence": evaluation.confidence(logits)}
    return found | {"right": right, "labels": labels, "answers": answers}


def _rise(job: Job, losses: Any) -> dict[str, Any]:
    """By how much the validation loss stands above its own minimum, paired over the examples, with an interval."""
    now = losses.mean(-1)
    before = job.best_losses.numpy().mean(-1) if len(job.best_losses) else np.full(len(now), np.inf)
    better = torch.from_numpy(now < before)[:, None]
    kept = job.best_losses if len(job.best_losses) else torch.from_numpy(losses)
    job.best_losses = torch.where(better, torch.from_numpy(losses), kept)
    difference = losses - job.best_losses.numpy()
    low, high = evaluation.intervals(difference)
    return {"rise": difference.mean(-1), "rise_low": low, "rise_high": high}


def _noise(job: Job) -> dict[str, Any]:
    """Accuracy of the probe on the true labels, and the share of the wrong labels that is repeated."""
    folds, wrong = job.fold_of, pad_sequence(job.spoilt, batch_first=True)  # (folds, the most that a fold has)
    clean = job.learner.answers(job.probe).argmax(-1).cpu() == job.plan.truth[job.probe[folds]]
    there = torch.arange(wrong.shape[1]) < torch.tensor([len(own) for own in job.spoilt])[folds, None]
    answers = job.learner.answers(wrong).argmax(-1).cpu()
    repeated = there & (answers == job.learner.labels.cpu()[wrong[folds]])
    return {"clean_train_accuracy": clean.double().mean(-1), "memorised": repeated.sum(-1).double() / there.sum(-1)}
