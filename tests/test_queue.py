"""Runs that wait for their turn: in the order of arrival, and nobody waits for the dead."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from helpers import until

from workbench import queue

HOLDS = """
import sys, time
from pathlib import Path
from workbench import queue
with queue.turn(Path(sys.argv[1]), lambda: None, lambda: False):
    print("held", flush=True)
    time.sleep(600)
"""


class Waits(threading.Thread):
    """Takes its turn in a thread: tells when it is next, when it starts and when it ends."""

    def __init__(self, name, told, ticket=None):
        super().__init__(name=name, daemon=True)
        self.told, self.ticket, self.go_on = told, ticket, threading.Event()
        self.given_up, self.nexts, self.got = False, 0, None

    def run(self):
        with queue.turn(Path(self.name), self._next, lambda: self.given_up, self.ticket) as self.got:
            if self.got:
                self.told.append(f"{self.name} starts")
                assert self.go_on.wait(60)
                self.told.append(f"{self.name} ends")

    def _next(self):
        self.nexts += 1


def lined_up(*names, tickets=(), there=0):
    """The threads, one after the other, each with a ticket of its own."""
    told, found = [], []
    for at, name in enumerate(names):
        found.append(Waits(name, told, tickets[at] if tickets else None))
        found[-1].start()
        until(lambda: len(queue.tickets()) == (there or len(found)))
    return found, told


def test_whoever_comes_alone_is_let_in_at_once():
    with queue.turn(Path("a"), lambda: pytest.fail("nobody is before us"), lambda: False) as ours:
        assert ours and [path.name.split("~")[1] for path in queue.tickets()] == ["a.ticket"]
    assert queue.tickets() == []


def test_turns_go_in_the_order_of_arrival_one_at_a_time():
    (first, second, third), told = lined_up("first", "second", "third")
    assert [path.stem.split("~")[1] for path in queue.tickets()] == ["first", "second", "third"]
    until(lambda: second.nexts == 1)
    assert told == ["first starts"] and (first.nexts, third.nexts) == (0, 0)
    first.go_on.set()
    until(lambda: "second starts" in told)
    until(lambda: third.nexts == 1)
    second.go_on.set()
    until(lambda: "third starts" in told)
    third.go_on.set()
    third.join(60)
    assert told == [f"{name} {does}" for name in ("first", "second", "third") for does in ("starts", "ends")]
    assert (second.nexts, third.nexts) == (1, 1)  # told once each, when one was before them
    assert queue.tickets() == []


def test_who_asked_earlier_goes_first_though_it_arrives_later():
    first, early, last = (queue.ticket(Path(name), os.getpid()) for name in ("first", "early", "last"))
    (first, last, early), told = lined_up("first", "last", "early", tickets=(first, last, early), there=3)
    until(lambda: early.nexts == 1)  # one is before it, and one behind
    for thread in (last, early, first):
        thread.go_on.set()
    last.join(60)
    assert told == [f"{name} {does}" for name in ("first", "early", "last") for does in ("starts", "ends")]


def test_nobody_overtakes_a_process_that_is_still_to_come():
    ticket = queue.ticket(Path("early"), os.getpid())
    late = Waits("late", told := [])
    late.start()
    until(lambda: late.nexts == 1)
    early = Waits("early", told, ticket)
    early.start()
    until(lambda: told == ["early starts"])
    early.go_on.set()
    late.go_on.set()
    late.join(60)
    assert told == ["early starts", "early ends", "late starts", "late ends"] and queue.tickets() == []


def test_nobody_waits_for_a_process_that_is_gone_or_never_comes(monkeypatch):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    queue.ticket(Path("gone"), gone.pid)
    assert queue.tickets() == []
    queue.ticket(Path("never"), os.getpid())
    assert len(queue.tickets()) == 1
    monkeypatch.setattr(queue, "ARRIVES", 0.0)
    assert queue.tickets() == []


def test_who_gives_up_leaves_the_line_and_lets_the_others_move_up():
    (first, second, third), told = lined_up("first", "second", "third")
    second.given_up = True
    second.join(60)
    assert second.got is False and len(queue.tickets()) == 2
    until(lambda: third.nexts == 1)
    first.go_on.set()
    third.go_on.set()
    third.join(60)
    assert "second starts" not in told and told[-1] == "third ends"


def test_an_error_in_the_block_ends_the_turn():
    with pytest.raises(ZeroDivisionError), queue.turn(Path("a"), lambda: None, lambda: False):
        raise ZeroDivisionError
    assert queue.tickets() == []


def test_a_ticket_is_void_when_its_holder_dies():
    child = subprocess.Popen([sys.executable, "-c", HOLDS, "dead"], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "held\n" and len(queue.tickets()) == 1
        waits, told = _behind()
        time.sleep(0.3)
        assert told == [] and waits.nexts == 1
        child.kill()
        child.wait()
        waits.go_on.set()
        waits.join(60)
        assert told == ["waits starts", "waits ends"] and queue.tickets() == []
    finally:
        child.kill()
        child.stdout.close()


def _behind():
    told = []
    waits = Waits("waits", told)
    waits.start()
    until(lambda: len(queue.tickets()) == 2)
    return waits, told


def test_a_ticket_that_was_left_behind_is_cleared_away():
    with queue.turn(Path("a"), lambda: None, lambda: False):
        left = queue.tickets()[0].with_name(f"{0:020d}~gone.ticket")
        left.write_text("")
        assert [path.name.split("~")[1] for path in queue.tickets()] == ["a.ticket"] and not left.exists()
