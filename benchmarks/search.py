"""A whole search beside one ordinary run: 32 settings of the digits recipe (L2, dropout, learning rate; 20 epochs).

`ordinary run`: a plain PyTorch loop over tensors in memory, one configuration, the frozen backbone in eval mode run at
every step and evaluation, as a framework's quick start has it. `expert, one`: the same on features computed once;
`expert, 32`: that for all 32, one after another. Each arm in a process of its own, imports outside the clock, no kept
features: ours computes them within it.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from benchmarks import arms, rivals

CONFIGURATIONS, EPOCHS, BATCH = 32, 20, 32
ARMS = ("ours, 32", "ordinary run", "expert, one", "expert, 32")
DATA = "digits(per_class=60)"


def rows(repeats: int = 5) -> list[dict[str, Any]]:
    """A row an arm: seconds (median, least, most), beside the ordinary run, and the best validation accuracy."""
    found = arms.turn_about("search", ARMS, repeats)
    return [
        {
            "arm": arm,
            **arms.spans(all_of),
            "beside the ordinary run": arms.ratio(all_of, found["ordinary run"]),
            "best validation accuracy": round(arms.middle(all_of, "accuracy"), 4),
        }
        for arm, all_of in found.items()
    ]


def _recipe() -> Any:
    import workbench as wb

    return wb.Recipe(DATA, regularizers="l2, dropout", epochs=EPOCHS, batch_size=BATCH, precision="float32")


def ours(turn: str) -> dict[str, float]:
    """`wb.search` as the README has it, with its study, rows, intervals and stopping looked at."""
    import alembic.command  # noqa: F401
    import optuna  # noqa: F401  # imports are outside the clock, as in the other arms
    import sklearn.datasets  # noqa: F401
    import sqlalchemy.dialects.sqlite  # noqa: F401
    import timm  # noqa: F401

    import workbench as wb
    from workbench.searching import fusing  # noqa: F401

    started = time.perf_counter()
    study = wb.search(_recipe(), wb.Random(trials=CONFIGURATIONS), metric="accuracy")
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "accuracy": float(study.best["value"])}  # type: ignore[index]


def rival(features_once: bool, many: int, turn: str) -> dict[str, float]:
    """What one writes by hand: the body frozen, a linear head, AdamW, an evaluation of both sides an epoch."""
    import sklearn.datasets  # noqa: F401
    import timm  # noqa: F401
    import torch

    from workbench.backbones.building import build

    settings, recipe = rivals.proposed(_recipe(), CONFIGURATIONS)[0][:many], _recipe()
    torch.manual_seed(int(turn))
    started = time.perf_counter()
    data = recipe.data.load()
    built = build(recipe.backbone, side=32, seed=0)
    x, y = built.prepare(data.inputs), data.labels
    with torch.no_grad():
        some = x if features_once else x[data.train]
        found = torch.cat([built.body(part) for part in some.split(256)])
    base = found[data.train] if features_once else found
    standard = rivals.spread_of(base)
    inputs = (found - standard[0]) / standard[1] if features_once else x
    train, *parts = [(inputs[at], y[at]) for at in (data.train, data.train[: len(data.valid)], data.valid)]

    def best(given: rivals.Settings) -> float:
        head = rivals.started(0, built.width, len(data.classes), drop=rivals.dropout(given["dropout.rate"]))
        network = head if features_once else rivals.frozen(built.body, standard, head)
        return rivals.head_alone(given, train, parts, head, EPOCHS, BATCH, forward=network)["accuracy"]

    accuracy = max(best(each) for each in settings)
    return {"seconds": time.perf_counter() - started, "accuracy": accuracy}


if __name__ == "__main__":
    kinds = {ARMS[1]: (False, 1), ARMS[2]: (True, 1), ARMS[3]: (True, CONFIGURATIONS)}
    arms.answer({ARMS[0]: ours} | {arm: partial(rival, *kind) for arm, kind in kinds.items()})
