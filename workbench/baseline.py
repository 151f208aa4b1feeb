"""The plain baseline: pixels, words, or mel statistics, and a linear model: what a backbone must beat."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from workbench import evaluation, paths
from workbench.datasets.ragged import Ragged, Texts

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.datasets import Data
    from workbench.datasets.base import Inputs

SIDE = 32
NUMBERS = 4e8  # pixels that pass, over all steps
LETTERS = 2e7  # of all texts together: of very many long ones the beginnings count
WORDS = 30_000  # and pairs of words, the most frequent ones


def pixels(pictures: Tensor) -> Any:
    """uint8 (examples, channels, height, width) as grey float32 rows of at most 32 x 32 pixels."""
    import torch
    from torch.nn import functional as F

    parts = []
    for part in torch.split(pictures, 512):
        grey = part.float().mean(1, keepdim=True) / 255
        if grey.shape[-1] > SIDE:
            grey = F.interpolate(grey, (SIDE, SIDE), mode="bilinear", antialias=True)
        parts.append(grey.flatten(1))
    return torch.cat(parts).numpy()


def words(texts: Texts) -> list[str]:
    """Each text as words are counted in it, with its second text where there is one; long ones cut to `LETTERS`."""
    most = int(max(200, LETTERS / max(1, len(texts))))
    pairs = zip(texts.first, texts.second or [""] * len(texts), strict=True)
    return [f"{first[:most]}\n{second[:most]}" for first, second in pairs]


def bands(clips: Ragged) -> Any:
    """Mean and spread over time of each log-mel band of each clip, as far as a model may hear it: (clips, 80)."""
    import torch

    from workbench.backbones.mel import log_mel

    parts = []
    for at in range(0, len(clips), 256):
        heard = [clips.row(row)[: clips.longest] for row in range(at, min(at + 256, len(clips)))]
        frames = log_mel(Ragged.of(heard))
        mean = frames.nanmean(1)
        parts.append(torch.cat([mean, (frames - mean[:, None]).square().nanmean(1).sqrt()], 1))
    return torch.cat(parts).numpy()


def rows(inputs: Inputs) -> Any:
    """What the linear model is given: pixels of pictures, words of texts, mel statistics of clips."""
    if isinstance(inputs, Ragged):
        return bands(inputs)
    return words(inputs) if isinstance(inputs, Texts) else pixels(inputs)


def fitted(data: Data) -> Any:
    """Logistic regression on the training part: scikit-learn's pipeline, fitted.

    On standardised pixels or mel statistics; or on TF-IDF of single words and pairs, with 1 + log(count) for the count.
    On much data it takes fewer steps than it would need to converge: a line to beat is not worth a minute.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    seen = rows(data.inputs[data.train])
    model = unfitted(seen, len(data.classes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(seen, data.labels[data.train].numpy())


def unfitted(seen: Any, classes: int) -> Any:
    """The same pipeline before it sees anything. `seen`: what it will be fitted on, as `rows` gives it."""
    return _of_words(len(seen) * classes) if isinstance(seen, list) else _of_pixels(seen.size)


def _of_pixels(numbers: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    steps = int(min(200, max(25, NUMBERS / numbers)))
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=steps, tol=1e-3))


def _of_words(answers: int) -> Any:
    """A weaker pull than scikit-learn's own (C=10): rows of TF-IDF have length 1, and 1 would hold them back."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    counted = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=WORDS, token_pattern=r"(?u)\b\w+\b")
    steps = int(min(200, max(25, NUMBERS / (100 * answers))))
    return make_pipeline(counted, LogisticRegression(C=10, max_iter=steps, tol=1e-3))


def baseline(data: Data) -> dict[str, float]:
    """`accuracy` and `loss` (nats) on the validation part; kept, since a data set has one such line."""
    path = paths.cache() / "baselines" / f"{data.fingerprint}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        found: dict[str, float] = json.loads(path.read_text())
        return {"accuracy": float(found["accuracy"]), "loss": float(found["loss"])}
    import numpy as np

    model, labels = fitted(data), data.labels[data.valid].numpy()
    logits = np.log(model.predict_proba(rows(data.inputs[data.valid])).clip(1e-12))
    if logits.shape[1] != len(data.classes):
        raise ValueError("a class has no training example")
    found = {
        "accuracy": float((logits.argmax(1) == labels).mean()),
        "loss": float(evaluation.losses(logits, labels).mean()),
    }
    aside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps(found))
        os.replace(aside, path)
    except OSError:
        with suppress(OSError):
            aside.unlink()
    return found
