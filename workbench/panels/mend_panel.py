"""The examples that a run answers worst, to be looked at, relabelled or dropped; the decisions are a file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from workbench import paths
from workbench.displaying import READ, player
from workbench.errors import WorkbenchError
from workbench.panels.background import Background
from workbench.panels.pressing import Pressing
from workbench.panels.text import escaped, line, spoken, style_sheet

if TYPE_CHECKING:
    from workbench.recipe import Recipe
    from workbench.run import Run

MOST = 300  # examples that are listed, the worst first
PAGE = 24
SORTED = {"highest loss": "loss", "surest wrong answer": "confidence"}
PARTS = {"train and validation": "", "train": "train", "validation": "valid"}
DROPPED = "(drop)"
NOT_YOURS = "Labels of bundled data cannot be corrected: look here at a run on files of your own."


def _is_own(run: Run) -> bool:
    """Whether the labels are a person's own; where the data cannot be told, looking at it says why."""
    try:
        return bool(run.recipe.data.own)
    except WorkbenchError:
        return True


class MendPanel(Pressing, widgets.VBox):  # type: ignore[misc]
    """Looks at `run`; `start` gets the recipe that names the corrections when they shall be tried.

    The run that `start` returns is shown here as it goes; one that returns none shows it itself.
    """

    def __init__(self, run: Run | None = None, start: Callable[[Recipe], Any] | None = None):
        self._work, self._start = Background("mend-panel"), start
        self._page, self._rows, self._setting = 0, [], False  # type: ignore[var-annotated]
        self.run: Run | None = None
        self.data: Any = None
        self.corrections: Any = None
        self._build()
        super().__init__(self._parts(), layout=widgets.Layout(padding="4px 8px"))
        self.add_class("wb-mend")
        self.look(run)

    def _build(self) -> None:
        wide = {"style": {"description_width": "40px"}, "layout": widgets.Layout(width="230px")}
        self.order = widgets.Dropdown(
            options=[*SORTED], description="worst", tooltip="Which examples come first", **wide
        )
        self.part = widgets.Dropdown(options=[*PARTS], description="part", tooltip="Never the test part", **wide)
        for each in (self.order, self.part):
            each.observe(self._again, "value")
        self.back = self.button("Previous", "The page before", lambda: self._turn(-1))
        self.on = self.button("Next", "The next page", lambda: self._turn(1))
        self.undo = self.button("Undo", "Take the last decision back", self._undo)
        again = "Start the same recipe on the corrected labels"
        self.try_again = self.button("Run again with these", again, self._try)
        self.try_again.button_style = "primary"
        self.about, self.error, self.file = line(kind="strong"), line(kind="error"), line(kind="faint")
        self.gain, self.started = line(), line(kind="strong")
        self.live = widgets.VBox([])  # the run that was started here
        self.cards: list[Card] = []  # as many as were needed so far

    def _parts(self) -> list[Any]:
        row = widgets.Layout(flex_flow="row wrap", align_items="center")
        above = widgets.HBox([self.order, self.part, self.back, self.on, self.undo, self.try_again], layout=row)
        self.grid = widgets.HBox([], layout=widgets.Layout(flex_flow="row wrap"))
        return [style_sheet(), above, self.error, self.gain, self.about, self.file, self.started, self.live, self.grid]

    # -- what is looked at --------------------------------------------------------------------------------------------

    def look(self, run: Run | None) -> None:
        """Look at this run from now on; its answers are computed off the kernel's loop."""
        if run is not self.run:  # what was decided is of the other's data
            self.corrections = None
            self.file.value = self.gain.value = self.error.value = ""
        self.run, self.data, self._page = run, None, 0
        for card in self.cards:
            card.row = {}  # other data may call another example so
        self._again()

    def _again(self, _: Any = None) -> None:
        run = self.run
        self._rows = []
        self._draw()
        if run is None:
            self.about.value = spoken("Choose a run: what it answers worst comes here.", "strong")
            return
        if not _is_own(run):
            self.corrections, self.gain.value = None, ""
            self.about.value = spoken(NOT_YOURS, "faint", "status")
            return
        self.about.value = spoken("Looking at what it answers worst …", "strong", "status")
        asked = run, SORTED[self.order.value], PARTS[self.part.value]
        self._work(lambda: self.looked_up(*asked), partial(self._found, asked))

    def looked_up(self, run: Run, by: str, part: str) -> tuple[Any, Any, list[dict[Any, Any]], str]:
        """The run's data, the corrections of it, the rows of its worst examples, what mending brought so far; slow."""
        from workbench.datasets.corrections import Corrections
        from workbench.looking import brought, corrections_of, worst

        data = self.data if self.run is run and self.data is not None else run.load_data()
        file = Corrections(corrections_of(run.recipe.data))
        return data, file, worst(run, MOST, by, part).to_dict("records"), brought(run)

    def _found(self, asked: tuple[Run, str, str], found: Any, kind: str) -> None:
        if asked != (self.run, SORTED[self.order.value], PARTS[self.part.value]):
            return
        if kind == "error":
            self.about.value = spoken(found, "error")
            return
        self.data, self.corrections, self._rows, said = found
        self.gain.value = spoken(f"What mending brought: {said}" if said else "")
        self._places = {key: at for at, key in enumerate(self.data.keys)}
        self._page = 0
        self._draw()

    def _turn(self, by: int) -> None:
        if self.corrections:
            self.corrections.read()  # others may write into it too
        self._page = min(max(0, self._page + by), max(0, (len(self._rows) - 1) // PAGE))
        self._draw()

    def _draw(self) -> None:
        """Show the page, and what was decided on its examples: as the file says."""
        from workbench.looking import to_see

        rows = self._rows[self._page * PAGE : (self._page + 1) * PAGE]
        self.cards += [Card(self._decided) for _ in range(len(rows) - len(self.cards))]
        for card, row in zip(self.cards, rows, strict=False):
            card.show(
                row,
                partial(to_see, self.data, self._places[row["key"]]),
                self.data.classes,
                self._given(row),
                self.corrections.now.get(row["key"]),
            )
        self.grid.children = [card.box for card in self.cards[: len(rows)]]
        last = max(0, (len(self._rows) - 1) // PAGE)
        self.back.disabled, self.on.disabled = self._page == 0, self._page == last
        decided = self.corrections.now if self.corrections else {}
        self.undo.disabled = not decided
        self.try_again.disabled = not decided or self._start is None
        if self.run is not None and self.data is not None:
            first = self._page * PAGE + 1
            shown = f"{first} to {first + len(rows) - 1} of the {len(self._rows)} worst"
            self.about.value = spoken(shown if rows else "Nothing is answered wrongly.", "strong", "status")
            dropped = sum(not label for label in decided.values())
            path, runs = self.corrections.path, paths.runs().parent
            place = path.relative_to(runs) if path.is_relative_to(runs) else path
            said = f"{len(decided) - dropped} relabelled, {dropped} dropped: {place}"
            self.file.value = spoken(said, "faint")

    def _given(self, row: dict[str, Any]) -> str:
        """The label that the data gives: a run on corrections was told another one, and the file remembers."""
        return str(self.corrections.was.get(row["key"], row["label"]))

    # -- decisions ----------------------------------------------------------------------------------------------------

    def _decided(self, row: dict[str, Any], choice: str) -> None:
        self.attempt(lambda: self.decide(row["key"], choice))

    def decide(self, key: str, choice: str) -> None:
        """Make the example `key` a `choice`, or drop it; its given label takes the decision back."""
        given = self._given(next(row for row in self._rows if row["key"] == key))
        if choice == DROPPED:
            self.corrections.drop(key, given)
        elif choice == given:
            self.corrections.as_given(key)
        else:
            self.corrections.relabel(key, choice, given)
        self._draw()

    def _undo(self) -> None:
        self.corrections.undo()
        self._draw()

    def recipe(self) -> Recipe:
        """The run's recipe on the labels as they are corrected now."""
        assert self.run is not None
        data = self.run.recipe.data.replace(corrections=self.corrections.spelled)
        return self.run.recipe.replace(data=data)

    def _try(self) -> None:
        from workbench.run import Run

        run = self._start(self.recipe()) if self._start is not None else None
        if isinstance(run, Run):
            self._watch(run)

    def _watch(self, run: Run) -> None:
        from workbench.panels.live_panel import LivePanel

        self.started.value = spoken(f"Started {run.folder.name}, on the labels as they are now:", "strong", "status")
        if self.live.children:
            self.live.children[0].show(run)
        else:
            self.live.children = [LivePanel(run)]

    def close(self) -> None:
        """Let the thread go with the widget; a run that was started here goes on."""
        self._work.close()
        for panel in self.live.children:
            panel.close()
        super().close()


class Card:
    """One example: its picture, text or sound, its label and the answer, and what it shall be."""

    def __init__(self, decided: Callable[[dict[str, Any], str], None]):
        self._decided, self._setting, self.row = decided, False, {}  # type: ignore[var-annotated]
        self._told = ""  # a text to read, or a player
        self.picture = widgets.Image(width=112, height=112, layout=widgets.Layout(margin="0 auto"))
        self.said = widgets.HTML()
        self.choice = widgets.Dropdown(tooltip="What it is; the label as given takes a decision back")
        self.choice.layout = widgets.Layout(width="128px")
        self.choice.observe(self._chosen, "value")
        self.box = widgets.VBox([self.picture, self.said, self.choice])
        self.box.layout = widgets.Layout(width="140px", margin="4px", padding="4px", border="2px solid transparent")

    def show(
        self,
        row: dict[str, Any],
        look: Callable[[], dict[str, Any]],
        classes: tuple[str, ...],
        given: str,
        now: str | None,
    ) -> None:
        """Show this example. `look`: what `looking.to_see` gives, asked for where it is another than before.

        `given`: its label as given; `now`: what was decided, "" for dropped, None for nothing.
        """
        if self.row.get("key") != row["key"]:
            self._look(look())
        self.row = row
        self.said.value = (
            f'{self._told}<div class="wb-faint" title="{escaped(row["key"])}">{escaped(row["label"])} → '
            f"{escaped(row['answer'])} {row['confidence']:.2f}<br>loss {row['loss']:.2f} · {row['part']}</div>"
        )
        self._setting = True
        try:
            self.choice.options = [*classes, DROPPED]
            self.choice.value = given if now is None else now or DROPPED
        finally:
            self._setting = False
        self.box.layout.border = "2px solid #E69F00" if now is not None else "2px solid transparent"

    def _look(self, example: dict[str, Any]) -> None:
        from workbench.looking import png

        text, sound = example.get("text", ""), example.get("sound")
        read = f'<div class="wb-note" style="max-height: 100px; overflow: auto">{escaped(text[:READ])}</div>'
        self._told = read if text else player(sound)
        if not text:
            self.picture.value, self.picture.height = png(example["picture"]), "70" if sound else "112"
        self.picture.layout.display = "none" if text else ""
        self.box.layout.width = "290px" if text else "140px"  # a text is read, a picture is seen

    def _chosen(self, change: Any) -> None:
        if not self._setting:
            self._decided(self.row, change.new)
