"""Which example trains, which validates, which tests: by hash; fewer a class, and wrong labels on purpose."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def positions(hashes: np.ndarray, seed: int) -> np.ndarray:
    """Place each example in [0, 1) by its own hash and `seed`, whatever else the data set holds.

    `hashes`: (examples,) of bytes, equal for equal examples (or for a whole group). Returns float64 (examples,).
    """
    import numpy as np

    salt = str(seed).encode()
    digests = [hashlib.sha256(salt + each).digest()[:8] for each in hashes]
    return np.array([int.from_bytes(d, "big") / 2**64 for d in digests])


def split(places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Train, valid and test positions: 60 / 20 / 20 by place, each part in the order of its places."""
    import numpy as np

    order = np.argsort(places, kind="stable")
    sorted_places = places[order]
    return (
        order[sorted_places < 0.6],
        order[(sorted_places >= 0.6) & (sorted_places < 0.8)],
        order[sorted_places >= 0.8],
    )


def cut(train: np.ndarray, labels: np.ndarray, per_class: int | None) -> np.ndarray:
    """The first `per_class` training examples of each class, in order, so that a larger cut holds a smaller."""
    import numpy as np

    if per_class is None:
        return train
    kept = [train[labels[train] == label][:per_class] for label in np.unique(labels[train])]
    chosen = np.zeros(len(labels), dtype=bool)
    chosen[np.concatenate(kept)] = True
    return np.asarray(train[chosen[train]])


def spoil(labels: np.ndarray, train: np.ndarray, share: float, classes: int, seed: int) -> np.ndarray:
    """Labels with exactly `round(share * len(train))` training ones wrong, each another class drawn evenly."""
    import numpy as np

    spoilt = labels.copy()
    draw = np.random.default_rng([seed, 0x5901])
    wrong = draw.permutation(train)[: round(share * len(train))]
    spoilt[wrong] = (labels[wrong] + draw.integers(1, classes, len(wrong))) % classes
    return spoilt
