"""The fine-tuning workbench: the names that a notebook needs, loaded late."""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "Recipe": "recipe",
    "Range": "choices",
    "Options": "choices",
    "Text": "choices",
    "knob": "choices",
    "Dataset": "datasets",
    "Digits": "datasets",
    "Images": "datasets",
    "Audio": "datasets",
    "Vowels": "datasets",
    "Table": "datasets",
    "Hub": "datasets",
    "HubImages": "datasets",
    "HubAudio": "datasets",
    "Docstrings": "datasets",
    "Backbone": "backbones",
    "backbone": "backbones",
    "shortlist": "backbones.shortlist",
    "Scope": "scopes",
    "Head": "scopes",
    "Blocks": "scopes",
    "Norms": "scopes",
    "All": "scopes",
    "Regularizer": "regularizers",
    "L1": "regularizers",
    "L2": "regularizers",
    "WeightDecay": "regularizers",
    "Dropout": "regularizers",
    "LabelSmoothing": "regularizers",
    "EarlyStopping": "regularizers",
    "AdamW": "learners.steps",
    "SGD": "learners.steps",
    "Constant": "learners.schedules",
    "Cosine": "learners.schedules",
    "OneCycle": "learners.schedules",
    "Run": "run",
    "fine_tune": "fine_tuning",
    "train": "fine_tuning",
    "start": "fine_tuning",
    "open_run": "all_runs",
    "runs": "all_runs",
    "price": "searching",
    "search": "searching",
    "start_search": "searching",
    "open_study": "searching",
    "studies": "searching",
    "Study": "searching",
    "path": "searching",
    "Strategy": "searching",
    "Grid": "searching",
    "Random": "searching",
    "QuasiRandom": "searching",
    "Bayesian": "searching",
    "StoppingRule": "searching",
    "NoStopping": "searching",
    "Median": "searching",
    "Halving": "searching",
    "Hyperband": "searching",
    "FirstEpoch": "searching",
    "compare": "comparing",
    "worst": "looking",
    "batch": "looking",
    "examples": "looking",
    "gallery": "displaying",
    "alike": "looking",
    "corrections_of": "looking",
    "sample_folder": "datasets.sample",
    "sample_table": "datasets.sample",
    "sample_recordings": "datasets.sample",
    "planted": "datasets.sample",
    "Corrections": "datasets.corrections",
    "menu": "menus",
    "parameters": "menus",
    "Prediction": "lessons",
    "check_parameters": "report",
    "write_results": "report",
    "Workbench": "panels",
    "RecipePanel": "panels",
    "LivePanel": "panels",
    "LookPanel": "panels",
    "MendPanel": "panels",
    "RunsPanel": "panels",
    "ComparePanel": "panels",
    "PathPanel": "panels",
    "SearchPanel": "panels",
    "PredictionPanel": "panels",
    "StepsPanel": "panels",
    "show": "panels",
    "plots": "",
    "labs": "",
    "errors": "",
}
__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    if not _HOMES[name]:
        return importlib.import_module(f"workbench.{name}")
    return getattr(importlib.import_module(f"workbench.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
