"""What each regularizer brings at which strength: where the knobs' defaults and ranges come from.

Heads on `glyph-resnet`, test accuracy at the last epoch (and so without early stopping's help), means over seeds: 100
digits with 40 wrong labels, as in lesson 02, and the same digits with all labels right.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

import numpy as np

import workbench as wb

SETTINGS = {
    "l1(strength={})": (1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
    "l2(strength={})": (1e-5, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0),
    "weight-decay(strength={})": (1e-3, 1e-2, 1e-1, 1.0, 3.0),
    "dropout(rate={})": (0.1, 0.2, 0.5, 0.8),
    "label-smoothing(amount={})": (0.05, 0.1, 0.3, 0.5),
    "elastic-net(strength={})": (1e-3, 1e-2, 3e-2, 1e-1),
    "group-lasso(strength={})": (1e-2, 3e-2, 1e-1, 3e-1),
    "max-norm(most={})": (0.1, 0.3, 1.0, 3.0),
    "gaussian-noise(amount={})": (0.1, 0.3, 1.0, 2.0),
    "mixup(alpha={})": (0.1, 0.2, 0.5, 1.0),
    "confidence-penalty(strength={})": (0.03, 0.1, 0.3, 1.0),
    "dropout(rate=0.2), r-drop(strength={})": (0.3, 1.0, 3.0, 10.0),
    "clipping(most={})": (0.03, 0.1, 0.3, 1.0),
    "sam(radius={})": (0.02, 0.05, 0.1, 0.3),
    "ema(decay={})": (0.9, 0.99, 0.999),
    "swa(start={})": (0.25, 0.5, 0.75),
    "early-stopping(patience={})": (3, 5, 10),
}


def rows(repeats: int = 5) -> list[dict[str, Any]]:
    """A row a regularizer and strength: mean test accuracy and gap with wrong labels, and with right ones."""
    os.environ["WORKBENCH_RUNS"] = tempfile.mkdtemp()
    spelled = ["", *(form.format(value) for form, values in SETTINGS.items() for value in values)]
    return [line(regularizer, 4 * repeats) for regularizer in spelled]


def line(regularizer: str, seeds: int) -> dict[str, Any]:
    """One row."""
    found: dict[str, Any] = {"regularizer": regularizer or "none"}
    for name, noise in (("wrong labels", 0.4), ("right labels", 0.0)):
        pairs = np.array([measured(regularizer, noise, seed) for seed in range(seeds)])
        found[name] = round(float(pairs[:, 0].mean()), 3)
        found[f"{name}: gap"] = round(float(pairs[:, 1].mean()), 3)
    return found


def measured(regularizer: str, noise: float, seed: int) -> tuple[float, float]:
    """Test accuracy and gap of one run; early stopping's are those of the epoch that it keeps."""
    from workbench.job import Job
    from workbench.learners.plan import plan
    from workbench.trainer import Watch, train

    data = wb.Digits(per_class=10, label_noise=noise, seed=seed)
    recipe = wb.Recipe(data, regularizers=regularizer, lr=1e-2, batch_size=25, epochs=60, seed=seed)
    if regularizer.startswith("early"):
        run = wb.fine_tune(recipe)
        return run.test()["accuracy"], run.best["gap_accuracy"] if run.best else 0.0
    job = Job(plan(recipe))
    last = list(train(job, Watch()))[-1]
    return tested(job), last["gap_accuracy"]


def tested(job: Any) -> float:
    """Accuracy on the test part of the weights that answer at the end."""
    from workbench.predicting import logits, of_plan

    at = job.data.test
    answers = logits(of_plan(job.plan, job.snapshot()[0]), job.data.inputs[at]).argmax(-1)
    return float((answers == job.data.labels[at]).float().mean())
