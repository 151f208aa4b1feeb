"""Predictions: kept, found again, graded kindly."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import workbench as wb
from workbench import lessons
from workbench.errors import BadChoice, BadData
from workbench.lessons import span_of, spans

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
    assert json.loads(guess.file.read_text())["who"] == {"answer": "grid", "reason": "", "tries": 1, "first": "grid"}


def test_what_is_no_option_is_refused_with_the_nearest(ask):
    with pytest.raises(BadChoice, match=r"the prediction who has no option 'gird'\. Did you mean 'grid'\?"):
        ask().keep("gird")
    with pytest.raises(BadChoice, match=r"has no option 'gp'\. There are: grid, random, bayesian\."):
        ask().graded(["gp"])
    with pytest.raises(BadChoice, match="is graded by one right option at least, got none"):
        ask().graded([])
    with pytest.raises(BadChoice, match="has no option 'random'"):
        ask(options=["grid"])


def test_a_grade_is_kept_beside_a_prediction_and_beside_no_other(ask):
    ask("other").graded(["random"])
    assert not ask().file.exists()  # nobody was asked
    ask().keep("grid")
    ask().graded(["random", "bayesian"])
    assert json.loads(ask().file.read_text())["who"] == {
        "answer": "grid", "reason": "", "tries": 1, "first": "grid", "came": ["random", "bayesian"], "held": False,
    }  # fmt: skip
    ask().keep("random")  # predicted anew: the grade is of the one before
    assert ask().entry() == {"answer": "random", "reason": "", "tries": 2, "first": "grid"}


def test_how_often_it_was_predicted_is_kept_and_a_reason_that_comes_later_is_no_new_one(ask):
    ask().keep("grid")
    ask().keep("grid", "It is complete.")
    assert ask().entry()["tries"] == 1
    ask().write({"answer": "grid", "reason": "", "tries": 1})  # as an earlier version kept it
    ask().forget()
    assert not ask().theirs and ask().entry() == {"tries": 1, "first": "grid"}
    ask().keep("random")
    assert (ask().entry()["tries"], ask().entry()["first"]) == (2, "grid")


def test_the_grade_follows_the_prediction_once_it_is_known_what_came(ask):
    guess = ask()
    assert guess.grade == ""
    guess.graded(["bayesian"])
    guess.keep("bayesian")
    assert guess.grade == "You predicted “bayesian”, and so it came." and ask().entry()["held"]


# -- spans ------------------------------------------------------------------------------------------------------------


def test_an_edge_belongs_to_the_span_above_it():
    assert spans([60, 75]) == ["below 60 %", "60 to 75 %", "75 % or more"]
    told = [span_of(value, [60, 75], "") for value in (-1, 59.999, 60, 74.9, 75, 1e9)]
    assert told == ["below 60"] * 2 + ["60 to 75"] * 2 + ["75 or more"] * 2


@pytest.mark.parametrize("edges", [[], [2, 1], [1, 1]])
def test_edges_that_cut_nothing_are_refused(edges):
    with pytest.raises(BadChoice, match="cut by edges that rise, one at least"):
        spans(edges)


# -- a class ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def student(tmp_path):
    """A function that gives a student's prediction, the class sharing a folder."""
    return lambda who, name="who": wb.Prediction(
        name, "Who wins?", OPTIONS, "random", tmp_path / who / "04", tmp_path / "class"
    )


def test_a_class_pools_its_predictions_without_names(student, tmp_path):
    assert student("ann").pooled() == dict.fromkeys(OPTIONS, 0)
    for who, answer in {"ann": "grid", "bob": "random", "cem": "grid"}.items():
        student(who).keep(answer, "because")
    student("ann", "another").keep("bayesian")
    assert student("dora").pooled() == {"grid": 2, "random": 1, "bayesian": 0}
    student("ann").keep("bayesian")
    assert student("bob").pooled() == {"grid": 1, "random": 1, "bayesian": 1}
    student("ann").forget()
    assert student("bob").pooled() == {"grid": 1, "random": 1, "bayesian": 0}
    files = [*(tmp_path / "class").iterdir()]
    assert len(files) == 3 and all(file.name.startswith("04.") for file in files)  # the lesson
    assert {file.stat().st_mode & 0o777 for file in files} == {0o644}  # others may have accounts of their own
    assert (tmp_path / "class").stat().st_mode & 0o7777 == 0o1777
    assert not any(word in file.read_text() + file.name for file in files for word in ("ann", "bob", "because"))


def test_what_lies_in_the_class_folder_otherwise_counts_for_nothing(student, tmp_path):
    student("ann").keep("grid")
    for name, text in {"x.json": "{", "y.json": "[]", "z.json": '{"who": "gird"}', "notes.txt": "grid"}.items():
        (tmp_path / "class" / f"04.{name}").write_text(text)
    (tmp_path / "class" / "05.x.json").write_text('{"who": "random"}')  # another lesson
    assert student("ann").pooled() == {"grid": 1, "random": 0, "bayesian": 0}


def test_a_folder_that_did_not_change_is_not_read_again_and_one_that_did_is(student, monkeypatch):
    student("ann").keep("grid")
    asked, reads = student("bob"), []
    monkeypatch.setattr(lessons, "stored", lambda file, real=lessons.stored: reads.append(file) or real(file))
    for _ in range(10):
        assert asked.pooled()["grid"] == 1
    assert len(reads) == lessons.READS
    student("cem").keep("grid")
    assert asked.pooled()["grid"] == 2


def test_where_the_class_cannot_be_told_the_prediction_is_kept_all_the_same(student, tmp_path):
    (tmp_path / "class").write_text("no folder")
    with pytest.raises(BadData, match=r"Your prediction is kept, but the class does not see it: .*\(chmod 1777\)"):
        student("ann").keep("grid")
    assert student("ann").answer == "grid" and student("ann").theirs


def test_alone_nothing_is_pooled(ask):
    ask().keep("grid")
    assert ask().pooled() == {}


# -- exercises, and what is handed in ---------------------------------------------------------------------------------


@pytest.fixture
def task(tmp_path):
    return wb.Exercise("half", "Half of ten?", lambda value: value == 5, "Divide.", "Ten is five and five.", tmp_path)


def test_an_exercise_checks_itself_as_often_as_one_likes(task, tmp_path):
    assert task.check(None) == "Half of ten? (Not answered yet.)" and not task.file.exists()
    assert task.check(4) == "Not yet. Divide."
    assert task.check(5) == "Solved. Ten is five and five."
    kept = json.loads((tmp_path / "predictions.json").read_text())["half"]
    assert kept == {"task": "Half of ten?", "given": "5", "solved": True, "tries": 2}


def test_an_answer_that_cannot_be_judged_is_said_and_loses_nothing(task):
    task.solved = lambda value: 1 / value > 0
    assert task.check(0) == "This answer cannot be judged: division by zero. Half of ten?"
    assert not task.file.exists()


def test_what_is_handed_in_holds_predictions_grades_exercises_and_rows(ask, tmp_path):
    ask().keep("grid", "It is complete.")
    ask().graded(["grid"])
    ask("other").graded(["random"])  # nobody was asked: not theirs to hand in
    ask("third").keep("random")
    ask("third").forget()
    wb.Exercise("half", "Half?", lambda value: value == 5, "", "", tmp_path / "out").check(5)
    rows = pd.DataFrame({"epoch": [0, 1], "loss": [1.5, float("nan")]})
    said = wb.hand_in(tmp_path / "out", {"history": rows}, " Ann ")
    assert said.endswith("1 predictions of yours, of which 1 held; 1 of 1 exercises that you tried are solved; 2 rows.")
    found = json.loads((tmp_path / "out" / "hand_in.json").read_text())
    assert (found["lesson"], found["name"]) == ("out", "Ann") and "torch" in found["versions"]
    assert found["predictions"]["who"]["held"] and [*found["predictions"]] == ["who", "third"]
    assert found["predictions"]["third"] == {"tries": 1, "first": "random"}  # open again
    assert found["exercises"]["half"]["solved"] and found["rows"] == {
        "history": [{"epoch": 0, "loss": 1.5}, {"epoch": 1, "loss": None}]
    }


def test_nothing_predicted_is_handed_in_as_nothing(tmp_path):
    assert ": 0 predictions of yours, of which 0 held; 0 of 0 exercises" in wb.hand_in(tmp_path / "new")
