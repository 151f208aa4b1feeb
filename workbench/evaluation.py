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
    """Cross-entropy of each example in nats: (..., examples, classes) and (..., examples) to (..., examples)."""
    top = logits.max(-1, keepdims=True)
    norm = np.log(np.exp(logits - top).sum(-1)) + top[..., 0]
    own = np.take_along_axis(logits, np.broadcast_to(labels[..., None], (*logits.shape[:-1], 1)), -1)[..., 0]
    return np.asarray(norm - own)


def confidence(logits: Floats) -> Floats:
    """The probability of each answer, that of the likeliest class: (..., examples, classes) to (..., examples)."""
    return np.asarray(1 / np.exp(logits - logits.max(-1, keepdims=True)).sum(-1))


def confusion(labels: Whole, answers: Whole, classes: int) -> Whole:
    """How often label i (row) was answered as j (column): labels (..., examples), answers (..., examples)."""
    cells = labels * classes + answers.reshape(-1, answers.shape[-1])
    cells += np.arange(len(cells))[:, None] * classes**2
    counts = np.bincount(cells.ravel(), minlength=len(cells) * classes**2)
    return counts.reshape(*answers.shape[:-1], classes, classes)


def per_class(matrix: Whole) -> dict[str, Floats]:
    """Precision, recall, F1 and support, (..., classes) each; 0 where a class was never answered, NaN where never seen.

    `matrix`: (..., classes, classes), as `confusion` counts.
    """
    right = np.diagonal(matrix, axis1=-2, axis2=-1).astype(float)
    answered, there = matrix.sum(-2), matrix.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(answered > 0, right / answered, 0.0)
        recall = right / there
        f1 = 2 * right / (answered + there)
    return {"precision": precision, "recall": recall, "f1": f1, "support": there.astype(float)}


def summary(labels: Whole, answers: Whole, classes: int) -> dict[str, Floats]:
    """Accuracy, and precision, recall and F1 as plain means over the classes that are there (macro), (...) each."""
    matrix = confusion(labels, answers, classes)
    scores = per_class(matrix)
    there = scores["support"] > 0
    right = np.trace(matrix, axis1=-2, axis2=-1)
    found = {"accuracy": np.asarray(right / np.maximum(1, matrix.sum((-2, -1))))}
    means = {key: np.where(there, scores[key], 0.0).sum(-1) for key in ("precision", "recall", "f1")}
    return found | {key: np.asarray(total / there.sum(-1)) for key, total in means.items()}


@lru_cache(maxsize=8)
def resampled(examples: int, salt: int) -> NDArray[np.float32]:
    """How often each example is drawn in each bootstrap replicate, as shares: (replicates, examples)."""
    draw = np.random.default_rng([examples, salt])
    counts = draw.multinomial(examples, np.full(examples, 1 / examples), size=REPLICATES)
    return (counts / examples).astype(np.float32)


def interval(values: Floats, minus: Floats | None = None) -> tuple[float, float]:
    """95 % bootstrap interval of `mean(values)`, or of `mean(values) - mean(minus)` of two independent samples."""
    low, high = intervals(values[None], None if minus is None else minus[None])
    return float(low[0]), float(high[0])


def intervals(values: Floats, minus: Floats | None = None) -> tuple[Floats, Floats]:
    """The same of each row: (trials, examples) to two of (trials,); NaN where a value is no number."""
    with np.errstate(over="ignore", invalid="ignore"):  # what goes to infinity has no interval
        means = _drawn(values, 0)
        if minus is not None:
            means -= _drawn(minus, 1)
    fine = np.asarray(np.isfinite(means).all(-1))
    low, high = np.percentile(np.where(fine[:, None], means, 0.0), [2.5, 97.5], axis=-1).astype(float)
    # beyond the sixth digit lies the rounding of float32
    return np.where(fine, low.round(6), np.nan), np.where(fine, high.round(6), np.nan)


def interval_over(values: Floats) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of (draws, examples): draws and examples both drawn anew, each on its own.

    So it holds what another draw of the training examples, or another seed, would change, and what other examples
    would. Of one draw it is the interval over the examples. Source: Owen, "The pigeonhole bootstrap", 2007.
    """
    draws, examples = resampled(values.shape[0], 2), resampled(values.shape[1], 0)
    low, high = np.percentile(((draws @ values) * examples).sum(1), [2.5, 97.5])
    return float(low.round(6)), float(high.round(6))


def _drawn(values: Floats, salt: int) -> NDArray[np.float32]:
    """The mean of each row in each replicate: (trials, replicates), on as many threads as torch may take just now."""
    import torch

    shares = torch.from_numpy(resampled(values.shape[-1], salt))
    means: NDArray[np.float32] = (torch.from_numpy(values.astype(np.float32)) @ shares.T).numpy()
    return means


def compared(train: dict[str, Floats], valid: dict[str, Floats]) -> dict[str, Floats]:
    """The gap, like with like, with intervals: of the loss validation minus train, of accuracy train minus validation.

    Each side holds `loss` and `right` (0 or 1), (trials, examples); returns (trials,) each.
    """
    loss_low, loss_high = intervals(valid["loss"], train["loss"])
    low, high = intervals(train["right"], valid["right"])
    return {
        "gap_loss": valid["loss"].mean(-1) - train["loss"].mean(-1),
        "gap_loss_low": loss_low,
        "gap_loss_high": loss_high,
        "gap_accuracy": train["right"].mean(-1) - valid["right"].mean(-1),
        "low": low,
        "high": high,
    }


class Report(dict[str, Any]):
    """Metrics by name, `classes` a list of those of each; it prints in one line what matters, `dict(report)` all."""

    def __repr__(self) -> str:
        said = f"accuracy {self['accuracy']:.3f} [{self['low']:.3f}, {self['high']:.3f}]"
        said += f", loss {self['loss']:.3f} on {self['examples']} examples; means over the classes: "
        said += ", ".join(f"{name} {self[name]:.3f}" for name in ("precision", "recall", "f1"))
        told = [each for each in self["classes"] if each["f1"] is not None]
        worst = min(told, key=lambda each: each["f1"], default=None)
        said += f", least f1 {worst['f1']:.3f} of {worst['class']!r}" if worst else ""
        looks = self.get("unsealed")
        return f"{said}; look {looks} at this test set" if looks else said


def report(logits: Floats, labels: Whole, classes: tuple[str, ...]) -> Report:
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
    found: dict[str, Any] = {"loss": float(each.mean())}
    found |= {key: float(value) for key, value in summary(labels, answers, len(classes)).items()}
    found |= {"low": low, "high": high, "examples": len(labels), "classes": rows, "confusion": matrix.tolist()}
    return Report(found)


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
