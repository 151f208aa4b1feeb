"""The live mixer: the knobs that a run under way can turn, each change a mark that can be undone and replayed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets as widgets

from workbench.all_runs import open_run
from workbench.branching import code, marks
from workbench.choices import Range
from workbench.panels.controls import Control
from workbench.panels.copying import CopyButton
from workbench.panels.pressing import Pressing
from workbench.panels.run_words import UNDER_WAY
from workbench.panels.text import escaped, line, spoken, style_sheet
from workbench.recipe import Recipe
from workbench.run import Run

HINT = "A knob turned here acts at the run's next step. Each change is a mark on the curves."
AT_REST = "The run is not under way: start, resume or branch it, then turn its knobs."


class MixerPanel(Pressing, widgets.VBox):  # type: ignore[misc]
    """A slider and a switch for each number of `run` that can be turned while it trains."""

    def __init__(self, run: Run | str | None = None):
        self.run: Run | None = None
        self.controls: dict[str, Control] = {}
        self.switches: dict[str, Any] = {}
        self._turned: list[tuple[str, float]] = []  # what each turn of a knob replaced
        self._before: dict[str, float] = {}  # what a knob stood at before it was switched off
        self._showing, self._told = False, 0  # how many changes are listed
        self.said, self.error = line(HINT, "faint"), line(kind="error")
        self.undo_button = self.button("Undo", "Turn the knob that was turned last back", self._undo)
        self.copy_button = CopyButton(tooltip="Python of the recipe that replays the run, changes and all")
        self.knobs, self.list = widgets.VBox([]), widgets.HTML()
        gap = widgets.Layout(align_items="center")
        below = [widgets.HBox([self.undo_button, self.copy_button], layout=gap), self.error, self.list]
        super().__init__([style_sheet(), self.said, self.knobs, *below])
        self.show(open_run(run) if isinstance(run, str) else run)

    def show(self, run: Run | None) -> None:
        """Turn the knobs of this run from now on."""
        if run is not self.run or (run and not self.controls):
            self.run, self._turned, self._before, self.error.value = run, [], {}, ""
            self._rebuild()
        self.refresh()

    def _rebuild(self) -> None:
        places = self.run.recipe.places() if self.run else {}
        free = {path: place for path, place in places.items() if _turns(path, place[0], self.run.recipe)}  # type: ignore[union-attr]
        self.controls, self.switches, shown = {}, {}, []
        values = self._values()  # from the first: a browser sends back where it drew a slider, and that shall be there
        for path, (knob, _) in free.items():
            control = Control(replace(knob, name=path), values[path], partial(self._turn, path))
            for part in control.parts:
                part.continuous_update = False  # one change a drag, to be marked, undone and replayed
            self.controls[path] = control
            row = [control.box]
            least = (knob.limits or (knob.domain.low,))[0] if isinstance(knob.domain, Range) else None
            if path != "lr" and least == 0 != knob.default:  # at which it is off, and not as it usually is
                switch = widgets.Checkbox(
                    value=bool(values[path]), description="on", indent=False, tooltip=f"{path} at 0, or where it was",
                    layout=widgets.Layout(width="60px", flex="0 0 60px"),
                )  # fmt: skip
                switch.observe(partial(self._switched, path), "value")
                self.switches[path] = switch
                row.append(switch)
            shown.append(widgets.HBox(row, layout=widgets.Layout(align_items="center", max_width="560px")))
        self.knobs.children = shown

    # -- what a hand does ---------------------------------------------------------------------------------------------

    def _turn(self, path: str, value: Any, undoing: bool = False) -> None:
        def act() -> None:
            run = self.run
            if run is None or run.state not in UNDER_WAY:
                raise RuntimeError(AT_REST)
            before = self._values()[path]
            run.turn(path, value)
            if not undoing:
                self._turned.append((path, before))

        if not self._showing:
            self.attempt(act)

    def _switched(self, path: str, change: Any) -> None:
        if self._showing:
            return
        if not change.new:
            self._before[path] = self._values()[path]
        self._turn(path, self._before.get(path, self.controls[path].knob.default) if change.new else 0.0)

    def _undo(self) -> None:
        if self._turned:
            path, value = self._turned.pop()
            self._turn(path, value, undoing=True)

    def after(self) -> None:
        self.refresh()

    # -- what is shown ------------------------------------------------------------------------------------------------

    def _values(self) -> dict[str, Any]:
        """Where each knob stands: as the recipe has it, as its changes so far, or as somebody asked last."""
        run = self.run
        if run is None:
            return {}
        told = {turn["path"]: turn["value"] for turn in run.files.counted("knob")}
        known = {path: value for path, (_, value) in run.recipe.places().items()}
        reached = run.progress.get("step", run.rows[-1]["step"] if run.rows else 0)
        played = {path: value for step, path, value in run.recipe.turns() if step <= reached}
        asked: dict[str, Any] = run.files.control()["knobs"]
        return known | played | told | asked

    def refresh(self) -> None:
        """Read the run's folder and show where its knobs stand."""
        run, values = self.run, self._values()
        free = run is not None and run.state in UNDER_WAY
        self._showing = True
        try:
            for path, control in self.controls.items():
                control.show(values[path])
                for part in control.parts:
                    part.disabled = not free
            for path, switch in self.switches.items():
                switch.value, switch.disabled = bool(values[path]), not free
        finally:
            self._showing = False
        self.undo_button.disabled = not (free and self._turned)
        self.said.value = spoken(HINT if free else AT_REST if run else "No run is shown.", "faint")
        lines = (
            [f"epoch {mark['epoch']:.1f} (step {mark['step']}): {mark['said']}" for mark in marks(run)] if run else []
        )
        self.list.value = _listed(lines)
        if len(lines) != self._told or not self.copy_button.text:
            self.copy_button.text, self._told = code(run) if run else "", len(lines)


def _turns(path: str, knob: Any, recipe: Recipe) -> bool:
    own = {each.name for each in recipe.regularizers}
    return isinstance(knob.domain, Range) and (path == "lr" or path.partition(".")[0] in own)


def _listed(lines: list[str]) -> str:
    inside = "".join(f"<li>{escaped(text)}</li>" for text in lines)
    return f'<ul class="wb-note" aria-label="changes" style="margin: 2px 0 2px 18px">{inside}</ul>' if lines else ""
