"""Long work is heard by who listens, not too often, and the listener can end it."""

from __future__ import annotations

import io
import sys
import threading
import types

import pytest

from workbench import progress


def test_only_a_listener_hears_and_only_within_its_block():
    told = []
    progress.tell("files", 1, 2)
    with progress.told_to(lambda *said: told.append(said)):
        progress.tell("files", 2, 2)
    progress.tell("files", 2, 2)
    assert told == [("files", 2, 2)]


def test_words_come_seldom_but_the_last_always():
    told = []
    with progress.told_to(lambda what, done, total: told.append(done)):
        for done in range(1, 10_001):
            progress.tell("files", done, 10_000)
    assert told[-1] == 10_000 and len(told) < 10


def test_a_listener_that_raises_ends_the_work():
    def stop(*_):
        raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"), progress.told_to(stop):
        progress.tell("files", 3, 3)


@pytest.fixture
def terminal(monkeypatch):
    """A terminal that keeps what it is shown."""
    shown = io.StringIO()
    shown.isatty = lambda: True
    monkeypatch.setattr(progress, "sys", types.SimpleNamespace(stderr=shown, modules=sys.modules))
    monkeypatch.setattr(progress, "EVERY", 0.0)
    return shown


def work(what="pictures read", many=5):
    for done in range(many):
        progress.tell(what, done + 1, many)


def test_where_nobody_listens_a_terminal_shows_a_bar_for_long_work(terminal, monkeypatch):
    work()
    assert terminal.getvalue() == ""  # it took no time
    monkeypatch.setattr(progress, "DELAY", 0.0)
    work()
    work("examples through the backbone", 7)
    said = terminal.getvalue()
    assert "pictures read: 100%" in said and "5/5" in said and "examples through the backbone: 100%" in said


def test_work_that_broke_off_leaves_no_bar_behind(terminal, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0.0)
    progress.tell("pictures read", 3, 9)
    work(many=2)
    assert progress._bar._bar is None and "2/2" in terminal.getvalue()


def test_whoever_listens_and_whatever_is_no_terminal_gets_no_bar(terminal, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0.0)
    with progress.told_to(lambda *said: None):
        work()
    thread = threading.Thread(target=work)  # a panel's: its bar would stand below some cell
    thread.start()
    thread.join()
    terminal.isatty = lambda: False
    work()
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("asked", [True, False])
def test_a_notebooks_cell_shows_a_bar_unless_it_runs_headless(asked, terminal, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0.0)
    terminal.isatty = lambda: False
    shell = types.SimpleNamespace(kernel=types.SimpleNamespace(_allow_stdin=asked))
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    work()
    assert ("5/5" in terminal.getvalue()) is asked
