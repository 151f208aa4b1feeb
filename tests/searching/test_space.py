"""What is searched over: from the recipe's own knobs, narrowed, or refused."""

from __future__ import annotations

import itertools
import math

import pytest

import workbench as wb
from workbench.errors import BadChoice, BadKnob
from workbench.searching import space as spaces

RECIPE = wb.Recipe("digits", regularizers="l2, dropout, early-stopping")


def test_left_out_it_is_the_learning_rate_and_the_regularizers_numbers():
    found = spaces.space_of(RECIPE)
    assert found == {
        "lr": wb.Range(1e-5, 1e-1, log=True),
        "l2.strength": wb.Range(1e-4, 3e-1, log=True),
        "dropout.rate": wb.Range(0.0, 0.8),
    }


def test_ranges_values_and_menu_entries_are_taken_as_the_recipe_takes_them():
    given = {
        "lr": wb.Range(1e-4, 1e-2, log=True),
        "epochs": wb.Range(2, 9),
        "batch_size": [16, 32, 16],
        "scope": ["head", wb.Head(layers=1)],
        "data.per_class": [5, 10],
        "l2.strength": None,
        "backbone": ["glyph-resnet", "glyph-vit"],
    }
    found = spaces.space_of(RECIPE, given)
    assert found["batch_size"].values == (16, 32) and found["l2.strength"] == wb.Range(1e-4, 3e-1, log=True)
    assert found["epochs"].whole and not found["lr"].whole
    assert [wb.Recipe(scope=value).scope for value in found["scope"].values] == [wb.Head(), wb.Head(layers=1)]
    assert spaces.read(spaces.written(found)) == found
    for settings in spaces.grid(found, 2):
        assert RECIPE.turned(settings).turned(settings) == RECIPE.turned(settings)


@pytest.mark.parametrize(
    ("space", "kind", "rule"),
    [
        ({}, BadChoice, "a space needs a knob to search over"),
        ({"l2.strenth": None}, BadChoice, "the recipe has no knob 'l2.strenth'. Did you mean 'l2.strength'?"),
        ({"l1.strength": None}, BadChoice, "the recipe has no knob 'l1.strength'"),
        ({"scope": None}, BadKnob, "scope has no range of its own: say which values to try, as a list."),
        ({"scope": wb.Range(1, 2)}, BadKnob, "scope is no number"),
        ({"lr": wb.Range(-1.0, 1.0)}, BadKnob, r"lr must be in \[0, 1e\+12\], got -1.0."),
        ({"dropout.rate": wb.Range(0.0, 3.0)}, BadKnob, r"rate must be in \[0, 0.99\], got 3.0."),
        ({"lr": []}, BadKnob, r"lr must be searched over a Range or a list of values, got \[\]."),
        ({"lr": "0.1"}, BadKnob, "lr must be searched over a Range or a list of values, got '0.1'."),
        ({"lr": [0.1, "much"]}, BadKnob, "got 'much'"),
        ({"scope": ["head", "hed"]}, BadChoice, "Did you mean 'head'?"),
        (
            {"scope.layers": [0, 1], "scope": ["head", "norms"]},
            BadKnob,
            "each value of scope must have scope.layers, which is searched over too; norms has not: take scope.layers",
        ),
        (
            {"regularizers": ["l2", "dropout"], "l2.strength": None},
            BadKnob,
            "each value of regularizers must have l2.strength, which is searched over too; dropout",
        ),
    ],
)
def test_what_cannot_be_searched_over_is_refused(space, kind, rule):
    with pytest.raises(kind, match=rule):
        spaces.space_of(RECIPE, space)


def test_the_knobs_of_an_entry_are_set_after_the_entry():
    found = spaces.space_of(RECIPE, {"scope.layers": [1, 2], "scope": ["head(width=32)", "head(width=64)"]})
    assert [*found] == ["scope", "scope.layers"]
    assert {RECIPE.turned(each).scope.layers for each in spaces.grid(found, 2)} == {1, 2}


@pytest.mark.parametrize("ends", [(1.0, 1.0), (2.0, 1.0)])
def test_an_empty_range_is_refused(ends):
    with pytest.raises(BadKnob, match="`low < high`"):
        wb.Range(*ends)


def test_a_logarithmic_range_that_touches_zero_is_refused():
    with pytest.raises(BadKnob, match="`0 < low` where `log`"):
        wb.Range(0.0, 1.0, log=True)


def test_a_grid_is_even_where_the_range_is():
    space = {"lr": wb.Range(1e-4, 1e-1, log=True), "dropout.rate": wb.Range(0.0, 0.8), "epochs": wb.Range(1, 3)}
    found = spaces.grid(space, 4)
    assert len(found) == 4 * 4 * 3 and len({tuple(each.values()) for each in found}) == 48
    rates = sorted({each["lr"] for each in found})
    assert [b / a for a, b in itertools.pairwise(rates)] == pytest.approx([10] * 3)
    assert sorted({each["dropout.rate"] for each in found}) == pytest.approx([0, 0.8 / 3, 1.6 / 3, 0.8])
    assert sorted({each["epochs"] for each in found}) == [1, 2, 3]
    assert spaces.grid({"lr": wb.Range(1e-4, 1e-2, log=True)}, 1) == [{"lr": pytest.approx(1e-3)}]
    assert all(math.isfinite(value) for each in found for value in each.values())


def test_a_grid_that_nobody_waits_for_says_what_would_fit():
    space = {f"k{at}": wb.Range(0.0, 1.0) for at in range(5)}
    with pytest.raises(BadKnob, match=r"at most 10,000 points, got 100,000; points=6 a range give 7,776."):
        spaces.grid(space, 10)
    values = {f"k{at}": wb.Options(tuple(range(50))) for at in range(3)}
    with pytest.raises(BadKnob, match="got 125,000; search over fewer knobs"):
        spaces.grid(values, 4)
