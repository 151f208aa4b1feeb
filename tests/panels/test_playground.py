"""The playground by value and by hand: points, knobs, the run, and what is drawn of it."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from helpers import plain
from panels.by_hand import said

import workbench as wb
from workbench.errors import BadChoice
from workbench.panels.board import place

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def panel():
    recipe = wb.Recipe(wb.Points(count=40), scope="head(layers=1, width=8)", lr=0.03, epochs=12, precision="float32")
    made = wb.PlaygroundPanel(recipe, pace=0)
    yield made
    made.close()


def test_it_opens_with_the_points_of_the_recipe(panel):
    data = panel.value.data.load()
    assert len(panel.board.points) == len(data.labels)
    solid = [[x, y] for x, y, _ in panel.board.points if place(x, y) not in panel.board.held]
    trained_on = data.inputs[data.train].reshape(-1, 2).double() / 255
    assert sorted(solid) == sorted(trained_on.tolist()) and panel.pause_button.disabled
    assert {kind for _, _, kind in panel.board.points} == {0, 1}


def test_without_a_loop_it_trains_to_the_end(panel):
    panel.start_button.click()
    assert plain(panel.rows) == plain([*wb.train(panel.value)])
    assert said(panel.progress).startswith("epoch 12: ") and len(panel.board.surface) == 3 * 60 * 60
    assert [*panel.chart.widget.data[1].y] == pytest.approx([row["valid_loss"] for row in panel.rows])
    assert said(panel.said) and "12" in panel.board.said


def test_it_draws_while_it_trains_and_obeys(panel):
    async def play():
        panel.pace.value = 40
        panel._take_over(panel.value.replace(epochs=100_000))
        panel.start_button.click()
        await until(lambda: len(panel.rows) > 3)
        panel.pause_button.click()
        assert panel.pause_button.description == "Resume"
        await asyncio.sleep(0.2)
        held = len(panel.rows)
        await asyncio.sleep(0.2)
        assert len(panel.rows) == held
        panel.pause_button.click()
        await until(lambda: len(panel.rows) > held)
        before = panel.play
        panel.lr.main.value = 0.001  # turned: the same run goes on
        assert panel.play is before
        await until(lambda: panel.rows[-1]["lr"] == pytest.approx(0.001))
        panel.scope.controls["width"].main.value = 12  # another network: from nothing
        assert panel.play is not before and panel.value.scope.width == 12
        await until(lambda: panel.rows[0]["epoch"] == 0 and 0 < len(panel.rows) < held + 5)
        panel.close()

    async def until(holds):
        for _ in range(500):
            if holds():
                return
            await asyncio.sleep(0.02)
        raise AssertionError("never")

    asyncio.run(play())


def test_points_are_drawn_by_hand(panel):
    panel.clear_button.click()
    assert panel.board.points == panel.board.held == []
    press(panel, [[0.1, 0.1, 0]])
    assert "10 to 5,000 points are played with, got 1" in said(panel.progress) and len(panel.board.points) == 1
    press(panel, [[at / 20, at / 20, at % 2] for at in range(20)])
    assert panel.value.data.shape == "drawn" and len(panel.value.data.load().labels) == 20
    assert panel.data.controls["shape"].value == "drawn" and "0.950, 0.950, b" in panel.copy.text
    assert len(panel.board.held) == 8  # of each class two for validation, two for the test: hollow


def test_without_points_nothing_starts_and_it_says_why(panel):
    panel.clear_button.click()
    panel.start_button.click()
    assert said(panel.error).startswith("there are no points") and panel.play is None and panel.rows == []
    press(panel, [[0.1, 0.1, 0], [0.2, 0.9, 1]])
    panel.start_button.click()
    assert "10 to 5,000 points are played with, got 2" in said(panel.error) and panel.rows == []
    press(panel, [[at / 20, at / 20, at % 2] for at in range(20)])
    panel.start_button.click()
    assert said(panel.error) == "" and panel.rows[-1]["epoch"] == 12


def test_a_point_that_was_taken_away_and_put_back_trains_again(panel):
    points = [[at / 20, at / 20, at % 2] for at in range(10)]
    for drawn in (points, points[:-1], points):
        press(panel, drawn)
    panel.start_button.click()
    assert said(panel.error) == "" and panel.rows[-1]["epoch"] == 12


def test_classes_keep_their_colours_where_a_hand_left_some_of_them_alone(panel):
    press(panel, [[at / 20, at / 20, 1 + at % 2] for at in range(20)])  # b and c, and no a
    panel.start_button.click()
    shown = panel._as_drawn(np.array([[0.25, 0.75]], dtype=np.float32))
    assert shown.tolist() == [[0.0, 0.25, 0.75]] and said(panel.error) == ""


def press(panel, points):
    """As the page tells that a hand changed the points."""
    panel.board.points = points
    panel.board.drawn += 1


def test_points_are_pasted(panel):
    panel.pasted.value = "\n".join(f"{at}, {at % 4}, {'<b>' if at % 4 > 1 else 'x'}" for at in range(30))
    panel.take_button.click()
    assert said(panel.error) == "" and panel.value.data.load().classes == ("<b>", "x")
    assert [name for name, _ in panel.kind.options] == ["<b>", "x", "a", "b", "c"]  # what the next point may be
    panel.clear_button.click()
    panel.take_button.click()  # the same once more
    assert len(panel.board.points) == 30 and not panel._unfit
    panel.pasted.value = "1, 2"
    panel.take_button.click()
    assert "point 1" in said(panel.error) and panel.value.data.load().classes == ("<b>", "x")  # nothing is lost


def test_only_what_fits_is_offered(panel):
    offered = panel.regularizers.adder.options
    assert "l2" in offered and "dropout" in offered and "rand-augment" not in offered and "token-masking" not in offered
    panel.regularizers.adder.value = "l2"
    assert [each.name for each in panel.value.regularizers] == ["l2"]


def test_other_recipes_are_refused():
    with pytest.raises(BadChoice, match="the playground trains heads on points"):
        wb.PlaygroundPanel(wb.Recipe("digits"))
