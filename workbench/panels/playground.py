"""A playground: points drawn in a plane, a small network that learns them before one's eyes, and knobs to turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import ipywidgets as widgets

from workbench.datasets import Points
from workbench.datasets.points import fitted, read, spelled
from workbench.diagnosis import verdict
from workbench.errors import BadChoice, BadData
from workbench.panels.background import Background
from workbench.panels.board import Board, grid, place, spread
from workbench.panels.chart import Chart
from workbench.panels.choosing import Knobs, Several
from workbench.panels.controls import Control
from workbench.panels.copying import CopyButton
from workbench.panels.pressing import Pressing, wrong
from workbench.panels.text import line, spoken, style_sheet
from workbench.plots.curves import line as curve
from workbench.plots.curves import losses
from workbench.recipe import Recipe
from workbench.scopes import Head

if TYPE_CHECKING:
    from workbench.datasets import Data
    from workbench.playing import Play

DRAWN = 0.08  # seconds between two drawings, at the least
CLASSES = ("a", "b", "c")
FIRST: dict[str, Any] = {
    "data": Points(),
    "scope": Head(layers=1, width=16, activation="tanh"),
    "lr": 0.02,
    "batch_size": 16,
}
HINT = "Press on the board to add a point of the chosen class, on a point to take it away. "
HINT += "Hollow points are held out: the network does not train on them."


class PlaygroundPanel(Pressing, widgets.VBox):  # type: ignore[misc]
    """Trains a head on points of a plane in the same loop as ever, and shows what it answers everywhere.

    `value` is the recipe. What regularizers and the learning rate say acts at the next step; everything else begins
    anew. `pace`: epochs a second.
    """

    _closed = True  # until it is built

    def __init__(self, recipe: Recipe | None = None, pace: float = 10.0):
        self.value = recipe or Recipe(**FIRST, epochs=1000, precision="float32")
        if self.value.data.domain != "points" or self.value.scope.name != "head":
            raise BadChoice("the playground trains heads on points: give a recipe of wb.Points and scope='head'.")
        self.play: Play | None = None
        self.rows: list[Any] = []
        self._classes: tuple[str, ...] = CLASSES
        self._work, self._setting, self._last = Background("playground"), False, 0.0
        self._unfit, self._due = "", False  # why the points on the board cannot be trained on; a drawing is on its way
        self._build(pace)
        super().__init__(self._parts(), layout=widgets.Layout(width="100%", padding="4px"))
        self._closed = False
        self.add_class("wb-playground")
        self._show_points()
        self.after()

    def _build(self, pace: float) -> None:
        self.start_button = self.button("Start", "Train from nothing", self.start)
        self.pause_button = self.button("Pause", "Hold at the next step, and go on", self._pause)
        self.clear_button = self.button("Clear the board", "Take all points away, to draw your own", self._clear)
        self.start_button.button_style = "primary"
        self.kind = widgets.ToggleButtons(
            options=self._offered(), description="class of the next point",
            style={"description_width": "140px", "button_width": "auto"},
        )  # fmt: skip
        self.pace = widgets.BoundedFloatText(
            value=pace, min=0, max=1000, step=1, description="epochs a second", style={"description_width": "110px"},
            layout=widgets.Layout(width="190px"), tooltip="How fast it trains; 0 is as fast as it goes",
        )  # fmt: skip
        self.pasted = widgets.Textarea(
            placeholder="0.2, 0.7, a\n0.8, 0.3, b\n(x, y and a class, a line each; on any scale)", rows=5,
            layout=widgets.Layout(width="100%"), tooltip="Points as text: a table's cells can be pasted",
        )  # fmt: skip
        self.take_button = self.button("Take these points", "Play with the points in the field", self._take)
        self.copy = CopyButton(tooltip="Python of the recipe, points and all")
        self.board, self.chart = Board(), Chart(losses(curve("", [], None)))
        self.progress, self.said, self.error = line(kind="strong"), line(), line(kind="error")
        self.board.observe(lambda _: self.attempt(self._drawn), "drawn")
        self._linked = widgets.jslink((self.kind, "index"), (self.board, "kind"))  # in the page: a hand is fast
        self.pace.observe(lambda _: self._paced(), "value")
        self.data = Knobs(Points, self.value.data.values(), self._proposer("data"))
        self.scope = Knobs(Head, self.value.scope.values(), self._proposer("scope"))
        knob = next(each for each in Recipe.knobs() if each.name == "lr")
        self.lr = Control(replace(knob), self.value.lr, lambda lr: self._propose(lambda: {"lr": lr}))
        self.regularizers = Several(
            "regularizers", "What makes it generalise", self.value.regularizers, self._proposer("regularizers"),
            lambda each: not cast("Any", each).unfit(self.value),
        )  # fmt: skip

    def _parts(self) -> list[Any]:
        row = widgets.Layout(align_items="center", flex_flow="row wrap")
        paste = widgets.Accordion(
            [widgets.VBox([self.pasted, self.take_button])], titles=["Paste points"], selected_index=None
        )
        for name in ("drawn", "seed"):  # the board and the field are for that; a seed is for code
            self.data.controls[name].box.layout.display = "none"
        heads = [line(text, "head") for text in ("Points", "Network", "Training")]
        left = [heads[0], self.data.box, paste, heads[1], self.scope.box, heads[2], self.lr.box, self.regularizers.box]
        steer = widgets.HBox([self.start_button, self.pause_button, self.pace, self.copy], layout=row)
        draw = widgets.HBox([self.kind, self.clear_button], layout=row)
        middle = [steer, self.error, self.board, draw, line(HINT, "faint")]
        right = [self.chart.box, self.progress, self.said]
        columns = [
            widgets.VBox(each, layout=widgets.Layout(flex=flex, min_width=least, padding="0 4px"))
            for each, flex, least in ((left, "0 1 260px", "240px"), (middle, "0 1 400px", "300px"),
                                      (right, "1 1 280px", "260px"))
        ]  # fmt: skip
        return [style_sheet(), widgets.HBox(columns, layout=widgets.Layout(flex_flow="row wrap"))]

    # -- what a hand does ---------------------------------------------------------------------------------------------

    def _proposer(self, field: str) -> Callable[[Callable[[], Any]], None]:
        return lambda make: self._propose(lambda: {field: make()})

    def _propose(self, make: Callable[[], dict[str, Any]]) -> None:
        if not self._setting:
            self.attempt(lambda: self._take_over(self.value.replace(**make())))

    def _take_over(self, new: Recipe, by_hand: bool = False) -> None:
        """Go on with this recipe: turned where that can be, else from nothing, if it trains at all.

        `by_hand`: its points were drawn on the board, which has them: sent back, they would undo what a hand did since.
        """
        from workbench.playing import turned

        old, self.value = self.value, new
        self._setting = True
        try:
            for part in ("data", "scope"):
                getattr(self, part).show(getattr(new, part).values())
            self.regularizers.show(new.regularizers)
            self.lr.show(new.lr)
        finally:
            self._setting = False
        self.copy.text = new.as_code()
        if new.data != old.data or (by_hand and self._unfit):  # a point that was taken away may come back
            self._show_points(by_hand)
        moved = turned(old, new)
        if self.play is None or not moved:
            if self.play is not None and new != old:
                self.start()
            return
        for path, value in moved.items():
            self.play.turn(path, value)

    def _names(self) -> list[str]:
        """Of the classes that can be drawn, by the numbers that they have on the board."""
        return [*dict.fromkeys([*self._classes, *CLASSES])]

    def _offered(self) -> list[tuple[str, int]]:
        return [(name, at) for at, name in enumerate(self._names())]

    def _drawn(self) -> None:
        """A point was added or taken away on the board: from now on these are the points."""
        names = self._names()
        text = spelled((x, y, names[kind]) for x, y, kind in self.board.points)
        try:
            read(text)
        except Exception as error:  # too few as yet: they stay on the board, and nothing trains
            self._halt()
            self._unfit = str(error)
            self.progress.value = spoken(self._unfit, "strong", "status")
            return
        data = self.value.data.replace(shape="drawn", drawn=text, label_noise=0.0)  # the board has wrong labels already
        self._take_over(self.value.replace(data=data), by_hand=True)

    def _take(self) -> None:
        text = fitted(self.pasted.value)
        read(text)
        self._take_over(self.value.replace(data=self.value.data.replace(shape="drawn", drawn=text)))
        if self._unfit:  # the same points again, after the board was cleared
            self._show_points()

    def _clear(self) -> None:
        self._halt()
        self._classes, self._unfit = CLASSES, "there are no points: draw or paste some, or take a shape."
        self.kind.options = self._offered()
        self.board.points, self.board.held, self.board.surface = [], [], b""
        self.board.said = "0 points: draw your own"
        self.rows, self.progress.value, self.said.value = [], "", ""
        self.chart.draw(losses(curve("", [], None)))

    def _paced(self) -> None:
        if self.play:
            self.play.pace = self.pace.value

    def _pause(self) -> None:
        if self.play:
            (self.play.resume if self.play.paused else self.play.pause)()

    def after(self) -> None:
        holds = self.play is not None and self.play.paused
        self.pause_button.description = "Resume" if holds else "Pause"
        self.pause_button.disabled = self.play is None

    # -- the run ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Train the recipe from nothing, off the kernel's loop; without a loop, to the end."""
        from workbench.playing import Play

        if self._unfit:
            raise BadData(self._unfit)
        self._halt()
        play = Play(self.value, grid(), lambda rows, chances: self._seen(play, rows, chances), self.pace.value)
        self.play = play
        if not self._work(play.run, partial(self._ended, play)):
            self._ended(play, play.run(), "faint")

    def _halt(self) -> None:
        if self.play:
            self.play.stop()
        self.play = None

    def _seen(self, play: Play, rows: list[Any], chances: Any) -> None:
        """Called where it trains: have the newest drawn on the loop, not more often than one can see, nor than it can.

        While a cell runs, or the machine is slow, one drawing waits, and not each.
        """
        if play is not self.play:
            return
        self._newest, now = (rows, chances), time.monotonic()
        if not self._due and (now - self._last >= DRAWN or len(rows) == 1):
            self._last, self._due = now, True
            self._work.on_loop(partial(self._draw_newest, play))

    def _draw_newest(self, play: Play) -> None:
        self._due = False
        try:
            self.draw(play, *self._newest)
        except Exception as error:  # a callback's error is swallowed
            self.error.value = wrong(error)

    def draw(self, play: Play, rows: list[Any], chances: Any) -> None:
        """Show these rows, and what is answered everywhere."""
        if self._closed or play is not self.play:
            return
        self.rows = rows
        self.board.show(self._as_drawn(chances))
        self.chart.draw(losses(curve("", rows, None)))
        last = rows[-1]
        told = f"epoch {last['epoch']}: {last['valid_accuracy']:.0%} of validation right, {last['train_accuracy']:.0%}"
        told += " of train"
        self.progress.value = spoken(told, "strong")
        self.board.said = f"{len(self.board.points)} points and the regions of the classes; {told}"
        self.said.value = spoken(verdict(rows, self.value, examples=self._valid).sentence)  # too often to be announced

    def _as_drawn(self, chances: Any) -> Any:
        """A column a class of the board, where a hand may have drawn some of them alone."""
        names = self._names()
        drawn = sorted({names[kind] for _, _, kind in self.board.points})
        return spread(chances, [names.index(name) for name in drawn][: chances.shape[1]], len(names))

    def _ended(self, play: Play, found: Any, kind: str) -> None:
        if play is not self.play:
            return
        if kind == "error":
            self.error.value = spoken(found, "error")
        else:
            self._draw_newest(play)
        self.play = None
        self.after()

    def _show_points(self, by_hand: bool = False) -> None:
        """Put the points of the recipe on the board, if it has not drawn them; those not trained on are hollow."""
        data: Data = self.value.data.load()
        self._unfit = ""
        if not by_hand:
            self._classes = data.classes
            self.kind.options = self._offered()
            places = (data.inputs.reshape(len(data.inputs), 2).double() / 255).tolist()
            self.board.points = [[*at, kind] for at, kind in zip(places, data.labels.tolist(), strict=True)]
            self.board.surface = b""
            self.board.said = f"{len(self.board.points)} points of the classes {', '.join(data.classes)}"
        self._valid = len(data.valid)
        held = [*data.valid.tolist(), *data.test.tolist()]
        self.board.held = [place(x, y) for x, y, _ in (self.board.points[at] for at in held)]

    def close(self) -> None:
        """End the run, and let the thread go."""
        if not self._closed:
            self._closed = True
            self._halt()
            self._work.close()
            self.chart.close()
        super().close()
