"""A Gaussian process over one knob: sure at its trials, unsure between, and it looks where it hopes most."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

import workbench as wb
from workbench.labs.table import Table

DOMAIN = wb.Range(1e-4, 1e-1, log=True)


def bowl(value):
    return 1 + (math.log10(value) + 2) ** 2  # lowest at 1e-2


def test_it_is_sure_at_its_trials_and_unsure_between():
    found = wb.labs.learned(DOMAIN, [(each, bowl(each)) for each in (1e-4, 1e-3, 1e-1)])
    assert found["x"][0] == pytest.approx(1e-4) and found["x"][-1] == pytest.approx(1e-1) and len(found["x"]) == 201
    spread = np.array(found["high"]) - np.array(found["low"])
    at = [0, 67, 200]
    assert np.array(found["mean"])[at] == pytest.approx([5, 2, 2], abs=0.2)
    assert spread[at].max() < 0.5 * spread[134] and (np.array(found["improvement"]) >= 0).all()


def test_it_looks_where_the_gain_is_greatest():
    found = wb.labs.learned(DOMAIN, [(each, bowl(each)) for each in (1e-4, 1e-3, 1e-1)])
    assert found["next"] == found["x"][int(np.argmax(found["improvement"]))]
    assert 2e-3 < found["next"] < 5e-2


def test_step_by_step_it_comes_to_the_lowest_point():
    recipe = wb.Recipe("digits", lr=1e-3)
    rates = [10 ** (-4 + 3 * at / 30) for at in range(31)]
    table = Table(recipe, {"lr": DOMAIN}, {"lr": rates}, np.array([[bowl(each) for each in rates]]))
    steps = wb.labs.steps(table, "lr", DOMAIN, trials=8, first=3)
    assert [len(step["tried"]) for step in steps] == [3, 4, 5, 6, 7, 8]
    for before, after in pairwise(steps):
        assert after["tried"][:-1] == before["tried"] and after["tried"][-1][0] == before["next"]
    assert min(loss for _, loss in steps[-1]["tried"]) < 1.01
    assert steps[0]["truth"] == pytest.approx([bowl(each) for each in steps[0]["x"]], abs=0.01)
    assert steps[0]["knob"] == "lr" and steps[0]["log"]
