"""A prediction asked for: nothing chosen, locked in, found again, opened once more."""

from __future__ import annotations

import asyncio
import html

import pytest
from panels.by_hand import PAYLOAD, said

import workbench as wb
from workbench.panels import prediction as module
from workbench.panels.prediction import histogram


@pytest.fixture
def panel(tmp_path):
    def made():
        return wb.PredictionPanel(wb.Prediction("who", "Who wins?", ["grid", PAYLOAD], "grid", tmp_path))

    return made


def test_nothing_is_chosen_for_the_student(panel):
    shown = panel()
    assert shown.options.value is None and not shown.lock.disabled and shown.again.layout.display == "none"
    assert said(shown.children[1]) == "Who wins?" and said(shown.said) == ""
    shown.lock.click()
    assert said(shown.error) == "Choose one first." and not shown.prediction.theirs


def test_it_is_locked_in_and_found_again_by_a_new_panel(panel):
    first = panel()
    first.lock.click()
    first.options.value, first.reason.value = "grid", "It is complete."
    first.lock.click()
    for shown in (first, panel()):
        assert said(shown.error) == "" and said(shown.said) == "Locked in: grid. Now run the cells below."
        assert (shown.options.value, shown.reason.value) == ("grid", "It is complete.")
        assert shown.options.disabled and shown.reason.disabled and shown.lock.disabled
        assert shown.prediction.theirs and shown.prediction.reason == "It is complete."


def test_what_was_typed_just_before_the_button_counts(panel):
    shown = panel()
    shown.options.value = "grid"
    shown.lock.click()
    shown.reason.value = "It is complete."  # as the page sends it, once the kernel has time
    assert shown.prediction.reason == "It is complete." and shown.prediction.answer == "grid"
    assert panel().reason.value == "It is complete."


def test_where_the_cells_below_have_run_it_is_graded_at_once(panel):
    shown = panel()
    assert "The recorded prediction was “grid”; it came out otherwise" in shown.prediction.graded([PAYLOAD])
    shown.options.value, shown.reason.value = PAYLOAD, "It shouts."
    shown.lock.click()
    assert said(shown.said) == (
        f"You predicted “{PAYLOAD}”, and so it came. Your reason was: “It shouts.” Would you still give it?"
    )
    assert shown.prediction.entry()["held"] is True  # it is in what is handed in
    shown.again.click()
    assert said(shown.said) == ""


def test_once_the_cells_below_ran_the_panel_shows_the_grade_too(panel):
    shown = panel()
    shown.options.value = "grid"
    shown.lock.click()
    assert said(shown.said).startswith("Locked in: grid.")
    shown.prediction.graded(["grid"])
    assert said(shown.said) == "You predicted “grid”, and so it came."
    shown.prediction.graded([PAYLOAD])  # another run
    assert said(shown.said).startswith("You predicted “grid”; it came out otherwise")


def test_a_shared_folder_that_is_away_keeps_no_grade_back(panel, monkeypatch):
    shown = panel()
    shown.options.value = "grid"
    shown.lock.click()

    def away():
        raise PermissionError("the share is away")

    monkeypatch.setattr(shown.prediction, "pooled", away)
    assert shown.prediction.graded(["grid"]) == said(shown.said) == "You predicted “grid”, and so it came."


def test_it_can_be_predicted_again(panel):
    shown = panel()
    shown.options.value = "grid"
    shown.lock.click()
    shown.again.click()
    assert shown.options.value is None and not shown.options.disabled and not shown.prediction.theirs
    assert said(shown.said) == "" and shown.again.layout.display == "none"


def test_what_was_chosen_is_shown_letter_by_letter(panel):
    shown = panel()
    shown.options.value = PAYLOAD
    shown.lock.click()
    assert PAYLOAD not in shown.said.value and html.escape(PAYLOAD) in shown.said.value


def test_what_cannot_be_written_is_said(panel):
    shown = panel()
    shown.prediction.file.mkdir()
    shown.options.value = "grid"
    shown.lock.click()
    assert "predictions.json" in said(shown.error) and not shown.options.disabled


@pytest.fixture
def of_class(tmp_path):
    """A function that gives a student's panel, the class sharing a folder."""

    def made(who):
        own, shared = tmp_path / who / "02", tmp_path / "class"
        return wb.PredictionPanel(wb.Prediction("who", "Who wins?", ["grid", PAYLOAD], "grid", own, shared))

    return made


def test_the_class_is_shown_to_whoever_predicted(of_class):
    first, second = of_class("ann"), of_class("bob")
    first.options.value = "grid"
    first.lock.click()
    assert said(first.pooled).startswith("The class so far: 1 prediction") and second.pooled.value == ""
    second.options.value = PAYLOAD
    second.lock.click()
    assert said(second.pooled).startswith("The class so far: 2 predictions")
    assert PAYLOAD not in second.pooled.value and html.escape(PAYLOAD) in second.pooled.value
    second.again.click()
    assert second.pooled.value == ""


def test_what_others_predict_meanwhile_is_followed(of_class, monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.02)

    async def lesson():
        first, second = of_class("ann"), of_class("bob")
        first.options.value = "grid"
        first.lock.click()
        second.options.value = "grid"
        second.lock.click()
        for _ in range(100):
            await asyncio.sleep(0.02)
            if "2 predictions" in first.pooled.value:
                break
        first.close()
        second.close()
        return first

    assert "2 predictions" in asyncio.run(lesson()).pooled.value


def test_a_histogram_says_its_numbers():
    assert histogram({}) == histogram({"a": 0}) == ""
    drawn = histogram({"a": 3, "b": 1})
    assert "4 predictions" in drawn and "<td>3</td>" in drawn and "width: 75%" in drawn and "width: 25%" in drawn
