"""The panel that shows data: a batch, the notes, and pictures that look alike; everything escaped."""

from __future__ import annotations

import asyncio
import html

import numpy as np
import pytest
from panels.by_hand import PAYLOAD, said, shown
from PIL import Image

import workbench as wb
from workbench.panels.look_panel import LookPanel

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def own(tmp_path):
    draw = np.random.default_rng(0)
    for name in ("a", PAYLOAD.replace("/", "-")):
        (tmp_path / "own" / name).mkdir(parents=True)
        for at in range(20):
            pixels = draw.integers(0, 256, (4, 4, 3)).repeat(8, 0).repeat(8, 1).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / "own" / name / f"{at}.png")
    Image.fromarray(pixels).save(tmp_path / "own" / "a" / "again.jpg", quality=50)
    return wb.Images(str(tmp_path / "own"), size=32)


def looked_at(recipe):
    async def looked():
        panel = LookPanel(recipe)
        panel.look.click()
        await shown(lambda: panel.batch.value or "wb-error" in panel.said.value)
        panel.close()
        return panel

    return asyncio.run(looked())


def test_a_batch_the_notes_and_the_pairs_are_shown_and_escaped(own):
    panel = looked_at(wb.Recipe(own, "test_resnet(weights='random')"))
    name = PAYLOAD.replace("/", "-")
    assert panel.batch.value.count("data:image/png;base64,") == 24 and panel.pairs.value.count("<img") == 2
    assert "look alike though their files differ" in panel.notes.value
    for part in (panel.batch, panel.pairs, panel.notes):
        assert name not in part.value
    assert html.escape(name) in panel.batch.value


def test_again_shows_others(own):
    async def looked():
        panel = LookPanel(lambda: wb.Recipe(own))
        panel.look.click()
        await shown(lambda: panel.batch.value)
        first = panel.batch.value
        panel.look.click()
        await shown(lambda: panel.batch.value != first)
        panel.close()

    asyncio.run(looked())


def test_what_is_wrong_is_said_in_its_place(tmp_path):
    panel = looked_at(wb.Recipe(wb.Images(str(tmp_path / "none"))))
    assert "is not there" in said(panel.said)

    def refused():
        raise ValueError("choose something")

    panel = looked_at(refused)
    assert said(panel.said) == "choose something"
