"""What pretraining is worth: one linear model on what a backbone says, pretrained or not, and on plain inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.labs.sizes import Sizes, measured
from workbench.menus import named
from workbench.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd

    from workbench.datasets import Data
    from workbench.labs.sizes import Positions
    from workbench.labs.table import Floats

PRETRAINED, RANDOM = "pretrained", "random weights"
PLAIN = {"vision": "pixels", "language": "TF-IDF", "speech": "mel statistics", "points": "coordinates"}
PULLS = (0.01, 0.1, 1.0, 10.0)  # times the baseline's own C, for each to have the one that suits it


def pretraining(
    recipes: Recipe | Iterable[Recipe], per_class: Sizes = (1, 5, 20, None), draws: int = 5
) -> pd.DataFrame:
    """Validation accuracy by labels a class on pretrained weights, on random ones, and on plain inputs.

    A row a recipe's `data`, a `start` ("pretrained"; "random weights"; "pixels", "TF-IDF" or "mel statistics") and a
    size: `per_class`, `labels`, `draws`, `accuracy`, `low` and `high`, as `sizes.measured` has them. All get the same
    draws and the plain baseline's logistic regression, on rows standardised by the examples drawn, without which
    random weights look far worse than they are (TF-IDF's have length 1 instead), and each the one of four strengths of
    its L2 that is right most often. Of a recipe its data, backbone, precision and seed count; the random weights are
    one network, by that seed.
    """
    from workbench.whole_table import WholeTable

    lines: list[dict[str, Any]] = []
    for name, recipe in named([recipes] if isinstance(recipes, Recipe) else [*recipes]).items():
        data = (recipe.data.replace(per_class=None) if recipe.data.per_class else recipe.data).load()
        for start, rows in _starts(recipe, data).items():
            found = measured(data, per_class, draws, partial(_right, data, rows))
            lines += [{"data": name, "start": start, **each} for each in found]
    return WholeTable(lines)


def _starts(recipe: Recipe, data: Data) -> dict[str, Any]:
    """The rows of the training part and after them those of the validation part, by start."""
    import torch

    from workbench import baseline, features
    from workbench.backbones.building import build_for
    from workbench.learners.plan import device, resolved

    at, where = torch.cat([data.train, data.valid]), device()
    dtype, found = resolved(recipe.precision, where), {}
    for start, backbone in ((PRETRAINED, recipe.backbone), (RANDOM, recipe.backbone.replace(weights="random"))):
        found[start] = features.kept(build_for(backbone, data, recipe.seed), data, at, where, dtype).numpy()
    return found | {PLAIN[data.domain]: baseline.rows(data.inputs[at])}


def _right(data: Data, rows: Any, drawn: Positions) -> Floats:
    """What is right of the validation part, (strengths, draws, examples), each draw its own model."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    from workbench import baseline

    many, labels, truth = len(data.train), data.labels[data.train].numpy(), data.labels[data.valid].numpy()
    right = np.empty((len(PULLS), len(drawn), len(truth)))
    for place, own in enumerate(drawn):
        seen = [rows[at] for at in own] if isinstance(rows, list) else rows[own]
        *steps, last = baseline.unfitted(seen, len(data.classes)).named_steps.values()
        shown, asked = seen, rows[many:]
        for step in steps:
            shown, asked = step.fit_transform(shown), step.transform(asked)
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            last.set_params(tol=1e-4, max_iter=1000, warm_start=True)  # one strength's solution is near the next's
            for way, pull in enumerate(last.C * np.array(PULLS)):
                right[way, place] = last.set_params(C=pull).fit(shown, labels[own]).predict(asked) == truth
    return right


def worth(found: pd.DataFrame) -> pd.DataFrame:
    """In labels: how many each other start needs to be as accurate as pretrained weights are with few.

    A row for each other `start` and size of `pretraining`: `data`, `per_class` and `accuracy` of pretrained weights;
    `needs`, labels a class, between sizes by their logarithm, NaN where all are too few; `times` as many; `said`, a
    sentence.
    """
    from workbench.whole_table import WholeTable

    lines = []
    for (data, start), other in found[found["start"] != PRETRAINED].groupby(["data", "start"], sort=False):
        for _, row in found[(found["data"] == data) & (found["start"] == PRETRAINED)].iterrows():
            needs = _reached(other["per_class"].tolist(), other["accuracy"].tolist(), row["accuracy"])
            line = {"data": data, "start": start, "per_class": row["per_class"], "accuracy": row["accuracy"]}
            line |= {"needs": needs, "times": needs / row["per_class"]}
            lines.append(line | {"said": _said(line, other.iloc[-1])})
    return WholeTable(lines)


def _reached(labels: list[float], accuracies: list[float], wanted: float) -> float:
    """At how many labels a line between these points first comes as high as `wanted`; NaN where it never does."""
    for at, accuracy in enumerate(accuracies):
        if accuracy >= wanted:
            if at == 0:
                return labels[0]
            share = (wanted - accuracies[at - 1]) / (accuracy - accuracies[at - 1])
            return float(labels[at - 1] * (labels[at] / labels[at - 1]) ** share)
    return float("nan")


def _said(line: Mapping[str, Any], last: Any) -> str:
    each = f"{line['per_class']:.0f} label{'s' if line['per_class'] > 1 else ''} a class"
    said = f"{line['data']}: with {each} pretrained weights reach {line['accuracy']:.2f}; {line['start']}"
    if np.isnan(line["needs"]):
        return f"{said}, with {last['per_class']:.0f}, reach {last['accuracy']:.2f}."
    if line["times"] <= 1:
        return f"{said} need no more."
    return f"{said} need about {line['needs']:.0f}, {line['times']:.1f} times as many."
