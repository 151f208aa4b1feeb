"""A probe with each class's share, and weights under which all classes count the same."""

from __future__ import annotations

import numpy as np
import torch

from workbench.sampling import class_weights


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
