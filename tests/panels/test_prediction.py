"""A prediction asked for: nothing chosen, locked in, found again, opened once more."""

from __future__ import annotations

import html

import pytest
from panels.by_hand import PAYLOAD, said

import workbench as wb


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
