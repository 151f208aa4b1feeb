"""A run in a process of its own: `python -m workbench.worker`.

One process is kept ready with torch imported. It gets jobs over its standard input: a line of JSON that says where,
then the recipe (cloudpickle carries what a cell defined). Each job is served by a process that it forks, which ends
with the job, so memory goes back, and outlives the kernel; it itself ends with the kernel, or when nobody gives it a
job. Where processes are not forked, it serves one job itself and another one is made ready.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from workbench.folder import RunFolder
    from workbench.recipe import Recipe

IDLE = 900.0  # seconds that a ready process waits for a job
FORKS = sys.platform == "linux"  # elsewhere what libraries hold does not survive it, or there is no fork
LENGTH = 8  # bytes that say how long a job is
LATER = 2.0  # seconds until the next process is made ready, where it serves one job: its imports shall not delay it

_ready: list[subprocess.Popen[bytes]] = []
_guard = threading.Lock()


def warm() -> None:
    """Have a process ready with torch imported."""
    with _guard:
        _ready[:] = [each for each in _ready if each.poll() is None]
        if not _ready:
            _ready.append(_spawn())


def _spawn() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "workbench.worker"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with tempfile.TemporaryFile() as log:  # the child holds it on
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, env=environment
        )
    threading.Thread(target=child.wait, daemon=True).start()  # so that no zombie stays
    return child


def launch(
    files: RunFolder, recipe: Recipe, *, search: bool = False, minutes: float | None = None, again: bool = True
) -> int:
    """Give the run, or the search, in a folder to the ready process; returns the id of that.

    `recipe` goes with it: what a notebook cell defined travels through the pipe, and through no file.
    """
    import cloudpickle

    from workbench import queue

    warm()
    with _guard:
        child = _ready[0] if FORKS else _ready.pop()
    ticket = queue.ticket(files.path, child.pid)
    job: dict[str, Any] = {
        "folder": str(files.path),
        "environment": dict(os.environ),
        "cwd": os.getcwd(),
        "path": _searched(),
    }
    job |= {"ticket": str(ticket), "search": search, "minutes": minutes}
    files.tell("launched", pid=child.pid)  # first, since all that the process itself tells comes after it
    content = json.dumps(job).encode() + b"\n" + cloudpickle.dumps(recipe)
    assert child.stdin is not None
    try:
        with _guard:
            child.stdin.write(len(content).to_bytes(LENGTH) + content)
            child.stdin.flush()
    except BrokenPipeError:  # it was killed while it waited
        ticket.unlink(missing_ok=True)
        if again:
            return launch(files, recipe, search=search, minutes=minutes, again=False)
        raise
    if not FORKS:
        later = threading.Timer(LATER, warm)
        later.daemon = True
        later.start()
    return child.pid


def _searched() -> list[str]:
    """Where modules are looked for now: what a cell added after the ready process began among it."""
    return [path or os.getcwd() for path in sys.path]


def main() -> int:
    """Wait for jobs on standard input, and have each done."""
    warming = threading.Thread(target=_import_heavy, daemon=True)
    warming.start()
    if FORKS:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that no zombie stays
    while content := _asked(IDLE):
        warming.join()  # a recipe that is read meanwhile may find modules half there: KeyError: 'workbench.datasets'
        if not FORKS:
            return _serve(content)
        if not os.fork():  # no other thread of ours is there any more, and nothing was computed yet
            _part()
            return _serve(content)
    return 0


def _part() -> None:
    """Be a process of our own: without the pipe of the one that was forked, and in reach of no signal to it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _asked(seconds: float) -> bytes:
    """The next job on standard input, nothing where it is closed or takes longer; in a thread, as Windows needs."""
    found: list[bytes] = []

    def read() -> None:  # past sys.stdin, whose lock a thread that still waits would hold when the process ends
        found.append(_exactly(int.from_bytes(_exactly(LENGTH))))

    waiting = threading.Thread(target=read, daemon=True)
    waiting.start()
    waiting.join(seconds)
    return b"".join(found)


def _exactly(many: int) -> bytes:
    """So many bytes of standard input; none where it ends before."""
    found = bytearray()
    while len(found) < many:
        if not (more := os.read(0, many - len(found))):
            return b""
        found += more
    return bytes(found)


def _import_heavy() -> None:
    import sklearn.linear_model
    import timm
    import torch

    from workbench import recording

    del sklearn, timm, torch, recording


def _serve(content: bytes) -> int:
    from workbench import queue
    from workbench.folder import RunFolder

    where, _, recipe = content.partition(b"\n")
    job: dict[str, Any] = json.loads(where)
    _take(job["environment"])
    with contextlib.suppress(OSError):
        os.chdir(job["cwd"])
    sys.path[:] = dict.fromkeys([*job["path"], *sys.path])
    folder = RunFolder(Path(job["folder"]))
    if FORKS:  # until now it was the other's
        queue.hand_over(Path(job["ticket"]), os.getpid())
        folder.tell("launched", pid=os.getpid())
    log = open(folder.path / "worker.log", "ab", buffering=0)  # noqa: SIM115  # for the rest of this process's life
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    job["recipe"] = _read(recipe, folder)

    def stopped() -> bool:
        return bool(folder.control()["state"] == "stopped")

    with queue.turn(folder.path, _import_heavy, stopped, Path(job["ticket"])) as ours:
        if not ours:
            folder.tell("stopped", step=0, why="before its turn")
            return 0
        for _ in _driven(job, folder):
            pass
    return 0


def _take(environment: dict[str, str]) -> None:
    """The environment of who asked, as it is now: a variable that a cell set later counts too."""
    kept = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    os.environ.clear()
    os.environ.update(environment | kept)


def _read(recipe: bytes, folder: RunFolder) -> Recipe:
    """The recipe with its classes; what keeps them from being loaded is told, since nobody reads this process's end."""
    import cloudpickle

    try:
        return cast("Recipe", cloudpickle.loads(recipe))
    except BaseException as error:
        way = "The run's process could not load what the recipe is made of: define it in a cell, or in a module that a"
        folder.tell("failed", kind=type(error).__name__, message=f"{error}. {way} new Python process can import.")
        raise


def _driven(job: dict[str, Any], folder: RunFolder) -> Iterator[Any]:
    if job["search"]:
        from workbench.searching.driving import drive
        from workbench.searching.study import Study

        return drive(Study(folder.path), job["minutes"])
    from workbench.recording import record

    return record(job["recipe"], folder)


if __name__ == "__main__":
    sys.exit(main())
