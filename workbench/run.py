"""A run: a folder with verbs."""

from __future__ import annotations

import asyncio
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import errors, paths
from workbench import history as tables
from workbench.errors import BadChoice, BrokenRun, RunFailed
from workbench.folder import RunFolder
from workbench.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd

    from workbench.learners.plan import Plan

ENDED = ("finished", "failed", "stopped")
UNDER_WAY = ("launched", "started", "paused", "continued")
CHOSEN = ("data", "backbone", "scope", "regularizers")
COLUMNS = ("name", "state", *CHOSEN, "best_epoch", "valid_accuracy", "gap_accuracy")


class Run:
    """What a run's folder says, and what can be asked of it."""

    def __init__(self, folder: str | Path | RunFolder):
        self.files = folder if isinstance(folder, RunFolder) else RunFolder(folder)
        self._held: tuple[int, Plan] | None = None  # what was restored last, and of which step

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
        return Recipe.from_dict(about["recipe"])

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
        """What the run had to say: of its data, of going on, of failing."""
        told = [e for e in self.files.events() if e["event"] in ("note", "failed")]
        return [e["text"] if e["event"] == "note" else _failure(e) for e in told]

    @property
    def baseline(self) -> dict[str, float] | None:
        """The plain baseline's `accuracy` and `loss` on the validation part, once it is known."""
        found = [e for e in self.files.events() if e["event"] == "baseline"]
        return {"accuracy": found[-1]["accuracy"], "loss": found[-1]["loss"]} if found else None

    @property
    def progress(self) -> dict[str, Any]:
        """Where it is: `step`, `steps`, `epoch`, `seconds`, `memory` (bytes), the newest that was told."""
        told = [e for e in self.files.events() if e["event"] in ("progress", "finished")]
        return told[-1] if told else {}

    @property
    def alive(self) -> bool:
        """Whether a process drives it now."""
        from filelock import FileLock, Timeout

        if not (self.folder / ".lock").exists():
            return False
        lock = FileLock(self.folder / ".lock", timeout=0)
        try:
            lock.acquire()
            lock.release()
            return False
        except Timeout:
            return True

    @property
    def state(self) -> str:
        """queued, running, paused, stopped, finished, failed, or interrupted (its process is gone)."""
        told = (e for e in reversed(self.files.events()) if e["event"] in (*ENDED, *UNDER_WAY))
        last: dict[str, Any] = next(told, {"event": "new"})
        if last["event"] in (*ENDED, "new"):
            return str(last["event"])
        if last["event"] == "launched":
            return "queued" if _breathes(last["pid"]) else "interrupted"
        if not self.alive:
            return "interrupted"
        return "paused" if last["event"] == "paused" else "running"

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

            launch(self)
        return self

    def turn(self, path: str, value: float) -> None:
        """Give a knob another value from the next step on: `run.turn("l2.strength", 0.1)`."""
        self.recipe.turned({path: value})
        self.files.ask(knobs={path: value})

    def pace(self, epochs_a_second: float) -> None:
        """Slow the run to so many epochs a second, 0 for as fast as it goes."""
        self.files.ask(pace=epochs_a_second)

    async def wait(self) -> Run:
        """Let other cells and buttons work until the run has ended; its error is raised here, an interrupt stops it."""
        try:
            while not self._ended():
                await asyncio.sleep(0.05)
        except (asyncio.CancelledError, KeyboardInterrupt):
            self.stop()
            raise
        return self._checked()

    def join(self) -> Run:
        """The same for a script: blocks until the run has ended."""
        try:
            while not self._ended():
                time.sleep(0.05)
        except KeyboardInterrupt:
            self.stop()
            raise
        return self._checked()

    def _ended(self) -> bool:
        return self.state in (*ENDED, "interrupted")

    def _checked(self) -> Run:
        if self.state == "failed":
            failed = [e for e in self.files.events() if e["event"] == "failed"][-1]
            raise RunFailed(f"{failed['kind']}: {failed['message']} (log: {self.folder / 'worker.log'})")
        if self.state == "interrupted":
            raise RunFailed(
                f"the run's process ended without a word (killed, or out of memory). {self.folder / 'worker.log'} may "
                f"say more; run.resume() goes on from the last checkpoint."
            )
        return self

    # -- afterwards ---------------------------------------------------------------------------------------------------

    @property
    def _restored(self) -> Plan:
        """The plan with the best epoch's weights."""
        found = self.best
        if found is None:
            raise BrokenRun(f"{self.folder} has no epoch yet.")
        steps = self.files.steps()
        step = found["step"] if found["step"] in steps else steps[-1] if steps else None
        if step is None:
            raise BrokenRun(f"{self.folder} has no checkpoint yet: wait for the first one.")
        if self._held is None or self._held[0] != step:
            self._held = (step, self._plan_at(step))
        return self._held[1]

    def _plan_at(self, step: int) -> Plan:
        from workbench.job import Job
        from workbench.learners.plan import plan

        job = Job(plan(self.recipe))
        job.restore(*self.files.load(step), [])
        return job.plan

    def model(self) -> Any:
        """The best epoch's weights as one torch module, on the CPU in eval mode: standardised pictures to logits."""
        from workbench.predicting import whole

        return whole(self._restored)

    def predict(self, inputs: Any) -> pd.DataFrame:
        """`answer` and each class's probability. `inputs`: uint8 (examples, channels, height, width), or files."""
        import pandas as pd

        from workbench.predicting import logits, pictures

        names = None
        if isinstance(inputs, str | Path):
            inputs = [inputs]
        if isinstance(inputs, list | tuple) and all(isinstance(each, str | Path) for each in inputs):
            names, inputs = pictures(inputs, self.recipe.data)
        chances = logits(self._restored, inputs).softmax(-1).numpy()
        classes = self._restored.data.classes
        answers = [classes[at] for at in chances.argmax(-1)]
        found = pd.DataFrame(chances, columns=list(classes), index=names)
        found.insert(0, "answer", answers, allow_duplicates=True)  # a class may be called so
        return found

    def details(self) -> dict[str, Any]:
        """At the best epoch, on the validation part: metrics, those of each class, the confusion matrix."""
        return self._report("valid")

    def test(self) -> dict[str, Any]:
        """Unseal the test set: its metrics at the best epoch. Counted, since each look makes the figure less honest."""
        from workbench.sealing import unsealed

        found = self._report("test")
        found["unsealed"] = unsealed(self._restored.data.fingerprint, self.folder)
        self.files.write("test.json", found)
        return found

    def _report(self, part: str) -> dict[str, Any]:
        from workbench import evaluation
        from workbench.predicting import logits

        data = self._restored.data
        rows = getattr(data, part)
        found = logits(self._restored, data.inputs[rows]).double().numpy()
        return evaluation.report(found, data.labels[rows].numpy(), data.classes)


def _failure(told: dict[str, Any]) -> str:
    """Our own errors say what to do; of others the kind belongs to it (`KeyError: 'x'`)."""
    ours = hasattr(errors, told["kind"])
    return str(told["message"]) if ours else f"{told['kind']}: {told['message']}".removesuffix(": ")


def _breathes(pid: int) -> bool:
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def open_run(folder: str | Path) -> Run:
    """The run in `folder`; a bare name is looked for where runs go."""
    path = Path(folder).expanduser()
    path = path if path.exists() or path.is_absolute() else paths.runs() / path
    if not (path / "recipe.json").is_file():
        raise BrokenRun(f"{path} holds no recipe.json: it is no run. wb.runs() lists those that are there.")
    return Run(path)


def runs() -> pd.DataFrame:
    """All runs, the newest first: name, state, recipe, best epoch and its validation metrics; no broken ones."""
    import pandas as pd

    found = []
    for path in paths.runs().glob("*/recipe.json"):
        try:
            found.append((path.stat().st_mtime, _line(Run(path.parent))))
        except (BrokenRun, ValueError, OSError, KeyError, TypeError, AttributeError):
            continue
    return pd.DataFrame([line for _, line in sorted(found, key=lambda pair: -pair[0])], columns=list(COLUMNS))


def _line(run: Run) -> dict[str, Any]:
    found = run.best or {}
    try:
        recipe = run.recipe
        said = {name: str(getattr(recipe, name)) for name in CHOSEN}
        said["regularizers"] = ", ".join(map(str, recipe.regularizers))
    except BadChoice:  # a class of a cell that was not run here yet: as it was written down
        written = run.files.read("recipe.json")["recipe"]
        said = {name: str(written[name]) for name in CHOSEN}
    best = {"best_epoch": "epoch", "valid_accuracy": "valid_accuracy", "gap_accuracy": "gap_accuracy"}
    return {"name": run.folder.name, "state": run.state, **said, **{key: found.get(row) for key, row in best.items()}}
