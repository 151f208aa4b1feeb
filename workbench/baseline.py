"""The plain baseline: pixels and a standardised linear model, what a backbone must beat."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from workbench import evaluation, paths

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.datasets import Data

SIDE = 32
NUMBERS = 4e8  # pixels that pass, over all steps


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


def fitted(data: Data) -> Any:
    """Logistic regression on standardised pixels of the training part: scikit-learn's pipeline, fitted.

    On much data it takes fewer steps than it would need to converge: a line to beat is not worth a minute.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = pixels(data.inputs[data.train])
    steps = int(min(200, max(25, NUMBERS / rows.size)))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=steps, tol=1e-3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(rows, data.labels[data.train].numpy())


def baseline(data: Data) -> dict[str, float]:
    """`accuracy` and `loss` (nats) on the validation part; kept, since a data set has one such line."""
    path = paths.cache() / "baselines" / f"{data.fingerprint}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        found: dict[str, float] = json.loads(path.read_text())
        return {"accuracy": float(found["accuracy"]), "loss": float(found["loss"])}
    import numpy as np

    model, labels = fitted(data), data.labels[data.valid].numpy()
    logits = np.log(model.predict_proba(pixels(data.inputs[data.valid])).clip(1e-12))
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
