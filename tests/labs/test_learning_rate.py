"""Learning rates: each goes as its run alone would; which crawls, fits and overshoots."""

from __future__ import annotations

import math

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadKnob

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def recipe():
    return wb.Recipe(wb.Digits(per_class=5), optimizer="sgd(momentum=0)", regularizers="l2(strength=0.01)", epochs=6)


def test_each_rate_goes_as_its_run_alone(recipe):
    found = wb.labs.rates(recipe, [0.1, 1e-3])
    assert found["lr"].unique().tolist() == [1e-3, 0.1] and found["epoch"].tolist() == [*range(7)] * 2
    alone = wb.fine_tune(recipe.replace(lr=0.1)).history
    own = found[found["lr"] == 0.1]
    for key in ("train_loss", "valid_loss", "valid_accuracy"):
        assert own[key].tolist() == pytest.approx(alone[key].tolist(), rel=1e-5)


def test_one_crawls_one_fits_one_overshoots_and_one_comes_to_no_number(recipe):
    found = wb.labs.rates(recipe, [1e-3, 0.1, 30.0, 1e12])
    told = wb.labs.verdicts(found).set_index("lr")
    assert told["verdict"].tolist() == ["crawls", "fits best", "overshoots", "overshoots"]
    assert found.groupby("lr").size().tolist()[:3] == [7, 7, 7] and found["lr"].tolist().count(1e12) < 7
    assert told["valid_end"].idxmin() == 0.1 and told["end"][1e12] == math.inf
    assert told["start"].nunique() == 1


def test_how_many_are_spread_over_the_knobs_own_range(recipe):
    assert wb.labs.rates(recipe.replace(epochs=1), 3)["lr"].unique().tolist() == pytest.approx([1e-5, 1e-3, 1e-1])


def test_what_stops_early_does_not_here(recipe):
    found = wb.labs.rates(recipe.replace(regularizers="early-stopping(patience=1)", epochs=12), [1e-3, 30.0])
    assert found.groupby("lr")["epoch"].max().tolist() == [12, 12]


def told(losses):
    """Verdicts on losses by rate, the same on both sides."""
    lines = [
        {"lr": rate, "epoch": epoch, "train_loss": loss, "valid_loss": loss}
        for rate, each in losses.items()
        for epoch, loss in enumerate(each)
    ]
    return wb.labs.verdicts(pd.DataFrame(lines)).set_index("lr")["verdict"].to_dict()


def test_the_verdicts_by_hand():
    losses = {0.1: [2.0, 1.9, 1.8], 1: [2.0, 1.0, 0.2], 2: [2.0, 0.5, 0.21], 5: [2.0, 2.1, 0.1], 9: [2.0, 1.0]}
    assert told(losses) == {0.1: "crawls", 1: "fits best", 2: "fits", 5: "overshoots", 9: "overshoots"}
    assert told({1: [2.0, 1.5, 1.5], 2: [2.0, 1.0, 0.0]}) == {1: "fits", 2: "fits best"}  # it rests where it is
    assert told({8: [2.0, 3.0, 4.0], 9: [2.0, 5.0]}) == {8: "overshoots", 9: "overshoots"}


@pytest.mark.parametrize("values", [1, True, 51, [0.1], []])
def test_too_few_or_too_many_are_refused(recipe, values):
    with pytest.raises(BadKnob, match="2 to 50 learning rates are compared, got "):
        wb.labs.rates(recipe, values)


def test_rates_are_those_of_heads(recipe):
    with pytest.raises(
        BadKnob, match=r"learning rates are compared on heads: recipe\.replace\(scope='head'\), got all"
    ):
        wb.labs.rates(recipe.replace(scope="all"))
    with pytest.raises(BadKnob, match=r"lr must be in \[0, 1e\+12\], got -1"):
        wb.labs.rates(recipe, [0.1, -1])
