"""Frameworks as their quick starts have them, on a frozen network with a head: each gives a function that trains one.

What it gives takes the network, (inputs, labels) of the training part, of its probe and of the validation part, the
settings, epochs and batch size, and returns the validation loss and accuracy of the best epoch. Imports are done first.
"""

from __future__ import annotations

import tempfile
from typing import Any

from benchmarks import rivals


def hf_trainer() -> Any:
    """transformers' Trainer as its guide has it, with tensors in memory and no workers; batches padded one by one."""
    import torch
    from transformers import Trainer, TrainingArguments

    from workbench.datasets.ragged import Ragged

    def how(network: Any, parts: Any, given: rivals.Settings, epochs: int, batch: int) -> rivals.Told:
        ragged = isinstance(parts[0][0], Ragged)
        train, probe, valid = (
            [{"inputs": x.row(at) if ragged else x[at], "labels": y[at]} for at in range(len(y))] for x, y in parts
        )

        def joined(rows: Any) -> Any:
            x = [each["inputs"] for each in rows]
            labels = torch.stack([each["labels"] for each in rows])
            return {"inputs": network.prepare(Ragged.of(x)) if ragged else torch.stack(x), "labels": labels}

        with tempfile.TemporaryDirectory() as place:
            arguments = TrainingArguments(
                output_dir=place, num_train_epochs=epochs, per_device_train_batch_size=batch, learning_rate=given["lr"],
                per_device_eval_batch_size=batch, eval_strategy="epoch", save_strategy="no", report_to=[],
                disable_tqdm=True, lr_scheduler_type="constant", weight_decay=0.0, use_cpu=True, max_grad_norm=0.0,
                dataloader_num_workers=0, logging_strategy="no",
            )  # fmt: skip
            trainer = Trainer(
                rivals.wrapped(network, lambda: rivals.penalty(network.head, given)), arguments, train_dataset=train,
                eval_dataset={"probe": probe, "valid": valid}, data_collator=joined,
                compute_metrics=lambda said: {"accuracy": float((said.predictions.argmax(1) == said.label_ids).mean())},
            )  # fmt: skip
            trainer.train()
        told = [each for each in trainer.state.log_history if "eval_valid_loss" in each]
        best = min(told, key=lambda each: each["eval_valid_loss"])
        return {"loss": best["eval_valid_loss"], "accuracy": best["eval_valid_accuracy"]}

    return how


def lightning() -> Any:
    """Lightning's Trainer as its guide has it, with tensors in memory and no workers."""
    import lightning as L
    import torch
    from torch.nn import functional as F
    from torch.utils.data import DataLoader, TensorDataset

    class Module(L.LightningModule):
        def __init__(self, network: Any, given: rivals.Settings) -> None:
            super().__init__()
            self.network, self.given, self.told = network, given, []

        def training_step(self, batch: Any, at: int) -> Any:
            return F.cross_entropy(self.network(batch[0]), batch[1]) + rivals.penalty(self.network.head, self.given)

        def validation_step(self, batch: Any, at: int, dataloader_idx: int = 0) -> None:
            logits, name = self.network(batch[0]), ("probe", "valid")[dataloader_idx]
            self.log(f"{name}_loss", F.cross_entropy(logits, batch[1]), add_dataloader_idx=False)
            right = (logits.argmax(1) == batch[1]).float().mean()
            self.log(f"{name}_accuracy", right, add_dataloader_idx=False)

        def on_validation_epoch_end(self) -> None:
            self.told.append({k: float(v) for k, v in self.trainer.callback_metrics.items()})

        def configure_optimizers(self) -> Any:
            return torch.optim.AdamW(self.network.head.parameters(), lr=self.given["lr"], weight_decay=0, fused=True)

    def how(network: Any, parts: Any, given: rivals.Settings, epochs: int, batch: int) -> rivals.Told:
        where = parts[0][0].device.type
        trainer = L.Trainer(
            max_epochs=epochs, accelerator=where, logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, num_sanity_val_steps=0,
        )  # fmt: skip
        module, (train, *evaluated) = Module(network, given), parts
        loaders = [DataLoader(TensorDataset(*part), batch) for part in evaluated]
        trainer.fit(module, DataLoader(TensorDataset(*train), batch, shuffle=True), loaders)
        told = [each for each in module.told if "valid_loss" in each]
        best = min(told, key=lambda each: each["valid_loss"])
        return {"loss": best["valid_loss"], "accuracy": best["valid_accuracy"]}

    return how


def fastai() -> Any:
    """fastai's Learner with tensors in memory; both parts stand in the one loader that it evaluates."""
    import torch
    from fastai.callback import progress  # noqa: F401  # it gives a Learner its `no_bar`
    from fastai.data.core import DataLoaders
    from fastai.data.load import DataLoader
    from fastai.learner import Learner
    from fastai.metrics import AccumMetric
    from fastai.optimizer import Adam
    from torch.nn import functional as F

    def how(network: Any, parts: Any, given: rivals.Settings, epochs: int, batch: int) -> rivals.Told:
        train, probe, valid = parts
        both = [torch.cat(pair) for pair in zip(probe, valid, strict=True)]
        loaders = DataLoaders(
            DataLoader(list(zip(*train, strict=True)), bs=batch, shuffle=True, num_workers=0),
            DataLoader(list(zip(*both, strict=True)), bs=batch, num_workers=0), device="cpu",
        )  # fmt: skip

        def loss(logits: Any, labels: Any) -> Any:
            return F.cross_entropy(logits, labels) + rivals.penalty(network.head, given)

        def valid_loss(logits: Any, labels: Any) -> float:
            return float(F.cross_entropy(logits[-len(valid[0]) :], labels[-len(valid[0]) :]))

        def valid_accuracy(logits: Any, labels: Any) -> float:
            return float((logits[-len(valid[0]) :].argmax(1) == labels[-len(valid[0]) :]).float().mean())

        kept = [AccumMetric(each, flatten=False) for each in (valid_loss, valid_accuracy)]
        learner = Learner(
            loaders, network, loss_func=loss, metrics=kept, splitter=lambda model: [list(model.head.parameters())],
            opt_func=lambda groups, **named: Adam(groups, **named, sqr_mom=0.999, eps=1e-8, wd=0.0),
        )  # fmt: skip
        with learner.no_bar(), learner.no_logging():
            learner.fit(epochs, given["lr"])
        best = min(learner.recorder.values, key=lambda each: each[2])
        return {"loss": best[2], "accuracy": best[3]}

    return how
