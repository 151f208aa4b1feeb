"""One knob on a slider: what each of its values does to metrics, gap and weights."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from workbench import plots, progress
from workbench.panels.background import Background
from workbench.panels.chart import Chart
from workbench.panels.pressing import Pressing
from workbench.panels.runs_panel import ranged
from workbench.panels.text import line, spoken, style_sheet, table
from workbench.recipe import Recipe
from workbench.searching.path import MOST, along, knobs

if TYPE_CHECKING:
    from workbench.searching.path import Path

HINT = "All values train at once, in seconds; then the slider goes from one to the next."
CHANGED = "The recipe is another one now: this path is of the one before. Draw it again."
FIRST = ("l2.strength", "l1.strength", "dropout.rate")  # on top of the list


class PathPanel(Pressing, widgets.VBox):  # type: ignore[misc]
    """Draws paths of `recipe` (one, or a function that gives it); the slider goes along the one that is drawn.

    `use(recipe)` is called for "Use this recipe", with that of the slider's value. Nothing is trained before "Draw the
    path" is pressed, and then off the kernel's loop.
    """

    def __init__(
        self, recipe: Recipe | Callable[[], Recipe] | None = None, use: Callable[[Recipe], None] | None = None
    ):
        self._recipe, self._use, self._work = recipe, use, Background("path-panel")
        self._setting = self._closed = False
        self._of: Recipe | None = None  # whose path is drawn
        self.path: Path | None = None
        self.chart: Chart | None = None
        self._build()
        super().__init__(self._parts(), layout=widgets.Layout(width="100%", padding="4px"))
        self.add_class("wb-path")

    def asked(self) -> Recipe:
        """The recipe whose path will be drawn."""
        return self._recipe() if callable(self._recipe) else self._recipe or Recipe()

    def _build(self) -> None:
        auto = widgets.Layout(width="auto")
        self.knob = widgets.Dropdown(
            options=_offered(), description="Knob", tooltip="What is turned; a regularizer joins the recipe",
            layout=auto, style={"description_width": "44px"},
        )  # fmt: skip
        self.many = widgets.BoundedIntText(
            value=50, min=2, max=MOST, description="values", tooltip="How many, spread over the knob's range",
            layout=widgets.Layout(width="130px"), style={"description_width": "50px"},
        )  # fmt: skip
        self.draw_button = widgets.Button(
            description="Draw the path", tooltip="Train a head at every value, all at once", button_style="primary",
            layout=auto,
        )  # fmt: skip
        self.use_button = widgets.Button(
            description="Use this recipe", tooltip="Put the recipe of the slider's value under Recipe", layout=auto,
            disabled=True,
        )  # fmt: skip
        self.slider = widgets.IntSlider(
            min=0, max=1, readout=False, tooltip="From value to value", layout=widgets.Layout(flex="1 1 300px")
        )
        self.value = widgets.FloatText(
            continuous_update=False, step=None, tooltip="The value; another goes to the nearest that was trained",
            layout=widgets.Layout(width="250px"), style={"description_width": "120px"},
        )  # fmt: skip
        self.draw_button.on_click(lambda _: self.draw())
        self.use_button.on_click(lambda _: self._put())
        self.slider.observe(self._moved, "value")
        self.value.observe(self._typed, "value")
        self.said, self.error, self.numbers = line(HINT, "faint"), line(kind="error"), widgets.HTML()

    def _parts(self) -> list[Any]:
        row = widgets.Layout(align_items="center", flex_flow="row wrap")
        own = [self.use_button] if self._use else []
        buttons = widgets.HBox([self.knob, self.many, self.draw_button, *own], layout=row)
        along = widgets.HBox([self.value, self.slider], layout=row)
        self.drawn = widgets.VBox([along, self.numbers], layout=widgets.Layout(width="100%", display="none"))
        return [style_sheet(), buttons, self.error, self.said, self.drawn]

    # -- a path is drawn ----------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Train the values off the kernel's loop, and show the path; an error is shown."""
        self.error.value = ""
        try:
            recipe = self.asked()
        except Exception as error:
            self.error.value = spoken(str(error) or type(error).__name__, "error")
            return
        self.draw_button.disabled = True
        self.said.value = spoken("Reading the data …", "strong", "status")
        work = partial(self._traced, recipe, self.knob.value, self.many.value)
        if not self._work(work, partial(self._found, recipe)):
            self.draw_button.disabled = False
            self.error.value = spoken("Without a running kernel nothing is drawn; wb.path trains in a script.", "error")

    def _traced(self, recipe: Recipe, knob: str, many: int) -> Path:
        """The path; slow."""
        with progress.told_to(self._work.hear(self._say)):
            return along(recipe, knob, many)

    def _say(self, text: str) -> None:
        if self.draw_button.disabled and not self._closed:  # else the path is there already
            self.said.value = spoken(text, "strong", "status")

    def _found(self, recipe: Recipe, found: Any, kind: str) -> None:
        if self._closed:
            return
        self.draw_button.disabled = False
        self.said.value = ""
        if kind == "error":
            self.error.value = spoken(found, "error")
            return
        try:
            self._show(recipe, found)
        except Exception as error:
            self.error.value = spoken(f"The path cannot be shown: {error}", "error")

    def _show(self, recipe: Recipe, found: Path) -> None:
        """Another path, the slider at the value of the least validation loss."""
        self._of, self.path = recipe, found
        if self.chart:
            self.chart.draw(plots.path(found))
        else:  # no panel brings plotly's five megabytes of code before it is wanted
            self.chart = Chart(plots.path(found))
            self.chart.fit()
            self.drawn.children = (*self.drawn.children, self.chart.box)
        self.drawn.layout.display, self.use_button.disabled = "", False
        self.value.description = found.knob
        self._setting = True
        try:
            self.slider.max, self.slider.value = len(found.values) - 1, found.at(found.best)
        finally:
            self._setting = False
        lost = ", ".join(f"{value:.3g}" for value in found.lost)
        self.said.value = spoken(f"Left out, since training diverged there: {lost}." if lost else "", "note", "status")
        with contextlib.suppress(Exception):  # what is chosen may be refused just now
            if self.asked() != recipe:  # another one was, while it trained
                self.said.value = spoken(CHANGED, "note", "status")
        self._tell()

    # -- the slider ---------------------------------------------------------------------------------------------------

    def _moved(self, _: Any = None) -> None:
        if self._setting or self.path is None or self.chart is None:
            return
        try:
            self.chart.draw(plots.path(self.path, self.path.values[self.slider.value]))
            self._tell()
        except Exception as error:  # a callback's error is swallowed
            self.error.value = spoken(f"The value cannot be shown: {error}", "error")

    def _typed(self, change: Any) -> None:
        if self._setting or self.path is None:
            return
        low, high = self.path.values[0], self.path.values[-1]
        wanted = change.new if math.isfinite(change.new) else self.path.best
        at = self.path.at(min(max(wanted, low), high))
        if at == self.slider.value:
            self._tell()
        self.slider.value = at

    def _tell(self) -> None:
        """The slider's value, and its numbers as text."""
        assert self.path is not None
        row, shown = self.path.rows()[self.slider.value], self.path.values[self.slider.value]
        self._setting = True
        try:
            self.value.value = float(f"{shown:.4g}")
        finally:
            self._setting = False
        self.numbers.value = table(
            [
                [f"the end, epoch {row['epoch']}", *_line(row, ""), f"{row['zeros']:.1%}", f"{row['size']:.4f}"],
                [f"best epoch, {row['best_epoch']}", *_line(row, "best_"), "", ""],
            ],
            ["", "train accuracy", "validation accuracy", "gap", "train loss", "validation loss", "zeros", "mean |w|"],
        )

    # -- others -------------------------------------------------------------------------------------------------------

    def _put(self) -> None:
        if self._use and self.path:
            self._use(self.path.recipe_of(self.path.values[self.slider.value]))

    def follow_recipe(self, recipe: Recipe) -> None:
        """Another recipe was chosen: what is drawn says that it is of another one."""
        chosen = self.knob.value
        self.knob.options = _offered()
        self.knob.value = chosen if chosen in self.knob.options else self.knob.options[0]
        if self._of is not None:
            self.said.value = spoken(CHANGED if recipe != self._of else "", "note", "status")

    def close(self) -> None:
        """Let the thread go with the widget: what it trains ends at its next word."""
        self._closed = True
        self._work.close()
        if self.chart:
            self.chart.close()
        super().close()


def _offered() -> list[str]:
    return [*FIRST, *(name for name in knobs() if name not in FIRST)]


def _line(row: dict[str, Any], of: str) -> list[str]:
    train, valid = f"{row[f'{of}train_accuracy']:.3f}", row[f"{of}valid_accuracy"]
    ends = [ranged(valid, row[f"{of}valid_low"], row[f"{of}valid_high"])]
    ends.append(ranged(row[f"{of}gap_accuracy"], row[f"{of}low"], row[f"{of}high"]))
    return [train, *ends, f"{row[f'{of}train_loss']:.4f}", f"{row[f'{of}valid_loss']:.4f}"]
