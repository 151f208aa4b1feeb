"""A probe with each class's share, and weights under which all classes count the same."""

from __future__ import annotations

import numpy as np
import torch

from workbench.sampling import by_length, class_weights


def test_every_class_weighs_the_same_together_and_an_example_one_on_average():
    labels = torch.tensor([0] * 90 + [1] * 9 + [3])
    weights = class_weights(labels, 4)
    together = torch.zeros(4, dtype=torch.float64).index_add_(0, labels, weights[labels])
    torch.testing.assert_close(together, torch.tensor([100 / 3, 100 / 3, 0, 100 / 3], dtype=torch.float64))
    assert weights[labels].mean() == 1


def test_weights_are_scikit_learns():
    from sklearn.utils.class_weight import compute_class_weight

    labels = torch.tensor([0] * 5 + [1] * 20 + [2] * 75)
    wanted = compute_class_weight("balanced", classes=np.arange(3), y=labels.numpy())
    assert class_weights(labels, 3).tolist() == wanted.tolist()


def test_batches_of_about_one_length_hold_every_example_once():
    lengths = torch.randint(1, 100, (1003,), generator=torch.Generator().manual_seed(0))
    first, again, other = (by_length(lengths, 8, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.sort().values.tolist() == [*range(1003)]
    spread = torch.stack([part.max() - part.min() for part in lengths[first[:1000]].reshape(-1, 8)])
    assert spread.float().mean() < 10  # of a hundred
