"""Arms from the panel: what may be changed, from where, and that they run and fan out."""

from __future__ import annotations

import asyncio

import pytest
from helpers import plain
from panels.by_hand import driven, said, shown, written

import workbench as wb
from workbench import paths, recording
from workbench.panels.branch_box import MOST, SAME, offered
from workbench.panels.live_panel import LivePanel

pytestmark = pytest.mark.usefixtures("one_thread")


def test_what_may_be_changed_fits_the_recipe_and_comes_with_a_value():
    found = offered(wb.Recipe(regularizers="l2(strength=0.03), dropout(rate=0.4)", lr=3e-3))
    assert found["lr"] == pytest.approx(1e-3) and found["l2.strength"] == pytest.approx(0.09)
    assert found["dropout.rate"] == 0.8 and found["l1.strength"] == wb.L1().strength and "mixup.alpha" in found
    assert "drop-path.rate" not in found and "drop-path.rate" in offered(wb.Recipe(scope="all"))
    assert "token-masking.share" not in offered(wb.Recipe(scope="all"))


def test_arms_are_added_up_to_four_and_two_alike_are_refused(tiny):
    panel = LivePanel(written("finished", epochs=3, regularizers="l2"))
    box = panel.branches
    assert len(box.rows) == 2 and {knob.value for knob, _ in box.rows} == {SAME} and box.rows[0][1].disabled
    for _ in range(3):
        box.more_button.click()
    assert len(box.rows) == MOST and "4 arms at most" in said(panel.error)
    box.rows[0][0].value = "l2.strength"
    assert box.rows[0][1].value == pytest.approx(0.09) and not box.rows[0][1].disabled
    box.branch_button.click()
    assert "two arms change the same knob to the same value" in said(panel.error)
    assert LivePanel(written("queued")).branches.branch_button.disabled
    for epochs in (0, 2):  # one that still reads its data would not answer
        run = written("running", epochs=epochs)
        with driven(run):
            assert LivePanel(run).branches.branch_button.disabled == (epochs == 0)


def test_every_checkpoint_that_is_kept_can_be_begun_from_and_a_finished_run_at_its_best(tiny, monkeypatch):
    monkeypatch.setattr(recording, "LEAST", 0.0)
    monkeypatch.setattr(recording, "SHARE", 1e9)  # a checkpoint is due at every epoch
    run = wb.fine_tune(wb.Recipe(wb.Digits(per_class=5), tiny, epochs=3, lr=1e-2))
    box = LivePanel(run).branches
    assert box.where.value == "best"
    epochs = {row["step"]: row["epoch"] for row in run.rows}
    kept = [(f"epoch {epochs[step]}", step) for step in run.files.steps()]
    assert [*box.where.options] == [("this moment", ""), ("best epoch", "best"), *kept] and kept
    box.where.value = kept[0][1]
    box.rows[1][0].value = "epochs"
    assert box.rows[1][1].value == 6
    began = []
    box._began = began.extend
    box.branch_button.click()
    for each in began:
        each.join()
        assert each.files.read("recipe.json")["parent"]["step"] == kept[0][1]
    assert [each.rows[-1]["epoch"] for each in began] == [3, 6]


def test_two_arms_run_from_one_moment_and_fan_out_over_their_parent(tiny):
    recipe = wb.Recipe(wb.Digits(per_class=5), tiny, epochs=4, regularizers="l2", lr=1e-2)
    for row in wb.train(recipe, paths.runs() / "parent"):
        if row["epoch"] == 2:
            break
    parent = wb.open_run(paths.runs() / "parent")

    async def act():
        panel = LivePanel(parent)
        box = panel.branches
        box.rows[1][0].value = "l2.strength"
        box.rows[1][1].value = 0.3
        box.branch_button.click()
        assert not said(panel.error) and said(box.said) == f"2 arms began at step {parent.files.steps()[-1]}."
        arms = [panel.run, *(wb.open_run(folder) for folder in panel.others.value if folder != str(parent.folder))]
        assert len(arms) == 2 and len(panel.others.value) == 2
        await shown(lambda: all(arm.state == "finished" for arm in arms))
        panel.refresh()
        names = {trace.name.partition(",")[0] for trace in panel.chart.widget.data if trace.name.endswith("valid")}
        assert names == {run.folder.name for run in (parent, *arms)}
        marks = [trace for trace in panel.chart.widget.data if trace.name == "knob turned, or branched"]
        assert any("l2.strength=0.3" in text for trace in marks for text in trace.text or ())
        panel.close()
        return arms

    same, other = asyncio.run(act())
    assert plain(same.rows)[:3] == plain(other.rows)[:3] == plain(parent.rows) and same.recipe == parent.recipe
    assert same.rows[-1]["valid_loss"] != other.rows[-1]["valid_loss"]
