"""A search whose driver is really killed: every trial is there once, to the same bits, and nothing is stuck."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time

import pytest
import yaml
from helpers import IN_FULL, until

import workbench as wb
from workbench import paths

pytestmark = pytest.mark.faults
KILLS = 100 if os.environ.get("WORKBENCH_FULL") == "1" else 10
LONGEST = 0.6  # seconds until a kill
CHILDREN = multiprocessing.get_context("forkserver")
CHILDREN.set_forkserver_preload(["timm", "optuna", "sqlalchemy.dialects.sqlite", "workbench.searching.driving"])


def heads(name):
    """Several rounds of heads, drawn at random."""
    wb.Random.size = 16
    recipe = wb.Recipe(wb.Digits(per_class=5), regularizers="l2, dropout", epochs=12, lr=1e-2)
    wb.search(recipe, "random(trials=48)", name=name, stopping="median")


def networks(name):
    """Heads and whole networks, each round by what those before came to, as the command line drives them."""
    from workbench.__main__ import main

    recipe = wb.Recipe(wb.Digits(per_class=3), wb.backbone("test_resnet", "random"), epochs=4)
    (paths.studies().parent / f"{name}.yaml").write_text(yaml.safe_dump(recipe.to_dict()))
    told = ["--strategy", "bayesian(trials=14)", "--over", "lr", "--over", "scope=head,norms", "--stopping", "median"]
    assert main(["search", str(paths.studies().parent / f"{name}.yaml"), *told, "--name", name]) == 0


def child(kind, name, environment, slow):
    """Drive the study of this name; where it is killed slowly, so that kills fall everywhere."""
    from workbench.recording import Recorder
    from workbench.searching import holding
    from workbench.searching.fusing import Round

    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    holding.EVERY = 0.1 if slow else 60.0
    for watch in (Round, Recorder) if slow else ():
        rows = watch.on_rows
        watch.on_rows = lambda self, job, found, rows=rows: (rows(self, job, found), time.sleep(0.015 * KILLS))
    kind(name)


def drive(kind, name, after=None):
    """Start a driver and kill it `after` seconds after it holds the study; its exit code."""
    environment = {key: value for key, value in os.environ.items() if key.startswith("WORKBENCH_")}
    events = paths.studies() / name / "events.jsonl"
    before = events.read_text().count('"started"') if events.exists() else 0
    driver = CHILDREN.Process(target=child, args=(kind, name, environment, after is not None))
    driver.start()
    until(lambda: not driver.is_alive() or (events.exists() and events.read_text().count('"started"') > before))
    driver.join(after)
    if driver.is_alive():
        os.kill(driver.pid, signal.SIGKILL)
    driver.join(60)
    return driver.exitcode


@pytest.mark.parametrize("kind", [heads, pytest.param(networks, marks=IN_FULL)])
def test_a_search_that_is_killed_again_and_again_ends_with_every_trial_once(kind):
    draw = random.Random(0)
    assert drive(kind, "whole") == 0
    ends = [drive(kind, "killed", draw.uniform(0, LONGEST)) for _ in range(KILLS)]
    assert ends == [-signal.SIGKILL] * KILLS
    assert drive(kind, "killed") == 0
    study, whole = wb.open_study("killed"), wb.open_study("whole")
    found, expected = study.trials, whole.trials
    assert found["number"].tolist() == [*range(len(expected))] and study.state == "finished"
    assert {*found["state"]} == {"finished", "stopped"} and {"stopped"} < {*expected["state"]}
    assert found.drop(columns="seconds").equals(expected.drop(columns="seconds"))
    assert {number: [row["valid_loss"] for row in rows] for number, rows in study.rows().items()} == {
        number: [row["valid_loss"] for row in rows] for number, rows in whole.rows().items()
    }
