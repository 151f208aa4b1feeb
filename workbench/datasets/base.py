"""What every data set is once it is loaded: tensors, labels, three parts, and what was found on the way."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.choices import Choice
from workbench.errors import BadData

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class Dataset(Choice):
    """Something to learn from. A subclass has `load`, which returns a `Data`."""

    domain = "vision"
    size = 32  # side in pixels of its pictures

    def load(self) -> Data:
        """Read, check and split the examples."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Data:
    """Examples with labels, in three parts that share no example.

    `inputs`: (examples, channels, height, width), uint8 for pictures. `labels`: (examples,), int64, as given to the
    learner, wrong ones included; `true_labels` the same before labels were spoilt on purpose. `train`, `valid`, `test`:
    positions of the examples of each part. `fingerprint`: a hash of everything above. `notes`: sentences for the user.
    """

    inputs: Tensor
    labels: Tensor
    true_labels: Tensor
    classes: tuple[str, ...]
    train: Tensor
    valid: Tensor
    test: Tensor
    fingerprint: str
    notes: tuple[str, ...] = ()
    keys: tuple[str, ...] = field(default=(), repr=False)  # one name an example: a file, or a row number

    @property
    def spoilt(self) -> bool:
        """Whether some training labels were made wrong on purpose."""
        return bool((self.labels != self.true_labels).any())


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


def finish(
    inputs: Tensor,
    labels: np.ndarray,
    classes: list[str],
    parts: tuple[np.ndarray, np.ndarray, np.ndarray],
    *,
    per_class: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
    notes: list[str] | None = None,
    keys: list[str] | None = None,
) -> Data:
    """The common end of every `load`: cut, spoil, check, fingerprint, and say what the parts hold."""
    import torch

    train, valid, test = parts
    _check(labels, classes, {"training": train, "validation": valid, "test": test})
    train = cut(train, labels, per_class)
    given = spoil(labels, train, label_noise, len(classes), seed)
    said = [f"{len(train)} training, {len(valid)} validation and {len(test)} test examples of {len(classes)} classes."]
    if label_noise:
        said.append(f"{int((given != labels).sum())} of {len(train)} training labels are wrong on purpose.")
    return Data(
        inputs=inputs,
        labels=torch.from_numpy(given.astype("int64")),
        true_labels=torch.from_numpy(labels.astype("int64")),
        classes=tuple(classes),
        train=torch.from_numpy(train.astype("int64")),
        valid=torch.from_numpy(valid.astype("int64")),
        test=torch.from_numpy(test.astype("int64")),
        fingerprint=_fingerprint(inputs, (given, labels, train, valid, test), classes),
        notes=tuple(said + (notes or [])),
        keys=tuple(keys or map(str, range(len(labels)))),
    )


def _fingerprint(inputs: Tensor, parts: tuple[np.ndarray, ...], classes: list[str]) -> str:
    """A hash of all of it, with the shapes: one part more and the next one less is another data set."""
    digest = hashlib.sha256(repr((inputs.shape, [len(part) for part in parts], classes)).encode())
    digest.update(inputs.contiguous().numpy().tobytes())
    for part in parts:
        digest.update(part.astype("int64").tobytes())
    return digest.hexdigest()[:16]


def _check(labels: np.ndarray, classes: list[str], parts: dict[str, np.ndarray]) -> None:
    import numpy as np

    if len(classes) < 2:
        raise BadData(f"at least two classes must be there to tell apart, got {len(classes)}: {', '.join(classes)}.")
    for part, members in parts.items():
        missing = [c for at, c in enumerate(classes) if not np.any(labels[members] == at)]
        if (missing and part != "test") or not len(members):
            shown = ", ".join(missing[:5]) or "any class"
            raise BadData(f"the {part} part holds no example of {shown}: add examples, or leave the class out.")
