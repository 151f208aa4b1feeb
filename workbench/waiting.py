"""Waiting for a run's end: what holds it up meanwhile, and what became of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from workbench import errors, paths, queue
from workbench.errors import BrokenRun, RunFailed
from workbench.folder import ENDED, RunFolder

LOOK = 0.05  # seconds between two looks
SAY = 20  # looks between two at who stands before it: that takes a lock a ticket


def looks(files: RunFolder) -> Iterator[float]:
    """How long to sleep until the next look, for as long as the run has not ended.

    Whoever stands before it in the line is told once on stderr where it is paused: else one would wait for ever.
    """
    said = looked = 0
    while (state := files.state) not in (*ENDED, "interrupted"):
        if state == "queued" and not said and looked % SAY == 0 and "(paused)" in (before := behind(files.path)):
            said = 1
            print(f"{files.path.name} is queued {before}.", file=sys.stderr, flush=True)
        looked += 1
        yield LOOK


def behind(run: Path) -> str:
    """What a queued run waits for: `behind 1a2b3c4d-1 (paused): resume or stop it`; "" where nothing is before it."""
    names = queue.before(run)
    if not names:
        return ""
    state = _doing(names[0])
    more = f" and {len(names) - 1} more" if names[1:] else ""
    way = ": resume or stop it" if state == "paused" else ""
    return f"behind {names[0]}{f' ({state})' if state else ''}{more}{way}"


def _doing(name: str) -> str:
    """The state of the run, or the search, of this name; "" for one that lies elsewhere."""
    for files in (RunFolder(paths.runs() / name), RunFolder(paths.studies() / name)):
        if files.path.is_dir():
            with suppress(BrokenRun):  # its control file is damaged: that is its own affair
                asked = files.control()["state"]  # a search is paused in the run that it drives
                return "paused" if asked == "paused" and files.state == "running" else files.state
    return ""


def told(files: RunFolder) -> list[str]:
    """What the run's process had to say: of its data, of going on, of failing."""
    found = [e for e in files.events() if e["event"] in ("note", "failed")]
    return [e["text"] if e["event"] == "note" else errors.told(e["kind"], e["message"]) for e in found]


def gone(files: RunFolder) -> str:
    """What is known of a run whose process ended without a word, and the way out."""
    log = files.path / "worker.log"
    more = f"{log} may say more; " if log.is_file() and log.stat().st_size else ""
    return (
        "The run's process ended without a word (killed, or out of memory: then a smaller batch_size needs less). "
        f"{more}run.resume() goes on from the last checkpoint, as Resume does in a panel."
    )


def must_be_well(files: RunFolder) -> None:
    """Raise `RunFailed` with what is known where the run failed or its process is gone."""
    state, log = files.state, files.path / "worker.log"
    if state == "failed":
        failed = [e for e in files.events() if e["event"] == "failed"][-1]
        raise RunFailed(f"{failed['kind']}: {failed['message']}{f' (log: {log})' if log.is_file() else ''}")
    if state == "interrupted":
        raise RunFailed(f"{files.path.name}: {gone(files)}")
