"""A notebook's one way to run a recipe: watched live, or to the end with plain figures."""

from __future__ import annotations

import asyncio
from typing import Any

from workbench.fine_tuning import start
from workbench.panels.live_panel import LivePanel
from workbench.recipe import Recipe
from workbench.run import Run


async def show(recipe: Recipe, live: bool = True) -> Run:
    """Run `recipe` in a process of its own, wait for its end, leave its curves and its gap as plain figures.

    `live`: with a panel while it runs, whose buttons work. An interrupt of the cell stops the run between two steps.
    """
    from IPython.display import display

    run = start(recipe)
    panel = LivePanel(run) if live else None
    handle: Any = display(panel, display_id=True) if panel else None
    try:
        await run.wait()
        if panel:
            await asyncio.sleep(0)
    finally:
        if panel:
            panel.refresh()
            panel.close()
    _leave(run, handle)
    return run


def _leave(run: Run, handle: Any) -> None:
    """Plain figures: they stay in a saved notebook, and are drawn without a kernel."""
    from IPython.display import display

    from workbench import plots

    if handle is None:
        display(plots.learning_curves(run))
    else:
        handle.update(plots.learning_curves(run))
    display(plots.gap(run))
