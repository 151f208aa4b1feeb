"""Who holds up: units deleted, inputs corrupted, outliers among the training examples; by regularizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from workbench import evaluation, features, progress
from workbench.checks import known, whole
from workbench.datasets.ragged import Ragged, Texts
from workbench.errors import BadKnob
from workbench.learners import head

if TYPE_CHECKING:
    import pandas as pd

    from workbench.datasets.base import Inputs
    from workbench.job import Job
    from workbench.recipe import Recipe

REGULARIZERS = ("", "l1(strength=0.003)", "l2(strength=0.1)", "dropout(rate=0.5)")
SHARES = (0.0, 0.25, 0.5, 0.75)  # of units deleted, of how far inputs are corrupted
OUTLIERS = (0.0, 0.05, 0.1)  # of the training examples
FAR = 8.0  # times as far from the mean as it was, is an outlier
MASKS = 10  # draws of the deleted units


def robustness(
    recipe: Recipe,
    regularizers: Sequence[str] = REGULARIZERS,
    levels: Mapping[str, Sequence[float]] | None = None,
    seeds: int = 3,
) -> pd.DataFrame:
    """Train heads by each of `regularizers` over `seeds` seeds, and see how validation accuracy falls.

    A row a regularizer, `test` and `level`, with `accuracy`, `low` and `high` over seeds and examples, and `lost`
    against level 0. Tests: "units deleted", a share of the features set to their mean; "inputs corrupted", pictures and
    clips with noise of so many of their own standard deviations, texts without that share of their words; "outliers",
    a share of the training examples moved `FAR` times away from the mean, with a label by chance.
    """
    from workbench.whole_table import WholeTable

    whole("seeds", seeds, 1, 100)
    if recipe.scope.name != "head" or not regularizers:
        raise BadKnob(
            "robustness is of heads: give a recipe of scope 'head', and one regularizer ('' for none) or more."
        )
    asked = {"units deleted": SHARES, "inputs corrupted": SHARES, "outliers": OUTLIERS} | dict(levels or {})
    lines: list[dict[str, Any]] = []
    for done, each in enumerate(regularizers):
        recipes = [recipe.replace(regularizers=each, seed=recipe.seed + seed) for seed in range(seeds)]
        job = _trained(recipes, 0.0)
        for test, shares in asked.items():
            right = [_right(job, recipes, test, share) for share in shares]
            lines += [_line(each or "none", test, *pair, right[0]) for pair in zip(shares, right, strict=True)]
        progress.tell("regularizers", done + 1, len(regularizers))
    return WholeTable(lines)


def hardest(found: pd.DataFrame, test: str) -> list[str]:
    """Who is best at the hardest level of a test of `robustness`, and those whose interval reaches as far."""
    known(test, [*dict.fromkeys(found["test"])], "there is no test called")
    own = found[found["test"] == test]
    last = own[own["level"] == own["level"].max()]
    return [str(name) for name in last[last["high"] >= last["accuracy"].max()]["regularizer"]]


def _line(name: str, test: str, level: float, right: Any, whole: Any) -> dict[str, Any]:
    low, high = evaluation.interval_over(right)
    about = {"regularizer": name, "test": test, "level": level, "accuracy": float(right.mean())}
    return about | {"low": low, "high": high, "lost": float(whole.mean() - right.mean())}


def _trained(recipes: Sequence[Recipe], outliers: float) -> Job:
    """Heads of these recipes trained to their end, with a share of the training examples moved away first."""
    from workbench.job import Job
    from workbench.learners.plan import plan
    from workbench.trainer import Watch, train

    job = Job(plan(recipes))
    if outliers:
        draw = torch.Generator().manual_seed(recipes[0].seed)
        own = job.train[0][torch.randperm(job.examples, generator=draw)[: round(outliers * job.examples)]]
        learner: Any = job.learner
        learner.features[learner.row_of(own)] *= FAR  # standardised: away from the mean
        job.learner.labels[own] = torch.randint(0, len(job.data.classes), (len(own),), generator=draw).to(own.device)
    for _ in train(job, Watch()):
        pass
    return job


def _right(job: Job, recipes: Sequence[Recipe], test: str, level: float) -> Any:
    """What is right of the validation part, (seeds, examples), under one test at one level."""
    learner: Any = job.learner
    rows = learner.features_at(job.valid[0])  # where the head trains
    if test == "outliers" and level:
        return _right(_trained(recipes, level), recipes, "units deleted", 0.0)
    if test == "inputs corrupted" and level:
        plan, at = job.plan, job.data.valid
        changed = replace(job.data, inputs=corrupted(job.data.inputs[at], level, recipes[0].seed), content="")
        found = features.compute(plan.built, changed.inputs, torch.arange(len(at)), plan.device, plan.dtype)
        rows = ((found - plan.standard[0][0].cpu()) / plan.standard[1][0].cpu()).to(rows)
    if test != "units deleted" or not level:
        return _answered(learner, rows, job)
    draw = torch.Generator().manual_seed(recipes[0].seed)
    masks = [(torch.rand(rows.shape[1], generator=draw) >= level).to(rows) for _ in range(MASKS)]
    return np.mean([_answered(learner, rows * mask, job) for mask in masks], 0)


def _answered(learner: Any, rows: Any, job: Job) -> Any:
    with torch.no_grad(), job.moments.answering():
        logits = head.apply(learner.weights_all, rows[None], learner.scope.activation)
    return (logits.argmax(-1) == learner.labels[job.valid[0]]).double().cpu().numpy()


def corrupted(inputs: Inputs, level: float, seed: int) -> Inputs:
    """Pictures and clips with noise of `level` of their own standard deviations; texts without that share of words."""
    draw = torch.Generator().manual_seed(seed)
    if isinstance(inputs, torch.Tensor):
        floats = inputs.float()
        noise = torch.randn(floats.shape, generator=draw) * floats.std((1, 2, 3), keepdim=True) * level
        return (floats + noise).round().clamp(0, 255).to(inputs.dtype)
    if isinstance(inputs, Ragged):
        rows = [inputs.row(at).float() for at in range(len(inputs))]
        loud = [row + torch.randn(row.shape, generator=draw) * row.std() * level for row in rows]
        return Ragged.of([row.round().clamp(-32768, 32767).to(torch.int16) for row in loud], inputs.longest)
    return Texts(
        tuple(_without(text, level, draw) for text in inputs.first),
        tuple(_without(text, level, draw) for text in inputs.second),
        inputs.longest,
    )


def _without(text: str, share: float, draw: torch.Generator) -> str:
    words = text.split()
    kept = (torch.rand(len(words), generator=draw) >= share).tolist()
    return " ".join(word for word, stays in zip(words, kept, strict=True) if stays) or text
