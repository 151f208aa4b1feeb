"""The verdict beside the curves: its sentence, its numbers, and its button."""

from __future__ import annotations

import pytest
from panels.by_hand import said, written

import workbench as wb
from workbench.panels.live_panel import LivePanel

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def rows():
    """Rows of 60 epochs on 40 wrong labels of 100."""
    recipe = wb.Recipe(wb.Digits(per_class=10, label_noise=0.4), lr=1e-2, batch_size=25, epochs=60)
    return recipe, list(wb.train(recipe))


def told(rows, upto=61, state="finished"):
    recipe, every = rows
    run = written("stopped", recipe=recipe) if state == "stopped" else written("new", recipe=recipe)
    run.files.tell("started")
    for row in every[:upto]:
        run.files.tell("row", **row)
    if state == "finished":
        run.files.tell("finished", step=every[-1]["step"], seconds=1.0)
    return run


def test_the_sentence_its_numbers_and_the_button_stand_beside_the_curves(rows):
    panel = LivePanel(told(rows))
    box = panel.verdict
    assert said(box.said).startswith("Memorising wrong labels: ") and box.step_button.description == "Add L2"
    assert not box.step_button.disabled and box.box.layout.display == ""
    numbers = said(box.numbers)
    assert "share of the wrong labels that it repeats" in numbers and "above its minimum (nats)" in numbers
    assert "nan" not in numbers


def test_early_on_it_says_that_it_still_learns_and_training_on_waits_for_the_end(rows):
    panel = LivePanel(told(rows, 4, "stopped"))
    assert said(panel.verdict.said).startswith("Still learning: ")
    assert panel.verdict.step_button.description == "Train on for 5 epochs"
    panel.verdict.show(panel.run, "running")
    assert panel.verdict.step_button.disabled


def test_without_epochs_or_with_rows_of_an_earlier_version_there_is_none(rows):
    for run in (None, told(rows, 1, "stopped"), written("finished", epochs=3)):
        assert LivePanel(run).verdict.box.layout.display == "none"


def test_the_button_starts_what_it_says_drawn_over_the_run_it_is_about(rows, monkeypatch):
    from workbench.panels import live_panel

    started = []

    def begun(recipe):
        started.append(recipe)
        return written("queued", recipe=recipe)

    monkeypatch.setattr(live_panel, "start", begun)  # the run itself is another test's: this one is about the panel
    run = told(rows)
    panel = LivePanel(run)
    panel.verdict.step_button.click()
    assert started == [run.recipe.replace(regularizers="l2(strength=0.1)")] and panel.run.recipe == started[0]
    assert panel.others.value == (str(run.folder),) and not said(panel.error)


def test_a_good_fit_is_measured_on_the_test_set_once_it_was_asked_for_twice():
    run = wb.fine_tune(wb.Recipe(wb.Digits(per_class=40), lr=1e-2, epochs=60, regularizers="l2"))
    panel = LivePanel(run)
    box = panel.verdict
    assert box.verdict.kind == "fitting well" and box.step_button.description == "Unseal the test set, once"
    box.step_button.click()
    assert box.step_button.description == "Really look at the test set?" and not run.files.read("test.json")
    box.step_button.click()
    found = run.files.read("test.json")
    assert said(box.tested).startswith("On the test set: ") and f"{found['accuracy']:.3f}" in said(box.tested)
    assert box.step_button.disabled and not said(panel.error)
    panel.close()
