"""Strategies propose the same rounds on every machine, and nothing twice."""

from __future__ import annotations

import math

import pytest

import workbench as wb
from workbench.choices import entry
from workbench.searching.strategies import Strategy

SPACE = {"lr": wb.Range(1e-4, 1e-1, log=True), "dropout.rate": wb.Range(0.0, 0.8), "batch_size": wb.Options((16, 32))}
ALL = ["grid", "random", "quasi-random", "bayesian", "bayesian(model='gp')"]


def value(settings):
    """A bowl whose lowest point is lr 1e-2, rate 0.2, batches of 32."""
    return (
        (math.log10(settings["lr"]) + 2) ** 2 + (settings["dropout.rate"] - 0.2) ** 2 + (settings["batch_size"] == 16)
    )


def rounds(strategy, many, seed=0, restarts=True):
    """Settings of `many` rounds; each with a strategy made anew, as after a restart."""
    tried = []
    for _ in range(many):
        strategy = entry(Strategy, strategy.spelled()) if restarts else strategy
        proposed = strategy.propose(SPACE, tried, seed, min(strategy.size, 16))
        tried += [(settings, value(settings)) for settings in proposed]
    return tried


@pytest.mark.parametrize("name", ALL)
def test_rounds_are_a_function_of_seed_and_trials_and_repeat_nothing(name):
    strategy = entry(Strategy, name)
    first, again, other = rounds(strategy, 3), rounds(strategy, 3, restarts=False), rounds(strategy, 1, seed=1)
    assert first == again and first[: len(other)] != other
    settings = [tuple(each.values()) for each, _ in first]
    assert len({*settings}) == len(settings) == min(3 * min(strategy.size, 16), 32 if name == "grid" else 48)
    for each, _ in first:
        assert 1e-4 <= each["lr"] <= 1e-1 and 0 <= each["dropout.rate"] <= 0.8 and each["batch_size"] in (16, 32)


@pytest.mark.parametrize("name", ["bayesian", "bayesian(model='gp')"])
def test_what_learns_comes_closer_than_chance(name):
    learned, drawn = rounds(entry(Strategy, name), 5), rounds(entry(Strategy, "random"), 3)[:40]
    assert len(learned) == 40
    late = sorted(v for _, v in learned[24:])[8]
    assert late < sorted(v for _, v in drawn)[20] / 3  # the middle of the last sixteen


def test_the_sequence_leaves_smaller_holes_than_chance():
    spread = [math.log10(each["lr"]) for each, _ in rounds(entry(Strategy, "quasi-random"), 1)]
    cells = {min(15, int((each + 4) / 3 * 16)) for each in spread}
    assert len(cells) >= 15  # sixteen points of a Sobol sequence: one in each sixteenth; chance fills ten


def test_a_space_that_is_used_up_gives_fewer():
    space = {"batch_size": wb.Options((16, 32)), "epochs": wb.Range(1, 3)}
    for name in ALL:
        found = entry(Strategy, name).propose(space, [], 0, 16)
        assert len(found) == 6
        assert entry(Strategy, name).propose(space, [(each, 0.0) for each in found], 0, 16) == []


def test_those_that_failed_are_not_proposed_again_and_do_not_teach():
    first = wb.Random().propose(SPACE, [], 0, 8)
    after = wb.Bayesian().propose(SPACE, [(each, None) for each in first], 0, 8)
    assert len(after) == 8 and not [each for each in after if each in first]


def test_what_was_tried_outside_a_narrowed_space_does_not_disturb():
    wide = rounds(wb.Bayesian(), 3)
    narrow = {**SPACE, "lr": wb.Range(1e-3, 1e-2, log=True), "batch_size": wb.Options((32,))}
    found = wb.Bayesian().propose(narrow, wide, 0, 8)
    assert len(found) == 8 and all(1e-3 <= each["lr"] <= 1e-2 and each["batch_size"] == 32 for each in found)
