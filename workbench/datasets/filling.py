"""Classes that chance left without a validation example get one of their training examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from workbench.datasets.base import Parts


def filled(parts: Parts, labels: np.ndarray, same: np.ndarray, classes: Sequence[str]) -> tuple[Parts, list[str]]:
    """The parts, with each class in the validation part that two clusters of the training part hold; and a sentence.

    Parts are cut by hash, so of ten examples of a class one time in ten none validates: with many rare classes that
    happens always. `same`: equal for what must be in one part; such a cluster moves as a whole, the training part's
    last one, and the test part stays what it is.
    """
    import numpy as np

    train, valid, test = parts
    there, taken, moved = {*labels[valid].tolist()}, set[bytes](), list[str]()
    for label in sorted({*labels[train].tolist()} - there):
        own = [each for each in dict.fromkeys(same[train[labels[train] == label]].tolist()) if each not in taken]
        if len(own) > 1:
            taken.add(own[-1])
            moved.append(classes[label])
    if not moved:
        return parts, []
    goes = np.array([each in taken for each in same[train].tolist()])
    said = f"By their hashes nothing validates {', '.join(moved[:10])}{' and others' if len(moved) > 10 else ''}: "
    said += f"{int(goes.sum())} training examples do now."
    return (train[~goes], np.concatenate([valid, train[goes]]), test), [said]
