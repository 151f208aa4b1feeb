"""Panels: ipywidgets over recipes and run folders."""

from workbench.panels.app import Workbench as Workbench
from workbench.panels.compare_panel import ComparePanel as ComparePanel
from workbench.panels.labs_panel import LabsPanel as LabsPanel
from workbench.panels.live_panel import LivePanel as LivePanel
from workbench.panels.look_panel import LookPanel as LookPanel
from workbench.panels.mend_panel import MendPanel as MendPanel
from workbench.panels.mixer_panel import MixerPanel as MixerPanel
from workbench.panels.path_panel import PathPanel as PathPanel
from workbench.panels.playground import PlaygroundPanel as PlaygroundPanel
from workbench.panels.prediction import PredictionPanel as PredictionPanel
from workbench.panels.recipe_panel import RecipePanel as RecipePanel
from workbench.panels.runs_panel import RunsPanel as RunsPanel
from workbench.panels.search_panel import SearchPanel as SearchPanel
from workbench.panels.showing import show as show
from workbench.panels.steps_panel import StepsPanel as StepsPanel
