"""The data set that is always there: scikit-learn's 1,797 handwritten digits."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.choices import Options, Range, knob
from workbench.datasets.base import Data, Dataset, finish
from workbench.datasets.parting import positions, split
from workbench.datasets.placement import PLACEMENTS, placed


@dataclass(frozen=True)
class Digits(Dataset):
    """1,797 handwritten digits of 32 px in grey, from scikit-learn; needs no network."""

    name = "digits"
    per_class: int | None = knob(None, Range(1, 100), "Training digits a class; empty means all.", optional=True)
    label_noise: float = knob(0.0, Range(0.0, 0.6), "Share of the training labels made wrong.", limits=(0, 1))
    seed: int = knob(0, Range(0, 2**31 - 1), "Decides the split, the wrong labels and the placement.")
    placement: str = knob("centred", Options(PLACEMENTS), "As they come, or turned, scaled, moved and noisy.")

    def load(self) -> Data:
        import numpy as np
        from sklearn.datasets import load_digits

        digits = load_digits()
        hashes = np.array([image.astype("uint8").tobytes() for image in digits.images], dtype=object)
        return finish(
            placed(digits.images, self.placement, self.seed),
            digits.target.astype("int64"),
            [str(name) for name in digits.target_names],
            split(positions(hashes, self.seed)),
            per_class=self.per_class,
            label_noise=self.label_noise,
            seed=self.seed,
        )
