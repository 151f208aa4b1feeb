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


def test_texts_as_tokens_and_pairs_that_are_nearly_the_same_are_shown_and_escaped(tmp_path):
    texts = [f"{PAYLOAD} letter number {at} tells of a parcel that has left our house this morning" for at in range(60)]
    lines = [f"{text},{'a' if at % 2 else PAYLOAD}" for at, text in enumerate(texts)]
    (tmp_path / "own.csv").write_text("\n".join(["text,label", *lines]))
    panel = looked_at(wb.Recipe(wb.Table(str(tmp_path / "own.csv")), "docs-bert"))
    assert panel.batch.value.count('<div class="wb-note"') == 24 and "are nearly the same though not equal" in said(
        panel.notes
    )
    assert panel.fold.layout.display == "" and panel.pairs.value.count('<th scope="row">') == 48
    for part in (panel.batch, panel.pairs, panel.notes):
        assert PAYLOAD not in part.value
    assert html.escape(texts[0]) in panel.pairs.value or html.escape(texts[1]) in panel.pairs.value


def test_recordings_are_spectrograms_with_a_player_each():
    panel = looked_at(wb.Recipe("vowels(per_class=9)"))
    assert panel.batch.value.count("<audio controls") == panel.batch.value.count("<img") == 24
    assert panel.fold.layout.display == "none"
