"""Runs that wait for their turn: a ticket a run, in the order of asking, void when the process dies that will drive it.

A ticket is a file that its process locks once it is there; until then it holds the process's id.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from workbench import paths
from workbench.folder import breathes

ARRIVES = 60.0  # seconds within which a process that was asked comes for its ticket


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
        if _awaited(path):
            found.append(path)
        else:
            path.unlink(missing_ok=True)
        lock.release()
    return found


def _awaited(path: Path) -> bool:
    """Whether the process that it was made for lives, and may still come for it."""
    try:
        pid = int(path.read_text())
    except (OSError, ValueError):  # gone; or made by our own look at one that was going
        return False
    return time.time_ns() - int(path.name.split("~")[0]) < 1e9 * ARRIVES and breathes(pid)


def before(run: Path) -> list[str]:
    """The names of those who go before `run`, whoever is at it first; none where it has no ticket."""
    names = [path.stem.split("~", 1)[1] for path in tickets()]
    return names[: names.index(run.name)] if run.name in names else []


def ticket(run: Path, pid: int) -> Path:
    """A ticket for the run that this process will drive: who asks first goes first, whoever's process is up sooner."""
    path = _ticket(run)
    hand_over(path, pid)
    return path


def hand_over(mine: Path, pid: int) -> None:
    """Have another process than before come for the ticket."""
    aside = mine.with_suffix(f".{pid}")
    aside.write_text(str(pid))
    os.replace(aside, mine)


def _ticket(run: Path) -> Path:
    _room().mkdir(parents=True, exist_ok=True)
    return _room() / f"{time.time_ns():020d}~{run.name}.ticket"


def _room() -> Path:
    return paths.runs() / ".queue"


@contextmanager
def turn(
    run: Path, next_in_line: Callable[[], None], given_up: Callable[[], bool], mine: Path | None = None
) -> Iterator[bool]:
    """Wait until all who asked before are done; then it is our turn until the block ends.

    `next_in_line` is called once when at most one is before us. Yields False where `given_up` said so before our turn.
    `mine`: the ticket that was made when the run was asked for; else one is made now.
    """
    mine = mine or _ticket(run)
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
