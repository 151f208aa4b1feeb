"""Predictions: kept, found again, graded kindly."""

from __future__ import annotations

import json

import pytest

import workbench as wb
from workbench.errors import BadChoice

OPTIONS = ["grid", "random", "bayesian"]


@pytest.fixture
def ask(tmp_path):
    return lambda name="who", options=OPTIONS: wb.Prediction(name, "Who wins?", options, "random", tmp_path / "out")


def test_where_nobody_was_asked_the_recorded_one_stands_in(ask):
    guess = ask()
    assert (guess.answer, guess.reason, guess.theirs) == ("random", "", False) and not guess.file.exists()
    assert repr(guess) == ("Who wins?\n(grid / random / bayesian)\nNobody was asked; the recorded prediction: random")
    assert guess.graded(["random"]) == "The recorded prediction was “random”, and so it came."


def test_what_was_locked_in_is_found_again_beside_others(ask):
    ask().keep("grid", " It is complete. ")
    ask("other").keep("bayesian")
    again = ask()
    assert (again.answer, again.reason, again.theirs) == ("grid", "It is complete.", True)
    assert repr(again).endswith("Predicted: grid") and again.file.name == "predictions.json"
    again.forget()
    assert ask().answer == "random" and not ask().theirs and ask("other").answer == "bayesian"


def test_a_prediction_is_graded_in_a_sentence(ask):
    guess = ask()
    guess.keep("grid")
    assert guess.graded(["grid"]) == "You predicted “grid”, and so it came."
    level = guess.graded(["random", "grid"])
    assert level == "You predicted “grid”, and that holds: “random” and “grid” cannot be told apart here."
    guess.keep("grid", "It is complete.")
    assert guess.graded(["bayesian", "random"]) == (
        "You predicted “grid”; it came out otherwise: “bayesian” and “random”. Such predictions teach most. "
        "Your reason was: “It is complete.” Would you still give it?"
    )


@pytest.mark.parametrize("left", ["{", "[]", '{"who": 3}', '{"who": {"answer": "another lesson\'s"}}', '{"who": {}}'])
def test_a_file_that_says_nothing_of_use_is_no_prediction(ask, left):
    guess = ask()
    guess.file.parent.mkdir()
    guess.file.write_text(left)
    assert guess.answer == "random" and not guess.theirs
    guess.keep("grid")
    assert json.loads(guess.file.read_text())["who"] == {"answer": "grid", "reason": ""}


def test_what_is_no_option_is_refused_with_the_nearest(ask):
    with pytest.raises(BadChoice, match=r"the prediction who has no option 'gird'\. Did you mean 'grid'\?"):
        ask().keep("gird")
    with pytest.raises(BadChoice, match=r"has no option 'gp'\. There are: grid, random, bayesian\."):
        ask().graded(["gp"])
    with pytest.raises(BadChoice, match="is graded by one right option at least, got none"):
        ask().graded([])
    with pytest.raises(BadChoice, match="has no option 'random'"):
        ask(options=["grid"])
