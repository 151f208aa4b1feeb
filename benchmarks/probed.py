"""What is probed: photographs, texts of skewed length, clips of 1 to 8 s; each with the body that reads them.

Bodies have random weights, since no hub is needed so, which changes accuracies and no timing.
"""

from __future__ import annotations

import csv
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from benchmarks import arms, images

CUT = 1  # examples of each class of the test part, which nobody looks at


class Probed(ABC):
    """One case: how much of what, and the recipe of it."""

    what: str
    many: int  # settings of the search
    epochs: int
    each: tuple[int, int]  # examples of each class to train on and to validate
    classes: int
    goals: str
    batch, heads = 32, 32
    regularizers = "l2, dropout, l1"

    @property
    def train(self) -> int:
        """Examples of the training part."""
        return self.classes * self.each[0]

    @property
    def valid(self) -> int:
        """Examples of the validation part."""
        return self.classes * self.each[1]

    @abstractmethod
    def write(self, folder: Path) -> None:
        """Put the examples, and the body where it is a folder, into `folder`."""

    @abstractmethod
    def parts(self, folder: Path) -> tuple[Any, Any]:
        """The data set and the backbone, as ours names them."""

    def recipe(self, folder: str, regularizers: str = "", precision: str = "float32") -> Any:
        """The recipe that is searched."""
        import workbench as wb

        return wb.Recipe(
            *self.parts(Path(folder)), regularizers=regularizers or self.regularizers, batch_size=self.batch,
            epochs=self.epochs, precision=precision,
        )  # fmt: skip


class Vision(Probed):
    """CIFAR-10's photographs at 96 px (`WORKBENCH_TEST_DATA` names their folder), ResNet-18."""

    what, many, classes = "B1: ResNet-18 at 96 px", 16, 10
    epochs, each = (1, (6, 4)) if arms.SMALL else (10, (60, 20))
    goals = "R1 <= 0.15 in float32, 0.06 in bfloat16; R2 >= 100, 250"

    def write(self, folder: Path) -> None:
        images.written(folder / "photographs", *self.each)

    def parts(self, folder: Path) -> tuple[Any, Any]:
        import workbench as wb

        return wb.Images(folder=str(folder / "photographs"), size=96), wb.backbone("resnet18", "random")


class Texts(Probed):
    """Docstrings, as long as they are (10 to 300 tokens, most of them short), an encoder of DistilBERT's size."""

    what, many, classes = "B2: texts, DistilBERT-size", 32, 6
    epochs, each = (1, (3, 2)) if arms.SMALL else (5, (24, 8))
    goals = "R1 <= 0.20 in float32, 0.08 in bfloat16; R2 >= 160, 400"
    regularizers = "l2, dropout"

    def write(self, folder: Path) -> None:
        from workbench.datasets.docstrings import LIBRARIES, part_of, sample

        held = sample()
        for part, count in zip(("train", "valid", "test"), (*self.each, CUT), strict=True):
            with (folder / f"{part}.csv").open("w", encoding="utf-8", newline="") as file:
                table = csv.writer(file)
                table.writerow(["text", "label"])
                for library in LIBRARIES:
                    own = [e.text for e in held if e.library == library and part_of(e.module) == part]
                    table.writerows([text, library] for text in own[:: len(own) // count][:count])
        self._encoder(folder / "encoder")

    def _encoder(self, folder: Path) -> None:
        import torch
        from transformers import DistilBertConfig, DistilBertModel

        from workbench import paths

        torch.manual_seed(0)
        small = {"dim": 32, "hidden_dim": 64, "n_heads": 2, "n_layers": 2} if arms.SMALL else {}
        DistilBertModel(DistilBertConfig(**small)).save_pretrained(folder)
        shutil.copy(paths.weights() / "docs-bert" / "tokenizer.json", folder)  # of 6,000 of its 30,522 words

    def parts(self, folder: Path) -> tuple[Any, Any]:
        import workbench as wb

        return wb.Table(path=str(folder), text="text", label="label", size=256), wb.backbone(str(folder / "encoder"))


class Speech(Probed):
    """Clips of 1 to 8 s, a vowel said over and over by voices made up, the small Whisper encoder that comes with us."""

    what, many, classes = "B2: clips, formant-encoder", 32, 10
    epochs, each = (1, (3, 2)) if arms.SMALL else (5, (60, 20))
    goals = Texts.goals
    regularizers = Texts.regularizers
    LONGEST = 8  # seconds

    def write(self, folder: Path) -> None:
        import numpy as np
        import soundfile

        from workbench.datasets import vowels
        from workbench.datasets.voices import RATE, WORDS

        clips, words = vowels.made(), vowels._said()[1]
        draw = np.random.default_rng(0)
        for part, count in zip(("train", "valid", "test"), (*self.each, CUT), strict=True):
            for at, word in enumerate(WORDS):
                place = folder / "clips" / part / word.replace("'", "")
                place.mkdir(parents=True)
                for number in range(count):
                    said = [clips.row(int(each)).numpy() for each in draw.choice(np.flatnonzero(words == at), 60)]
                    length = int(RATE * draw.uniform(1, self.LONGEST))
                    soundfile.write(place / f"{number}.wav", np.concatenate(said)[:length], RATE, subtype="PCM_16")

    def parts(self, folder: Path) -> tuple[Any, Any]:
        import workbench as wb

        data = wb.Audio(folder=str(folder / "clips"), seconds=float(self.LONGEST))
        return data, wb.backbone("formant-encoder", "random")


KINDS: dict[str, Probed] = {"vision": Vision(), "texts": Texts(), "speech": Speech()}
