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
def turn(run: Path, next_in_line: Callable[[], None], given_up: Callable[[], bool]) -> Iterator[bool]:
    """Wait until all who came before are done; then it is our turn until the block ends.

    `next_in_line` is called once when only one is before us. Yields False where `given_up` said so before our turn.
    """
    _room().mkdir(parents=True, exist_ok=True)
    mine = _room() / f"{time.time_ns():020d}-{os.getpid()}~{run.name}.ticket"
    lock = FileLock(mine)
    lock.acquire()
    try:
        told = False
        while (before := [path for path in tickets() if path.name < mine.name]) and not given_up():
            if len(before) == 1 and not told:
                told = True
                next_in_line()
            time.sleep(0.1)
        yield not before
    finally:
        mine.unlink(missing_ok=True)
        lock.release()
