"""The whole bench as one widget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from workbench.diagnosis import NextStep, present
from workbench.panels.compare_panel import ComparePanel
from workbench.panels.labs_panel import LabsPanel
from workbench.panels.live_panel import LivePanel
from workbench.panels.look_panel import LookPanel
from workbench.panels.mend_panel import MendPanel
from workbench.panels.path_panel import PathPanel
from workbench.panels.recipe_panel import RecipePanel
from workbench.panels.runs_panel import RunsPanel
from workbench.panels.search_panel import SearchPanel
from workbench.panels.text import line, spoken
from workbench.recipe import Recipe
from workbench.run import Run

RECIPE, SEARCH, DATA, RUNS, COMPARE, LABS = range(6)  # the tabs


class Workbench(widgets.VBox):  # type: ignore[misc]
    """Tabs: Recipe, left `recipe` (what is chosen) and right `live` (what is watched); Search, with `search` and
    `path`; Data, with `look` and `mend`; `runs`; `compare`; `labs`."""

    tabs: Any = None  # until it is built: one that could not be is closed all the same

    def __init__(self, recipe: Recipe | None = None):
        self.recipe = RecipePanel(recipe, flex="0 0 340px", width="340px")
        self.live = LivePanel(recipe=self.recipe.checked)
        self.runs = RunsPanel(self._use, self._watch, self._side_by_side, now=False)
        self.look, self.mend = LookPanel(self.recipe.checked), MendPanel(start=self._start)
        self.compare, self.labs = ComparePanel(), LabsPanel(self.recipe.checked)
        self.search = SearchPanel(self.recipe.checked, use=self._use, watch=self._watch, now=False)
        self.path = PathPanel(self.recipe.checked, use=self._use)
        self.status, self.job = line(_resting(), "faint"), line(kind="faint")
        self.live.on_status, self.live.verdict.go = self._told, self._go
        for panel in (self.live, self.search, self.path, self.labs):
            self.recipe.observe(lambda _, panel=panel: panel.forget_error(), "value")  # it was of another recipe
        self.recipe.observe(lambda change: self.search.choice.follow_recipe(change.new), "value")
        self.recipe.observe(lambda change: self.path.follow_recipe(change.new), "value")
        self.live.progress.observe(self._show_job, "value")
        top = widgets.Layout(justify_content="space-between", padding="0 8px")
        across = widgets.Layout(width="100%", align_items="stretch")
        bench = widgets.HBox([self.recipe, self.live], layout=across)
        data, titles = widgets.VBox([self.look, self.mend]), ["Recipe", "Search", "Data", "Runs", "Compare", "Labs"]
        self._fold = widgets.Accordion([self.path], titles=["One knob over many values, with a slider"])
        searching = widgets.VBox([self.search, self._fold])
        self.tabs = widgets.Tab([bench, searching, data, self.runs, self.compare, self.labs], titles=titles)
        self.tabs.observe(self._opened, "selected_index")
        shown = [widgets.HBox([self.job, self.status], layout=top), self.tabs]
        super().__init__(shown, layout=widgets.Layout(width="100%"))

    @property
    def value(self) -> Recipe:
        """The recipe that is chosen."""
        return self.recipe.value

    def _told(self, said: str) -> None:
        self.status.value = spoken(said or _resting(), "faint")

    def _opened(self, change: Any) -> None:
        self._show_job()
        if change.new == SEARCH:
            self.search.reckon()
        if change.new == RUNS:
            self.runs.refresh()
        if change.new == DATA:
            self.mend.look(self.live.run)

    def _show_job(self, _: Any = None) -> None:
        """No tab hides a run: where its panel is out of sight, how far it is stands above the tabs."""
        away = self.tabs.selected_index != RECIPE and self.live.run is not None
        self.job.value = self.live.progress.value if away else ""

    # -- what the runs' buttons ask for -------------------------------------------------------------------------------

    def _use(self, recipe: Recipe) -> None:
        self.recipe.use(recipe)
        self.tabs.selected_index = RECIPE

    def _go(self, run: Run, step: NextStep) -> None:
        """What the verdict proposes in another tab, on the recipe that it judged."""
        if step.folds:
            self.recipe.use(present(run))
            self.search.choice.folds.value = step.folds
            self.tabs.selected_index = SEARCH
        else:
            self.tabs.selected_index, self.look.fold.selected_index = DATA, 0
            self.look.refresh(run.recipe)

    def _watch(self, run: Run) -> None:
        self.live.show(run)
        self.tabs.selected_index = RECIPE

    def _start(self, recipe: Recipe) -> None:
        """Run a recipe that another panel made of one that ran before."""
        self._use(recipe)
        self.live.start_button.click()

    def _side_by_side(self, runs: Sequence[Run]) -> None:
        self.compare.show(runs)
        self.tabs.selected_index = COMPARE

    def close(self) -> Any:
        """Close all panels; a run goes on."""
        if self.tabs is None:
            return
        for tab in (RECIPE, SEARCH, DATA):
            self.tabs.children[tab].children = ()  # a box that holds what is closed cannot be saved with the notebook
        self._fold.children = self.tabs.children = ()
        panels = (self.recipe, self.live, self.search, self.path, self.look, self.mend, self.runs, self.compare)
        for panel in (*panels, self.labs):
            panel.close()
        super().close()


def _resting() -> str:
    import psutil

    return f"{psutil.cpu_count()} CPUs · {psutil.virtual_memory().total / 2**30:.0f} GB"
