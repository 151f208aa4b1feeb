"""What is promised of responsiveness: import, Start to first point, stop, watching, a slider, first reads."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

import workbench as wb
from workbench import worker


def rows(repeats: int = 5) -> list[dict[str, Any]]:
    """A row a budget: what, seconds or share (median), the budget."""
    ours, torchs = (statistics.median(imported(name) for _ in range(repeats)) for name in ("workbench", "torch"))
    first, stopped = zip(*(started_and_stopped(seed) for seed in range(repeats)), strict=True)
    watched = [watching(seed) for seed in range(min(repeats, 3))]
    return [
        {"what": "import workbench / import torch", "measured": round(ours / torchs, 3), "budget": 0.2},
        {"what": "Start to first row, warm (s)", "measured": round(statistics.median(first), 2), "budget": 1.0},
        {"what": "Stop to stopped (s)", "measured": round(statistics.median(stopped), 2), "budget": 0.5},
        {
            "what": "share of a run that watching takes",
            "measured": round(statistics.median(watched), 4),
            "budget": 0.02,
        },
        {"what": "diagnosis of 1,000 epochs (s)", "measured": round(diagnosed(), 4), "budget": 0.05},
        {"what": "slider over a path, a redraw (s)", "measured": round(redraw(), 3), "budget": 0.05},
        {
            "what": "docstrings, read for the first time (s)",
            "measured": round(first_read("Docstrings"), 1),
            "budget": 5.0,
        },
        {"what": "vowels, made for the first time (s)", "measured": round(first_read("Vowels"), 1), "budget": 5.0},
    ]


def imported(name: str) -> float:
    """Seconds of a process that imports `name`, less those of one that imports nothing."""
    spans = []
    for code in (f"import {name}", "pass"):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        spans.append(time.perf_counter() - begun)
    return spans[0] - spans[1]


def started_and_stopped(seed: int) -> tuple[float, float]:
    """Seconds from Start to the first row with a ready process, and from Stop to stopped."""
    worker.warm()
    time.sleep(10)
    begun = time.perf_counter()
    run = wb.start(wb.Recipe("digits", "glyph-resnet", scope="all", epochs=100, seed=seed))
    while not run.rows:
        time.sleep(0.005)
    first = time.perf_counter() - begun
    begun = time.perf_counter()
    run.stop()
    while run.state != "stopped":
        time.sleep(0.005)
    return first, time.perf_counter() - begun


def watching(seed: int) -> float:
    """The share of a run's seconds that its recorder takes: looks at control, rows, progress, checkpoints.

    Counted and not compared with a run that nobody watches: two equal runs differ by more than that.
    """
    from workbench import recording

    spent = [0.0]

    class Timed(recording.Recorder):
        def go_on(self, job: Any) -> bool:
            return timed(super().go_on, job)

        def on_rows(self, job: Any, rows: Any) -> None:
            timed(super().on_rows, job, rows)

    def timed(work: Any, *given: Any) -> Any:
        begun = time.perf_counter()
        found = work(*given)
        spent[0] += time.perf_counter() - begun
        return found

    recipe = wb.Recipe("digits", "glyph-resnet", scope="all", epochs=25, seed=seed)
    list(wb.train(recipe.replace(epochs=1)))
    recording.Recorder, ours = Timed, recording.Recorder
    begun = time.perf_counter()
    list(wb.train(recipe))
    recording.Recorder = ours
    return spent[0] / (time.perf_counter() - begun)


def redraw(many: int = 50) -> float:
    """Median seconds in which the panel of a path answers its slider."""

    async def act() -> float:
        panel = wb.PathPanel(wb.Recipe(wb.Digits(per_class=20), lr=1e-2))
        panel.knob.value, panel.many.value = "l2.strength", many
        panel.draw_button.click()
        while panel.path is None:
            await asyncio.sleep(0.1)
        took = []
        for at in range(0, many, 3):
            begun = time.perf_counter()
            panel.slider.value = at
            took.append(time.perf_counter() - begun)
        panel.close()
        return statistics.median(took)

    return asyncio.run(act())


def diagnosed(epochs: int = 1000) -> float:
    """Median seconds of the verdict on a run of so many epochs."""
    from workbench.diagnosis import verdict

    recipe = wb.Recipe(wb.Digits(per_class=10, label_noise=0.4), lr=1e-2, epochs=epochs)
    told, took = list(wb.train(recipe)), []
    for _ in range(9):
        begun = time.perf_counter()
        verdict(told, recipe)
        took.append(time.perf_counter() - begun)
    return statistics.median(took)


def first_read(name: str) -> float:
    """Seconds of a data set that is always there, where nothing is kept of it yet, imports not counted."""
    code = (
        "import time, torch, workbench as wb; wb.Digits().load(); begun = time.perf_counter(); "
        f"wb.{name}().load(); print(time.perf_counter() - begun)"
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"WORKBENCH_CACHE": folder}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    return float(done.stdout.split()[-1])
