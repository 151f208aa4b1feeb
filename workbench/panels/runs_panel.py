"""All runs: look for them, write notes, go on from them, compare them, delete them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as widgets

from workbench import paths
from workbench.all_runs import open_run, runs
from workbench.fine_tuning import start
from workbench.panels.background import Background
from workbench.panels.grid import Grid
from workbench.panels.pressing import Pressing
from workbench.panels.text import line, spoken, style_sheet
from workbench.recipe import Recipe
from workbench.run import Run

COLUMNS: list[dict[str, Any]] = [
    {"key": "name", "title": "run"},
    {"key": "note", "title": "note", "editable": True, "help": "What you write of it; kept in the run's folder"},
    {"key": "state", "title": "state"},
    {"key": "data", "title": "data"},
    {"key": "backbone", "title": "backbone"},
    {"key": "scope", "title": "scope", "help": "Which weights trained"},
    {"key": "regularizers", "title": "regularizers"},
    {"key": "best_epoch", "title": "best epoch", "number": True, "help": "The epoch of the lowest validation loss"},
    {"key": "valid_accuracy", "title": "accuracy", "number": True, "shown": "accuracy said",
     "help": "Validation accuracy at the best epoch, with its 95 % interval"},
    {"key": "valid_f1", "title": "F1", "number": True, "shown": "F1 said",
     "help": "Validation F1 at the best epoch, the mean over the classes; wb.runs() has precision and recall too"},
    {"key": "gap_accuracy", "title": "gap", "number": True, "shown": "gap said",
     "help": "Accuracy of train minus validation at the best epoch, with its 95 % interval"},
    {"key": "lr", "title": "lr", "number": True, "shown": "lr said", "help": "Learning rate"},
    {"key": "epochs", "title": "epochs", "number": True, "help": "Epochs that its recipe asks for"},
    {"key": "batch_size", "title": "batch", "number": True, "help": "Examples that pass at once"},
    {"key": "seconds", "title": "seconds", "number": True, "shown": "seconds said", "help": "Seconds of training"},
]  # fmt: skip
PATIENCE = 5.0  # seconds that "Really delete?" waits


def listed() -> list[dict[str, Any]]:
    """All runs as rows of the grid."""
    found: list[dict[Any, Any]] = runs().to_dict("records")
    return [_row(each) for each in found]


def _row(run: dict[str, Any]) -> dict[str, Any]:
    found = {key: _known(value) for key, value in run.items()}
    said = {"accuracy said": ranged(found["valid_accuracy"], found["low"], found["high"])}
    said["gap said"] = ranged(found["gap_accuracy"], found["gap_low"], found["gap_high"])
    said["F1 said"] = ranged(found["valid_f1"], None, None)
    said["lr said"] = "" if found["lr"] is None else f"{found['lr']:g}"
    said["seconds said"] = "" if found["seconds"] is None else f"{found['seconds']:.1f}"
    found["best_epoch"] = None if found["best_epoch"] is None else int(found["best_epoch"])
    return {"key": found["name"], **found, **said}


def _run(name: str) -> Run:
    """The one that is listed, and not a folder of that name here."""
    return open_run(paths.runs() / name)


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def ranged(value: float | None, low: float | None, high: float | None) -> str:
    """`0.912 [0.890, 0.934]`; without an interval the number alone."""
    if value is None or math.isnan(value):
        return ""
    known = low is not None and high is not None and not math.isnan(low)
    return f"{value:.3f}\u00a0[{low:.3f},\u00a0{high:.3f}]" if known else f"{value:.3f}"  # never over two lines


class RunsPanel(Pressing, widgets.VBox):  # type: ignore[misc]
    """The runs in `grid`, and buttons for those that are ticked.

    `use(recipe)`, `watch(run)` and `compare(runs)` are called for "Use this recipe", with a run that was started here,
    and for "Compare"; without one of them, that button is not there, or nothing more happens. `now`: read the folders
    at once, and not only at `refresh`.
    """

    def __init__(
        self,
        use: Callable[[Recipe], None] | None = None,
        watch: Callable[[Run], None] | None = None,
        compare: Callable[[list[Run]], None] | None = None,
        now: bool = True,
    ):
        self._use, self._watch, self._compared = use, watch, compare
        self._in_background = Background("runs-panel")
        self._waiting: asyncio.TimerHandle | None = None
        self.grid = Grid(columns=COLUMNS, label="runs", none="There is no run yet: press Start under Recipe.")
        self.error = line(kind="error")
        self._build()
        super().__init__(self._parts(), layout=widgets.Layout(width="100%", padding="4px"))
        self.add_class("wb-runs")
        self._notes = 0  # how many were written here
        self.grid.observe(self._edited, "edited")
        self.grid.observe(lambda _: self._allow(), "ticked")
        self._allow()
        if now:
            self.refresh()

    def _build(self) -> None:
        self.refresh_button = self.button("Refresh", "Read the folders again", self.refresh)
        self.use_button = self.button("Use this recipe", "Put the ticked run's recipe under Recipe", self._put)
        self.again_button = self.button("Start again", "Start a new run of the ticked run's recipe", self._again)
        self.on_button = self.button(
            "Train on",
            "Go on from the ticked run's last checkpoint for so many epochs more, in a new run",
            self._train_on,
        )
        self.epochs = widgets.BoundedIntText(
            value=10, min=1, max=100_000, description="epochs", tooltip="Epochs more",
            style={"description_width": "initial"}, layout=widgets.Layout(width="120px"),
        )  # fmt: skip
        self.compare_button = self.button(
            "Compare", "The ticked runs side by side: curves, what differs, paired tests, classes", self._side_by_side
        )
        self.delete_button = self.button("Delete", "Remove the ticked runs' folders; asks once more", self._delete)

    def _parts(self) -> list[Any]:
        wide = widgets.Layout(align_items="center", flex_flow="row wrap")
        used = [self.use_button] if self._use else []
        compared = [self.compare_button] if self._compared else []
        going_on = [self.again_button, self.on_button, self.epochs]
        buttons = [self.refresh_button, *compared, *used, *going_on, self.delete_button]
        return [style_sheet(), widgets.HBox(buttons, layout=wide), self.error, self.grid]

    def attempt(self, act: Callable[[], None]) -> None:
        if act != self._delete:
            self._disarm()
        super().attempt(act)

    # -- what is shown ------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read all runs' folders, off the loop where there is one, and show them."""
        if not self._in_background(listed, partial(self._fill, self._notes)):
            self._fill(self._notes, listed(), "faint")

    def _fill(self, notes: int, found: Any, kind: str) -> None:
        if notes != self._notes:  # a note was written while the folders were read: what was read may lack it
            self.refresh()
            return
        if kind == "error":
            self.error.value = spoken(f"The runs cannot be listed: {found}", kind)
            return
        self.grid.fill(found)

    def _allow(self) -> None:
        """Only buttons that do something can be pressed."""
        self._disarm()
        many = len(self.grid.ticked)
        for button in (self.use_button, self.again_button, self.on_button):
            button.disabled = many != 1
        self.compare_button.disabled = many < 2
        self.delete_button.disabled = many < 1

    def ticked(self) -> list[Run]:
        """The runs that are ticked."""
        return [_run(name) for name in self.grid.ticked]

    def _edited(self, change: Any) -> None:
        self.attempt(lambda: self._note(change.new["row"], change.new["text"]))

    def _note(self, name: str, text: str) -> None:
        _run(name).note = text
        self._notes += 1
        self.grid.rows = [row | {"note": text} if row["key"] == name else row for row in self.grid.rows]

    # -- the buttons --------------------------------------------------------------------------------------------------

    def _put(self) -> None:
        if self._use:
            self._use(self.ticked()[0].recipe)

    def _again(self) -> None:
        self._started(start(self.ticked()[0].recipe))

    def _train_on(self) -> None:
        self._started(self.ticked()[0].start_on(self.epochs.value))

    def _started(self, run: Run) -> None:
        self.refresh()
        if self._watch:
            self._watch(run)

    def _side_by_side(self) -> None:
        if self._compared:
            self._compared(self.ticked())

    def _delete(self) -> None:
        many = len(self.grid.ticked)
        if not self.armed:
            self.delete_button.description, self.delete_button.button_style = f"Really delete {many}?", "danger"
            self._wait()
            return
        self._disarm()
        refused = []
        for name in self.grid.ticked:
            try:
                _run(name).delete()
            except Exception as error:  # the others go all the same
                refused.append(str(error))
        self.refresh()
        self.error.value = spoken(" ".join(refused), "error")

    @property
    def armed(self) -> bool:
        """Whether another press of "Delete" deletes."""
        return bool(self.delete_button.button_style)

    def _wait(self) -> None:
        try:
            self._waiting = asyncio.get_running_loop().call_later(PATIENCE, self._disarm)
        except RuntimeError:
            self._waiting = None  # no kernel: another click takes it back

    def _disarm(self) -> None:
        if self._waiting:
            self._waiting.cancel()
            self._waiting = None
        self.delete_button.description, self.delete_button.button_style = "Delete", ""

    def close(self) -> None:
        """Let the thread go with the widget."""
        self._disarm()
        self._in_background.close()
        super().close()
