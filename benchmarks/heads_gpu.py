"""B4, heads in one pass: 128 linear heads and 32 with a hidden layer on 50,000 x 768 features kept from before.

The features are drawn (a cloud a class): only times count here, and that each head learns as in the rival's loop.
`expert, one` is the plain loop on the device, features there too; `expert, all` and Lightning are that for all heads,
three measured and multiplied (extrapolated). Made for a GPU; `--small` shows it at work on a CPU. Ours measures both
parts an epoch with intervals, and trains heads where `workbench.learners.heads` puts them.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from benchmarks import arms, frameworks, rivals

CLASSES = 10
KINDS = {"linear": (128, 0), "hidden layer": (32, 1)}  # how many heads, hidden layers
FULL = {"train": 50_000, "valid": 10_000, "width": 768, "epochs": 10, "batch": 512, "hidden": 256}
SIZE = {"train": 2_000, "valid": 500, "width": 64, "epochs": 3, "batch": 128, "hidden": 32} if arms.SMALL else FULL
ARMS = ("ours", "expert, one", "expert, all", "Lightning")


def rows(repeats: int = 5) -> list[dict[str, Any]]:
    """A row a kind of head and arm: seconds, beside one ordinary run (R1) and ours (R2), loss of the first head."""
    table = []
    for kind, (many, _) in KINDS.items():
        found = arms.turn_about("heads_gpu", ARMS, repeats, kind)
        for arm, all_of in found.items():
            line: dict[str, Any] = {"kind": f"{many} {kind}", "arm": arm, "turns": len(all_of)} | arms.spans(all_of)
            if "least" in line:
                line |= {"R1": arms.ratio(all_of, found["expert, one"]), "R2": arms.ratio(all_of, found["ours"])}
                line |= {key: round(arms.middle(all_of, key), 5) for key in ("loss", "peak MB", "device MB")}
                line["note"] = f"on {all_of[0]['where']}{', extrapolated' if all_of[0].get('extrapolated') else ''}"
            table.append(line)
    most = arms.in_process("heads_gpu", "ceilings")
    return [*table, {"arm": "the machine at most", "note": arms.told(most)}]


def drawn() -> tuple[Any, Any]:
    """Features of both parts, one cloud a class, and labels."""
    import torch

    generator, examples = torch.Generator().manual_seed(0), SIZE["train"] + SIZE["valid"]
    labels = torch.randint(CLASSES, (examples,), generator=generator)
    centres = torch.randn(CLASSES, SIZE["width"], generator=generator)
    return torch.randn(examples, SIZE["width"], generator=generator) + 0.2 * centres[labels], labels


def _recipes(kind: str, many: int) -> list[Any]:
    import workbench as wb

    _, layers = KINDS[kind]
    recipe = wb.Recipe("digits", scope=f"head(layers={layers}, width={SIZE['hidden']})", regularizers="l2")
    recipe = recipe.replace(epochs=SIZE["epochs"], batch_size=SIZE["batch"], precision="float32")
    return [recipe.turned(each) for each in rivals.proposed(recipe, many)[0]]


def ours(kind: str, turn: str) -> dict[str, Any]:
    """All heads in one job; the features come from where kept ones do."""
    import torch

    from workbench import features
    from workbench.datasets.base import Data
    from workbench.job import Job
    from workbench.learners.plan import plan
    from workbench.trainer import Watch, train

    x, labels = drawn()
    at = torch.arange(len(x))
    parts = at[: SIZE["train"]], at[SIZE["train"] :], at[:0]
    blank = torch.zeros(len(x), 1, 1, 1, dtype=torch.uint8)
    data = Data(blank, labels, labels, tuple("abcdefghij"), *parts, fingerprint="drawn", keys=tuple(map(str, at)))
    features.kept = lambda built, data, rows, *rest: x[rows]
    recipes = _recipes(kind, KINDS[kind][0])
    started = time.perf_counter()
    job = Job(plan(recipes, data))
    for _ in train(job, Watch()):
        pass
    waited()
    seconds = time.perf_counter() - started
    loss = min(row["valid_loss"] for row in job.rows[1:])
    return {"seconds": seconds, "loss": loss, "where": str(job.learner.device)} | device_memory()


def rival(how: str, kind: str, turn: str) -> dict[str, Any]:
    """One head, or three of which all are reckoned."""
    import torch

    many, layers = KINDS[kind]
    where = "cuda" if torch.cuda.is_available() else "cpu"
    x, y = (each.to(where) for each in drawn())
    n, measured = SIZE["train"], 1 if how == "expert, one" else 3
    mean, std = rivals.spread_of(x[:n])
    x = (x - mean) / std
    parts = [(x[at], y[at]) for at in (slice(0, n), slice(0, SIZE["valid"]), slice(n, None))]
    recipes = _recipes(kind, many)[:measured]
    settings = [{"lr": each.lr, "l2.strength": each.regularizers[0].strength} for each in recipes]
    framework = frameworks.lightning() if how == "Lightning" else None
    waited()
    started, told = time.perf_counter(), []
    for given in settings:
        head = rivals.started(layers, x.shape[1], CLASSES, SIZE["hidden"]).to(where)
        if framework is None:
            told.append(rivals.head_alone(given, parts[0], parts[1:], head, SIZE["epochs"], SIZE["batch"]))
        else:
            network = rivals.frozen(torch.nn.Identity(), (x.new_zeros(1), x.new_ones(1)), head)
            told.append(framework(network, parts, given, SIZE["epochs"], SIZE["batch"]))
    waited()
    seconds = (time.perf_counter() - started) * (many / measured if measured > 1 else 1)
    return {"seconds": seconds, "loss": told[0]["loss"], "where": where, "extrapolated": measured > 1} | device_memory()


def waited() -> None:
    """Until the device has done what it was given."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def device_memory() -> dict[str, float]:
    """The most that lay on the device at once."""
    import torch

    return {"device MB": torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else 0.0}


def most() -> dict[str, float]:
    """The ceilings of the device."""
    import torch

    return arms.ceilings("cuda", 8192) if torch.cuda.is_available() else arms.ceilings()


if __name__ == "__main__":
    arms.answer({"ours": ours, "ceilings": most} | {arm: partial(rival, arm) for arm in ARMS[1:]})
