"""Runs in a process of their own: control, queue, classes from a cell, death."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from helpers import plain, until

import workbench as wb
from workbench import queue, worker
from workbench.errors import RunFailed
from workbench.worker import warm


def long(tiny, **more):
    return wb.Recipe(wb.Digits(per_class=5), tiny, scope="norms", epochs=400, **more)


def test_pause_resume_stop_and_going_on_equal_the_uninterrupted_run(tiny):
    recipe = long(tiny).replace(epochs=25)
    run = wb.start(recipe)
    run.pace(20)
    until(lambda: len(run.rows) > 2)
    run.pause()
    until(lambda: run.state == "paused")
    held = len(run.rows)
    time.sleep(0.5)
    assert len(run.rows) == held
    run.resume()
    until(lambda: len(run.rows) > held)
    run.stop()
    assert run.join().state == "stopped" and len(run.rows) < 26
    run.pace(0)
    assert run.resume().join().state == "finished"
    assert plain(run.rows) == plain(wb.fine_tune(recipe).rows)


def test_runs_wait_for_their_turn_and_one_that_waits_can_be_stopped(tiny):
    first, second, third = (wb.start(long(tiny, seed=seed)) for seed in range(3))
    until(lambda: first.rows)
    assert first.state == "running" and second.state == third.state == "queued" and not second.rows
    third.stop()
    until(lambda: third.state == "stopped")
    first.stop()
    until(lambda: second.rows)
    assert first.state == "stopped" and not third.rows
    second.stop()
    second.join()


def test_a_killed_process_is_told_and_the_run_goes_on_to_the_bit(tiny):
    recipe = long(tiny).replace(epochs=20)
    run = wb.start(recipe)
    run.pace(10)
    until(lambda: len(run.rows) > 3)
    pid = next(e["pid"] for e in run.files.events() if e["event"] == "started")
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(RunFailed, match="ended without a word"):
        run.join()
    assert run.state == "interrupted"
    run.pace(0)
    run.resume().join()
    assert plain(run.rows) == plain(wb.fine_tune(recipe).rows)


def test_sigterm_leaves_a_checkpoint(tiny):
    run = wb.start(long(tiny))
    until(lambda: len(run.rows) > 2)
    os.kill(next(e["pid"] for e in run.files.events() if e["event"] == "started"), signal.SIGTERM)
    until(lambda: run.state == "stopped")
    stopped = [e for e in run.files.events() if e["event"] == "stopped"][-1]
    assert run.files.steps()[-1] == stopped["step"] and not run.alive


def test_an_error_in_the_child_is_raised_by_wait(tiny):
    run = wb.start(long(tiny, lr=1e11, optimizer="sgd", regularizers="l2"))
    with pytest.raises(RunFailed, match="Diverged: the loss is no longer a finite number"):
        asyncio.run(run.wait())


def test_a_cancelled_wait_stops_the_run(tiny):
    run = wb.start(long(tiny))

    async def interrupted():
        waiting = asyncio.ensure_future(run.wait())
        while not run.rows:
            await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(interrupted())
    assert run.join().state == "stopped"


CELL = """
import sys
from dataclasses import dataclass
import workbench as wb

@dataclass(frozen=True)
class Towards(wb.Regularizer):
    '''Pull the sum of the weights towards a number.'''
    name = "towards"
    strength: float = wb.knob(1.0, wb.Range(0.1, 10.0), "How hard.")
    def penalty(self, weights, now):
        return now.strength * sum((w.flatten(1).sum(1) - 5) ** 2 for w in weights)

if __name__ == "__main__":
    recipe = wb.Recipe(wb.Digits(per_class=2), wb.backbone("test_resnet", "random"), regularizers="towards", epochs=2)
    run = wb.start(recipe).join()
    source = run.files.read("recipe.json")["sources"]["towards"]
    print(run.state, run.rows[-1]["penalty"] > 0, "class Towards" in source)
"""


def test_a_class_from_a_cell_runs_in_the_child(tmp_path):
    script = tmp_path / "cell.py"
    script.write_text(CELL)
    found = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=True)
    assert found.stdout.split() == ["finished", "True", "True"]


def test_one_ready_process_serves_run_after_run_each_in_a_process_that_ends_with_it(tiny):
    recipe = wb.Recipe(wb.Digits(per_class=2), tiny, epochs=1)
    runs = [wb.start(recipe).join() for _ in range(2)]
    (ready,) = worker._ready
    pids = [next(e["pid"] for e in run.files.events() if e["event"] == "started") for run in runs]
    assert len({ready.pid, *pids}) == 3 and ready.poll() is None
    until(lambda: not any(psutil.pid_exists(pid) for pid in pids))
    assert queue.tickets() == []
    ready.kill()
    ready.wait()
    assert wb.start(recipe).join().state == "finished" and worker._ready[0].pid != ready.pid


def test_where_nothing_is_forked_each_process_serves_one_run_and_another_is_made_ready(tiny, monkeypatch):
    code = "import sys, workbench.worker as w; w.FORKS = False; sys.exit(w.main())"
    made = []

    def spawn():
        made.append(subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE))
        return made[-1]

    monkeypatch.setattr(worker, "_spawn", spawn)
    monkeypatch.setattr(worker, "_ready", [])
    monkeypatch.setattr(worker, "FORKS", False)
    monkeypatch.setattr(worker, "LATER", 0.0)
    run = wb.start(wb.Recipe(wb.Digits(per_class=2), tiny, epochs=1)).join()
    pid = next(e["pid"] for e in run.files.events() if e["event"] == "started")
    assert run.state == "finished" and pid == made[0].pid and made[0].wait(60) == 0
    until(lambda: len(made) == 2)
    made[1].stdin.close()
    assert made[1].wait(60) == 0


LATE = """
import os
from dataclasses import dataclass
import workbench as wb

assert os.environ["SET_LATER"] == "1"

@dataclass(frozen=True)
class Late(wb.Regularizer):
    '''From a module that was found after the process was ready.'''
    name = "late"
"""


@pytest.fixture
def late(tmp_path, monkeypatch):
    """A class of a module in a folder that the ready process knows nothing of, nor of a variable that it reads."""
    warm()
    monkeypatch.setenv("SET_LATER", "1")
    (tmp_path / "late_module.py").write_text(LATE)
    sys.path.append(str(tmp_path))
    yield importlib.import_module("late_module").Late
    sys.path.remove(str(tmp_path))
    del sys.modules["late_module"]
    gc.collect()


def test_a_module_that_was_found_after_the_process_was_ready_loads_in_it(late, tiny):
    run = wb.start(wb.Recipe(wb.Digits(per_class=2), tiny, regularizers=[late()], epochs=1))
    assert run.join().state == "finished"


def test_a_class_that_cannot_be_loaded_in_the_child_is_told(late, tiny, tmp_path):
    recipe = wb.Recipe(wb.Digits(per_class=2), tiny, regularizers=[late()], epochs=1)
    (tmp_path / "late_module.py").unlink()
    run = wb.start(recipe)
    with pytest.raises(RunFailed, match=r"No module named 'late_module'\. .* could not load .*: define it in a cell"):
        run.join()
    assert run.state == "failed" and "late_module" in run.messages[-1]
    until(lambda: "ModuleNotFoundError" in (run.folder / "worker.log").read_text())


def test_a_process_that_nobody_asks_ends():
    code = "import sys, workbench.worker as w; w._import_heavy = lambda: None; w.IDLE = 0.2; sys.exit(w.main())"
    idle = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert idle.wait(30) == 0 and idle.stderr.read() == b""  # with its standard input still open


def test_a_ready_process_ends_with_its_parent(tmp_path):
    code = "import workbench.worker as w; w.warm(); print(w._ready[0].pid, flush=True)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    until(lambda: not psutil.pid_exists(int(found.stdout)))
