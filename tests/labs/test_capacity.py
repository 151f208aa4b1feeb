"""Shapes of heads: each at the rate that suits it, its parameters counted, held against the first."""

from __future__ import annotations

import pytest

import workbench as wb
from workbench.errors import BadChoice, BadKnob, Diverged

pytestmark = pytest.mark.usefixtures("one_thread")
HEADS = ["head", "head(layers=2, width=16)", "head(layers=1, width=8, activation='tanh')"]


@pytest.fixture(scope="module")
def recipe():
    return wb.Recipe(wb.Digits(per_class=5), epochs=4, seed=3)


@pytest.fixture(scope="module")
def found(recipe):
    return wb.labs.shapes(recipe, HEADS, rates=(1e-5, 1e-2), seeds=2)


def test_a_row_a_head_with_its_parameters(found):
    assert found["head"].tolist() == [str(wb.Recipe(scope=each).scope) for each in HEADS]
    two = 96 * 16 + 16 + 16 * 16 + 16 + 16 * 10 + 10
    assert found["parameters"].tolist() == [96 * 10 + 10, two, 96 * 8 + 8 + 8 * 10 + 10]
    shape = found[["layers", "width", "activation"]].to_numpy().tolist()
    assert shape == [[0, 0, ""], [2, 16, "relu"], [1, 8, "tanh"]]


def test_the_numbers_are_those_of_the_runs_at_the_rate_of_the_least_validation_loss(recipe, found, tmp_path):
    assert found["lr"].tolist() == [1e-2] * 3
    first = [wb.fine_tune(recipe.replace(lr=1e-2, seed=seed), tmp_path / str(seed)).rows[-1] for seed in (3, 4)]
    for mine, theirs in (("accuracy", "valid_accuracy"), ("train_loss",) * 2, ("valid_loss",) * 2):
        assert found[mine][0] == pytest.approx(sum(row[theirs] for row in first) / 2, rel=1e-5)
    assert (found["low"] < found["accuracy"]).all() and (found["accuracy"] < found["high"]).all()


def test_each_is_held_against_the_first(found):
    assert found["ahead"].tolist() == pytest.approx((found["accuracy"] - found["accuracy"][0]).tolist())
    assert found["ahead"][0] == found["ahead_low"][0] == found["ahead_high"][0] == 0 and found["level"][0]
    for _, row in found.iterrows():
        assert row["ahead_low"] <= row["ahead"] <= row["ahead_high"]
        assert row["level"] == (row["ahead_low"] <= 0 <= row["ahead_high"])


def test_what_cannot_be_compared_is_refused(recipe):
    for heads in (["head"], ["head", "all"]):
        with pytest.raises(BadKnob, match=r"two heads or more are compared, such as 'head\(layers=1\)', got \['head'"):
            wb.labs.shapes(recipe, heads)
    with pytest.raises(BadChoice, match="there is no scope called 'heads'"):
        wb.labs.shapes(recipe, ["head", "heads"])
    with pytest.raises(BadKnob, match=r"seeds must be a whole number in \[1, 100\], got 0"):
        wb.labs.shapes(recipe, HEADS, seeds=0)
    wild = recipe.replace(optimizer="sgd", regularizers="l2", epochs=2)
    with pytest.raises(
        Diverged, match=r"training of head diverged with each of the learning rates 1e\+12: give lower ones"
    ):
        wb.labs.shapes(wild, HEADS, rates=(1e12,), seeds=1)
