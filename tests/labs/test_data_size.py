"""More data, a bigger model or more regularization: rows, power law, figure."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import BadKnob
from workbench.labs import arms
from workbench.labs.data_size import law

pytestmark = pytest.mark.usefixtures("one_thread")
RECIPE = wb.Recipe(wb.Digits(placement="scattered"), lr=1e-2, epochs=10)


def test_more_data_helps_and_all_see_as_many_examples():
    found = wb.labs.data_size(RECIPE, (5, 20, 80), seeds=3)
    own = found[found["way"] == "as it is"]
    assert own["labels"].tolist() == [50, 200, 800] and own["epochs"].tolist() == [160, 40, 10]
    assert own["accuracy"].is_monotonic_increasing and (own["low"] <= own["accuracy"]).all()
    assert found["way"].nunique() == 3 and (found["power_low"] <= found["power"]).all() and own["power"].iloc[0] > 0.1
    figure = wb.plots.data_size(found)
    band, points, fitted = figure.data[:3]  # of the first of three ways
    assert len(figure.data) == 9 and list(points.x) == list(fitted.x) == [50, 200, 800]
    assert "4 times the data" in figure.layout.title.text and "Most: " in figure.layout.title.text
    assert points.y[0] == pytest.approx(1 - own["accuracy"].iloc[0]) and [*fitted.y] == own["fitted"].tolist()
    assert [*band.y] == own["fitted_high"].tolist() + own["fitted_low"].tolist()[::-1]
    level = wb.plots.data_size(found.assign(low=0.0))
    assert level.layout.title.text.endswith("None of it is beyond chance.")


def test_each_seed_has_a_draw_of_its_own_and_the_larger_holds_the_smaller(monkeypatch):
    seen = []

    def watched(recipes, early=False, data=None, real=arms.trained):
        seen.append((len(data.train), recipes[0].seed, {*data.train.tolist()}, data.valid.tolist()))
        return real(recipes, early, data)

    monkeypatch.setattr(arms, "trained", watched)
    wb.labs.data_size(RECIPE.replace(epochs=1), (2, 4), {"as it is": {}}, seeds=3)
    assert [(many, seed) for many, seed, *_ in seen] == [(20, 0), (20, 1), (20, 2), (40, 0), (40, 1), (40, 2)]
    small, large = [own for many, _, own, _ in seen if many == 20], [own for many, _, own, _ in seen if many == 40]
    assert all(one < other for one, other in zip(small, large, strict=True)) and len({*map(frozenset, small)}) == 3
    assert all(valid == seen[0][3] for *_, valid in seen)


def test_an_exact_law_is_found():
    sizes = np.log([10.0, 100.0, 1000.0])
    errors = 0.9 * np.exp(-0.35 * sizes)[:, None] * np.ones((1, 4))
    for at, found in enumerate(law(sizes, errors)):
        assert [found[f"power{end}"] for end in ("", "_low", "_high")] == pytest.approx([0.35] * 3)
        assert [found[f"fitted{end}"] for end in ("", "_low", "_high")] == pytest.approx([errors[at, 0]] * 3)


def test_one_size_is_no_comparison():
    with pytest.raises(
        BadKnob, match=r"two sizes or more, up to the \d+ of the rarest class, are compared, got \[5, 9"
    ):
        wb.labs.data_size(RECIPE, (5, 9000))
