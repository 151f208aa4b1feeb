"""B5, a sweep of 52 heads on ViT-S: 131,000 images of 224 px, 10 epochs.

The rival is DINOv2's linear protocol: each batch passes the frozen backbone once for all heads, in bfloat16, at every
epoch; one epoch is measured and multiplied (extrapolated). `ordinary run` is the same with one head. Images are
drawn (noise on a colour a class) and lie in memory for all, weights are random: only times count here. Made for a GPU
(20 GB of images in memory); `--small` shows it at work on a CPU.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks import arms, rivals
from benchmarks.heads_gpu import device_memory, most, waited
from workbench.choices import Range, knob
from workbench.datasets.base import Data, Dataset

if TYPE_CHECKING:
    from torch import Tensor

HEADS, CLASSES = 52, 10
FULL = {"train": 125_000, "valid": 6_000, "side": 224, "epochs": 10, "batch": 256}
SIZE = {"train": 256, "valid": 64, "side": 32, "epochs": 2, "batch": 64} if arms.SMALL else FULL
MODEL = "test_vit" if arms.SMALL else "vit_small_patch16_224"
ARMS = ("ours", "ordinary run", "DINOv2's protocol")


@dataclass(frozen=True)
class Drawn(Dataset):
    """Images of noise on a colour a class."""

    name = "drawn"
    train: int = knob(256, Range(1, 10**6), "Images to train on.")
    valid: int = knob(64, Range(1, 10**6), "Images to validate on.")
    side: int = knob(32, Range(8, 512), "Side in pixels.")

    def load(self) -> Data:
        import torch

        many, generator = self.train + self.valid, torch.Generator().manual_seed(0)
        labels = torch.randint(CLASSES, (many,), generator=generator)
        colours = torch.randint(0, 128, (CLASSES, 3, 1, 1), generator=generator, dtype=torch.uint8)
        inputs = torch.empty(many, 3, self.side, self.side, dtype=torch.uint8)
        for part in torch.arange(many).split(4096):
            noise = inputs[part[0] : part[-1] + 1].random_(0, 128, generator=generator)
            noise += colours[labels[part]]
        parts = torch.arange(self.train), torch.arange(self.train, many), torch.arange(0)
        named = tuple("abcdefghij")
        return Data(
            inputs, labels, labels, named, *parts, self.spelled(), (), tuple(map(str, range(many))), (), "drawn"
        )


def rows(repeats: int = 5) -> list[dict[str, Any]]:
    """A row an arm: seconds, beside the ordinary run (R1) and ours (R2); drawing the images is outside the clock."""
    found = arms.turn_about("sweep_gpu", ARMS, repeats)
    table = []
    for arm, all_of in found.items():
        line: dict[str, Any] = {"arm": arm, "turns": len(all_of)} | arms.spans(all_of)
        if "least" in line:
            line |= {"R1": arms.ratio(all_of, found["ordinary run"]), "R2": arms.ratio(all_of, found["ours"])}
            line |= {key: round(arms.middle(all_of, key), 4) for key in ("loss", "accuracy", "peak MB", "device MB")}
            line["note"] = "" if arm == "ours" else "extrapolated: one epoch, multiplied"
        table.append(line)
    about = arms.in_process("sweep_gpu", "ceilings")
    return [*table, {"arm": "the machine at most", "note": arms.told(about)}]


def _recipe() -> Any:
    import workbench as wb

    data = Drawn(SIZE["train"], SIZE["valid"], SIZE["side"])
    body = wb.backbone(MODEL, "random")
    return wb.Recipe(data, body, regularizers="l2", epochs=SIZE["epochs"], batch_size=SIZE["batch"])


def ours(turn: str) -> dict[str, Any]:
    """`wb.search`: one pass through the backbone, kept; then all heads on what it computed."""
    import optuna  # noqa: F401  # imports are outside the clock
    import sqlalchemy.dialects.sqlite  # noqa: F401

    import workbench as wb
    from workbench.searching import fusing  # noqa: F401

    recipe = _recipe()
    held = recipe.data.load()
    Drawn.load = lambda self: held  # type: ignore[method-assign]
    waited()
    started = time.perf_counter()
    study = wb.search(recipe, wb.Random(trials=HEADS))
    waited()
    seconds, best = time.perf_counter() - started, study.best or {}
    return {"seconds": seconds, "loss": best["value"], "accuracy": best["row"]["valid_accuracy"]} | device_memory()


def rival(heads: int, turn: str) -> dict[str, Any]:
    """One epoch of DINOv2's linear protocol, multiplied."""
    import torch
    from torch.nn import functional as F

    from workbench.backbones.building import build
    from workbench.learners.plan import device, resolved

    recipe, where = _recipe(), device()
    settings, _ = rivals.proposed(recipe, HEADS)
    data, dtype = recipe.data.load(), resolved(recipe.precision, where)
    built = build(recipe.backbone, side=data.inputs.shape[-1], seed=0)
    body, labels = built.body.to(where), data.labels.to(where)
    kept = [rivals.started(0, built.width, CLASSES).to(where) for _ in range(heads)]
    groups = [{"params": h.parameters(), "lr": s["lr"]} for h, s in zip(kept, settings, strict=False)]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.0, fused=True)

    def features(at: Tensor) -> Tensor:
        with torch.no_grad(), torch.autocast(where.type, dtype, enabled=dtype == torch.bfloat16):
            return F.layer_norm(body(built.prepare(data.inputs[at].to(where))).float(), (built.width,))

    waited()
    started = time.perf_counter()
    for at in data.train[torch.randperm(len(data.train))].split(recipe.batch_size):
        x, y = features(at), labels[at.to(where)]
        losses = [F.cross_entropy(h(x), y) + rivals.penalty(h, s) for h, s in zip(kept, settings, strict=False)]
        optimizer.zero_grad()
        torch.stack(losses).sum().backward()
        optimizer.step()
    with torch.no_grad():
        for part in (data.train[: len(data.valid)], data.valid):
            held = torch.cat([features(at) for at in part.split(recipe.batch_size)])
            y = labels[part.to(where)]
            told = [(float(F.cross_entropy(h(held), y)), float((h(held).argmax(1) == y).float().mean())) for h in kept]
    waited()
    seconds, best = time.perf_counter() - started, min(told)
    return {"seconds": seconds * recipe.epochs, "loss": best[0], "accuracy": best[1]} | device_memory()


if __name__ == "__main__":
    kinds = {"ordinary run": partial(rival, 1), "DINOv2's protocol": partial(rival, HEADS)}
    arms.answer({"ours": ours, "ceilings": most} | kinds)
