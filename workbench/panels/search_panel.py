"""A search: what it is asked for, left; its trials as they come, its figures and its winner, right."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as widgets

from workbench.all_runs import open_run
from workbench.fine_tuning import start
from workbench.panels.background import Background
from workbench.panels.grid import Grid
from workbench.panels.live_panel import UNDER_WAY
from workbench.panels.pressing import Pressing
from workbench.panels.search_choice import SearchChoice
from workbench.panels.search_figures import SearchFigures
from workbench.panels.search_table import columns, progress, row
from workbench.panels.text import line, spoken, style_sheet
from workbench.panels.winner_box import WinnerBox
from workbench.recipe import Recipe
from workbench.run import Run
from workbench.searching import Study, open_study, start_search
from workbench.searching.listing import listed
from workbench.searching.results import rows_of

LOOK = 1.0  # seconds between two looks at a search under way
DRAW = 3.0  # seconds between two drawings of what grows
LAST = 2  # looks after it ended, which may be just after it was looked at
UNSEEN = "The study cannot be shown"
LISTED = 50  # studies in the list


class SearchPanel(Pressing, widgets.VBox):  # type: ignore[misc]
    """Starts searches around `recipe` (one, or a function that gives it) and follows `study`.

    `use(recipe)` is called for "Use this recipe", `watch(run)` for "Open as run", with that of the ticked trial. `now`:
    tell at once what the search will cost, and not only at `reckon`.
    """

    def __init__(
        self,
        recipe: Recipe | Callable[[], Recipe] | None = None,
        study: Study | str | None = None,
        use: Callable[[Recipe], None] | None = None,
        watch: Callable[[Run], None] | None = None,
        now: bool = True,
    ):
        self._recipe, self._use, self._watch = recipe, use, watch
        self._task: asyncio.Task[None] | None = None
        self._setting = False
        self._listed: tuple[Any, ...] = ()
        self._broken: set[str] = set()  # studies of which it was said that they cannot be read
        self._drawn_at, self._left = -math.inf, LAST
        self.study = open_study(study) if isinstance(study, str) else study
        self.choice, self.figures = SearchChoice(self.asked), SearchFigures()
        self._in_background = Background("search-panel")
        self._build()
        super().__init__(self._parts(), layout=widgets.Layout(width="100%", padding="4px"))
        self.add_class("wb-search")
        self.choice.recount()
        self.attempt(self.list_studies)
        if now:
            self.reckon()

    def asked(self) -> Recipe:
        """The recipe that a search starts from."""
        return self._recipe() if callable(self._recipe) else self._recipe or Recipe()

    def reckon(self) -> None:
        """Tell what the search will cost, from now on after every change."""
        self.choice.reckon()

    def _build(self) -> None:
        self.picker = widgets.Dropdown(
            options=[("none", "")], description="study", tooltip="Earlier searches open here",
            layout=widgets.Layout(width="auto", max_width="480px"), style={"description_width": "60px"},
        )  # fmt: skip
        self.picker.observe(self._picked, "value")
        self.start_button = self.button("Start", "Search; it waits for what was started before", self._start)
        self.start_button.button_style = "primary"
        self.pause_button = self.button("Pause", "Hold at the next step", lambda: self._held().pause())
        self.resume_button = self.button(
            "Resume", "Go on from where it holds or stopped", lambda: self._held().resume()
        )
        self.stop_button = self.button("Stop", "End at the next step; Resume goes on", lambda: self._held().stop())
        self.extend_button = self.button("Extend", "So many trials more, on the same study", self._extend)
        self.more = widgets.BoundedIntText(
            value=16, min=1, max=10_000, tooltip="How many trials more", layout=widgets.Layout(width="80px")
        )
        self.use_button = self.button("Use this recipe", "Put the ticked trial's recipe under Recipe", self._put)
        self.open_button = self.button("Open as run", "The ticked trial as a run of its own, trained alone", self._open)
        self.winner = WinnerBox(lambda: self.study)
        self.grid = Grid(label="trials", none="No trial has ended yet.")
        self.grid.observe(self._allow_ticked, "ticked")
        self.progress, self.error = line(kind="strong"), line(kind="error")

    def _parts(self) -> list[Any]:
        wrap = widgets.Layout(align_items="center", flex_flow="row wrap")
        steer = [self.start_button, self.pause_button, self.resume_button, self.stop_button]
        above = widgets.HBox([*steer, self.extend_button, self.more, self.winner.button], layout=wrap)
        own = [button for button, act in ((self.use_button, self._use), (self.open_button, self._watch)) if act]
        shown = [self.progress, self.winner.box, self.picker, self.figures.box]
        right = [above, self.error, *shown, widgets.HBox(own, layout=wrap), self.grid]
        watched = widgets.VBox(right, layout=widgets.Layout(flex="1 1 500px", min_width="420px", padding="0 0 0 8px"))
        return [style_sheet(), widgets.HBox([self.choice.box, watched], layout=widgets.Layout(width="100%"))]

    # -- the buttons --------------------------------------------------------------------------------------------------

    def forget_error(self) -> None:
        if UNSEEN not in self.error.value:  # that is not of the recipe
            super().forget_error()

    def after(self) -> None:
        if self.winner.armed:  # something else was pressed
            self.winner.forget()
        self.follow()
        self.refresh()

    def _held(self) -> Study:
        if self.study is None:
            raise ValueError("no study is shown: press Start, or choose one.")
        return self.study

    def _start(self) -> None:
        self.study = start_search(**self.choice.value())
        self.list_studies()

    def _extend(self) -> None:
        study = self._held()
        study.change(trials=study.asked + self.more.value)
        if study.state not in UNDER_WAY:  # else its driver sees it at the next round
            study.resume()

    def _ticked(self) -> int:
        return int(self.grid.ticked[0])

    def _put(self) -> None:
        if self._use:
            self._use(self._held().recipe_of(self._ticked()))

    def _open(self) -> None:
        study, number = self._held(), self._ticked()
        folder = study.folder / "trials" / str(number)  # a whole network's is there already
        run = open_run(folder) if (folder / "recipe.json").is_file() else start(study.recipe_of(number), folder)
        run.note = run.note or f"trial {number} of {study.name}"
        if self._watch:
            self._watch(run)

    # -- which study --------------------------------------------------------------------------------------------------

    def list_studies(self) -> None:
        """Offer the studies that there are; their folders are read off the loop where there is one."""
        self._name([name for _, name in self.picker.options if name])
        if not self._in_background(partial(listed, LISTED), self._offer):
            self._offer(listed(LISTED), "faint")

    def _offer(self, found: Any, kind: str) -> None:
        """Offer them, and say once which cannot be read: none of them hides another."""
        if kind == "error":
            self.error.value = spoken(f"The studies cannot be listed: {found}", kind)
            return
        broken = {name: reason for name, reason in found if reason and name not in self._broken}
        if broken:
            self._broken |= {*broken}
            told = [f"The study {name} cannot be read: {reason}" for name, reason in broken.items()]
            self.error.value = spoken(" ".join(told), "error")
        self._name([*dict(found)])

    def _name(self, names: list[str]) -> None:
        """Put these names into the list, and that of the study that is shown."""
        here = [self.study.name] if self.study else []
        self._setting = True
        try:
            self.picker.options = [("none", ""), *((name, name) for name in dict.fromkeys([*here, *names]))]
            self.picker.value = here[0] if here else ""
        finally:
            self._setting = False

    def _picked(self, change: Any) -> None:
        if not self._setting:
            self.attempt(lambda: self._chosen(change.new))

    def _chosen(self, name: str) -> None:
        self.study = open_study(name) if name else None
        self.winner.forget()

    # -- what is shown ------------------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Look at the study again and again until it has ended; needs a running loop, as a kernel has one."""
        self._left = LAST  # also of looks under way: what goes on while the last one is drawn is followed further
        if self._task and not self._task.done():
            return
        with contextlib.suppress(RuntimeError):
            self._task = asyncio.get_running_loop().create_task(self._following())

    async def _following(self) -> None:
        """At each look either words and buttons or figures and grid: so at most four messages go out in a second.

        The last look is at both: what went wrong at the one before would else be all that is seen of its end.
        """
        while self._left:
            await asyncio.sleep(LOOK)
            self._left -= 1
            try:
                going = self.study is not None and self.study.state in UNDER_WAY
                self._left = LAST if going else self._left
                drawn = time.monotonic() - self._drawn_at >= DRAW if going else not self._left
                if drawn:
                    made = await asyncio.to_thread(self.figures.make, self.figures.asked())
                    self.figures.place(made)
                    self._fill()
                if not drawn or not self._left:
                    self._tell()
                if UNSEEN in self.error.value:  # now it was
                    self.error.value = ""
            except Exception as error:
                self.error.value = spoken(f"{UNSEEN}: {error}", "error")

    def refresh(self) -> None:
        """Show what the study's folder says now."""
        self._tell()
        self.figures.show(self.study)
        self._fill()

    def _tell(self) -> None:
        """Say where it is; only buttons that do something can be pressed."""
        study = self.study
        state = study.state if study else ""
        self._allow(state)
        said = ""
        if study:
            going = self._going(study, state)
            epoch = max((rows[-1]["epoch"] for rows in going if rows), default=0)
            said = progress(study, state, len(study.results()), len(going), epoch)
        self.progress.value = spoken(said, "strong", "status")

    def _going(self, study: Study, state: str) -> list[Any]:
        """The rows of each trial under way."""
        ended = {each["number"] for each in study.results()}
        last = study.rounds()[-1:] if state in UNDER_WAY else []
        return [rows for folder in last for number, rows in rows_of(folder).items() if number not in ended]

    def _fill(self) -> None:
        """Fill the grid where trials ended."""
        study, self._drawn_at = self.study, time.monotonic()
        results = study.results() if study else []
        listed = (study and study.folder, len(results))
        if listed != self._listed:
            with self.grid.hold_sync():
                self.grid.columns = columns(study) if study else []
                self.grid.fill([row(each) for each in results])
            self._listed = listed

    def _allow(self, state: str) -> None:
        """Only buttons that do something can be pressed."""
        self.pause_button.disabled = state != "running"
        self.stop_button.disabled = state not in UNDER_WAY
        self.resume_button.disabled = state not in ("paused", "stopped", "interrupted", "failed", "new")
        self.extend_button.disabled = not state
        self.winner.allow(bool(state) and state not in UNDER_WAY)
        self._allow_ticked()

    def _allow_ticked(self, _: Any = None) -> None:
        self.use_button.disabled = self.open_button.disabled = len(self.grid.ticked) != 1

    def close(self) -> None:
        """Stop following; the search goes on."""
        if self._task:
            self._task.cancel()
        for part in (self.choice, self.figures, self.winner, self._in_background):
            part.close()
        super().close()
