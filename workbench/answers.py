"""What a run answers, example by example, at its best epoch: computed once and kept in its folder."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import evaluation
from workbench.errors import BrokenRun

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from workbench.predicting import Predictor
    from workbench.run import Run

FILE = "answers.safetensors"  # beside the checkpoints; it can be computed again from the best of them


@dataclass(frozen=True, eq=False)
class Answers:
    """Logits of the training and of the validation part in eval mode, and what the labels are. Never of the test part.

    `logits`: (examples, classes) float64; `labels`: (examples,) as given to the learner; the first `train` examples are
    the training part. `keys`: one name an example, the same in every run on the same files.
    """

    logits: NDArray[np.float64]
    labels: NDArray[np.int64]
    keys: tuple[str, ...]
    classes: tuple[str, ...]
    train: int

    def part(self, name: str) -> slice:
        """The examples of `train` or of `valid`."""
        return slice(0, self.train) if name == "train" else slice(self.train, len(self.labels))

    def table(self, part: str = "") -> pd.DataFrame:
        """A row an example of one part, or of both: `key`, `part`, `label`, `answer`, `confidence`, `loss`, `right`.

        `confidence`: the softmax of the answer; `loss`: cross-entropy of the label in nats.
        """
        from workbench.whole_table import WholeTable

        losses = evaluation.losses(self.logits, self.labels)
        at, classes = self.logits.argmax(-1), np.array(self.classes, dtype=object)
        table = WholeTable(
            {
                "key": list(self.keys),
                "part": ["train"] * self.train + ["valid"] * (len(self.labels) - self.train),
                "label": classes[self.labels],
                "answer": classes[at],
                "confidence": np.exp(-evaluation.losses(self.logits, at)),
                "loss": losses,
                "right": at == self.labels,
            }
        )
        return table[table["part"] == part].reset_index(drop=True) if part else table


def of(run: Run) -> Answers:
    """The answers of `run` at its best epoch, from its folder where they are of that epoch."""
    best = run.best
    if best is None:
        raise BrokenRun(f"{run.folder} has no epoch yet.")
    found = kept(run, best["step"])
    if found is None:
        by = run.restored()  # a run under way may come to a better epoch meanwhile
        found = _computed(run, by)
        _keep(run, found, by.step)
    return found


def _computed(run: Run, by: Predictor) -> Answers:
    from workbench.predicting import logits

    data = run.load_data()
    rows = np.concatenate([data.train.numpy(), data.valid.numpy()])
    return Answers(
        logits=logits(by, data.inputs[rows]).double().numpy(),
        labels=data.labels[rows].numpy(),
        keys=tuple(data.keys[at] for at in rows),
        classes=data.classes,
        train=len(data.train),
    )


def kept(run: Run, step: int) -> Answers | None:
    """The answers that the run's folder holds, where they are whole and of this step."""
    if not (run.folder / FILE).is_file():
        return None
    from safetensors import SafetensorError, safe_open

    with suppress(OSError, SafetensorError, ValueError, KeyError), safe_open(run.folder / FILE, "np") as file:
        about: dict[str, Any] = json.loads(file.metadata()["about"])
        if about["step"] == step:
            logits, labels = file.get_tensor("logits").astype(np.float64), file.get_tensor("labels")
            return Answers(logits, labels, tuple(about["keys"]), tuple(about["classes"]), about["train"])
    return None


def _keep(run: Run, found: Answers, step: int | None) -> None:
    """Write aside and rename; a folder that takes no file only costs the next look the same work."""
    import os

    from safetensors.numpy import save_file

    about = {"step": step, "keys": found.keys, "classes": found.classes, "train": found.train}
    aside = run.folder / f".{FILE}-{os.getpid()}"
    tensors: dict[str, Any] = {"logits": found.logits.astype(np.float32), "labels": found.labels}
    try:
        save_file(tensors, aside, {"about": json.dumps(about)})
        os.replace(aside, run.folder / FILE)
    except Exception:
        with suppress(OSError):
            aside.unlink()
