"""Stopping rules look at rows alone."""

from __future__ import annotations

import math

import pytest

import workbench as wb
from workbench.searching.stopping import score


def rows(*losses):
    return [
        {"epoch": at, "valid_loss": v, "valid_accuracy": 1 - v, "valid_f1": 1 - v}
        for at, v in enumerate((9.0, *losses))
    ]


def nine(epochs=9):
    """Nine trials, the later the better, that came as far as `epochs`."""
    return {trial: rows(*[(10 - trial) / 10 / epoch for epoch in range(1, epochs + 1)]) for trial in range(9)}


def test_a_score_is_the_best_so_far_without_the_row_before_training():
    own = rows(0.5, 0.2, 0.4)
    assert score(own, "loss") == 0.2 and score(own, "loss", until=1) == 0.5
    assert score(own, "accuracy") == score(own, "f1") == -0.8
    assert score(rows(), "loss") == score(rows(math.nan), "loss") == math.inf


def test_none_stops_nobody():
    assert wb.NoStopping().losers(nine(), range(9), 3, "loss") == set()


def test_the_median_stops_the_worse_half_after_its_grace():
    assert wb.Median(grace=3).losers(nine(2), range(9), 2, "loss") == set()
    assert wb.Median(grace=3).losers(nine(3), range(9), 3, "loss") == {0, 1, 2, 3}
    assert wb.Median(grace=1).losers({0: rows(0.5), 1: rows(0.1)}, [0, 1], 1, "loss") == set()  # two tell nothing


@pytest.mark.parametrize(
    ("epoch", "left"), [(1, {6, 7, 8}), (2, {*range(9)}), (3, {6, 7, 8}), (9, {6, 7, 8}), (8, {*range(9)})]
)
def test_halving_keeps_one_in_three_at_epochs_1_3_9(epoch, left):
    assert {*range(9)} - wb.Halving().losers(nine(epoch), range(9), epoch, "loss") == left


def test_halving_judges_one_after_another_by_all_that_came_as_far():
    found = nine(3)
    better, worse = {**found, 9: rows(0.9, 0.5, 0.01)}, {**found, 9: rows(0.9, 0.8, 0.7)}
    assert wb.Halving().losers(better, [9], 3, "loss") == set()
    assert wb.Halving().losers(worse, [9], 3, "loss") == {9} == wb.Halving().losers(worse, [9], 3, "accuracy")


def test_hyperband_begins_at_another_epoch_in_each_bracket():
    rule = wb.Hyperband(brackets=3)
    assert rule.losers(nine(1), range(9), 1, "loss") == {0, 3}
    assert rule.losers(nine(3), range(9), 3, "loss") == {0, 3, 1, 4}
    assert rule.losers(nine(9), range(9), 9, "loss") == {0, 3, 1, 4, 2, 5}


def test_after_the_first_epoch_the_best_few_go_on():
    assert wb.FirstEpoch(few=2).losers(nine(1), range(9), 1, "loss") == {*range(7)}
    assert wb.FirstEpoch(few=2).losers(nine(2), range(9), 2, "loss") == set()
