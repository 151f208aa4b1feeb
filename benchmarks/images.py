"""Photographs of a person's own: CIFAR-10 with every weight beside a plain loop and HF Trainer; hymenoptera end to end.

`WORKBENCH_TEST_DATA` names the folder with the real data.
"""

from __future__ import annotations

import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from benchmarks import arms
from benchmarks.photographs import CIFAR, HYMENOPTERA, photographs
from benchmarks.rivals import plain_epoch, wrapped

BATCH, RATE, EPOCHS, MODEL = 64, 1e-3, 12, "resnet18"
ARMS = ("ours", "plain loop", "HF Trainer")


def rows(repeats: int = 3) -> list[dict[str, Any]]:
    """A row an arm on the CIFAR-10 sample: seconds (reading among them), test accuracy; and one of hymenoptera."""
    for name in (CIFAR, HYMENOPTERA):
        photographs(name)  # before anything is begun
    seconds = arms.turn_about("images", ARMS, repeats)
    found = [
        {
            "what": f"CIFAR-10 sample, {MODEL}, every weight, {EPOCHS} epochs",
            "arm": arm,
            **arms.spans(all_of),
            "beside training": round(arms.middle(all_of, "reading"), 1),
            "test accuracy": round(arms.middle(all_of, "accuracy"), 3),
        }
        for arm, all_of in seconds.items()
    ]
    last = arms.in_process("images", "hymenoptera", "0")
    return [*found, last | {"what": "hymenoptera, 96 px, two runs compared", "arm": "ours"}]


def cifar() -> Any:
    """The sample as our data set reads it: training part for all arms the same, and the sample's own test part."""
    import workbench as wb

    return wb.Images(folder=str(photographs()), size=32)


def written(target: Path, train: int, valid: int) -> None:
    """The sample's first pictures of each class as a folder with parts; 5 a class of its own test part."""
    with zipfile.ZipFile(photographs()) as held:
        by_class: dict[tuple[str, str], list[str]] = {}
        for name in sorted(n for n in held.namelist() if n.endswith(".jpg")):
            _, part, label, _ = name.split("/")
            by_class.setdefault((part, label), []).append(name)
        for (part, label), names in by_class.items():
            cuts = (
                {"train": names[:train], "valid": names[train : train + valid]}
                if part == "train"
                else {"test": names[:5]}
            )
            for to, chosen in cuts.items():
                (target / to / label).mkdir(parents=True)
                for name in chosen:
                    (target / to / label / Path(name).name).write_bytes(held.read(name))


def ours(turn: str) -> dict[str, float]:
    """`wb.fine_tune` as the README has it, with its folder, checkpoints and intervals."""
    import torch  # noqa: F401  # imports are outside the clock, as in the other arms

    import workbench as wb
    from workbench import recording  # noqa: F401

    started = time.perf_counter()
    recipe = wb.Recipe(
        cifar(), wb.backbone(MODEL, "random"), scope="all", lr=RATE, batch_size=BATCH, epochs=EPOCHS,
        precision="float32",
    )  # fmt: skip
    run = wb.fine_tune(recipe)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "reading": seconds - run.rows[-1]["seconds"], "accuracy": run.test()["accuracy"]}


def _data_and_network() -> Any:
    import timm
    import torch

    import workbench as wb
    from workbench.backbones.building import build

    started = time.perf_counter()
    data = cifar().load()
    reading = time.perf_counter() - started
    built = build(wb.backbone(MODEL, "random"), side=32, seed=0)
    torch.manual_seed(0)
    network = timm.create_model(MODEL, num_classes=10)
    parts = [(built.prepare(data.inputs[at]), data.labels[at]) for at in (data.train, data.valid, data.test)]
    return parts, network, reading, started


def plain_loop(turn: str) -> dict[str, float]:
    """What an expert writes: tensors in memory, channels-last, fused AdamW, the best epoch by validation loss kept."""
    from copy import deepcopy

    import torch
    from torch.nn import functional as F

    ((x, y), valid, test), network, reading, started = _data_and_network()
    network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0, fused=True)

    @torch.no_grad()
    def evaluated(part: Any) -> tuple[float, float]:
        network.eval()
        logits = torch.cat([network(each) for each in part[0].split(256)])
        right = float((logits.argmax(1) == part[1]).float().mean())
        return float(F.cross_entropy(logits, part[1])), right

    probe, best, kept = (x[: len(valid[0])], y[: len(valid[0])]), float("inf"), None
    for epoch in range(EPOCHS + 1):
        if epoch:
            plain_epoch(network, optimizer, x, y, BATCH)
        evaluated(probe)
        now = evaluated(valid)[0]
        if now < best:
            best, kept = now, deepcopy(network.state_dict())
    seconds = time.perf_counter() - started
    network.load_state_dict(kept)
    return {"seconds": seconds, "reading": reading, "accuracy": evaluated(test)[1]}


def hf_trainer(turn: str) -> dict[str, float]:
    """transformers' Trainer as its guide has it: best model by validation loss, a checkpoint an epoch, no workers."""
    from transformers import Trainer, TrainingArguments

    parts, network, reading, started = _data_and_network()

    train, valid, test = (
        [{"inputs": picture, "labels": label} for picture, label in zip(*part, strict=True)] for part in parts
    )
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, num_train_epochs=EPOCHS, per_device_train_batch_size=BATCH, learning_rate=RATE,
            per_device_eval_batch_size=256, eval_strategy="epoch", save_strategy="epoch", save_total_limit=2,
            load_best_model_at_end=True, report_to=[], disable_tqdm=True, lr_scheduler_type="constant",
            weight_decay=0.0, use_cpu=True, dataloader_num_workers=0, logging_strategy="no",
        )  # fmt: skip
        trainer = Trainer(
            wrapped(network), arguments, train_dataset=train, eval_dataset=valid,
            compute_metrics=lambda given: {"accuracy": float((given.predictions.argmax(1) == given.label_ids).mean())},
        )  # fmt: skip
        trainer.train()
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "reading": reading, "accuracy": trainer.evaluate(test)["eval_accuracy"]}


def hymenoptera(turn: str) -> dict[str, Any]:
    """From the first call to two runs compared: 397 photographs at 96 px, a head and every weight."""
    import workbench as wb

    started = time.perf_counter()
    mine = wb.Images(folder=str(photographs(HYMENOPTERA)), size=96)
    recipe = wb.Recipe(mine, wb.backbone("resnet18", "random"), epochs=6)
    runs = [wb.fine_tune(recipe), wb.fine_tune(recipe.replace(scope="all", lr=3e-4))]
    compared = wb.compare(runs)
    said = compared.pairs["said"][0]
    return {"seconds": round(time.perf_counter() - started, 1), "said": said}


if __name__ == "__main__":
    arms.answer({"ours": ours, "plain loop": plain_loop, "HF Trainer": hf_trainer, "hymenoptera": hymenoptera})
