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

    def watched(recipes, draws, real=arms.trained_on):
        seen.append([draws.one(at) for at in range(len(draws))])
        assert [recipe.seed for recipe in draws.own(recipes)] == [0, 1, 2]
        return real(recipes, draws)

    monkeypatch.setattr(arms, "trained_on", watched)
    wb.labs.data_size(RECIPE.replace(epochs=1), (2, 4), {"as it is": {}}, seeds=3)
    small, large = ([{*data.train.tolist()} for data in some] for some in seen)
    assert [len(own) for own in small + large] == [20, 20, 20, 40, 40, 40]
    assert all(one < other for one, other in zip(small, large, strict=True)) and len({*map(frozenset, small)}) == 3
    assert all(data.valid.equal(RECIPE.data.load().valid) for some in seen for data in some)


def test_draws_of_whole_networks_train_one_after_another(tiny):
    recipe = wb.Recipe(wb.Digits(), tiny, scope="norms", epochs=1, precision="float32")
    ways = {"as it is": {}, "head": {"scope": "head"}}
    found = wb.labs.data_size(recipe, (2, 4), ways, seeds=2)
    assert found["way"].tolist() == ["as it is", "head"] * 2 and found["accuracy"].between(0, 1).all()


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
