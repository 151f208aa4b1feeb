"""Error by complexity, and whether it comes down twice."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import BadKnob
from workbench.labs.complexity import comes_down_twice

pytestmark = pytest.mark.usefixtures("one_thread")


def right(*errors):
    """Answers with these shares wrong, always the same examples first."""
    return [np.repeat((np.arange(400) >= 400 * error)[None].astype(float), 3, 0) for error in errors]


def test_down_up_and_down_again_is_double_descent_and_chance_is_none():
    assert comes_down_twice(right(0.5, 0.2, 0.4, 0.15))
    assert not comes_down_twice(right(0.5, 0.3, 0.2, 0.1)) and not comes_down_twice(right(0.5, 0.2, 0.4))
    assert not comes_down_twice(right(0.3, 0.2, 0.2025, 0.2))


def test_wider_heads_fit_more_and_the_title_says_what_is_seen():
    recipe = wb.Recipe(wb.Digits(per_class=10, label_noise=0.2), lr=1e-2, epochs=60)
    found = wb.labs.widths(recipe, (1, 4, 32), seeds=2)
    assert found["model"].tolist() == ["1", "4", "32"] and found["parameters"].is_monotonic_increasing
    assert found["train_error"].is_monotonic_decreasing and found["error"].iloc[0] > 0.5
    assert found["twice"].nunique() == 1 and (found["low"] <= found["error"]).all()
    figure = wb.plots.complexity(found)
    said = "double descent." if found["twice"].iloc[0] else "no double descent beyond chance."
    assert figure.layout.title.text.endswith(said) and list(figure.data[1].y) == found["error"].tolist()


def test_more_of_the_backbone_is_trained_block_by_block(tiny):
    found = wb.labs.unfrozen(wb.Recipe(wb.Digits(per_class=5), tiny, epochs=2), (1, 2), seeds=1)
    assert found["model"].tolist() == ["head", "last 1", "last 2"]
    with pytest.raises(BadKnob, match="two models or more"):
        wb.labs.widths(wb.Recipe("digits"), (4,))
