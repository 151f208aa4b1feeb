"""Run folders written by hand, what widgets say, and another value for each knob."""

from __future__ import annotations

import asyncio
import html
import os
import re
import time
from contextlib import contextmanager

from filelock import FileLock

import workbench as wb
from workbench.choices import Options, Range
from workbench.fine_tuning import prepared
from workbench.folder import RunFolder

PAYLOAD = "<img src=x onerror=alert(1)>"
GONE = 2**22 + 1  # no process has such a number
TOLD = {  # what a run's process tells until it is in each state; it holds the lock in the states of DRIVEN
    "new": [],
    "queued": [("launched", {"pid": os.getpid()})],
    "running": [("started", {})],
    "paused": [("started", {}), ("paused", {"step": 3})],
    "stopped": [("started", {}), ("stopped", {"step": 3})],
    "finished": [("started", {}), ("finished", {"step": 40, "seconds": 2.0})],
    "failed": [("started", {}), ("failed", {"kind": "ValueError", "message": "it broke"})],
    "interrupted": [("launched", {"pid": GONE})],
}
DRIVEN = ("running", "paused")


def row(epoch, **more):
    """A row of an epoch; the best one is epoch 2."""
    found = {"epoch": epoch, "step": 10 * epoch, "seconds": 0.5 * epoch, "train_loss": 2 / (epoch + 1)}
    found |= {
        "valid_loss": 1 + abs(epoch - 2),
        "train_accuracy": 0.9,
        "valid_accuracy": 0.5,
        "gap_accuracy": 0.4,
        "valid_f1": 0.45,
    }
    return found | {"low": 0.3, "high": 0.5} | more


def written(state="finished", epochs=0, folder=None, recipe=None, **knobs):
    """A run in this state with rows up to this epoch; the rows stand before what ended it."""
    run = prepared(recipe or wb.Recipe(**{"epochs": 4} | knobs), folder)
    rows = [("row", row(at)) for at in range(epochs and epochs + 1)]
    for event, about in (*TOLD[state][:1], *rows, *TOLD[state][1:]):
        run.files.tell(event, **about)
    return run


@contextmanager
def driven(run):
    """Hold the run's lock, as the process that drives it does."""
    with FileLock(run.folder / ".lock"):
        yield RunFolder(run.folder)


def said(widget):
    """What an HTML widget says, without its tags."""
    return html.unescape(re.sub("<[^>]*>", "", widget.value))


def points(panel, name="train"):
    """Epochs and numbers of the panel's first trace of this name."""
    trace = next(trace for trace in panel.chart.widget.data if trace.name == name)
    return [*trace.x], [*trace.y]


async def shown(so, seconds=120.0, instead=lambda: ""):
    """Let the loop run until `so()` is true; where it never is, the error says what is there `instead`."""
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end, f"waited in vain, with this instead: {instead()}"
        await asyncio.sleep(0.02)


def another(knob, value):
    """Another valid value of the knob."""
    domain = knob.domain
    if isinstance(domain, Options):
        return next(each for each in domain.values if each != value)
    if isinstance(domain, Range):
        return domain.low if value != domain.low else domain.high
    return f"{value}/other"


def move(control, value):
    """Put `value` into a control as a person would."""
    text = "" if value is None else str(value)
    control.main.value = text if isinstance(control.main.value, str) else value


def holds(control, value):
    """Whether a control shows `value`, in each of its parts."""
    field, *sliders = [part.value for part in control.parts]
    low, high = (control.knob.domain.low, control.knob.domain.high) if sliders else (0, 0)
    near = all(abs(at - min(max(value, low), high)) <= 1e-9 * high for at in sliders)
    return near and field == (("" if value is None else str(value)) if isinstance(field, str) else value)
