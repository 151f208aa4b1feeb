"""Labs from the panel: what each asks, what it takes, its figure and its numbers."""

from __future__ import annotations

import asyncio

import pytest
from panels.by_hand import said, shown

import workbench as wb
from workbench.panels import labs_panel
from workbench.panels.labs_panel import LABS, LabsPanel

pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = wb.Recipe(wb.Digits(per_class=5), lr=1e-2, epochs=2)


def test_each_lab_says_what_it_asks_and_what_it_takes():
    panel = LabsPanel(SMALL)
    for name in LABS:
        panel.which.value = name
        assert said(panel.asks) == LABS[name].asks and LABS[name].asks.endswith((".", "?"))
    assert "heads of 60 epochs or more" in labs_panel.foretold("ablation", SMALL)
    assert "9 runs of 2 epochs, one after another: about" in labs_panel.foretold("complexity of the backbone", SMALL)


@pytest.mark.parametrize("name", ["ablation", "robustness"])
def test_a_lab_runs_off_the_loop_and_shows_figure_and_numbers(name, monkeypatch):
    monkeypatch.setattr(labs_panel, "EPOCHS", 4)

    async def act():
        panel = LabsPanel(lambda: SMALL)
        panel.which.value = name
        panel.run_button.click()
        assert panel.run_button.disabled
        await shown(lambda: panel.found is not None or said(panel.error))
        assert not said(panel.error) and not panel.run_button.disabled and not said(panel.said)
        (figure,) = panel.figure.outputs
        title = figure["data"]["text/plain"]
        assert title.startswith(("With all of them", "Who holds up best")) and str(panel.found.columns[0]) in said(
            panel.numbers
        )
        panel.close()

    asyncio.run(act())


@pytest.mark.parametrize("name", ["ablation", "complexity of the backbone"])
def test_a_lab_is_stopped_and_another_runs_afterwards(name, monkeypatch):
    monkeypatch.setattr(labs_panel, "EPOCHS", 100_000)

    monkeypatch.setattr(labs_panel, "FEW", 100_000)
    asked = [SMALL.replace(epochs=100_000)]

    async def act():
        panel = LabsPanel(lambda: asked[-1])
        panel.which.value = name
        assert panel.stop_button.disabled
        panel.run_button.click()
        await shown(lambda: " of " in said(panel.said))
        panel.stop_button.click()
        assert said(panel.said) == "Stopping …" and panel.stop_button.disabled
        await shown(lambda: not panel.run_button.disabled)
        assert said(panel.said) == "Stopped: nothing of this experiment is kept." and not said(panel.error)
        assert panel.found is None and panel.figure.outputs == ()

        monkeypatch.setattr(labs_panel, "EPOCHS", 2)
        asked.append(SMALL)
        panel.which.value = "ablation"
        panel.run_button.click()
        await shown(lambda: panel.found is not None or said(panel.error))
        assert panel.found is not None
        panel.close()

    asyncio.run(act())


def test_an_error_is_shown():
    async def act():
        panel = LabsPanel(wb.Recipe(wb.Images(folder="/nowhere"), "glyph-resnet"))
        panel.run_button.click()
        await shown(lambda: said(panel.error))
        assert "images.folder must be a folder" in said(panel.error) and not panel.run_button.disabled
        panel.close()

    asyncio.run(act())
