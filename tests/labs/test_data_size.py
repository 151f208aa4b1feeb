"""More data, a bigger model or more regularization: rows, power law, figure."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import BadKnob
from workbench.labs.data_size import power

pytestmark = pytest.mark.usefixtures("one_thread")
RECIPE = wb.Recipe(wb.Digits(placement="scattered"), lr=1e-2, epochs=10)


def test_more_data_helps_and_all_see_as_many_examples():
    found = wb.labs.data_size(RECIPE, (5, 20, 80), seeds=3)
    own = found[found["way"] == "as it is"]
    assert own["labels"].tolist() == [50, 200, 800] and own["epochs"].tolist() == [160, 40, 10]
    assert own["accuracy"].is_monotonic_increasing and (own["low"] <= own["accuracy"]).all()
    assert found["way"].nunique() == 3 and (found["power_low"] <= found["power"]).all() and own["power"].iloc[0] > 0.1
    figure = wb.plots.data_size(found)
    assert len(figure.data) == 3 and list(figure.data[0].x) == [50, 200, 800]
    assert "4 times the data" in figure.layout.title.text and figure.data[0].y[0] == pytest.approx(
        1 - own["accuracy"].iloc[0]
    )


def test_the_power_of_an_exact_law_is_found():
    sizes = np.log([10.0, 100.0, 1000.0])
    errors = 0.9 * np.exp(-0.35 * sizes)[:, None] * np.ones((1, 4))
    found = power(sizes, errors)
    assert found == pytest.approx({"power": 0.35, "power_low": 0.35, "power_high": 0.35})


def test_one_size_is_no_comparison():
    with pytest.raises(BadKnob, match="two sizes or more are compared, got"):
        wb.labs.data_size(RECIPE, (5,))
