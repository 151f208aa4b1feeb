"""A search as figures, two at a time: which ones, and over which knobs, a person chooses."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as widgets

from workbench import plots
from workbench.panels.background import Background
from workbench.panels.chart import still
from workbench.panels.text import line, spoken
from workbench.plots.landscape import lines
from workbench.searching import Study

NONE, BEST, CURVES = "nothing", "best so far", "every trial's curve"
GAP, SLICES, CONTOUR, PARALLEL, IMPORTANCE = "gap against a knob", "slices", "contour", "parallel", "importance"
FIGURES = (BEST, CURVES, GAP, SLICES, CONTOUR, PARALLEL, IMPORTANCE)
Asked = tuple[str, str, str, str]  # figure, knob, the knob it is set against, kind of importance
Made = tuple[Any, ...]  # what it was made of; a figure as a cell's output, its height, or why there is none


class SearchFigures:
    """Two figures of a study, one below the other, each sent again only when it changed; `box` is the widget to place.

    They are a cell's outputs and no widgets of plotly's, which would bring five megabytes of code each into a notebook.
    """

    def __init__(self) -> None:
        self.study: Study | None = None
        self._held: dict[str, Any] = {}
        self._reader: Study | None = None  # of its own, for it may be read in a thread
        self._guard, self._in_background = threading.Lock(), Background("search-figures")
        self.slots = [Slot([*FIGURES], BEST, self.refresh), Slot([NONE, *FIGURES], CURVES, self.refresh)]
        self.box = widgets.VBox([slot.box for slot in self.slots])

    def show(self, study: Study | None) -> None:
        """Draw what the study's folder says now."""
        self.study = study
        self.refresh()

    def refresh(self) -> None:
        """Draw what is chosen, off the loop where there is one: an importance takes its time."""
        study, _ = asked = self.asked()
        for slot in self.slots:
            slot.wait(study)
        if not self._in_background(partial(self.make, asked), self._drawn):
            self.place(self.make(asked))

    def _drawn(self, made: Any, kind: str) -> None:
        if kind == "error":
            self.slots[0].said.value = spoken(f"The figures cannot be drawn: {made}", kind)
        else:
            self.place(made)

    def asked(self) -> tuple[Study | None, list[Asked]]:
        """What is to be drawn; on the loop, since it puts the study's knobs into the fields."""
        if self.study:
            for slot in self.slots:
                slot.offer([*self.study.space])
        return self.study, [slot.asked for slot in self.slots]

    def make(self, asked: tuple[Study | None, list[Asked]]) -> list[Made | None]:
        """The figures, None for one that is as it was; may run in a thread."""
        study, kinds = asked
        with self._guard:
            if study is None:
                return [(None, None, "0", "")] * len(kinds)
            if self._reader is None or self._reader.folder != study.folder:
                self._reader, self._held = Study(study.folder), {}
            return [self._made(self._reader, each, slot.of) for each, slot in zip(kinds, self.slots, strict=True)]

    def _made(self, study: Study, asked: Asked, before: Any) -> Made | None:
        of = (str(study.folder), asked, len(study.results()))
        if of == before and asked[0] != CURVES:
            return None
        try:
            figure = self._figure(study, *asked)
        except Exception as error:  # of optuna's and scipy's too: shown, since a callback's error is swallowed
            return of, None, "0", str(error) or type(error).__name__
        if figure is None or not figure.data:  # nothing to draw yet: its title says so
            return of, None, "0", figure.layout.title.text if figure else ""
        return of, still(figure), f"{figure.layout.height}px", ""

    def _figure(self, study: Study, kind: str, knob: str, other: str, by: str) -> Any:
        if kind == CURVES:
            return plots.curves_of_trials(study, lines(study, self._held))
        if kind == GAP:
            return plots.gaps(study, knob)
        if kind == CONTOUR:
            return plots.contour(study, knob, other)
        if kind == IMPORTANCE:
            return plots.importance(study, by)
        return (
            None if kind == NONE else {BEST: plots.trials, SLICES: plots.slices, PARALLEL: plots.parallel}[kind](study)
        )

    def place(self, made: list[Made | None]) -> None:
        """Put the figures into the page, those that somebody wants no more left out."""
        for slot, each in zip(self.slots, made, strict=True):
            if each is not None:
                slot.place(each, self.study)

    def close(self) -> None:
        """Let the thread go."""
        self._in_background.close()


class Slot:
    """One figure with the fields that choose it."""

    def __init__(self, kinds: list[str], kind: str, changed: Callable[[], None]):
        self._changed, self._setting = changed, False
        self.of: Any = None  # what the figure was made of,
        self._why = ""  # and why there is none
        self.kind = _field(kinds, "figure" if NONE not in kinds else "and", "What is drawn of the search", kind)
        self.knob = _field([], "knob", "The knob along the bottom")
        self.other = _field([], "against", "The knob along the side")
        self.by = _field(["fanova", "ped-anova"], "by", "Over the whole space (fanova), or among the best (ped-anova)")
        self.fields = {GAP: [self.knob], CONTOUR: [self.knob, self.other], IMPORTANCE: [self.by]}
        self.said, self.figure = line(kind="faint"), widgets.Output()
        self.row = widgets.HBox([self.kind], layout=widgets.Layout(flex_flow="row wrap"))
        self.box = widgets.VBox([self.row, self.said, self.figure])
        for each in (self.kind, self.knob, self.other, self.by):
            each.observe(self._chosen, "value")

    @property
    def asked(self) -> Asked:
        """What is chosen."""
        return self.kind.value, self.knob.value or "", self.other.value or "", self.by.value

    def _chosen(self, _: Any) -> None:
        if not self._setting:
            self.row.children = (self.kind, *self.fields.get(self.kind.value, []))
            self._changed()

    def wait(self, study: Study | None) -> None:
        """Say that another figure will come, where one will."""
        self.said.value = spoken(self._why if self._wanted(self.of, study) else "Drawing …", "faint")

    def _wanted(self, of: Any, study: Study | None) -> bool:
        """Whether what was made of that is what is chosen now."""
        return of[:2] == (str(study.folder), self.asked) if study and of else not (study or of)

    def place(self, made: Made, study: Study | None) -> None:
        """Show a figure, or why there is none."""
        of, output, high, said = made
        if not self._wanted(of, study):
            return
        self.of, self._why, self.said.value = of, said, spoken(said, "faint")
        outputs = (output,) if output else ()
        if outputs != self.figure.outputs:
            self.figure.layout.min_height = high  # the page shall not jump while one figure takes another's place
            self.figure.outputs = outputs

    def offer(self, knobs: list[str]) -> None:
        """Let one of these knobs be chosen; first a strength or a rate, which is what moves the gap."""
        self._setting = True
        try:
            if [*self.knob.options] != knobs:
                first = next((knob for knob in knobs if knob.endswith((".strength", ".rate"))), knobs[0])
                for field in (self.knob, self.other):
                    field.options, field.value = knobs, first
            if self.knob.value == self.other.value and len(knobs) > 1:
                self.other.value = next(knob for knob in knobs if knob != self.knob.value)
        finally:
            self._setting = False


def _field(options: list[str], name: str, help: str, value: str | None = None) -> Any:
    return widgets.Dropdown(
        options=options, value=value or next(iter(options), None), description=name, tooltip=help,
        layout=widgets.Layout(width="auto", max_width="240px"), style={"description_width": "60px"},
    )  # fmt: skip
