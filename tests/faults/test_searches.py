"""A search whose driver is really killed: every trial is there once in the end, and nothing is stuck."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time

import pytest
from helpers import until

import workbench as wb
from workbench import paths

pytestmark = pytest.mark.faults
KILLS = 100 if os.environ.get("WORKBENCH_FULL") == "1" else 10
CHILDREN = multiprocessing.get_context("forkserver")
CHILDREN.set_forkserver_preload(["timm", "optuna", "sqlalchemy.dialects.sqlite", "workbench.searching.fusing"])


def child(name, environment):
    """Drive the study of this name, a step at a time slow enough that kills fall everywhere."""
    from workbench.searching.fusing import Round

    os.environ.update(environment)
    wb.Random.size = 16  # several rounds, so that kills fall between them too
    rows = Round.on_rows
    Round.on_rows = lambda self, job, found: (rows(self, job, found), time.sleep(0.01))
    recipe = wb.Recipe(wb.Digits(per_class=5), regularizers="l2, dropout", epochs=30, lr=1e-2)
    wb.search(recipe, "random(trials=96)", name=name, stopping="median")


def drive(name, after=None):
    """Start a driver and kill it `after` seconds after it holds the study; its exit code."""
    environment = {key: value for key, value in os.environ.items() if key.startswith("WORKBENCH_")}
    events = paths.studies() / name / "events.jsonl"
    before = events.read_text().count('"started"') if events.exists() else 0
    driver = CHILDREN.Process(target=child, args=(name, environment))
    driver.start()
    until(lambda: not driver.is_alive() or (events.exists() and events.read_text().count('"started"') > before))
    driver.join(after)
    if driver.is_alive():
        os.kill(driver.pid, signal.SIGKILL)
    driver.join(60)
    return driver.exitcode


def test_a_search_that_is_killed_again_and_again_ends_with_every_trial_once():
    draw = random.Random(0)
    assert drive("whole") == 0
    ends = [drive("killed", draw.uniform(0, 0.8)) for _ in range(KILLS)]
    assert ends.count(-signal.SIGKILL) >= 5  # it may be done before the last
    while drive("killed") != 0:
        pass
    found, expected = wb.open_study("killed").trials, wb.open_study("whole").trials
    knobs = ["lr", "l2.strength", "dropout.rate"]
    assert found["number"].tolist() == [*range(96)] and found[knobs].equals(expected[knobs])
    assert found["state"].tolist() == expected["state"].tolist() and {*found["state"]} == {"finished", "stopped"}
    assert found["value"].tolist() == pytest.approx(expected["value"].tolist(), rel=1e-4)
