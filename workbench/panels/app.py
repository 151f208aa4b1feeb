"""The whole bench as one widget."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from workbench.panels.live_panel import LivePanel
from workbench.panels.recipe_panel import RecipePanel
from workbench.panels.text import line, spoken
from workbench.recipe import Recipe


class Workbench(widgets.VBox):  # type: ignore[misc]
    """Left what is chosen, right what is watched; `recipe` is the recipe panel, `live` the live panel."""

    def __init__(self, recipe: Recipe | None = None):
        self.recipe = RecipePanel(recipe, flex="0 0 340px", width="340px")
        self.live = LivePanel(recipe=self.recipe.checked)
        self.status = line(_resting(), "faint")
        self.live.on_status = self._told
        top = widgets.Layout(justify_content="flex-end", padding="0 8px")
        across = widgets.Layout(width="100%", align_items="stretch")
        self.tabs = widgets.Tab([widgets.HBox([self.recipe, self.live], layout=across)], titles=["Recipe"])
        super().__init__([widgets.HBox([self.status], layout=top), self.tabs], layout=widgets.Layout(width="100%"))

    @property
    def value(self) -> Recipe:
        """The recipe that is chosen."""
        return self.recipe.value

    def _told(self, said: str) -> None:
        self.status.value = spoken(said or _resting(), "faint")

    def close(self) -> Any:
        """Close both panels; a run goes on."""
        self.tabs.children[0].children = ()  # a box that holds what is closed cannot be saved with the notebook
        self.recipe.close()
        self.live.close()
        super().close()


def _resting() -> str:
    import psutil

    return f"{psutil.cpu_count()} CPUs · {psutil.virtual_memory().total / 2**30:.0f} GB"
