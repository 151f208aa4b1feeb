"""One run with every weight trained: ours, a plain loop over tensors in memory, HF Trainer, Lightning.

Each arm is a process of its own, turn about; the clock covers training and
evaluation, imports and loading are outside. Same data, batch size, number of steps, evaluations and precision.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from typing import Any

from benchmarks import arms
from benchmarks.rivals import plain_epoch, wrapped

BATCH, RATE = 64, 1e-3
# Epochs by model. The first two are timm's smallest (steps of 10 ms), where what a loop does besides shows most.
MODELS = {"test_resnet": 10, "test_vit": 10, "resnet18": 4, "vit_tiny_patch16_224": 4, "resnet18 at 96 px": 2}
SIDES = {"resnet18 at 96 px": 96}  # where the numbers count: bfloat16 where `auto` takes it, beside float32
ARMS = ("ours", "plain loop", "HF Trainer", "Lightning")
AUTO = ("ours, auto", "ours", "plain loop")


def rows(repeats: int = 5) -> list[dict[str, Any]]:
    """A row an arm and model: seconds (median, least, most), the ratio to the plain loop, validation accuracy."""
    found = []
    for model in MODELS:
        asked = AUTO if model in SIDES else ARMS
        all_of = arms.turn_about("one_run", asked, repeats, model)
        found += [line(model, arm, all_of[arm], all_of["plain loop"]) for arm in asked]
    return found


def line(model: str, arm: str, all_of: list[dict[str, float]], base: list[dict[str, float]]) -> dict[str, Any]:
    """One row of the table; the ratio is the median over the turns, since a machine's speed drifts between them."""
    if "not run" in all_of[0]:
        return {"model": model, "arm": arm} | arms.spans(all_of)
    ratios = [one["seconds"] / other["seconds"] for one, other in zip(all_of, base, strict=True)]
    return {
        "model": model,
        "arm": arm,
        **arms.spans(all_of),
        "over the plain loop": round(statistics.median(ratios), 3),
        "ratios": f"{min(ratios):.3f} to {max(ratios):.3f}",
        "validation accuracy": round(arms.middle(all_of, "accuracy"), 3),
    }


def data_and_network(model: str) -> Any:
    """Prepared pictures and labels of both parts, and the same network with the same weights for the rivals."""
    import timm
    import torch

    import workbench as wb
    from workbench.backbones.building import build

    data, name = digits(model), model.split()[0]
    built = build(wb.backbone(name, "random"), side=data.inputs.shape[-1], seed=0)
    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=10, **({"img_size": 32} if "vit" in model else {}))
    parts = [(built.prepare(data.inputs[at]), data.labels[at]) for at in (data.train, data.valid)]
    probe = (parts[0][0][: len(data.valid)], parts[0][1][: len(data.valid)])
    return parts[0], parts[1], probe, network.to(memory_format=torch.channels_last)


def digits(model: str) -> Any:
    """All digits, in the size that the model's row says."""
    from dataclasses import replace

    from torch.nn import functional as F

    import workbench as wb

    data, side = wb.Digits().load(), SIDES.get(model, 32)
    if side == 32:
        return data
    return replace(data, inputs=F.interpolate(data.inputs, (side, side), mode="bilinear"), content="")


def automatic(model: str, turn: str) -> dict[str, float]:
    """The loop alone, in the numbers that the machine is best at."""
    return ours(model, turn, "auto")


def ours(model: str, turn: str, precision: str = "float32") -> dict[str, float]:
    """The loop alone, without a folder, as the plain loop has none."""
    import workbench as wb
    from workbench.job import Job
    from workbench.learners.plan import plan
    from workbench.trainer import Watch, train

    recipe = wb.Recipe(
        "digits", wb.backbone(model.split()[0], "random"), scope="all", lr=RATE, batch_size=BATCH, precision=precision
    ).replace(epochs=MODELS[model])
    job = Job(plan(recipe, digits(model)))
    started = time.perf_counter()
    found = list(train(job, Watch()))
    return {"seconds": time.perf_counter() - started, "accuracy": found[-1]["valid_accuracy"]}


def plain_loop(model: str, turn: str) -> dict[str, float]:
    """What an expert writes: tensors in memory, channels-last, fused AdamW."""
    import torch
    from torch.nn import functional as F

    (x, y), valid, probe, network = data_and_network(model)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0, fused=True)

    @torch.no_grad()
    def evaluated(part: Any) -> float:
        network.eval()
        logits = torch.cat([network(each) for each in part[0].split(256)])
        F.cross_entropy(logits, part[1])
        return float((logits.argmax(1) == part[1]).float().mean())

    started = time.perf_counter()
    for epoch in range(MODELS[model] + 1):
        if epoch:
            plain_epoch(network, optimizer, x, y, BATCH)
        evaluated(probe)
        accuracy = evaluated(valid)
    return {"seconds": time.perf_counter() - started, "accuracy": accuracy}


def hf_trainer(model: str, turn: str) -> dict[str, float]:
    """transformers' Trainer as its guide has it, with tensors in memory and no workers."""
    from transformers import Trainer, TrainingArguments

    (x, y), valid, probe, network = data_and_network(model)

    def listed(part: Any) -> list[dict[str, Any]]:
        return [{"inputs": picture, "labels": label} for picture, label in zip(*part, strict=True)]

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, num_train_epochs=MODELS[model], per_device_train_batch_size=BATCH, learning_rate=RATE,
            per_device_eval_batch_size=256, eval_strategy="epoch", save_strategy="no", report_to=[], disable_tqdm=True,
            lr_scheduler_type="constant", weight_decay=0.0, use_cpu=True, dataloader_num_workers=0,
            logging_strategy="no",
        )  # fmt: skip
        trainer = Trainer(
            wrapped(network), arguments, train_dataset=listed((x, y)),
            eval_dataset={"probe": listed(probe), "valid": listed(valid)},
            compute_metrics=lambda given: {"accuracy": float((given.predictions.argmax(1) == given.label_ids).mean())},
        )  # fmt: skip
        started = time.perf_counter()
        trainer.evaluate()
        trainer.train()
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "accuracy": trainer.evaluate()["eval_valid_accuracy"]}


def lightning(model: str, turn: str) -> dict[str, float]:
    """Lightning's Trainer as its guide has it, with tensors in memory and no workers."""
    import lightning as L
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    train, valid, probe, network = data_and_network(model)

    class Module(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = network
            self.right: list[Any] = []

        def training_step(self, batch: Any, at: int) -> Any:
            return torch.nn.functional.cross_entropy(self.network(batch[0]), batch[1])

        def validation_step(self, batch: Any, at: int, dataloader_idx: int = 0) -> None:
            logits = self.network(batch[0])
            self.log("loss", torch.nn.functional.cross_entropy(logits, batch[1]))
            if dataloader_idx == 1:
                self.right.append((logits.argmax(1) == batch[1]).float())

        def on_validation_epoch_start(self) -> None:
            self.right = []

        def configure_optimizers(self) -> Any:
            return torch.optim.AdamW(self.parameters(), lr=RATE, weight_decay=0, fused=True)

    module = Module()
    trainer = L.Trainer(max_epochs=MODELS[model], accelerator="cpu", logger=False, enable_checkpointing=False,
                        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0)  # fmt: skip
    evaluations = [DataLoader(TensorDataset(*part), 256) for part in (probe, valid)]
    started = time.perf_counter()
    trainer.validate(module, evaluations, verbose=False)
    trainer.fit(module, DataLoader(TensorDataset(*train), BATCH, shuffle=True), evaluations)
    return {"seconds": time.perf_counter() - started, "accuracy": float(torch.cat(module.right).mean())}


if __name__ == "__main__":
    known = {"ours": ours, "ours, auto": automatic, "plain loop": plain_loop}
    arms.answer(known | {"HF Trainer": hf_trainer, "Lightning": lightning})
