"""The verdict on runs planted to be of each kind, in three domains: how many are named right.

`python -m benchmarks diagnosis` trains them again, on seeds that the rules were not tuned on, writes their rows to
`tests/fixtures/diagnosis.jsonl.gz`, and prints a row a kind and domain. `--small`: the seeds to tune on, not written.
"""

from __future__ import annotations

import gzip
import json
import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import workbench as wb
from benchmarks import arms

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures" / "diagnosis.jsonl.gz"
EASY = [0, 3]  # classes of the easy task
TUNE, TOLD = range(100, 104), range(4)  # seeds
DOMAINS = {"vision": wb.Digits, "language": wb.Docstrings, "speech": wb.Vowels}
KEPT = ("epoch", "step", "train_loss", "valid_loss", "train_accuracy", "valid_accuracy", "valid_confidence", "gap_loss",
        "gap_loss_low", "gap_loss_high", "gap_accuracy", "low", "high", "rise", "rise_low", "rise_high", "objective",
        "penalty", "lr", "clean_train_accuracy", "memorised")  # fmt: skip


def planted(domain: str, seed: int) -> Iterator[tuple[str, Any, Any]]:
    """Kind, recipe, and what is done to the data first (a function of the loaded data), for each kind."""
    from workbench import diagnosis as d

    data = DOMAINS[domain]
    few, many = data(per_class=10, seed=seed), data(seed=seed)
    base = wb.Recipe(few, lr=1e-2, batch_size=25, epochs=60, seed=seed, precision="float32")
    calm = base.replace(lr=1e-3, regularizers="l2(strength=0.3)")
    wrong = base.replace(data=data(per_class=15, label_noise=0.4, seed=seed))
    yield d.LEARNING, base.replace(data=many, lr=2e-4, epochs=6, batch_size=32), None
    yield d.LEARNING, base.replace(lr=1e-3, epochs=8), None
    yield d.MEMORISING, wrong, None
    yield d.OVERFITTING, wrong, _unknown  # wrong labels of which nobody knows
    yield d.OVERFITTING, base.replace(scope="head(layers=2, width=256)", epochs=100), None
    yield d.GAP, calm, None
    yield d.WELL, calm.replace(data=many, epochs=80), _easy
    yield d.UNDERFITTING, base.replace(data=many, regularizers="l1(strength=0.15)", epochs=30), None
    yield d.TOO_FEW, base.replace(epochs=20), _cut
    yield d.LEAKING, base.replace(data=data(per_class=30, seed=seed)), _copied
    swinging = base.replace(optimizer="sgd(momentum=0.0)", lr=10.2, regularizers="l2(strength=0.1)")
    yield d.DIVERGING, swinging, None  # each step carries a weight over zero, 1.04 times as far as it was


def _unknown(data: Any) -> Any:
    """The wrong labels as if they were the true ones."""
    return replace(data, true_labels=data.labels.clone())


def _easy(data: Any) -> Any:
    """Two of the classes alone."""
    import torch

    kept = torch.isin(data.labels, torch.tensor(EASY))
    parts = {name: (at := getattr(data, name))[kept[at]] for name in ("train", "valid", "test")}
    return replace(data, **parts)


def _cut(data: Any) -> Any:
    """A validation part of sixteen."""
    return replace(data, valid=data.valid[:: max(1, len(data.valid) // 16)][:16])


def _copied(data: Any) -> Any:
    """A third of the validation part is among the training examples too."""
    many = max(1, min(len(data.train), len(data.valid)) // 3)
    import torch

    return replace(data, valid=torch.cat([data.train[:many], data.valid[many:]]))


def runs(seeds: Any) -> Iterator[dict[str, Any]]:
    """Every planted run: kind, domain, seed, recipe, twins, rows of the columns that the verdict reads."""
    from workbench.errors import Diverged
    from workbench.job import Job
    from workbench.learners.plan import plan
    from workbench.trainer import Watch, train
    from workbench.twins import twins

    for domain in DOMAINS:
        for seed in seeds:
            for kind, recipe, change in planted(domain, seed):
                data = recipe.data.load()
                job, lost = Job(plan(recipe, change(data) if change else data)), False
                try:
                    list(train(job, Watch()))
                except Diverged:
                    lost = True
                rows = [{key: _short(row[key]) for key in KEPT if key in row} for row in job.rows]
                about = {"kind": kind, "domain": domain, "seed": seed, "recipe": recipe.to_dict()}
                yield about | {"twins": twins(job), "examples": len(job.data.valid), "diverged": lost, "rows": rows}


def _short(value: Any) -> Any:
    if value is None or isinstance(value, int):
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else str(value)


def read(path: Path = FIXTURES) -> list[dict[str, Any]]:
    """The runs that were written."""
    with gzip.open(path, "rt") as file:
        found = [json.loads(line) for line in file]
    for each in found:
        each["rows"] = [{k: float(v) if isinstance(v, str) else v for k, v in row.items()} for row in each["rows"]]
    return found


def judged(run: dict[str, Any]) -> Any:
    """The verdict on one of them."""
    from workbench.diagnosis import verdict

    known = {key: run[key] for key in ("twins", "examples", "diverged")}
    return verdict(run["rows"], wb.Recipe.from_dict(run["recipe"]), **known)


def rows(repeats: int = 5) -> list[dict[str, Any]]:
    """A row a kind and domain: how many of how many are named right, and what the others are called."""
    os.environ["WORKBENCH_RUNS"] = tempfile.mkdtemp()
    found = [*runs(TUNE if arms.SMALL else TOLD)]
    if not arms.SMALL:
        FIXTURES.parent.mkdir(exist_ok=True)
        with gzip.GzipFile(FIXTURES, "wb", mtime=0) as file:
            file.write("".join(json.dumps(each) + "\n" for each in found).encode())
    table: dict[tuple[str, str], list[str]] = {}
    for each in found:
        table.setdefault((each["kind"], each["domain"]), []).append(judged(each).kind)
    lines = [
        {"kind": kind, "domain": domain, "right": said.count(kind), "of": len(said),
         "others": ", ".join(sorted({each for each in said if each != kind}))}
        for (kind, domain), said in table.items()
    ]  # fmt: skip
    right, of = sum(line["right"] for line in lines), len(found)
    return [*lines, {"kind": "all", "domain": "", "right": right, "of": of, "others": f"{right / of:.1%}"}]
