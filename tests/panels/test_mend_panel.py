"""The mending panel: shows the worst, keeps each decision in the file, and has it back when it is opened again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from helpers import noisy_folder
from panels.by_hand import PAYLOAD, said, shown
from PIL import Image

import workbench as wb
from workbench.datasets.corrections import Corrections
from workbench.looking import corrections_of, png
from workbench.panels.mend_panel import DROPPED, MendPanel

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on sixty pictures of two colours, six of them in the wrong folder."""
    folder, draw = tmp_path_factory.mktemp("mend"), np.random.default_rng(0)
    for name, base in (("red", (160, 0, 0)), (f"blue {PAYLOAD[:5]}", (0, 0, 160))):
        (folder / "own" / name).mkdir(parents=True)
        for at in range(30):
            other = base[::-1] if at < 3 else base
            pixels = (draw.integers(0, 90, (32, 32, 3)) + np.array(other)).astype("uint8")
            Image.fromarray(pixels).save(folder / "own" / name / f"{at:02}.png")
    data = wb.Images(str(folder / "own"), size=32)
    return wb.fine_tune(wb.Recipe(data, "test_resnet(weights='random')", epochs=8, lr=1e-2), folder / "run")


def watched(act, run, **how):
    """Have `act` work with a panel on `run` inside a running loop."""

    async def looked():
        panel = MendPanel(run, **how)
        await shown(lambda: panel._rows)
        try:
            return await act(panel)
        finally:
            panel.close()

    return asyncio.run(looked())


@pytest.fixture(autouse=True)
def no_corrections(run):
    corrections_of(run.recipe.data).unlink(missing_ok=True)


def card_of(panel, key):
    return next(card for card in panel.cards if card.row.get("key") == key)


def test_the_worst_are_shown_with_picture_label_answer_and_confidence(run):
    async def act(panel):
        worst = wb.worst(run)
        assert [card.row["key"] for card in panel.cards[:24]] == [*worst["key"][:24]]
        first = panel.cards[0]
        assert bytes(first.picture.value).startswith(b"\x89PNG") and f"{worst['confidence'][0]:.2f}" in first.said.value
        assert "1 to 24 of the" in said(panel.about) and "0 relabelled, 0 dropped" in said(panel.file)
        assert PAYLOAD[:5] not in first.said.value and first.choice.value == worst["label"][0]
        assert panel.undo.disabled and panel.try_again.disabled and panel.back.disabled

    watched(act, run)


def test_decisions_are_in_the_file_and_come_back(run):
    blue = next(each for each in run.recipe.data.load().classes if each.startswith("blue"))

    async def decide(panel):
        red = next(card for card in panel.cards if card.row["label"] == "red")
        red.choice.value = blue
        gone = next(card for card in panel.cards if card.row["key"] != red.row["key"])
        gone.choice.value = DROPPED
        assert "1 relabelled, 1 dropped" in said(panel.file)
        return red.row["key"], gone.row["key"]

    red, gone = watched(decide, run)
    assert Corrections(corrections_of(run.recipe.data)).now == {red: blue, gone: ""}

    async def again(panel):
        assert card_of(panel, red).choice.value == blue and card_of(panel, gone).choice.value == DROPPED
        panel.undo.click()
        assert card_of(panel, gone).choice.value == card_of(panel, gone).row["label"]
        card_of(panel, red).choice.value = "red"  # what the data says
        assert panel.corrections.now == {} and panel.undo.disabled

    watched(again, wb.open_run(run.folder))


def test_the_corrected_recipe_is_started_and_names_so_many_lines(run):
    asked = []

    async def act(panel):
        card = panel.cards[0]
        card.choice.value = DROPPED
        panel.try_again.click()
        assert asked == [panel.recipe()]

    watched(act, run, start=asked.append)
    path = corrections_of(run.recipe.data)
    assert asked[0].data.corrections == f"{path}@1" and asked[0].replace(data=run.recipe.data) == run.recipe
    wb.fine_tune(run.recipe)  # among the runs, for what mending brought
    mended = wb.fine_tune(asked[0])
    assert any("0 labels, and 1 example left out" in text for text in mended.messages)

    async def on_the_mended(panel):  # goes on in the same file
        assert "What mending brought: " in said(panel.gain) and "“before”" not in asked[0].as_code()
        panel.cards[1].choice.value = DROPPED
        assert panel.recipe().data.corrections == f"{path}@2"

    watched(on_the_mended, mended)


def test_what_another_wrote_meanwhile_counts_too(run):
    """A cell of the notebook decides in the same file while the panel is open."""
    path = corrections_of(run.recipe.data)

    async def act(panel):
        mine, theirs = panel.cards[0].row, panel.cards[1].row
        Corrections(path).drop(theirs["key"], theirs["label"])
        panel.cards[0].choice.value = DROPPED
        assert panel.recipe().data.corrections == f"{path}@2"
        assert Corrections(f"{path}@2").now == {mine["key"]: "", theirs["key"]: ""}
        assert panel.cards[1].choice.value == DROPPED and "2 dropped" in said(panel.file)
        Corrections(path).drop(panel.cards[2].row["key"], panel.cards[2].row["label"])
        assert panel.recipe().data.corrections == f"{path}@3"  # as the file is by now

    watched(act, run)


def test_on_a_mended_run_a_decision_taken_back_shows_the_label_as_given(run):
    """The mended run was told "red": the panel knows from the file that the folder says otherwise."""
    blue = next(each for each in run.recipe.data.load().classes if each.startswith("blue"))
    path, worst = corrections_of(run.recipe.data), wb.worst(run)
    key = next(row["key"] for row in worst.to_dict("records") if row["label"] == blue and row["answer"] == "red")
    Corrections(path).relabel(key, "red", blue)
    data = run.recipe.data.replace(corrections=f"{path}@1")
    mended = wb.fine_tune(run.recipe.replace(data=data, epochs=1))

    async def act(panel):
        panel._rows = [row for row in wb.worst(mended).to_dict("records") if row["key"] == key]
        panel._draw()
        (card,) = panel.grid.children and panel.cards[:1]
        assert card.row["label"] == "red" == card.choice.value
        panel.undo.click()
        assert card.choice.value == blue and "0 relabelled" in said(panel.file)
        card.choice.value = "red"
        assert panel.corrections.lines[-1]["was"] == blue and panel.corrections.now == {key: "red"}
        card.choice.value = blue  # what the folder says
        assert panel.corrections.now == {} and "0 relabelled" in said(panel.file)

    watched(act, mended)


def test_the_run_that_was_started_is_named_and_followed(run):
    started = wb.open_run(run.folder)  # what `wb.start` returns

    async def act(panel):
        panel.cards[0].choice.value = DROPPED
        panel.try_again.click()
        (live,) = panel.live.children
        assert f"Started {run.folder.name}" in said(panel.started) and live.run is started
        assert said(live.progress).startswith("Finished · epoch 8 of 8")
        panel.try_again.click()
        assert panel.live.children == (live,)

    watched(act, run, start=lambda recipe: started)


def test_pages_parts_and_orders(run):
    async def act(panel):
        panel.on.click()
        worst = wb.worst(run)
        assert [card.row["key"] for card in panel.cards[:3]] == [*worst["key"][24:27]] and not panel.back.disabled
        panel.part.value = "validation"
        await shown(lambda: {row["part"] for row in panel._rows} == {"valid"})
        assert panel.on.disabled
        panel.part.value = "train and validation"
        panel.order.value = "surest wrong answer"
        await shown(lambda: panel._rows and not any(row["right"] for row in panel._rows))

    watched(act, run)


@pytest.mark.parametrize("what", ["changed", "not one's own"])
def test_what_cannot_be_mended_is_told(tmp_path, what):
    own = wb.Digits(per_class=5) if what != "changed" else wb.Images(str(noisy_folder(tmp_path / "own")), size=16)
    other = wb.fine_tune(wb.Recipe(own, "test_resnet(weights='random')", epochs=1))
    if what == "changed":
        (tmp_path / "own" / "a" / "00.png").unlink()
    text = "the data changed since" if what == "changed" else "cannot be corrected"

    async def looked():
        panel = MendPanel(other)
        await shown(lambda: text in said(panel.about))
        panel.look(None)
        assert "Choose a run" in said(panel.about)
        panel.close()

    asyncio.run(looked())


def test_what_was_decided_on_one_run_is_not_undone_under_another(run):
    bundled, unread = (wb.fine_tune(wb.Recipe(wb.Digits(per_class=2), "glyph-resnet", epochs=1)) for _ in range(2))

    async def act(panel):
        panel.decide(panel._rows[0]["key"], DROPPED)
        assert not panel.undo.disabled and "1 dropped" in said(panel.file)
        for other in (bundled, unread):
            panel.look(other)
            assert panel.undo.disabled and panel.try_again.disabled and not said(panel.file) and not said(panel.error)
        panel.look(run)
        await shown(lambda: panel._rows)
        assert not panel.undo.disabled and "1 dropped" in said(panel.file)

    watched(act, run, start=lambda recipe: None)


def test_examples_of_the_same_names_in_other_data_are_shown_anew(run, tmp_path):
    for path in Path(run.recipe.data.folder).rglob("*.png"):
        here = tmp_path / "own" / path.parent.name / path.name
        here.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - np.asarray(Image.open(path))).save(here)
    other = wb.fine_tune(run.recipe.replace(data=run.recipe.data.replace(folder=str(tmp_path / "own")), epochs=1))

    async def act(panel):
        panel.look(other)
        await shown(lambda: panel._rows)
        data, card = panel.data, panel.cards[0]
        assert bytes(card.picture.value) == png(data.inputs[data.keys.index(card.row["key"])])
        keys = [card.row["key"] for card in panel.cards[:24]]
        panel.look(run)  # the same cards, in the same places
        await shown(lambda: panel._rows)
        panel._rows = [{**row, "key": key} for row, key in zip(panel._rows, keys, strict=False)]
        panel._draw()
        assert bytes(card.picture.value) == png(panel.data.inputs[panel.data.keys.index(keys[0])])

    watched(act, run)


def test_recordings_have_their_spectrogram_and_a_player_and_are_relabelled(tmp_path):
    folder = wb.sample_recordings(tmp_path / "own")
    own = wb.Audio(str(folder), 0.5, broken="leave out", group="_(.+)_")
    recipe = wb.Recipe(own, "formant-encoder", epochs=1, lr=3e-3)
    spoken = wb.fine_tune(recipe, tmp_path / "run")

    async def act(panel):
        card = panel.cards[0]
        assert card.picture.value[1:4] == b"PNG" and card.picture.layout.display == ""
        assert "data:audio/wav;base64," in card.said.value
        other = next(name for name in own.load().classes if name != card.row["label"])
        card.choice.value = other
        assert panel.corrections.now == {card.row["key"]: other}
        assert panel.recipe().data.load().notes[-4].startswith("Corrected: 1 label, ")

    watched(act, spoken)
