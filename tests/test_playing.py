"""A head that is played with: the same run as ever, steered from outside, seen everywhere."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from helpers import plain, until

import workbench as wb
from workbench.errors import BadChoice
from workbench.playing import Play, turned

pytestmark = pytest.mark.usefixtures("one_thread")
PLACES = np.array([[0.1, 0.9], [0.9, 0.1]], dtype=np.float32)


@pytest.fixture
def recipe():
    return wb.Recipe(wb.Points(count=40), scope="head(layers=1, width=8)", lr=0.03, epochs=8, regularizers="l2")


def playing(recipe, pace=0.0):
    """A run in a thread, and what it told."""
    told = []
    play = Play(recipe, PLACES, lambda rows, chances: told.append((rows, chances)), pace)
    thread = threading.Thread(target=play.run)
    thread.start()
    return play, told, thread


def test_it_is_the_run_of_the_recipe_and_is_seen_after_each_epoch(recipe):
    _, told, thread = playing(recipe)
    thread.join()
    assert [len(rows) for rows, _ in told] == [*range(1, 10)]
    assert plain(told[-1][0]) == plain([*wb.train(recipe)])
    chances = told[-1][1]
    assert chances.shape == (2, 2) and chances.sum(1) == pytest.approx(1) and chances.argmax(1).tolist() == [0, 1]


def test_where_an_average_answers_it_is_seen(recipe):
    own = recipe.replace(regularizers="ema(decay=0.99)")
    data = own.data.load()
    places = (data.inputs[data.valid].reshape(-1, 2).double() / 255).numpy().astype(np.float32)
    told = []
    rows = Play(own, places, lambda rows, chances: told.append(chances)).run()
    right = [(chances.argmax(1) == data.labels[data.valid].numpy()).mean() for chances in told]
    assert right == pytest.approx([row["valid_accuracy"] for row in rows])


def test_it_holds_goes_on_and_ends(recipe):
    play, told, thread = playing(recipe.replace(epochs=100_000), pace=200.0)
    until(lambda: len(told) > 3)
    play.pause()
    assert play.paused
    held = len(told)
    thread.join(0.1)
    assert len(told) <= held + 1 and thread.is_alive()
    play.resume()
    until(lambda: len(told) > held + 3)
    play.pause()
    play.stop()  # while it holds, too
    thread.join(10)
    assert not thread.is_alive()


def test_a_turned_knob_acts_on_what_is_under_way(recipe):
    play, told, thread = playing(recipe.replace(epochs=100_000), pace=100.0)
    until(lambda: len(told) > 2)
    play.turn("lr", 1e-4)
    until(lambda: told[-1][0][-1]["lr"] == pytest.approx(1e-4))
    with pytest.raises(BadChoice, match=r"under way has no knob 'scope\.width'"):
        play.turn("scope.width", 9)
    play.stop()
    thread.join(10)


def test_which_changes_can_be_turned(recipe):
    assert turned(recipe, recipe.replace(lr=0.1)) == {"lr": 0.1}
    assert turned(recipe, recipe.replace(lr=0.1, regularizers="l2(strength=0.2)")) == {"lr": 0.1, "l2.strength": 0.2}
    assert turned(recipe, recipe) == {}
    for other in (
        recipe.replace(regularizers=[]),
        recipe.replace(scope="head(layers=1, width=9)"),
        recipe.replace(data=wb.Points(count=41)),
        recipe.replace(epochs=9),
    ):
        assert turned(recipe, other) is None
