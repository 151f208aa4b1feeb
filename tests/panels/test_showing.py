"""A notebook's one way to run a recipe, outside a kernel."""

from __future__ import annotations

import asyncio

import pytest
from helpers import plain, until
from ipywidgets import Widget

import workbench as wb


def recipe(tiny, **more):
    return wb.Recipe(wb.Digits(per_class=2), tiny, epochs=2, **more)


def figures():
    return [w for w in Widget.get_manager_state()["state"].values() if w["model_name"] == "FigureModel"]


def test_watched_it_leaves_plain_figures_and_no_widget(here, tiny, capsys):
    run = asyncio.run(wb.show(recipe(tiny), live=True))
    assert run.state == "finished" and [row["epoch"] for row in run.rows] == [0, 1, 2]
    said = capsys.readouterr().out
    assert said.startswith("LivePanel(") and said.count("Figure({") == 2 and not figures()


def test_not_watched_it_runs_to_the_same_end(here, tiny, capsys):
    run = asyncio.run(wb.show(recipe(tiny), live=False))
    assert run.state == "finished" and plain(run.rows) == plain(wb.fine_tune(recipe(tiny)).rows)
    said = capsys.readouterr().out
    assert said.count("Figure({") == 2 and "LivePanel" not in said


@pytest.mark.parametrize("live", [True, False])
def test_the_runs_error_is_raised_below_the_figures_of_what_it_came_to(live, here, tiny, capsys):
    bad = recipe(tiny, lr=1e11, optimizer="sgd", regularizers="l2").replace(epochs=100)
    with pytest.raises(wb.errors.RunFailed, match="Diverged: the loss is no longer a finite number"):
        asyncio.run(wb.show(bad, live=live))
    assert capsys.readouterr().out.count("Figure({") == 2 and not figures()


def test_an_interrupt_of_the_cell_stops_the_run(here, tiny, capsys):
    async def interrupted():
        showing = asyncio.ensure_future(wb.show(recipe(tiny).replace(epochs=1000)))
        while not wb.runs().get("valid_accuracy", []).any():
            await asyncio.sleep(0.05)
        showing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await showing

    asyncio.run(interrupted())
    (name,) = wb.runs()["name"]
    until(lambda: wb.open_run(name).state == "stopped")
    assert capsys.readouterr().out.count("Figure({") == 2


@pytest.mark.parametrize("live", [True, False])
def test_who_watches_is_told_before_how_long_the_first_epoch_takes(live, here, tiny, capsys, monkeypatch):
    monkeypatch.setattr("workbench.cost.foretold", lambda recipe: "About 9 s to the first epoch.")
    asyncio.run(wb.show(recipe(tiny), live=live))
    assert capsys.readouterr().out.startswith("About 9 s to the first epoch.\n") is live
