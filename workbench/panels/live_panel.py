"""One run as it goes: its curves, its gap, and the buttons that steer it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from workbench import paths
from workbench.all_runs import open_run
from workbench.diagnosis import NextStep
from workbench.fine_tuning import start
from workbench.panels.branch_box import BranchBox
from workbench.panels.chart import Chart
from workbench.panels.mixer_panel import MixerPanel
from workbench.panels.pressing import Pressing
from workbench.panels.run_words import UNDER_WAY as UNDER_WAY
from workbench.panels.run_words import in_a_line, listed, machine, progress, standing
from workbench.panels.text import line, spoken, style_sheet
from workbench.panels.verdict_box import VerdictBox
from workbench.plots.curves import line as curve
from workbench.plots.curves import of_run, watched
from workbench.recipe import Recipe
from workbench.run import Run
from workbench.worker import warm

EVERY = 0.5  # seconds between two redraws
REST = 5  # times what a redraw took, from one to the next: many thousand epochs leave the kernel time for other cells
LOOK = 0.1  # seconds between two looks at whether there is anything new
GOES_ON = ("new", "stopped", "failed", "interrupted")
UNSEEN = "The run cannot be shown"
LISTED = 50  # runs in the list


class LivePanel(Pressing, widgets.VBox):  # type: ignore[misc]
    """Follows the folder of `run`, and starts runs of `recipe`: a recipe, or a function that gives the one to start."""

    def __init__(self, run: Run | str | None = None, recipe: Recipe | Callable[[], Recipe] | None = None):
        warm()
        self._recipe = recipe
        self._task: asyncio.Task[None] | None = None
        self._drawn: tuple[Any, ...] = ("nothing yet",)
        self._over: dict[str, Run] = {}  # drawn over the run that is shown, by folder
        self._mine: list[Run] = []
        self._setting = False
        self.run: Run | None = open_run(run) if isinstance(run, str) else run
        self.on_status: Callable[[str], None] = lambda said: None
        self._build()
        super().__init__(self._parts(), layout=widgets.Layout(flex="1 1 500px", min_width="420px", padding="0 0 0 8px"))
        self.add_class("wb-live")
        self._list_runs()
        self.refresh()
        self.follow()

    def _build(self) -> None:
        self.start_button = self.button(
            "Start", "Train the recipe; it waits for runs that were started before", self._start
        )
        self.pause_button = self.button("Pause", "Hold at the next step", self._pause)
        self.resume_button = self.button("Resume", "Go on from where it holds or stopped", self._resume)
        self.stop_button = self.button("Stop", "End at the next step; Resume goes on from there", self._stop)
        self.start_button.button_style = "primary"
        self.pace = widgets.BoundedFloatText(
            value=0, min=0, max=100, step=0.5, description="pace", continuous_update=False,
            tooltip="Epochs a second, to watch slowly; 0 is as fast as it goes",
            style={"description_width": "36px"}, layout=widgets.Layout(width="110px"),
        )  # fmt: skip
        self.pace.observe(self._paced, "value")
        self.progress, self.machine, self.error = line(kind="strong"), line(kind="faint"), line(kind="error")
        self.messages = widgets.HTML(layout=widgets.Layout(margin="0"))
        wide = widgets.Layout(width="auto", max_width="640px")
        self.picker = widgets.Dropdown(
            options=[("none", "")], description="run", tooltip="The run that is shown; earlier ones open here",
            layout=wide, style={"description_width": "60px"},
        )  # fmt: skip
        self.picker.observe(self._picked, "value")
        self.others = widgets.SelectMultiple(
            options=[], rows=5, description="overlay", tooltip="Runs drawn over it (Ctrl adds one)", layout=wide,
            style={"description_width": "60px"},
        )  # fmt: skip
        self.others.observe(self._overlaid, "value")
        self.chart = Chart(watched([curve("", [], None)]))
        self.verdict, self.branches = VerdictBox(self._take, self.button), BranchBox(self._fan_out, self.button)
        self.mixer = MixerPanel()

    def _parts(self) -> list[Any]:
        gap = widgets.Layout(align_items="center", flex_flow="row wrap")
        buttons = [self.start_button, self.pause_button, self.resume_button, self.stop_button, self.pace]
        overlays = widgets.Accordion([self.others], titles=["Overlay other runs"], selected_index=None)
        overlays.observe(lambda _: self._list_runs(), "selected_index")  # those that were made meanwhile too
        steering = widgets.HBox(buttons, layout=gap)
        titles = ["Turn knobs while it trains", "Branch: the same moment, another knob"]
        self._hands = hands = widgets.Accordion([self.mixer, self.branches.box], titles=titles, selected_index=None)
        below = [steering, self.error, hands, self.machine, self.messages, self.picker, overlays]
        return [style_sheet(), self.chart.box, self.progress, self.verdict.box, *below]

    def after(self) -> None:
        self.follow()
        self.refresh()

    # -- the buttons --------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        recipe = self._recipe if isinstance(self._recipe, Recipe) else self._recipe and self._recipe()
        if recipe is None:
            return
        self.run = start(recipe)
        if self.pace.value:
            self.run.pace(self.pace.value)
        self._mine.append(self.run)
        self._list_runs()

    def _pause(self) -> None:
        if self.run:
            self.run.pause()

    def _resume(self) -> None:
        if self.run:
            self.run.pace(self.pace.value)
            self.run.resume()

    def _stop(self) -> None:
        if self.run:
            self.run.stop()

    def _take(self, run: Run, step: NextStep) -> None:
        """Do what the verdict proposes, as a run of its own, drawn over the one that it is about."""
        self._begin([run.start_on(step.epochs) if step.epochs else start(step.recipe(run.played))], [run])

    def _fan_out(self, arms: list[Run]) -> None:
        self._begin(arms, [self.run] if self.run else [])

    def _begin(self, runs: list[Run], over: list[Run]) -> None:
        """Show the first of these, and the others and `over` drawn over it."""
        self._mine += runs
        self.run = runs[0]
        self._list_runs()
        self._setting = True
        try:
            known = {value for _, value in self.others.options}
            self.others.value = [folder for each in [*over, *runs[1:]] if (folder := str(each.folder)) in known]
        finally:
            self._setting = False

    def _paced(self, change: Any) -> None:
        if self.run and self.run.state in UNDER_WAY and not self._setting:
            self.attempt(lambda: self.run.pace(change.new))  # type: ignore[union-attr]

    def show(self, run: Run | str) -> None:
        """Show this run from now on."""
        self.error.value = ""  # it was of another one
        self.run = open_run(run) if isinstance(run, str) else run
        self._list_runs()
        self.refresh()
        self.follow()

    # -- which runs there are -----------------------------------------------------------------------------------------

    def _list_runs(self) -> None:
        """Offer the newest runs, the one that is shown among them."""
        found = sorted(paths.runs().glob("*/recipe.json"), key=lambda path: -path.stat().st_mtime)[:LISTED]
        folders = [path.parent for path in found]
        if self.run and self.run.folder not in folders:
            folders.insert(0, self.run.folder)
        options = [(in_a_line(folder), str(folder)) for folder in folders]
        self._setting = True
        try:
            chosen = [value for value in self.others.value if value in {str(folder) for folder in folders}]
            self.others.options = options
            self.others.value = chosen
            self.picker.options = [("none", ""), *options]
            self.picker.value = str(self.run.folder) if self.run else ""
        finally:
            self._setting = False

    def _picked(self, change: Any) -> None:
        if not self._setting:
            self.attempt(lambda: self._open(change.new))

    def _open(self, folder: str) -> None:
        held = next((run for run in self._mine if str(run.folder) == folder), None)
        self.run = held or (open_run(folder) if folder else None)

    def _overlaid(self, _: Any) -> None:
        if not self._setting:
            self.attempt(lambda: None)

    # -- what is shown ------------------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Look at the folder again and again until the run has ended; needs a running loop, as a kernel has one."""
        if self._task and not self._task.done():
            return
        with contextlib.suppress(RuntimeError):
            self._task = asyncio.get_running_loop().create_task(self._following())

    async def _following(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + EVERY
        while any(run.state in UNDER_WAY for run in self._drawn_over()):
            if self._look() != self._drawn and (began := loop.time()) >= due:
                self._try_refresh()
                due = began + max(EVERY, REST * (loop.time() - began))
            await asyncio.sleep(LOOK)
        self._try_refresh()

    def _try_refresh(self) -> None:
        try:
            self.refresh()
            if UNSEEN in self.error.value:  # now it was
                self.error.value = ""
        except Exception as error:
            self.error.value = spoken(f"{UNSEEN}: {error}", "error")

    def refresh(self) -> None:
        """Read the run's folder and show what it says."""
        look = self._look()  # first: what comes while this draws is drawn next time
        run = self.run
        state = run.state if run else "none"
        self._allow(state)
        stands, said = (standing(run, state), machine(run, state)) if run else ("", "")
        next_step = "Start trains the recipe." if self._recipe else "Choose a run below."
        self.progress.value = spoken(
            progress(run, state, stands) if run else f"Nothing runs. {next_step}", "strong", "status"
        )
        self.machine.value = spoken(said, "faint")
        self.on_status(said)
        self.messages.value = listed(run.messages if run else [])
        self.verdict.show(run, state)
        self.branches.show(run, state)
        self.mixer.show(run)
        if run and state in UNDER_WAY:
            self._show_pace(run)
        if look != self._drawn:
            self.chart.draw(watched(self._lines()))
            self._drawn = look

    def _show_pace(self, run: Run) -> None:
        self._setting = True
        try:
            self.pace.value = run.files.control()["pace"]
        finally:
            self._setting = False

    def _drawn_over(self) -> list[Run]:
        """The run that is shown, and those that are drawn over it: all are followed."""
        own = str(self.run.folder) if self.run else ""
        self._over = {name: self._over.get(name) or open_run(name) for name in self.others.value if name != own}
        return [*([self.run] if self.run else []), *self._over.values()]

    def _look(self) -> tuple[Any, ...]:
        """What stands in the folders of all of them: another look, and there is something new."""
        runs = self._drawn_over()
        return tuple((str(run.folder), len(run.files.events()), standing(run, run.state)) for run in runs)

    def _lines(self) -> list[dict[str, Any]]:
        return [of_run(each.folder.name, each) for each in self._drawn_over()] or [curve("", [], None)]

    def _allow(self, state: str) -> None:
        """Only buttons that do something can be pressed."""
        self.start_button.disabled = self._recipe is None
        self.pause_button.disabled = state != "running"
        self.resume_button.disabled = state not in ("paused", *GOES_ON)
        self.stop_button.disabled = state not in UNDER_WAY

    def close(self) -> None:
        """Stop following; the run goes on."""
        if self._task:
            self._task.cancel()
        self.chart.close()
        self._hands.children = ()  # a box that holds what is closed cannot be saved with the notebook
        self.mixer.close()
        self.verdict.close()
        super().close()
