"""What regularization is worth on wrong labels: 100 digits, 40 of them wrong, a head; and every weight with 20 wrong.

Test accuracy over seeds (draws of the digits, of the wrong labels and of the weights), with 95 % bootstrap intervals:
at the last epoch without a regularizer; of the best of a 32-trial search by validation loss, trained again; and, with
every weight, of some regularizers one by one.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

import numpy as np

import workbench as wb
from benchmarks import arms
from benchmarks.strengths import tested

SEEDS = 2 if arms.SMALL else 20
SPACE = {
    "lr": wb.Range(1e-3, 3e-2, log=True),
    "l2.strength": wb.Range(1e-3, 0.3, log=True),
    "dropout.rate": wb.Range(0.0, 0.8),
}
ALL = (
    "",
    "l2(strength=0.01)",
    "early-stopping",
    "ema",
    "sam",
    "mixup(alpha=1.0)",
    "l2-sp(strength=0.01)",
    "drop-path(rate=0.3)",
)


def rows(repeats: int = 5) -> list[dict[str, Any]]:
    """A row an arm: mean test accuracy with its interval over seeds."""
    os.environ["WORKBENCH_RUNS"] = tempfile.mkdtemp()
    base = wb.Recipe(lr=1e-2, batch_size=25, epochs=60, precision="float32")
    heads = [
        (seed, base.replace(data=wb.Digits(per_class=10, label_noise=0.4, seed=seed), seed=seed))
        for seed in range(SEEDS)
    ]
    found = [
        _row("head, 40 of 100 wrong", "no regularizer", [at_end(recipe) for _, recipe in heads]),
        _row("head, 40 of 100 wrong", "best of a 32-trial search", [searched(recipe, seed) for seed, recipe in heads]),
    ]
    for regularizer in ALL:
        scores = []
        for seed in range(2 if arms.SMALL else repeats):
            data = wb.Digits(per_class=10, label_noise=0.2, seed=seed)
            recipe = base.replace(data=data, seed=seed, scope="all", lr=3e-3, epochs=40, regularizers=regularizer)
            scores.append(at_end(recipe) if "stopping" not in regularizer else wb.fine_tune(recipe).test()["accuracy"])
        found.append(_row("all weights, 20 of 100 wrong", regularizer or "no regularizer", scores))
    return found


def at_end(recipe: Any) -> float:
    """Test accuracy after the last epoch."""
    from workbench.job import Job
    from workbench.learners.plan import plan
    from workbench.trainer import Watch, train

    job = Job(plan(recipe))
    for _ in train(job, Watch()):
        pass
    return tested(job)


def searched(recipe: Any, seed: int) -> float:
    """The same of the trial that a search finds best, at the epoch of its least validation loss, as a run keeps it."""
    study = wb.search(recipe.replace(regularizers="l2, dropout"), "random(trials=32)", SPACE, name=f"wrong-{seed}")
    return float(wb.fine_tune(study.recipe_of(study.best["number"])).test()["accuracy"])


def _row(what: str, arm: str, scores: list[float]) -> dict[str, Any]:
    draw = np.random.default_rng(0).integers(0, len(scores), (2000, len(scores)))
    low, high = np.percentile(np.array(scores)[draw].mean(1), [2.5, 97.5])
    about = {"what": what, "arm": arm, "test accuracy": round(float(np.mean(scores)), 3), "seeds": len(scores)}
    return about | {"low": round(float(low), 3), "high": round(float(high), 3)}
