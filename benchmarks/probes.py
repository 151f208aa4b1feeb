"""B1, vision probes: 16 settings of a head on a frozen ResNet-18 at 96 px, 600 + 200 photographs, 10 epochs.

`ordinary run`: a plain PyTorch loop over tensors in memory, one setting, the body in eval mode run at every step and
evaluation. HF Trainer, Lightning and fastai do the same under optuna, a trial a turn in the first three turns, times 16
(extrapolated). `expert, 16`: the plain loop on features computed once, all settings under optuna, ended rows in memory.
All evaluate the same two parts an epoch. The photographs are CIFAR-10's, brought to 96 px (`WORKBENCH_TEST_DATA` names
their folder); the body's weights are random, since no hub is needed so, which changes accuracies and no timing.
Outputs are standardised by the training part: for the frameworks outside their clock. Our L1 leaves weights at exactly
zero, the rivals' follows its subgradient, so where it is strong the two part by a little.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import arms, frameworks, images, rivals

MANY, HEADS, BATCH, SIDE, MODEL = 16, 32, 32, 96, "resnet18"
EPOCHS, EACH = (1, (6, 4)) if arms.SMALL else (10, (60, 20))  # pictures of each class to train on and to validate
TRAIN, VALID = 10 * EACH[0], 10 * EACH[1]
SLOW = ("HF Trainer", "Lightning", "fastai")
WHOLE = ("ours, 16", "ours, second search", "ordinary run", "expert, 16", *SLOW)
PHASE = ("ours, 32 heads", "expert, 32 heads")


def rows(repeats: int = 5) -> list[dict[str, Any]]:
    """A row an arm: seconds, beside the ordinary run (R1) and ours (R2), the floor over ours (F), and the gates."""
    with tempfile.TemporaryDirectory() as folder:
        about = arms.in_process("probes", "prepare", folder)
        if "not run" in about:
            raise SystemExit(f"the photographs could not be prepared: {about['not run']}")
        found = arms.turn_about("probes", (*WHOLE, *PHASE), repeats, folder, most=dict.fromkeys(SLOW, 3))
    ours, plain = found["ours, 16"], found["ordinary run"]
    table = [_line(arm, found[arm], ours, plain, about["search seconds"]) for arm in WHOLE]
    phase = found[PHASE[0]]
    table += [_line(arm, found[arm], phase, plain, about["heads seconds"]) for arm in PHASE]
    return [*table, *_gates(found), {"arm": "the machine at most", "note": arms.told(about["ceilings"])}]


def _line(arm: str, all_of: list[dict[str, Any]], ours: list[dict[str, Any]], plain: Any, floor: float) -> Any:
    found: dict[str, Any] = {"arm": arm, "turns": len(all_of)} | arms.spans(all_of)
    if "least" not in found:
        return found
    if arm.startswith("ours"):
        found["F"] = round(floor / arms.middle(all_of), 3)
    if arm in WHOLE:
        found["R1"] = arms.ratio(all_of, plain)
    found |= {"R2": arms.ratio(all_of, ours), "reading": round(arms.middle(all_of, "reading"), 2)}
    found |= {"before the clock": round(arms.middle(all_of, "before"), 1), "peak MB": arms.middle(all_of, "peak MB")}
    if "loss" in all_of[0]:
        found |= {key: round(arms.middle(all_of, key), 4) for key in ("loss", "accuracy")}
        found["winner"] = ", ".join(str(each) for each in sorted({each["winner"] for each in all_of}))
    found["points off ours"] = _apart(all_of, ours)
    note = f"extrapolated: {MANY} times one trial" if arm in SLOW else ""
    return found | {"note": note}


def _apart(all_of: list[dict[str, Any]], ours: list[dict[str, Any]]) -> Any:
    """Points of validation accuracy by which the arm's best is ahead of the same in ours: median over the turns."""
    pairs = [(each, ours[0]["accuracies"].get(str(each["winner"]))) for each in all_of if "winner" in each]
    if len(pairs) and len(all_of[0].get("accuracies", ())) > 1:  # whole searches: best beside best
        pairs = [(each, ours[0]["accuracy"]) for each, _ in pairs]
    apart = [100 * (each["accuracy"] - mine) for each, mine in pairs if mine is not None]
    return round(statistics.median(apart), 2) if apart else None


def _gates(found: dict[str, list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    ours, second = ([each for each in found[arm] if "seconds" in each] for arm in WHOLE[:2])
    if not ours or not second:
        return
    control, extracted = arms.middle(ours, "control"), arms.middle(ours, "extracting")
    yield {
        "arm": "ours, 16: of which",
        "note": f"extraction {extracted:.2f} s, heads {arms.middle(ours, 'heads'):.2f} s, control of the search "
        f"{1000 * control / MANY:.1f} ms a trial ({100 * control / arms.middle(ours):.1f} % of the wall time)",
    }
    same = [each["same draws"] for each in found["expert, 16"] if "same draws" in each]
    for each in same:
        yield {
            "arm": "gate: expert with our masks",
            "note": f"winner {each['winner']} (ours {ours[0]['winner']}), accuracy {each['accuracy']:.4f} "
            f"({ours[0]['accuracy']:.4f}), loss {each['loss']:.5f} ({ours[0]['loss']:.5f})",
        }
    again = arms.middle(second, "extracting")
    yield {
        "arm": "ours, second search: of which",
        "note": f"{arms.middle(second, 'computed'):.0f} examples through the backbone, "
        f"{1000 * arms.middle(second, 'features'):.1f} ms for its features, extraction {100 * again / extracted:.2f} % "
        f"of the first's (gate: 2 %)",
    }


# -- what all arms share -----------------------------------------------------------------------------------------------


def prepare(folder: str) -> dict[str, Any]:
    """Write the photographs as a folder of classes with parts, and the spread of their features; what the machine can.

    The floor of a search is each example through the backbone once and the heads' products, at the ceiling for float32.
    """
    import torch

    from workbench import features

    images.written(Path(folder) / "photographs", *EACH)
    data, built, x = _read(folder)
    found = features.compute(built, data.inputs, data.train, "cpu", torch.float32)
    torch.save(rivals.spread_of(found), Path(folder) / "spread.pt")
    most = arms.ceilings()
    examples, each = TRAIN + VALID, 2 * built.width * len(data.classes)
    heads = EPOCHS * each * (3 * TRAIN + 2 * VALID)
    rate = 1e9 * most["float32 GFLOP/s"]
    body = examples * arms.operations(built.body, x[:1])
    return {"ceilings": most, "search seconds": (body + MANY * heads) / rate, "heads seconds": HEADS * heads / rate}


def _recipe(folder: str, regularizers: str = "l2, dropout, l1") -> Any:
    import workbench as wb

    data = wb.Images(folder=str(Path(folder) / "photographs"), size=SIDE)
    body = wb.backbone(MODEL, "random")
    return wb.Recipe(
        data, body, regularizers=regularizers, batch_size=BATCH, epochs=EPOCHS, precision="float32"
    )  # fmt: skip


def _read(folder: str) -> Any:
    """The data as ours reads it, the body with the same random weights, and the pictures prepared."""
    from workbench.backbones.building import build

    recipe = _recipe(folder)
    data = recipe.data.load()
    built = build(recipe.backbone, side=SIDE, seed=0)
    return data, built, built.prepare(data.inputs)


def _begun() -> tuple[float, float]:
    """Seconds of the process before the clock, and the clock."""
    import psutil

    return time.time() - psutil.Process().create_time(), time.perf_counter()


def _said(begun: tuple[float, float], told: list[rivals.Told], first: int = 0, **about: Any) -> dict[str, Any]:
    """What an arm found: its trials' best epochs, and the best of them by validation loss."""
    seconds = time.perf_counter() - begun[1]
    best = min(range(len(told)), key=lambda at: told[at]["loss"])
    found: dict[str, Any] = {"before": begun[0], "seconds": seconds, "winner": first + best} | told[best] | about
    return found | {"accuracies": {str(first + at): each["accuracy"] for at, each in enumerate(told)}}


# -- ours --------------------------------------------------------------------------------------------------------------


def ours(folder: str, turn: str, space: Any = None) -> dict[str, Any]:
    """`wb.search` as the README has it: study, rows, intervals, storage; its parts are timed as they pass."""
    import alembic.command  # noqa: F401
    import optuna  # noqa: F401  # imports are outside the clock, as in the other arms
    import sqlalchemy.dialects.sqlite  # noqa: F401
    import timm  # noqa: F401

    import workbench as wb

    spent = arms.timed()
    begun = _begun()
    study = wb.search(_recipe(folder), wb.Random(trials=MANY), space, metric="loss")
    told = [{"loss": each["value"], "accuracy": each["row"]["valid_accuracy"]} for each in study.results()]
    found = _said(begun, told, reading=spent["reading"])
    heads = spent["train"] - spent["watch"]
    control = found["seconds"] - spent["plan"] - heads
    return found | {
        "heads": heads, "control": control, "extracting": spent["compute"], "features": spent["kept"],
        "computed": spent["examples"],
    }  # fmt: skip


def second(folder: str, turn: str) -> dict[str, Any]:
    """Another search over the same prefix, after the first in a process of its own: nothing is left to extract."""
    import workbench as wb

    subprocess.run([sys.executable, "-m", "benchmarks.probes", WHOLE[0], folder, turn], check=True, capture_output=True)
    found = ours(folder, turn, {"lr": wb.Range(1e-4, 1e-2, log=True), "l2.strength": None, "dropout.rate": None})
    return {key: value for key, value in found.items() if key not in ("accuracies", "winner", "loss", "accuracy")}


def heads(mine: bool, folder: str) -> dict[str, Any]:
    """The head phase alone, features in memory: 32 heads at once, or one after another, one thread each."""
    import torch

    from workbench.job import Job
    from workbench.learners.plan import plan
    from workbench.trainer import Watch, train

    recipe = _recipe(folder, "l2, l1")
    settings, _ = rivals.proposed(recipe, HEADS)
    planned = plan([recipe.turned(each) for each in settings])
    x, y, n = planned.learner.features, planned.learner.labels, len(planned.data.train)
    if mine:
        begun, job = _begun(), Job(planned)
        for _ in train(job, Watch()):
            pass
        best = [min(own[1:], key=lambda row: row["valid_loss"]) for own in job.rows_of]
        return _said(begun, [{"loss": row["valid_loss"], "accuracy": row["valid_accuracy"]} for row in best])
    torch.set_num_threads(1)
    parts = [(x[at], y[at]) for at in (slice(0, VALID), slice(n, None))]
    begun = _begun()
    told = [
        rivals.head_alone(each, (x[:n], y[:n]), parts, rivals.started(0, x.shape[1], 10), EPOCHS, BATCH)
        for each in settings
    ]
    return _said(begun, told)


# -- rivals ------------------------------------------------------------------------------------------------------------


def expert(folder: str, turn: str) -> dict[str, Any]:
    """Reading, one pass through the body, then all settings under optuna, one after another."""
    import optuna  # noqa: F401
    import timm  # noqa: F401
    import torch

    settings, space = rivals.proposed(_recipe(folder), MANY)
    begun = _begun()
    data, built, x = _read(folder)
    reading = time.perf_counter() - begun[1]
    with torch.no_grad():
        computed = torch.cat([built.body(part) for part in x[torch.cat([data.train, data.valid])].split(BATCH)])
    n, y = len(data.train), data.labels[torch.cat([data.train, data.valid])]
    mean, std = rivals.spread_of(computed[:n])
    computed = (computed - mean) / std
    parts = [(computed[at], y[at]) for at in (slice(0, VALID), slice(n, None))]

    def tried(given: rivals.Settings, steps: int = 0) -> rivals.Told:
        drop = rivals.dropout(given["dropout.rate"], steps)
        head = rivals.started(0, computed.shape[1], len(data.classes), drop=drop)
        return rivals.head_alone(given, (computed[:n], y[:n]), parts, head, EPOCHS, BATCH)

    def objective(trial: Any, given: rivals.Settings) -> float:
        told.append(tried(given))
        return told[-1]["loss"]

    told: list[rivals.Told] = []
    torch.manual_seed(int(turn))
    torch.set_num_threads(1)  # small steps: no slower on a quiet machine, and much faster on a busy one
    rivals.under_optuna(objective, settings, space)
    found = _said(begun, told, reading=reading)
    if turn == "0":  # outside the clock: with the masks of our own runs, everything must come out as there
        again = _said(begun, [tried(each, -(-n // BATCH)) for each in settings])
        found["same draws"] = {key: again[key] for key in ("winner", "loss", "accuracy")}
    return found


def default_user(how: Any, folder: str, turn: str) -> dict[str, Any]:
    """One setting (another each turn) with the body run at every step: as a loop, or by a framework under optuna."""
    import timm  # noqa: F401
    import torch

    (settings, space), at = rivals.proposed(_recipe(folder), MANY), int(turn)
    standard, told = torch.load(Path(folder) / "spread.pt"), []
    torch.manual_seed(at)
    how = how()
    begun = _begun()
    data, built, x = _read(folder)
    reading = time.perf_counter() - begun[1]
    parts = [(x[at], data.labels[at]) for at in (data.train, data.train[:VALID], data.valid)]

    def objective(trial: Any, given: rivals.Settings) -> float:
        head = rivals.started(0, built.width, len(data.classes), drop=rivals.dropout(given["dropout.rate"]))
        told.append(how(rivals.frozen(built.body, standard, head), parts, given, EPOCHS, BATCH))
        return told[-1]["loss"]

    if how is plain:
        objective(None, settings[at])
        return _said(begun, told, at, reading=reading)
    rivals.under_optuna(objective, settings[at : at + 1], space)
    found = _said(begun, told, at, reading=reading)
    trial = found["seconds"] - reading
    return found | {"seconds": reading + MANY * trial}


def plain(network: Any, parts: Any, given: rivals.Settings, epochs: int, batch: int) -> rivals.Told:
    """The plain loop."""
    train, *evaluated = parts
    return rivals.head_alone(given, train, evaluated, network.head, epochs, batch, forward=network)


if __name__ == "__main__":
    ARMS: dict[str, Any] = {"prepare": prepare, "ours, 16": ours, "ours, second search": second, "expert, 16": expert}
    kinds = {"ordinary run": lambda: plain, "HF Trainer": frameworks.hf_trainer, "Lightning": frameworks.lightning}
    kinds |= {"fastai": frameworks.fastai}
    ARMS |= {name: partial(default_user, how) for name, how in kinds.items()}
    ARMS |= {name: lambda folder, turn, mine=(name == PHASE[0]): heads(mine, folder) for name in PHASE}
    arms.answer(ARMS)
