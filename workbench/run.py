"""A run: a folder with verbs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from workbench import history as tables
from workbench import waiting
from workbench.errors import BadData, BrokenRun, RunBusy
from workbench.folder import RunFolder
from workbench.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd

    from workbench.datasets import Data
    from workbench.predicting import Predictor


class Run:
    """What a run's folder says, and what can be asked of it."""

    def __init__(self, folder: str | Path | RunFolder):
        self.files = folder if isinstance(folder, RunFolder) else RunFolder(folder)
        self._held: tuple[int, Predictor] | None = None  # what was restored last, and of which step

    def __repr__(self) -> str:
        found = self.best
        said = f", best epoch {found['epoch']}, validation accuracy {found['valid_accuracy']:.3f}" if found else ""
        return f"Run({self.folder.name}: {self.state}{said})"

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.files.path

    @cached_property
    def recipe(self) -> Recipe:
        """What determined it."""
        about = self.files.read("recipe.json")
        if about is None:
            raise BrokenRun(f"{self.folder} holds no recipe.json: it is no run.")
        return Recipe.recalled(about)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows so far, plain."""
        return self.files.rows()

    @property
    def history(self) -> pd.DataFrame:
        """One row an epoch."""
        return tables.history(self.rows)

    @property
    def gap(self) -> pd.DataFrame:
        """The gap between train and validation, one row an epoch."""
        return tables.gap(self.rows)

    @property
    def best(self) -> dict[str, Any] | None:
        """The row of the best epoch: the lowest validation loss."""
        return tables.best(self.rows)

    @property
    def messages(self) -> list[str]:
        """What the run had to say: of its data, of going on, of failing; and that its process is gone."""
        lost = [waiting.gone(self.files)] if self.state == "interrupted" else []
        return [*waiting.told(self.files), *lost]

    @property
    def baseline(self) -> dict[str, float] | None:
        """The plain baseline's `accuracy` and `loss` on the validation part, once it is known."""
        found = [e for e in self.files.events() if e["event"] == "baseline"]
        return {"accuracy": found[-1]["accuracy"], "loss": found[-1]["loss"]} if found else None

    @property
    def on(self) -> str:
        """A hash of the examples that it is measured on: runs of another do not compare; "" while it is not known."""
        return str((self.files.read("environment.json") or {}).get("valid", ""))

    @property
    def progress(self) -> dict[str, Any]:
        """Where it is: `step`, `steps`, `epoch`, `seconds`, `memory` (bytes), the newest that was told."""
        told = [e for e in self.files.events() if e["event"] in ("progress", "finished")]
        return told[-1] if told else {}

    @property
    def preparing(self) -> dict[str, Any]:
        """Before the first epoch: `what` is done, how many are `done`, and of how many (`total`)."""
        told = self.files.events()
        return told[-1] if told and told[-1]["event"] == "preparing" else {}

    @property
    def alive(self) -> bool:
        """Whether a process drives it now."""
        return self.files.driven

    @property
    def state(self) -> str:
        """queued, running, paused, stopped, finished, failed, or interrupted (its process is gone)."""
        return self.files.state

    @property
    def note(self) -> str:
        """What a person wrote of it: `run.note = "without dropout"`; kept in its folder."""
        return str(self.files.control().get("note", ""))

    @note.setter
    def note(self, text: str) -> None:
        self.files.ask(note=str(text))

    # -- while it runs ------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Hold at the next step."""
        self.files.ask(state="paused")

    def stop(self) -> None:
        """End at the next step; `resume` goes on from there."""
        self.files.ask(state="stopped")

    def resume(self) -> Run:
        """Go on: from a pause at once, else in a new process from the last checkpoint."""
        self.files.ask(state="running")
        if self.state not in ("finished", "running", "paused", "queued"):
            from workbench.worker import launch

            launch(self.files, self.recipe)
        return self

    def turn(self, path: str, value: float) -> None:
        """Give a knob another value from the next step on: `run.turn("l2.strength", 0.1)`."""
        self.recipe.turning(path, value)
        self.files.ask(knobs={path: value})

    def pace(self, epochs_a_second: float) -> None:
        """Slow the run to so many epochs a second, 0 for as fast as it goes."""
        self.files.ask(pace=epochs_a_second)

    async def wait(self) -> Run:
        """Let other cells and buttons work until the run has ended; its error is raised here, an interrupt stops it."""
        try:
            for seconds in waiting.looks(self.files):
                await asyncio.sleep(seconds)
        except (asyncio.CancelledError, KeyboardInterrupt):
            self.stop()
            raise
        waiting.must_be_well(self.files)
        return self

    def join(self) -> Run:
        """The same for a script: blocks until the run has ended."""
        try:
            for seconds in waiting.looks(self.files):
                time.sleep(seconds)
        except KeyboardInterrupt:
            self.stop()
            raise
        waiting.must_be_well(self.files)
        return self

    def train_on(self, epochs: int = 10) -> Run:
        """Go on from the last checkpoint to `epochs` more than the recipe says, in a new folder; returns the new run.

        Blocks, as `wb.fine_tune` does. With a constant schedule without warm-up the new run is bit for bit the one that
        would have been so long from the start; any other schedule is stretched over the longer run from here on.
        """
        from workbench.branching import longer
        from workbench.fine_tuning import fine_tune

        found = longer(self, epochs)
        return fine_tune(found.recipe, found.folder)

    def start_on(self, epochs: int = 10) -> Run:
        """The same in a process of its own, as `wb.start` does; returns the run to watch."""
        from workbench.branching import longer

        return longer(self, epochs).resume()

    def branch(self, settings: Mapping[str, Any] | None = None, *, step: int | str | None = None) -> Run:
        """Go on from here with one knob changed, as a run of its own: `run.branch({"l2.strength": 1e-2})`.

        From the same weights, optimizer and random state; started in a process of its own, while this run goes on.
        `settings`: by path, `lr`, `epochs`, a regularizer's number (one that is not there joins), or `regularizers`;
        left out, the arm is this run to the same bits (on a CPU). `step`: of a checkpoint, "best", or None for now.
        """
        from workbench.branching import arm

        return arm(self, settings or {}, step).resume()

    @property
    def played(self) -> Recipe:
        """The recipe with every knob that was turned while it ran in `changes`: headless it is the same run."""
        from workbench.branching import played

        return played(self)

    def delete(self) -> None:
        """Remove its folder with all that is in it; not while it runs or waits for its turn."""
        if self.state in ("running", "paused", "queued"):
            raise RunBusy(f"{self.folder} is {self.state}: run.stop() it first, then delete it.")
        self.files.remove()

    # -- afterwards ---------------------------------------------------------------------------------------------------

    def restored(self) -> Predictor:
        """The model with the best epoch's weights; `BrokenRun` where these are not kept (yet)."""
        from workbench.predicting import from_folder

        found = self.best
        if found is None:
            why = "".join(f" It failed: {text}" for text in self.messages[-1:] if self.state == "failed")
            raise BrokenRun(f"{self.folder} has no epoch yet.{why}")
        step = found["step"]
        if step not in self.files.steps():
            way = (
                "pause it, which keeps them, or wait" if self.state in ("running", "queued") else "run.resume() goes on"
            )
            raise BrokenRun(
                f"the weights of the best epoch ({found['epoch']}) of {self.folder} are not on the disk yet: {way}."
            )
        if self._held is None or self._held[0] != step:
            self._held = (step, from_folder(self.recipe, self.files, step))
        return self._held[1]

    def load_data(self) -> Data:
        """The data that it was trained on; `BadData` where that has changed since."""
        data = self.recipe.data.load()
        about = self.files.read("environment.json") or {}
        if data.fingerprint != about.get("data"):
            raise BadData(
                f"the data changed since {self.folder} was trained: other examples, labels or parts than then. Start "
                f"its recipe again, or bring the data back."
            )
        return cast("Data", data)

    def model(self) -> Any:
        """The best epoch's weights as one torch module, on the CPU in eval mode: standardised pictures to logits."""
        return deepcopy(self.restored().model).cpu()

    def predict(self, inputs: Any, broken: str = "refuse") -> pd.DataFrame:
        """`answer` and each class's probability. `inputs`: texts, files, or uint8 (examples, channels, height, width).

        A table (CSV, TSV, JSON lines, parquet) that is named among texts stands for the texts in it.

        `broken`: "refuse", or "leave out" files that cannot be read; which ones, is in the frame's `attrs["broken"]`.
        """
        import pandas as pd

        from workbench.predicting import given, logits

        names, inputs, wrong = given(inputs, self.recipe.data, broken)
        chances = logits(self.restored(), inputs).softmax(-1).numpy()
        classes = self.restored().classes
        answers = [classes[at] for at in chances.argmax(-1)]
        found = pd.DataFrame(chances, columns=list(classes), index=names)
        found.insert(0, "answer", answers, allow_duplicates=True)  # a class may be called so
        found.attrs["broken"] = wrong
        return found

    def answers(self, part: str = "") -> pd.DataFrame:
        """A row an example of "train", "valid" or both: `key`, `label`, `answer`, `confidence`, `loss`, `right`."""
        from workbench import answers

        return answers.of(self).table(part)

    def details(self) -> dict[str, Any]:
        """At the best epoch, on the validation part: metrics, those of each class, the confusion matrix.

        A run in bfloat16 answers so, head and all; rows of a head alone were measured with the head itself in float32,
        and may differ from these in the third place.
        """
        from workbench import answers, evaluation

        found = answers.of(self)
        valid = found.part("valid")
        return evaluation.report(found.logits[valid], found.labels[valid], found.classes)

    def test(self) -> dict[str, Any]:
        """Unseal the test set: its metrics at the best epoch. Counted, since each look makes the figure less honest."""
        from workbench import evaluation
        from workbench.predicting import logits
        from workbench.sealing import unsealed

        by, data = self.restored(), self.load_data()
        answered = logits(by, data.inputs[data.test]).double().numpy()
        found = evaluation.report(answered, data.labels[data.test].numpy(), data.classes)
        found["unsealed"] = unsealed(data.sealed_as, self.folder)
        self.files.write("test.json", found | {"when": datetime.now(UTC).isoformat(timespec="seconds")})
        return found
