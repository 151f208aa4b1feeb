"""Runs that wait for their turn: a ticket a process, in the order of arrival, void when its process dies."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from workbench import paths


def tickets() -> list[Path]:
    """The tickets that are held, the oldest first; those of dead processes are cleared away."""
    found = []
    for path in sorted(_room().glob("*.ticket")):
        lock = FileLock(path, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            found.append(path)
            continue
        path.unlink(missing_ok=True)
        lock.release()
    return found


def _room() -> Path:
    return paths.runs() / ".queue"


@contextmanager
def turn(
    run: Path, next_in_line: Callable[[], None], given_up: Callable[[], bool], asked: int | None = None
) -> Iterator[bool]:
    """Wait until all who asked before are done; then it is our turn until the block ends.

    `next_in_line` is called once when at most one is before us. Yields False where `given_up` said so before our turn.
    `asked`: when the run was asked for, in nanoseconds, since the processes of two runs may arrive the other way round.
    """
    _room().mkdir(parents=True, exist_ok=True)
    mine = _room() / f"{asked or time.time_ns():020d}-{os.getpid()}~{run.name}.ticket"
    lock, going = FileLock(mine), FileLock(_room() / "going.lock", timeout=0)
    lock.acquire()
    try:
        told = ours = False
        while not (ours := _first(mine, going)) and not given_up():
            if not told and len([path for path in tickets() if path.name < mine.name]) < 2:
                told = True
                next_in_line()
            time.sleep(0.1)
        yield ours
    finally:
        mine.unlink(missing_ok=True)
        lock.release()
        going.release()


def _first(mine: Path, going: FileLock) -> bool:
    """Whether nobody stands before us and nobody is at it: one who asked earlier and arrives late must wait too."""
    if any(path.name < mine.name for path in tickets()):
        return False
    try:
        going.acquire()
    except Timeout:
        return False
    return True
