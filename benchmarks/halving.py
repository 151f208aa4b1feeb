"""B8 in its small form: 81 settings of a head on scattered digits, at most 27 epochs, stopped early.

Ours trains them fused; the expert trains one head at a time on features computed once, under optuna's Hyperband, or by
"one epoch, then the best three". All run the same settings from the same initial weights in the same order, without
dropout, so a setting goes the same way in every arm; regret is what the best found lacks to the best of all settings
trained to the end (`ours, all`). `ordinary run`: one setting, 27 epochs, the body run at every step. All cold.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from benchmarks import arms, rivals

MANY, EPOCHS, BATCH = (18, 3, 32) if arms.SMALL else (81, 27, 32)
DATA = f"digits(placement='scattered'{', per_class=20' if arms.SMALL else ''})"
OURS = {
    "ours, hyperband": "hyperband",
    "ours, halving": "halving",
    "ours, one epoch": "first-epoch",
    "ours, all": "none",
}
EXPERT = ("optuna's Hyperband", "expert, one epoch", "expert, all")
PLAIN = "ordinary run"


def rows(repeats: int = 5) -> list[dict[str, Any]]:
    """A row an arm: seconds, beside the ordinary run (R1) and our Hyperband (R2), epochs trained, regret in points."""
    slow = {"expert, all": 1, "ours, all": 2}
    found = arms.turn_about("halving", (*OURS, *EXPERT, PLAIN), repeats, most=slow)
    every, first, plain = found["ours, all"], found["ours, hyperband"], found[PLAIN]
    best = every[0].get("accuracy")
    table = []
    for arm, all_of in found.items():
        line: dict[str, Any] = {"arm": arm, "turns": len(all_of)} | arms.spans(all_of)
        if "least" in line:
            line |= {"R1": arms.ratio(all_of, plain), "R2": arms.ratio(all_of, first)}
            line |= {key: arms.middle(all_of, key) for key in ("epochs", "accuracy", "peak MB")}
            line["accuracy"] = round(line["accuracy"], 4)
            if best and arm != PLAIN:
                line["regret"] = round(100 * (best - line["accuracy"]), 2)
        table.append(line)
    return table


def _recipe() -> Any:
    import workbench as wb

    return wb.Recipe(DATA, regularizers="l2, l1", epochs=EPOCHS, batch_size=BATCH, precision="float32")


def ours(stopping: str, turn: str) -> dict[str, Any]:
    """`wb.search` with a stopping rule."""
    import alembic.command  # noqa: F401
    import optuna  # noqa: F401  # imports are outside the clock, as in the other arms
    import sqlalchemy.dialects.sqlite  # noqa: F401
    import timm  # noqa: F401

    import workbench as wb
    from workbench.searching import fusing  # noqa: F401

    settings, _ = rivals.proposed(_recipe(), MANY)
    started = time.perf_counter()
    study = wb.search(_recipe(), wb.Random(trials=MANY), stopping=stopping, metric="accuracy")
    seconds, results = time.perf_counter() - started, study.results()
    if [each["settings"] for each in results] != settings:
        raise SystemExit("the rivals were given other settings than ours tries")
    epochs = sum(each["epochs"] for each in results)
    return {"seconds": seconds, "accuracy": max(each["value"] or 0.0 for each in results), "epochs": epochs}


def expert(how: str, turn: str) -> dict[str, Any]:
    """Features once, then one head at a time."""
    import optuna
    import timm  # noqa: F401
    import torch

    settings, space = rivals.proposed(_recipe(), MANY)
    started = time.perf_counter()
    data, built, x = _read()
    at = torch.cat([data.train, data.valid])
    n, y = len(data.train), data.labels[at]
    with torch.no_grad():
        found = torch.cat([built.body(part) for part in x[at].split(64)])
    mean, std = rivals.spread_of(found[:n])
    found = (found - mean) / std
    parts = [(found[at], y[at]) for at in (slice(0, len(data.valid)), slice(n, None))]
    reached: list[float] = []  # validation accuracy of every epoch that was trained

    def trained(given: rivals.Settings, epochs: int, heed: Any = lambda epoch, told: None) -> float:
        def noted(epoch: int, told: rivals.Told) -> None:
            reached.append(told["accuracy"])
            heed(epoch, told)

        head = rivals.started(0, found.shape[1], len(data.classes))
        return rivals.head_alone(given, (found[:n], y[:n]), parts, head, epochs, BATCH, noted)["most"]

    def objective(trial: Any, given: rivals.Settings) -> float:
        def heed(epoch: int, told: rivals.Told) -> None:
            trial.report(told["accuracy"], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        return trained(given, EPOCHS, heed)

    torch.set_num_threads(1)  # small steps: no slower on a quiet machine, and much faster on a busy one
    if how == EXPERT[0]:
        pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=EPOCHS, reduction_factor=3)
        rivals.under_optuna(objective, settings, space, pruner, "maximize")
    elif how == EXPERT[1]:
        first = [trained(each, 1) for each in settings]
        for best in sorted(range(MANY), key=lambda each: -first[each])[:3]:
            trained(settings[best], EPOCHS)
    else:
        for each in settings:
            trained(each, EPOCHS)
    return {"seconds": time.perf_counter() - started, "accuracy": max(reached), "epochs": len(reached)}


def ordinary(turn: str) -> dict[str, Any]:
    """One setting to the end, the frozen body in eval mode run at every step and evaluation."""
    import timm  # noqa: F401
    import torch

    settings, _ = rivals.proposed(_recipe(), MANY)
    started = time.perf_counter()
    data, built, x = _read()
    with torch.no_grad():
        first = torch.cat([built.body(part) for part in x[data.train].split(64)])
    head = rivals.started(0, first.shape[1], len(data.classes))
    network = rivals.frozen(built.body, rivals.spread_of(first), head)
    train, *parts = [(x[at], data.labels[at]) for at in (data.train, data.train[: len(data.valid)], data.valid)]
    told = rivals.head_alone(settings[0], train, parts, head, EPOCHS, BATCH, forward=network)
    return {"seconds": time.perf_counter() - started, "accuracy": told["most"], "epochs": EPOCHS}


def _read() -> Any:
    from workbench.backbones.building import build

    recipe = _recipe()
    data = recipe.data.load()
    built = build(recipe.backbone, side=data.inputs.shape[-1], seed=0)
    return data, built, built.prepare(data.inputs)


if __name__ == "__main__":
    arms.answer(
        {arm: partial(ours, stopping) for arm, stopping in OURS.items()}
        | {arm: partial(expert, arm) for arm in EXPERT}
        | {PLAIN: ordinary}
    )
