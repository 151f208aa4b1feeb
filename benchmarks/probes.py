"""B1 and B2: a search over settings of a head on a frozen body, on photographs, texts and clips.

`ordinary run`: a plain PyTorch loop over examples in memory, one setting, the body in eval mode run at every step and
evaluation, batches padded to their longest example. HF Trainer (with Lightning and fastai on photographs) does the same
under optuna, a trial a turn in the first three turns, times the number of settings (extrapolated). `expert`: the plain
loop on features computed once, those of about a length together, all settings under optuna, ended rows in memory;
`scikit-learn`: its logistic regression on the same features, to its end, a fit for each strength of L2. All but that
evaluate the same two parts an epoch. `bfloat16` stands where the machine has matrix units for it: ours with
`precision="auto"`, the expert's features under autocast; ordinary runs and frameworks stay in float32. Outputs are
standardised by the training part: for the frameworks outside their clock. Our L1 leaves weights at exactly zero, the
rivals' follows its subgradient, so where it is strong the two part by a little.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks import arms
from benchmarks.probed import KINDS, Probed

SLOW = ("HF Trainer", "Lightning", "fastai")
OURS, SECOND, PLAIN, EXPERT, HALF = "ours", "ours, second search", "ordinary run", "expert", ", bfloat16"
PHASE = ("ours, heads", "expert, heads")
Turns = list[dict[str, Any]]


def rows(repeats: int = 5) -> list[dict[str, Any]]:
    """A row an arm: seconds, beside the ordinary run (R1) and ours (R2), the floor over ours (F), and the gates."""
    kinds = [each for each in os.environ.get("BENCHMARKS_PARTS", "").split(",") if each] or [*KINDS]
    if unknown := [each for each in kinds if each not in KINDS]:
        raise SystemExit(f"--parts must be of {', '.join(KINDS)}; {unknown[0]!r} is none.")
    return [row for kind in kinds for row in _of(kind, KINDS[kind], repeats)]


def _of(kind: str, case: Probed, repeats: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        about = arms.in_process("probing", "prepare", kind, folder)
        if "not run" in about:
            raise SystemExit(f"{case.what} could not be prepared: {about['not run']}")
        whole = _arms(kind, about["bfloat16"])
        phase = PHASE if kind == "vision" else ()
        most = dict.fromkeys(SLOW, 3)
        found = arms.turn_about("probing", (*whole, *phase), repeats, kind, folder, most=most)
    table = [_line(case, arm, found, about["floors"]["search"]) for arm in whole]
    table += [_line(case, arm, found, about["floors"]["heads"], PHASE[0]) for arm in phase]
    ends = [{"arm": "goals", "note": case.goals}, {"arm": "the machine at most", "note": arms.told(about["ceilings"])}]
    return [{"what": case.what} | row for row in [*table, *_gates(case, found), *ends]]


def _arms(kind: str, half: bool) -> tuple[str, ...]:
    """Those of a kind; with matrix units also those in bfloat16."""
    experts = (EXPERT,) if kind == "vision" else (EXPERT, "scikit-learn")
    more = tuple(f"{arm}{HALF}" for arm in (OURS, *experts)) if half else ()
    return (OURS, SECOND, PLAIN, *experts, *more, *(SLOW if kind == "vision" else SLOW[:1]))


def _line(case: Probed, arm: str, found: dict[str, Turns], floor: dict[str, float], first: str = OURS) -> Any:
    all_of, ours, half = found[arm], found[first], found.get(f"{OURS}{HALF}", [])
    line: dict[str, Any] = {"arm": arm, "turns": len(all_of)} | arms.spans(all_of)
    if "least" not in line:
        return line
    if arm.startswith("ours"):
        line["F"] = round(floor["bfloat16" if arm.endswith(HALF) else "float32"] / arms.middle(all_of), 3)
    if first == OURS:
        line["R1"] = arms.ratio(all_of, found[PLAIN])
        line["R2 bfloat16"] = arms.ratio(all_of, half)
    line |= {"R2": arms.ratio(all_of, ours), "reading": round(arms.middle(all_of, "reading"), 2)}
    line |= {"before the clock": round(arms.middle(all_of, "before"), 1), "peak MB": arms.middle(all_of, "peak MB")}
    if "loss" in all_of[0]:
        line |= {key: round(arms.middle(all_of, key), 4) for key in ("loss", "accuracy")}
        line["winner"] = ", ".join(
            str(each) for each in sorted({each["winner"] for each in all_of if "winner" in each})
        )
    line["points off ours"] = _apart(all_of, ours)
    return line | {"note": f"extrapolated: {case.many} times one trial" if arm in SLOW else ""}


def _apart(all_of: Turns, ours: Turns) -> Any:
    """Points of validation accuracy by which the arm's best is ahead of the same in ours: median over the turns."""
    if not ours or "accuracies" not in ours[0]:
        return None
    pairs = [(each, ours[0]["accuracies"].get(str(each.get("winner")))) for each in all_of if "accuracy" in each]
    if pairs and len(all_of[0].get("accuracies", ())) > 1:  # whole searches: best beside best
        pairs = [(each, ours[0]["accuracy"]) for each, _ in pairs]
    apart = [100 * (each["accuracy"] - mine) for each, mine in pairs if mine is not None]
    return round(statistics.median(apart), 2) if apart else None


def _gates(case: Probed, found: dict[str, Turns]) -> Iterator[dict[str, Any]]:
    for arm in (OURS, f"{OURS}{HALF}"):
        if own := [each for each in found.get(arm, ()) if "seconds" in each]:
            yield _spent(case, arm, own)
    ours, second = ([each for each in found[arm] if "seconds" in each] for arm in (OURS, SECOND))
    if not ours or not second:
        return
    for arm in (EXPERT, f"{EXPERT}{HALF}"):
        mine = found[OURS if arm == EXPERT else f"{OURS}{HALF}"][0] if arm in found else {}
        for each in [each["same draws"] for each in found.get(arm, ()) if "same draws" in each and "loss" in mine]:
            yield {
                "arm": f"gate: {arm} with our masks",
                "note": f"winner {each['winner']} (ours {mine['winner']}), accuracy {each['accuracy']:.4f} "
                f"({mine['accuracy']:.4f}), loss {each['loss']:.5f} ({mine['loss']:.5f})",
            }
    again = arms.middle(second, "extracting")
    yield {
        "arm": f"{SECOND}: of which",
        "note": f"{arms.middle(second, 'computed'):.0f} examples through the backbone, "
        f"{1000 * arms.middle(second, 'features'):.1f} ms for its features, extraction "
        f"{100 * again / arms.middle(ours, 'extracting'):.2f} % of the first's (gate: 2 %)",
    }


def _spent(case: Probed, arm: str, own: Sequence[dict[str, Any]]) -> dict[str, Any]:
    control, seconds = arms.middle(own, "control"), arms.middle(own)
    parts = ", ".join(f"{key} {arms.middle(own, key):.2f} s" for key in ("reading", "building", "extracting", "heads"))
    return {
        "arm": f"{arm}: of which",
        "note": f"{parts}, control of the search {1000 * control / case.many:.1f} ms a trial "
        f"({100 * control / seconds:.1f} % of the wall time)",
    }
