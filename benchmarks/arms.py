"""Arms of a case: each in a process of its own, turn about, with folders of its own; medians, and the machine's floor.

Whatever an arm keeps (`WORKBENCH_CACHE`, `WORKBENCH_RUNS`) starts empty and is gone after its turn.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Found = dict[str, Any]
SMALL = bool(os.environ.get("BENCHMARKS_SMALL"))  # a form that only shows a case at work: `--small`


def turn_about(
    case: str, arms: Sequence[str], repeats: int, *given: str, most: Mapping[str, int] | None = None
) -> dict[str, list[Found]]:
    """What each arm said in each turn (A B, B A, ...); `most`: turns of an arm that is too slow for all of them.

    Arms are asked as `python -m benchmarks.CASE ARM GIVEN... TURN`.
    """
    found: dict[str, list[Found]] = {arm: [] for arm in arms}
    for turn in range(repeats):
        for arm in arms if turn % 2 == 0 else tuple(reversed(arms)):
            if turn < (most or {}).get(arm, repeats):
                found[arm].append(in_process(case, arm, *given, str(turn)))
    return found


def in_process(case: str, arm: str, *given: str) -> Found:
    """One process of one arm: the last line that it prints, or `not run` with the last line of its error."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"WORKBENCH_CACHE": f"{folder}/cache", "WORKBENCH_RUNS": f"{folder}/runs"}
        command = [sys.executable, "-m", f"benchmarks.{case}", arm, *given]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | own, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        print(f"{arm} not run: {said}", file=sys.stderr)
        return {"not run": said}
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def answer(arms: Mapping[str, Callable[..., Found]]) -> None:
    """In an arm's process: run the arm that is named, and print what it found with the process's peak memory."""
    import resource

    found = arms[sys.argv[1]](*sys.argv[2:])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found | {"peak MB": round(peak)}))


def middle(all_of: Sequence[Found], key: str = "seconds") -> float:
    """The median over the turns; NaN where the arm was not run."""
    return statistics.median([each[key] for each in all_of if key in each] or [float("nan")])


def spans(all_of: Sequence[Found], key: str = "seconds") -> Found:
    """Median, least and most of an arm's turns; or why it was not run."""
    took = [each[key] for each in all_of if key in each]
    if not took:
        return {key: f"not run: {all_of[0]['not run']}" if all_of else "not run"}
    return {key: round(statistics.median(took), 3), "least": round(min(took), 3), "most": round(max(took), 3)}


def ratio(one: Sequence[Found], other: Sequence[Found], by: float = 1.0) -> Any:
    """`one / other` of the medians; `equal` where they differ by less than an arm differs from itself."""
    a, b = (
        [by_it * each["seconds"] for each in all_of if "seconds" in each] for all_of, by_it in ((one, by), (other, 1))
    )
    if not a or not b:
        return None
    apart, spread = abs(statistics.median(a) - statistics.median(b)), max(max(a) - min(a), max(b) - min(b))
    found = statistics.median(a) / statistics.median(b)
    return "equal" if apart < spread else float(f"{found:.3g}")


def fastest(work: Callable[[], Any], times: int = 5) -> float:
    """The least seconds of some calls after a first one."""
    work()
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return min(took)


def ceilings(where: str = "cpu", side: int = 2048) -> dict[str, float]:
    """What the machine does at most: products of matrices in GFLOP/s, in float32 and bfloat16, and copies in GB/s."""
    import torch

    def waited(work: Callable[[], Any]) -> Callable[[], Any]:
        return (lambda: (work(), torch.cuda.synchronize())) if where != "cpu" else work

    found = {}
    for dtype in (torch.float32, torch.bfloat16):
        a, b = (torch.randn(side, side, device=where).to(dtype) for _ in range(2))
        name = str(dtype).removeprefix("torch.")
        found[f"{name} GFLOP/s"] = round(2 * side**3 / fastest(waited(lambda a=a, b=b: a @ b)) / 1e9, 1)
    source = torch.zeros(64 << 20, device=where)
    target = torch.empty_like(source)
    found["copy GB/s"] = round(8 * len(source) / fastest(waited(lambda: target.copy_(source))) / 1e9, 1)
    return found


def told(most: Mapping[str, float]) -> str:
    """The ceilings as a line of the table."""
    return ", ".join(f"{name} {value}" for name, value in most.items() if name != "peak MB")


def timed(data: Any) -> dict[str, float]:
    """Seconds that parts of a search over data of this class take, as they pass; `train` holds what its watch takes."""
    from workbench import features
    from workbench.searching import fusing

    spent = dict.fromkeys(("reading", "compute", "kept", "plan", "train", "watch", "examples"), 0.0)

    def within(home: Any, name: str, what: str) -> None:
        work = getattr(home, name)

        def counted(*given: Any, **named: Any) -> Any:
            begun = time.perf_counter()
            try:
                return work(*given, **named)
            finally:
                spent[what] += time.perf_counter() - begun
                spent["examples"] += len(given[2]) if what == "compute" else 0

        setattr(home, name, counted)

    for home, name, what in (
        (data, "load", "reading"), (features, "compute", "compute"), (features, "kept", "kept"),
        (fusing, "plan", "plan"), (fusing.Round, "go_on", "watch"), (fusing.Round, "on_rows", "watch"),
    ):  # fmt: skip
        within(home, name, what)
    loop = fusing.train

    def counted(*given: Any) -> Iterator[Any]:
        begun = time.perf_counter()
        for row in loop(*given):
            spent["train"] += time.perf_counter() - begun
            yield row
            begun = time.perf_counter()
        spent["train"] += time.perf_counter() - begun

    fusing.train = counted
    return spent
