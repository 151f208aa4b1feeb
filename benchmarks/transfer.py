"""What the bundled backbones bring on digits: test accuracy over five seeds."""

from __future__ import annotations

from typing import Any

import numpy as np

import workbench as wb
from workbench.baseline import fitted, pixels


def rows(repeats: int = 5) -> list[dict[str, Any]]:
    """A row a placement and contender: mean test accuracy, its spread over seeds, and what it is ahead by."""
    found = []
    for placement in ("centred", "scattered"):
        pretrained = [head("glyph-resnet", placement, seed) for seed in range(repeats)]
        random = [head("glyph-resnet(weights='random')", placement, seed) for seed in range(repeats)]
        plain = [baseline(placement, seed) for seed in range(repeats)]
        found.append(line(placement, "head, pretrained", pretrained, pretrained))
        found.append(line(placement, "head, random weights", random, pretrained))
        found.append(line(placement, "pixels, logistic regression", plain, pretrained))
    whole = [everything(seed) for seed in range(repeats)]
    found.append(line("centred, all digits", "scope all, pretrained", whole, whole))
    return found


def head(backbone: str, placement: str, seed: int) -> float:
    """Test accuracy of a head on 20 digits a class."""
    data = wb.Digits(per_class=20, placement=placement, seed=seed)
    recipe = wb.Recipe(data, backbone, epochs=60, lr=1e-2, regularizers="l2(strength=0.003)", seed=seed)
    return float(wb.fine_tune(recipe).test()["accuracy"])


def everything(seed: int) -> float:
    """Test accuracy with every weight trained on every training digit."""
    data = wb.Digits(seed=seed)
    recipe = wb.Recipe(data, "glyph-resnet", scope="all", epochs=15, lr=2e-3, schedule="one-cycle", seed=seed)
    return float(wb.fine_tune(recipe).test()["accuracy"])


def baseline(placement: str, seed: int) -> float:
    """Test accuracy of logistic regression on standardised pixels of the same 20 digits a class."""
    data = wb.Digits(per_class=20, placement=placement, seed=seed).load()
    return float(fitted(data).score(pixels(data.inputs[data.test]), data.labels[data.test].numpy()))


def line(data: str, contender: str, scores: list[float], best: list[float]) -> dict[str, Any]:
    """One row; `ahead` with a 95 % interval of the paired differences over seeds (t distribution)."""
    from scipy import stats

    ahead = np.array(best) - np.array(scores)
    half = stats.t.ppf(0.975, len(ahead) - 1) * ahead.std(ddof=1) / len(ahead) ** 0.5 if ahead.any() else 0.0
    return {
        "data": data,
        "contender": contender,
        "test accuracy": round(float(np.mean(scores)), 4),
        "spread": round(float(np.std(scores)), 4),
        "behind by": round(float(ahead.mean()), 4),
        "low": round(float(ahead.mean() - half), 4),
        "high": round(float(ahead.mean() + half), 4),
    }
