"""The mixer: knobs of a run under way, turned, switched off, undone; marks; and what replays it."""

from __future__ import annotations

import pytest
from panels.by_hand import PAYLOAD, driven, row, said, written

import workbench as wb
from workbench.panels.mixer_panel import AT_REST, HINT, MixerPanel

REGULARIZERS = "l2(strength=0.03), dropout(rate=0.2), early-stopping(patience=5)"


@pytest.fixture
def run():
    """A run under way with three epochs of ten steps each."""
    found = written("running", epochs=2, regularizers=REGULARIZERS)
    with driven(found):
        yield found


def asked(run):
    return run.files.control()["knobs"]


def test_each_number_that_can_be_turned_has_a_control_and_those_with_a_zero_a_switch(run):
    panel = MixerPanel(run)
    knobs = ["l2.strength", "dropout.rate", "early-stopping.patience", "early-stopping.at_least"]
    assert {*panel.controls} == {"lr", *knobs}
    assert [*panel.switches] == ["l2.strength", "dropout.rate"]  # at_least is 0 as a rule: it does not stop stopping
    assert panel.controls["l2.strength"].value == 0.03 and said(panel.said) == HINT
    parts = [part for control in panel.controls.values() for part in control.parts]
    assert all(part.tooltip for part in parts) and not any(part.continuous_update for part in parts)  # a drag: one turn
    assert MixerPanel(run.folder.name).controls.keys() == panel.controls.keys() and not MixerPanel().controls


def test_a_turned_knob_is_asked_for_and_undone(run):
    panel = MixerPanel(run)
    assert panel.undo_button.disabled
    panel.controls["l2.strength"].main.value = 0.1
    panel.controls["lr"].main.value = 0.02
    assert asked(run) == {"l2.strength": 0.1, "lr": 0.02} and not said(panel.error)
    panel.undo_button.click()
    assert asked(run) == {"l2.strength": 0.1, "lr": 1e-3} and panel.controls["lr"].value == 1e-3
    panel.undo_button.click()
    assert asked(run)["l2.strength"] == 0.03 and panel.undo_button.disabled
    panel.controls["dropout.rate"].main.value = 7
    assert "dropout.rate must be in [0, 0.99], got 7" in said(panel.error) and "dropout.rate" not in asked(run)


def test_a_switch_puts_a_knob_at_zero_and_back_where_it_was(run):
    panel = MixerPanel(run)
    panel.controls["dropout.rate"].main.value = 0.4
    panel.switches["dropout.rate"].value = False
    assert asked(run)["dropout.rate"] == 0.0 and panel.controls["dropout.rate"].value == 0.0
    panel.switches["dropout.rate"].value = True
    assert asked(run)["dropout.rate"] == 0.4


def test_what_happened_is_listed_and_replayed_by_what_is_copied(run):
    panel = MixerPanel(run)
    assert panel.copy_button.text == run.recipe.as_code() and panel.list.value == ""
    run.files.tell("knob", step=14, path="l2.strength", value=0.1)
    panel.refresh()
    assert said(panel.list) == "epoch 1.4 (step 14): l2.strength=0.1" and panel.controls["l2.strength"].value == 0.1
    assert "changes='14: l2.strength=0.1'" in panel.copy_button.text


def test_a_run_at_rest_cannot_be_turned_and_another_run_has_its_own_knobs(run):
    rest = written("finished", epochs=2, regularizers="l1")
    panel = MixerPanel(rest)
    assert said(panel.said) == AT_REST and all(part.disabled for c in panel.controls.values() for part in c.parts)
    panel._turn("l1.strength", 0.1)
    assert said(panel.error) == AT_REST and not asked(rest)
    panel.show(run)
    assert "l2.strength" in panel.controls and not said(panel.error) and not panel.controls["lr"].main.disabled
    panel.close()


def test_another_viewers_turns_are_shown_and_are_not_asked_for_again(run):
    panel = MixerPanel(run)
    run.files.ask(knobs={"lr": 0.05})
    before = run.files.control()["n"]
    panel.refresh()
    assert panel.controls["lr"].value == 0.05 and run.files.control()["n"] == before


def test_names_are_shown_letter_by_letter(run):
    run.files.tell("row", **row(3))
    rest = wb.open_run(run.folder)
    rest.files.write("recipe.json", rest.files.read("recipe.json") | {"parent": {"run": PAYLOAD, "step": 10}})
    panel = MixerPanel(rest)
    assert f"branched from {PAYLOAD}" in said(panel.list) and "<img" not in panel.list.value
