"""A notebook's one way to run a recipe: watched live, or to the end with plain figures."""

from __future__ import annotations

import json
from typing import Any

from workbench import cost
from workbench.fine_tuning import start
from workbench.page import PLOTLY
from workbench.panels.live_panel import LivePanel
from workbench.recipe import Recipe
from workbench.run import Run


async def show(recipe: Recipe, live: bool = True, pace: float = 0.0) -> Run:
    """Run `recipe` in a process of its own, wait for its end, leave its curves and its gap as plain figures.

    The run's error is raised here, below the figures of the epochs that it came to.

    `live`: with a panel while it runs, whose buttons work. `pace`: epochs a second while it is watched, 0 for as
    fast as it goes. Then it is told before how long a person's own data will take to the first epoch. An interrupt of
    the cell stops the run between two steps.
    """
    if live and (expected := cost.foretold(recipe)):
        print(expected)
    run = start(recipe)
    if live and pace:
        run.pace(pace)
    panel = LivePanel(run) if live else None
    handle = _display(panel, display_id=True) if panel else None
    try:
        return await run.wait()
    finally:
        if panel:
            panel.close()
        if run.rows:
            _leave(run, handle)


def _leave(run: Run, handle: Any) -> None:
    """Plain figures: they stay in a saved notebook, and are drawn without a kernel."""
    from workbench import plots

    curves = plots.learning_curves(run)
    if handle is None:
        _display(curves)
    else:  # as plain data: a Figure shows itself anew, below the panel whose place it should take
        handle.update({PLOTLY: json.loads(curves.to_json())}, raw=True)
    _display(plots.gap(run))


def _display(shown: Any, **how: Any) -> Any:
    """IPython's `display`; outside a kernel it prints, and there is no handle."""
    from IPython.display import display

    return display(shown, **how)
