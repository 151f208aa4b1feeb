"""Validation accuracy by the clock: what a start costs in time, with what a frozen body computes once in it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.checks import known

if TYPE_CHECKING:
    import pandas as pd

    from workbench.learners.plan import Plan
    from workbench.recipe import Recipe


def in_time(recipes: Mapping[str, Recipe]) -> pd.DataFrame:
    """Train each recipe by itself, in this process: a row a recipe and epoch, from before training on.

    A row holds `name`, `epoch`, `seconds`, `accuracy` (validation), `low` and `high` (95 %, bootstrap). `seconds`:
    work on this machine, measuring among it; of a head with the one pass of all examples through its body, measured
    anew where its features are kept from before. Reading data and weights is not counted.
    """
    from workbench.job import Job
    from workbench.learners.plan import plan
    from workbench.trainer import Watch, train
    from workbench.whole_table import WholeTable

    lines = []
    for name, recipe in recipes.items():
        whole = plan(recipe)
        before = _once(whole) if recipe.scope.name == "head" else 0.0
        for row in train(Job(whole), Watch()):
            line = {"name": name, "epoch": row["epoch"], "seconds": before + row["seconds"]}
            line |= {"accuracy": row["valid_accuracy"], "low": row["valid_low"], "high": row["valid_high"]}
            lines.append(line)
    return WholeTable(lines)


def _once(whole: Plan) -> float:
    """Seconds that the body takes for every training and validation example."""
    import torch

    from workbench import features
    from workbench.job import Job

    rows = torch.cat([whole.data.train, whole.data.valid])
    job, began = Job(whole), time.perf_counter()
    with job.at_work():
        features.compute(whole.built, whole.data.inputs, rows, whole.device, whole.dtype)
    return time.perf_counter() - began


def sooner(found: pd.DataFrame, one: str, other: str) -> str:
    """A sentence on two names of `in_time`: when `one` was as accurate as `other` ever became."""
    lines: dict[Any, pd.DataFrame] = dict(iter(found.groupby("name")))
    for name in (one, other):
        known(name, lines, "nobody was timed who is called")
    best = lines[other].iloc[int(lines[other]["accuracy"].to_numpy().argmax())]
    said = f"“{other}” was best after {best['seconds']:.1f} s, {best['accuracy']:.3f}; “{one}”"
    there = lines[one][lines[one]["accuracy"] >= best["accuracy"]]
    if there.empty:
        return f"{said} never came as far: {lines[one]['accuracy'].max():.3f} at most."
    first = there.iloc[0]
    times = best["seconds"] / first["seconds"]
    told = f"{times:.0f} times sooner" if times >= 2 else "about as soon" if times > 0.5 else "later"
    return f"{said} was as good after {first['seconds']:.1f} s: {told}."
