"""Panels: ipywidgets over recipes and run folders."""

from workbench.panels.app import Workbench as Workbench
from workbench.panels.live_panel import LivePanel as LivePanel
from workbench.panels.recipe_panel import RecipePanel as RecipePanel
from workbench.panels.showing import show as show
