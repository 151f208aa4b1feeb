"""Who waits for a run learns what holds it up, and what became of it."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest
from filelock import FileLock
from panels.by_hand import written

from workbench import paths, queue, waiting
from workbench.errors import RunFailed
from workbench.folder import RunFolder


@pytest.fixture
def held_up():
    """A run that is queued behind a paused one: both, as they stand in the line."""
    first, second = written("paused"), written("queued")
    with FileLock(first.folder / ".lock"):
        for run in (first, second):
            queue.ticket(run.folder, os.getpid())
        yield first, second


def test_the_paused_run_before_it_is_named_with_the_way_out(held_up):
    first, second = held_up
    assert waiting.behind(second.folder) == f"behind {first.folder.name} (paused): resume or stop it"
    assert waiting.behind(first.folder) == waiting.behind(first.folder.with_name("no-ticket")) == ""


def test_all_who_stand_before_it_are_counted(held_up):
    first, _ = held_up
    third = written("queued")
    queue.ticket(third.folder, os.getpid())
    assert waiting.behind(third.folder) == f"behind {first.folder.name} (paused) and 1 more: resume or stop it"


def test_a_search_is_paused_where_it_was_asked_to_and_what_lies_elsewhere_is_named_alone(tmp_path):
    study, run = RunFolder(paths.studies() / "first"), written("queued")
    study.path.mkdir(parents=True)
    study.tell("started")
    study.ask(state="paused")
    for folder in (study.path, tmp_path / "elsewhere", run.folder):
        queue.ticket(folder, os.getpid())
    with FileLock(study.path / ".lock"):
        assert waiting.behind(run.folder) == "behind first (paused) and 1 more: resume or stop it"
    queue.tickets()[0].unlink()
    assert waiting.behind(run.folder) == "behind elsewhere"


@pytest.mark.parametrize("how", ["join", "wait"])
def test_who_waits_is_told_once_and_goes_on_waiting(how, held_up, capsys, monkeypatch):
    monkeypatch.setattr(waiting, "SAY", 1)
    first, second = held_up
    ending = threading.Timer(0.4, lambda: second.files.tell("finished", step=40, seconds=1.0))
    ending.start()
    assert (second.join() if how == "join" else asyncio.run(second.wait())) is second
    said = f"{second.folder.name} is queued behind {first.folder.name} (paused): resume or stop it.\n"
    assert capsys.readouterr().err == said


def test_a_run_whose_process_is_gone_says_so_and_names_the_log_only_where_there_is_one():
    run = written("interrupted")
    for log, named in ((None, False), ("", False), ("Killed", True)):
        if log is not None:
            (run.folder / "worker.log").write_text(log)
        with pytest.raises(RunFailed, match=r"killed, or out of memory.*run.resume\(\) goes on") as caught:
            run.join()
        assert (str(run.folder / "worker.log") in str(caught.value)) is named
        assert run.messages[-1] in str(caught.value)


def test_what_its_process_told_comes_before():
    run = written("failed")
    run.files.tell("note", text="One.")
    assert run.messages == waiting.told(run.files) == ["ValueError: it broke", "One."]
