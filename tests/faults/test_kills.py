"""Processes that are really killed: what is on the disk goes on to the same bits."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import signal
import threading
import time

import pytest
from helpers import plain, until

import workbench as wb
from workbench.fine_tuning import prepared

KILLS, INTERRUPTS = (200, 200) if os.environ.get("WORKBENCH_FULL") == "1" else (10, 20)
pytestmark = pytest.mark.faults

# Each child is a process of its own, forked from one that has torch imported already, so that a kill costs no import.
CHILDREN = multiprocessing.get_context("forkserver")
CHILDREN.set_forkserver_preload(
    ["timm", "sklearn.datasets", "sklearn.linear_model", "workbench.recording", "workbench.fine_tuning"]
)


def child(folder, environment):
    """Drive the run in `folder`; slow checkpoints, at every epoch's end, so that kills fall into the writing."""
    from workbench import folder as files
    from workbench import recording

    os.environ.update(environment)
    recording.LEAST, recording.SHARE, sync = 0.0, 1.0, files._sync
    files._sync = lambda path: (sync(path), time.sleep(0.01))
    run = wb.open_run(folder)
    for _ in recording.record(run.recipe, run.files):
        pass


def drive(run, after, number):
    """Start a process that drives the run, and signal it `after` seconds after its first row; its exit code."""
    known = len(run.files.events())
    environment = {key: value for key, value in os.environ.items() if key.startswith("WORKBENCH_")}
    process = CHILDREN.Process(target=child, args=(run.folder, environment))
    process.start()

    def trains():
        return any(e["event"] in ("row", "resumed", "note") for e in run.files.events()[known:])

    until(lambda: not process.is_alive() or trains())
    process.join(after)
    if process.is_alive():
        os.kill(process.pid, number)
    process.join(60)
    return process.exitcode


def recipe_of(scope, tiny):
    epochs = 300 if scope == "head" else 12
    return wb.Recipe(
        wb.Digits(per_class=5), tiny, scope=scope, epochs=epochs, batch_size=16, regularizers="dropout, l2"
    )


def must_end_alike(recipe, run, whole):
    """Gone on with to its end, the run has the rows and the tensors of the uninterrupted one."""
    wb.fine_tune(recipe, run.folder)
    assert plain(run.rows) == plain(whole.rows)
    ours, theirs = (r.files.load(r.files.steps()[-1])[0] for r in (run, whole))
    assert all((ours[name] == theirs[name]).all() for name in theirs)


@pytest.mark.parametrize("scope", ["head", "all"])
def test_killed_again_and_again_it_ends_with_the_same_bits(scope, tiny, tmp_path):
    draw, recipe = random.Random(scope), recipe_of(scope, tiny)
    whole = wb.fine_tune(recipe)
    run, killed = prepared(recipe, tmp_path / "run"), 0
    while killed < KILLS // 2:
        started = len(run.files.steps())
        code = drive(run, draw.uniform(0.0, 0.6), signal.SIGKILL)
        if code == 0:  # it finished before it could be killed: another folder
            assert plain(run.rows) == plain(whole.rows)
            run = prepared(recipe, tmp_path / f"run-{killed}-{time.monotonic_ns()}")
            continue
        killed += 1
        assert code == -signal.SIGKILL and len(run.files.steps()) >= min(started, 1)
        assert run.files.newest()[1] == []  # whatever is there is whole
    must_end_alike(recipe, run, whole)
    assert not list(run.folder.glob("checkpoints/.*"))


@pytest.mark.parametrize("scope", ["head", "all"])  # all: whole networks, with torch's own optimizer and statistics
def test_an_interrupt_at_any_moment_leaves_a_step_boundary(scope, tiny, tmp_path):
    draw, recipe = random.Random(scope), recipe_of(scope, tiny)
    whole = wb.fine_tune(recipe)
    by_step = {row["step"]: row for row in plain(whole.rows)}
    run, done = prepared(recipe, tmp_path / "run-0"), 0
    while done < INTERRUPTS // 2:
        timer = threading.Timer(draw.uniform(0.05, 0.4), os.kill, (os.getpid(), signal.SIGINT))
        with contextlib.suppress(KeyboardInterrupt):
            rows = wb.train(recipe, run.folder)
            next(rows, None)
            timer.start()
            for _ in rows:
                pass
            timer.join()  # too late for this one: the run had ended
        done += 1
        assert run.state in ("stopped", "finished") and run.files.newest()[1] == []
        assert all(by_step[row["step"]] == row for row in plain(run.rows))
        if run.state == "finished":
            run = prepared(recipe, tmp_path / f"run-{done}")
    must_end_alike(recipe, run, whole)
