"""Metrics of predictions, and intervals around them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

REPLICATES = 500


def losses(logits: Floats, labels: Whole) -> Floats:
    """Cross-entropy of each example in nats: (..., examples, classes) and (examples,) to (..., examples)."""
    top = logits.max(-1, keepdims=True)
    norm = np.log(np.exp(logits - top).sum(-1)) + top[..., 0]
    own = np.take_along_axis(logits, np.broadcast_to(labels[:, None], (*logits.shape[:-1], 1)), -1)[..., 0]
    return np.asarray(norm - own)


def confusion(labels: Whole, answers: Whole, classes: int) -> Whole:
    """How often label i (row) was answered as j (column): (classes, classes)."""
    return np.bincount(labels * classes + answers, minlength=classes**2).reshape(classes, classes)


def per_class(matrix: Whole) -> dict[str, Floats]:
    """Precision, recall, F1 and support of each class; 0 where a class was never answered, NaN where never seen."""
    right = np.diag(matrix).astype(float)
    answered, there = matrix.sum(0), matrix.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(answered > 0, right / answered, 0.0)
        recall = right / there
        f1 = 2 * right / (answered + there)
    return {"precision": precision, "recall": recall, "f1": f1, "support": there.astype(float)}


def summary(labels: Whole, answers: Whole, classes: int) -> dict[str, float]:
    """Accuracy, and precision, recall and F1 as plain means over the classes that are there (macro)."""
    matrix = confusion(labels, answers, classes)
    scores = per_class(matrix)
    there = scores["support"] > 0
    found = {"accuracy": float(np.diag(matrix).sum() / max(1, matrix.sum()))}
    return found | {key: float(scores[key][there].mean()) for key in ("precision", "recall", "f1")}


@lru_cache(maxsize=8)
def resampled(examples: int, salt: int) -> NDArray[np.float32]:
    """How often each example is drawn in each bootstrap replicate, as shares: (replicates, examples)."""
    draw = np.random.default_rng([examples, salt])
    counts = draw.multinomial(examples, np.full(examples, 1 / examples), size=REPLICATES)
    return (counts / examples).astype(np.float32)


def interval(values: Floats, minus: Floats | None = None) -> tuple[float, float]:
    """95 % bootstrap interval of `mean(values)`, or of `mean(values) - mean(minus)` of two independent samples."""
    means = resampled(len(values), 0) @ values.astype(np.float32)
    if minus is not None:
        means = means - resampled(len(minus), 1) @ minus.astype(np.float32)
    if not np.isfinite(means).all():
        return float("nan"), float("nan")
    low, high = np.percentile(means, [2.5, 97.5]).tolist()
    return round(low, 6), round(high, 6)  # beyond lies the rounding of float32


def compared(train: dict[str, Floats], valid: dict[str, Floats]) -> dict[str, float]:
    """The gap, like with like, with intervals: of the loss validation minus train, of accuracy train minus validation.

    Each side holds `loss` and `right` (0 or 1), one value an example.
    """
    loss_low, loss_high = interval(valid["loss"], train["loss"])
    low, high = interval(train["right"], valid["right"])
    return {
        "gap_loss": float(valid["loss"].mean() - train["loss"].mean()),
        "gap_loss_low": loss_low,
        "gap_loss_high": loss_high,
        "gap_accuracy": float(train["right"].mean() - valid["right"].mean()),
        "low": low,
        "high": high,
    }


def report(logits: Floats, labels: Whole, classes: tuple[str, ...]) -> dict[str, Any]:
    """Everything that is said of one set of predictions: metrics with intervals, each class, the confusion matrix."""
    answers = logits.argmax(-1)
    each = losses(logits, labels)
    right = (answers == labels).astype(float)
    matrix = confusion(labels, answers, len(classes))
    scores = per_class(matrix)
    rows = [
        {"class": name, **{key: _plain(scores[key][at]) for key in ("precision", "recall", "f1", "support")}}
        for at, name in enumerate(classes)
    ]
    low, high = interval(right)
    found: dict[str, Any] = {"loss": float(each.mean()), **summary(labels, answers, len(classes))}
    return found | {"low": low, "high": high, "examples": len(labels), "classes": rows, "confusion": matrix.tolist()}


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
