"""What the design promises of responsiveness: import, Start to first point, stop, what watching costs."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import Any

import workbench as wb
from workbench import worker


def rows(repeats: int = 5) -> list[dict[str, Any]]:
    """A row a budget: what, seconds or share (median), the budget."""
    ours, torchs = (statistics.median(imported(name) for _ in range(repeats)) for name in ("workbench", "torch"))
    first, stopped = zip(*(started_and_stopped(seed) for seed in range(repeats)), strict=True)
    watched = [watching(seed) for seed in range(repeats)]
    return [
        {"what": "import workbench / import torch", "measured": round(ours / torchs, 3), "budget": 0.2},
        {"what": "Start to first row, warm (s)", "measured": round(statistics.median(first), 2), "budget": 1.0},
        {"what": "Stop to stopped (s)", "measured": round(statistics.median(stopped), 2), "budget": 0.5},
        {"what": "recorded over bare, scope all", "measured": round(statistics.median(watched), 3), "budget": 1.02},
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
    """Seconds of a recorded run over those of the same run without a folder."""
    from workbench.job import Job
    from workbench.learners.plan import plan
    from workbench.trainer import Watch, train

    recipe = wb.Recipe("digits", "glyph-resnet", scope="all", epochs=10, seed=seed)
    list(wb.train(recipe.replace(epochs=1)))
    begun = time.perf_counter()
    list(wb.train(recipe))
    recorded = time.perf_counter() - begun
    begun = time.perf_counter()
    list(train(Job(plan(recipe)), Watch()))
    return recorded / (time.perf_counter() - begun)
