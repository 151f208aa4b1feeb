"""A class on one server: lesson 02, whole and headless, by several students at once; what each takes.

Real kernels, each with its own process that trains: 1, 2, 4 and 8 at a time, as two cores bear. Memory is what a
student's processes hold of their own, shared pages shared out (PSS), at its highest. The row of sixty is computed:
memory of the most that ran, times sixty; seconds of the processor a student, times sixty, over its cores.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.arms import SMALL

LESSON = Path(__file__).resolve().parents[1] / "notebooks" / "lessons" / "02_overfitting.ipynb"
AT_ONCE = (1, 2) if SMALL else (1, 2, 4, 8)
CLASS = 60
LOOK = 0.5  # seconds between two looks at memory


def rows(repeats: int = 1) -> list[dict[str, Any]]:
    """A row a number of students: minutes till the last had finished, memory and seconds of the processor of one."""
    measured = [_at_once(many) for many in AT_ONCE]
    most, cores = measured[-1], os.cpu_count() or 1
    whole = {
        "students": CLASS, "how": f"computed from {most['students']}",
        "minutes": round(CLASS * most["processor s each"] / cores / 60, 1), "MB each": most["MB each"],
        "processor s each": most["processor s each"], "GB in all": round(CLASS * most["MB each"] / 1000, 1),
    }  # fmt: skip
    return [*measured, whole]


def _at_once(many: int) -> dict[str, Any]:
    """So many students run the lesson at the same time."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        each = [_student(Path(folder) / str(at)) for at in range(many)]
        peak, spent = 0.0, dict[int, float]()
        while any(one.poll() is None for one in each):
            held = [found for one in each for found in _looked(one.pid, spent)]
            peak = max(peak, sum(held))
            time.sleep(LOOK)
        took = time.perf_counter() - started
        if failed := [one.returncode for one in each if one.returncode]:
            raise SystemExit(f"{len(failed)} of {many} lessons failed.")
    return {
        "students": many, "how": "measured", "minutes": round(took / 60, 2), "MB each": round(peak / many / 1e6),
        "processor s each": round(sum(spent.values()) / many, 1), "GB in all": round(peak / 1e9, 2),
    }  # fmt: skip


def _student(own: Path) -> subprocess.Popen[bytes]:
    """One student's lesson, with a folder of its own for all that it keeps."""
    env = os.environ | {"WORKBENCH_RUNS": str(own / "runs"), "WORKBENCH_CACHE": str(own / "cache")}
    env |= {"WORKBENCH_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "workbench", "report", str(LESSON), "-o", str(own), "-p", f"output={own / 'out'}"]
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _looked(pid: int, spent: dict[int, float]) -> list[float]:
    """Bytes of each of a student's processes but the one that only runs the report; seconds of the processor noted."""
    found = []
    try:
        below = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []
    for process in below:
        try:
            times = process.cpu_times()
            spent[process.pid] = times.user + times.system
            found.append(float(process.memory_full_info().pss))
        except psutil.Error:  # it ended meanwhile
            continue
    return found
