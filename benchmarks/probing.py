"""The arms of `probes`: `python -m benchmarks.probing ARM KIND FOLDER TURN` is one turn of one of them."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import arms, frameworks, rivals
from benchmarks.probed import KINDS

Found = dict[str, Any]


def prepare(kind: str, folder: str) -> Found:
    """Write the examples, and the spread of their features; what the machine can, and whether it has matrix units.

    The floor of a search is each example through the backbone once and the heads' products, at the ceiling.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from workbench import features
    from workbench.learners.plan import resolved

    case, cpu = KINDS[kind], torch.device("cpu")
    case.write(Path(folder))
    data, built, _ = _read(kind, folder)
    with FlopCounterMode(display=False) as counted:
        found = [features.compute(built, data.inputs, rows, cpu, torch.float32) for rows in (data.train, data.valid)]
    torch.save(rivals.spread_of(found[0]), Path(folder) / "spread.pt")
    most = arms.ceilings()
    heads = case.epochs * 2 * built.width * len(data.classes) * (3 * case.train + 2 * case.valid)
    floors = {
        "search": counted.get_total_flops() + case.many * heads, "heads": case.heads * heads
    }  # fmt: skip
    rates = {name: 1e9 * most[f"{name} GFLOP/s"] for name in ("float32", "bfloat16")}
    return {
        "ceilings": most, "bfloat16": resolved("auto", cpu) == torch.bfloat16,
        "floors": {what: {name: many / rate for name, rate in rates.items()} for what, many in floors.items()},
    }  # fmt: skip


def _read(kind: str, folder: str) -> Any:
    """The data as ours reads it, the body with the same weights, and its examples: one tensor, or tokens or frames."""
    import torch

    from workbench.backbones.building import build_for

    recipe = KINDS[kind].recipe(folder)
    data = recipe.data.load()
    built = build_for(recipe.backbone, data, 0)
    alike = isinstance(data.inputs, torch.Tensor)
    return data, built, built.prepare(data.inputs) if alike else built.encode(data.inputs)


def _begun() -> tuple[float, float]:
    """Seconds of the process before the clock, and the clock."""
    import psutil

    return time.time() - psutil.Process().create_time(), time.perf_counter()


def _said(begun: tuple[float, float], told: list[rivals.Told], first: int = 0, **about: Any) -> Found:
    """What an arm found: its trials' best epochs, and the best of them by validation loss."""
    seconds = time.perf_counter() - begun[1]
    best = min(range(len(told)), key=lambda at: told[at]["loss"])
    found: Found = {"before": begun[0], "seconds": seconds, "winner": first + best} | told[best] | about
    return found | {"accuracies": {str(first + at): each["accuracy"] for at, each in enumerate(told)}}


def _imports() -> None:
    """What is outside the clock in every arm."""
    import alembic.command  # noqa: F401
    import optuna  # noqa: F401
    import sklearn.linear_model  # noqa: F401
    import soundfile  # noqa: F401
    import sqlalchemy.dialects.sqlite  # noqa: F401
    import timm  # noqa: F401
    from transformers import DistilBertModel, WhisperModel  # noqa: F401


# -- ours --------------------------------------------------------------------------------------------------------------


def ours(kind: str, folder: str, turn: str, precision: str = "float32", space: Any = None) -> Found:
    """`wb.search` as the README has it: study, rows, intervals, storage; its parts are timed as they pass."""
    import workbench as wb

    _imports()
    case = KINDS[kind]
    recipe = case.recipe(folder, precision=precision)
    spent = arms.timed(type(recipe.data))
    begun = _begun()
    study = wb.search(recipe, wb.Random(trials=case.many), space, metric="loss")
    told = [{"loss": each["value"], "accuracy": each["row"]["valid_accuracy"]} for each in study.results()]
    found = _said(begun, told, reading=spent["reading"])
    heads = spent["train"] - spent["watch"]
    return found | {
        "heads": heads, "control": found["seconds"] - sum(spent[part] for part in ("reading", "plan")) - heads,
        "building": spent["plan"] - spent["kept"],
        "extracting": spent["compute"], "features": spent["kept"], "computed": spent["examples"],
    }  # fmt: skip


def second(kind: str, folder: str, turn: str) -> Found:
    """Another search over the same prefix, after the first in a process of its own: nothing is left to extract."""
    import workbench as wb

    command = [sys.executable, "-m", "benchmarks.probing", "ours", kind, folder, turn]
    subprocess.run(command, check=True, capture_output=True)
    space = {"lr": wb.Range(1e-4, 1e-2, log=True), "l2.strength": None, "dropout.rate": None}
    found = ours(kind, folder, turn, space=space)
    return {key: value for key, value in found.items() if key not in ("accuracies", "winner", "loss", "accuracy")}


def heads(mine: bool, kind: str, folder: str, turn: str) -> Found:
    """The head phase alone, features in memory: 32 heads at once, or one after another, one thread each."""
    import torch

    from workbench.job import Job
    from workbench.learners.plan import plan
    from workbench.trainer import Watch, train

    case = KINDS[kind]
    recipe = case.recipe(folder, "l2, l1")
    settings, _ = rivals.proposed(recipe, case.heads)
    planned = plan([recipe.turned(each) for each in settings])
    x, y, n = planned.learner.features, planned.learner.labels, len(planned.data.train)
    if mine:
        begun, job = _begun(), Job(planned)
        for _ in train(job, Watch()):
            pass
        best = [min(own[1:], key=lambda row: row["valid_loss"]) for own in job.rows_of]
        return _said(begun, [{"loss": row["valid_loss"], "accuracy": row["valid_accuracy"]} for row in best])
    torch.set_num_threads(1)
    parts = [(x[at], y[at]) for at in (slice(0, case.valid), slice(n, None))]
    begun = _begun()
    told = [
        rivals.head_alone(
            each, (x[:n], y[:n]), parts, rivals.started(0, x.shape[1], case.classes), case.epochs, case.batch
        )
        for each in settings
    ]
    return _said(begun, told)


# -- rivals ------------------------------------------------------------------------------------------------------------


def _embedded(kind: str, folder: str, precision: str) -> Any:
    """One pass through the body, examples of about one length together, standardised: data, inputs, labels, times."""
    import torch

    from workbench.features import alike

    started = time.perf_counter()
    data, built, x = _read(kind, folder)
    reading = time.perf_counter() - started
    rows = torch.cat([data.train, data.valid])
    x, size = x[rows], KINDS[kind].batch
    own = isinstance(x, torch.Tensor)
    computed = torch.zeros(len(rows), built.width)
    half = torch.autocast("cpu", torch.bfloat16) if precision == "bfloat16" else nullcontext()
    with torch.no_grad(), half:
        for at in torch.arange(len(rows)).split(size) if own else alike(x.lengths, size):
            computed[at] = built.body(x[at] if own else built.prepare(x[at])).float()
    mean, std = rivals.spread_of(computed[: len(data.train)])
    return data, (computed - mean) / std, data.labels[rows], reading


def expert(kind: str, folder: str, turn: str, precision: str = "float32") -> Found:
    """Reading, one pass through the body, then all settings under optuna, one after another."""
    import torch

    _imports()
    case = KINDS[kind]
    settings, space = rivals.proposed(case.recipe(folder), case.many)
    begun = _begun()
    data, computed, y, reading = _embedded(kind, folder, precision)
    n = len(data.train)
    parts = [(computed[at], y[at]) for at in (slice(0, min(n, case.valid)), slice(n, None))]

    def tried(given: rivals.Settings, steps: int = 0) -> rivals.Told:
        drop = rivals.dropout(given["dropout.rate"], steps)
        head = rivals.started(0, computed.shape[1], len(data.classes), drop=drop)
        return rivals.head_alone(given, (computed[:n], y[:n]), parts, head, case.epochs, case.batch)

    def objective(trial: Any, given: rivals.Settings) -> float:
        told.append(tried(given))
        return told[-1]["loss"]

    told: list[rivals.Told] = []
    torch.manual_seed(int(turn))
    torch.set_num_threads(1)  # small steps: no slower on a quiet machine, and much faster on a busy one
    rivals.under_optuna(objective, settings, space)
    found = _said(begun, told, reading=reading)
    if turn == "0":  # outside the clock: with the masks of our own runs, everything must come out as there
        again = _said(begun, [tried(each, -(-n // case.batch)) for each in settings])
        found["same draws"] = {key: again[key] for key in ("winner", "loss", "accuracy")}
    return found


def scikit(kind: str, folder: str, turn: str, precision: str = "float32") -> Found:
    """The same embeddings, then scikit-learn's logistic regression to its end, one for each strength of L2."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    _imports()
    case = KINDS[kind]
    settings, _ = rivals.proposed(case.recipe(folder), case.many)
    begun = _begun()
    data, computed, y, reading = _embedded(kind, folder, precision)
    n, told = len(data.train), []
    x, y = computed.numpy(), y.numpy()
    for given in settings:
        model = LogisticRegression(C=1 / (2 * n * given["l2.strength"]), max_iter=1000).fit(x[:n], y[:n])
        said = model.predict_proba(x[n:])
        told.append({"loss": float(log_loss(y[n:], said)), "accuracy": float((said.argmax(1) == y[n:]).mean())})
    found = _said(begun, told, reading=reading)
    return {key: value for key, value in found.items() if key != "winner"}  # other settings, so no same winner


def default_user(how: Any, kind: str, folder: str, turn: str) -> Found:
    """One setting (another each turn) with the body run at every step: as a loop, or by a framework under optuna.

    Batches in random order, padded to their longest example.
    """
    import torch

    _imports()
    case = KINDS[kind]
    (settings, space), at = rivals.proposed(case.recipe(folder), case.many), int(turn)
    standard, told = torch.load(Path(folder) / "spread.pt"), []
    torch.manual_seed(at)
    how = how()
    begun = _begun()
    data, built, x = _read(kind, folder)
    reading = time.perf_counter() - begun[1]
    parts = [(x[at], data.labels[at]) for at in (data.train, data.train[: case.valid], data.valid)]
    prepare = None if isinstance(x, torch.Tensor) else built.prepare

    def objective(trial: Any, given: rivals.Settings) -> float:
        head = rivals.started(0, built.width, len(data.classes), drop=rivals.dropout(given["dropout.rate"]))
        network = rivals.frozen(built.body, standard, head, prepare)
        told.append(how(network, parts, given, case.epochs, case.batch))
        return told[-1]["loss"]

    if how is plain:
        objective(None, settings[at])
        return _said(begun, told, at, reading=reading)
    rivals.under_optuna(objective, settings[at : at + 1], space)
    found = _said(begun, told, at, reading=reading)
    return found | {"seconds": reading + case.many * (found["seconds"] - reading)}


def plain(network: Any, parts: Any, given: rivals.Settings, epochs: int, batch: int) -> rivals.Told:
    """The plain loop."""
    train, *evaluated = parts
    return rivals.head_alone(given, train, evaluated, network.head, epochs, batch, forward=network)


if __name__ == "__main__":
    ARMS: dict[str, Any] = {"prepare": prepare, "ours": ours, "ours, second search": second}
    ARMS |= {"expert": expert, "scikit-learn": scikit, "ours, bfloat16": partial(ours, precision="auto")}
    ARMS |= {f"{name}, bfloat16": partial(ARMS[name], precision="bfloat16") for name in ("expert", "scikit-learn")}
    kinds = {"ordinary run": lambda: plain, "HF Trainer": frameworks.hf_trainer, "Lightning": frameworks.lightning}
    kinds |= {"fastai": frameworks.fastai}
    ARMS |= {name: partial(default_user, how) for name, how in kinds.items()}
    ARMS |= {name: partial(heads, name.startswith("ours")) for name in ("ours, heads", "expert, heads")}
    arms.answer(ARMS)
