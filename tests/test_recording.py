"""Going on where a run was left equals the uninterrupted run, bit for bit."""

from __future__ import annotations

import os
import signal

import pytest
import torch
from helpers import plain

import workbench as wb
from workbench import recording
from workbench.errors import Interrupted, OtherRecipe, RunBusy
from workbench.fine_tuning import prepared
from workbench.recording import Recorder, record


def recipe_of(scope, tiny):
    regularizers = "dropout, l2, label-smoothing"
    return wb.Recipe(wb.Digits(per_class=5), tiny, scope=scope, epochs=3, batch_size=8, accumulate=2,
                     schedule="cosine", regularizers=regularizers)  # fmt: skip


class StopsAt(Recorder):
    """Stops itself once, at a step."""

    at = 0

    def go_on(self, job):
        if job.step == self.at:
            return self.end(job)
        return super().go_on(job)


def last_tensors(run):
    return run.files.load(run.files.steps()[-1])[0]


@pytest.mark.parametrize("scope", ["head", "all"])
def test_stopped_at_every_step_and_gone_on_with(scope, tiny, tmp_path, monkeypatch):
    recipe = recipe_of(scope, tiny)
    whole = wb.fine_tune(recipe)
    for step in range(0, 12, 1 if scope == "head" else 3):
        run = prepared(recipe, tmp_path / f"{scope}-{step}")
        monkeypatch.setattr(StopsAt, "at", step)
        with monkeypatch.context() as patched:
            patched.setattr(recording, "Recorder", StopsAt)
            list(record(recipe, run.files))
        assert run.state == "stopped" and run.files.steps()[-1] == step
        wb.fine_tune(recipe, run.folder)
        assert plain(run.rows) == plain(whole.rows)
        for name, tensor in last_tensors(whole).items():
            assert torch.equal(tensor, last_tensors(run)[name]), name


def test_the_best_epoch_is_kept_though_it_was_held_in_memory(tiny):
    recipe = wb.Recipe(wb.Digits(per_class=10, label_noise=0.4), tiny, epochs=40, lr=1e-2)
    run = wb.fine_tune(recipe)
    assert 0 < run.best["epoch"] < 40 and run.best["step"] in run.files.steps()
    assert run.details()["accuracy"] == pytest.approx(run.best["valid_accuracy"])
    assert run.details()["loss"] == pytest.approx(run.best["valid_loss"], rel=1e-4)


def test_an_interrupt_leaves_a_step_boundary_and_handlers_as_they_were(tiny, tmp_path):
    recipe = recipe_of("head", tiny)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted, match="goes on"):
        for row in wb.train(recipe, tmp_path / "run"):
            if row["epoch"] == 1:
                os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    run = wb.open_run(tmp_path / "run")
    assert run.state == "stopped"
    assert plain(wb.fine_tune(recipe, run.folder).rows) == plain(wb.fine_tune(recipe).rows)


def test_rows_that_nobody_asks_for_any_more_swallow_no_interrupt(tiny, tmp_path):
    recipe = recipe_of("head", tiny)
    before = signal.getsignal(signal.SIGINT)
    rows = wb.train(recipe, tmp_path / "run")
    assert [next(rows)["epoch"], next(rows)["epoch"]] == [0, 1]
    with pytest.raises(Interrupted, match="goes on"):  # at once, though nothing goes round in the loop
        signal.raise_signal(signal.SIGINT)
    run = wb.open_run(tmp_path / "run")
    assert signal.getsignal(signal.SIGINT) is before and list(rows) == []
    assert run.state == "stopped" and run.files.steps()[-1] == run.rows[-1]["step"]
    assert plain(wb.fine_tune(recipe, run.folder).rows) == plain(wb.fine_tune(recipe).rows)


def test_memory_is_told_with_what_there_is(tiny, tmp_path):
    import psutil

    run = wb.fine_tune(wb.Recipe(wb.Digits(per_class=5), tiny, epochs=1), tmp_path / "run")
    assert run.progress["memory_of"] == psutil.virtual_memory().total > run.progress["memory"] > 0


def test_leaving_the_loop_early_keeps_what_was_done(tiny, tmp_path):
    recipe = recipe_of("head", tiny)
    for row in wb.train(recipe, tmp_path / "run"):
        if row["epoch"] == 2:
            break
    run = wb.open_run(tmp_path / "run")
    assert run.state == "stopped" and run.files.steps()[-1] == run.rows[-1]["step"]


def test_a_second_driver_is_refused(tiny, tmp_path):
    recipe = recipe_of("head", tiny)
    rows = wb.train(recipe, tmp_path / "run")
    next(rows)
    with pytest.raises(RunBusy, match="another process drives"):
        list(record(recipe, prepared(recipe, tmp_path / "run").files))
    rows.close()


def test_another_recipes_folder_is_refused_and_a_finished_run_comes_back(tiny, tmp_path):
    recipe = recipe_of("head", tiny)
    run = wb.fine_tune(recipe, tmp_path / "run")
    assert plain(wb.fine_tune(recipe, tmp_path / "run").rows) == plain(run.rows)
    with pytest.raises(OtherRecipe, match="holds a run of another recipe"):
        wb.fine_tune(recipe.replace(seed=1), tmp_path / "run")


def test_a_damaged_checkpoint_falls_back_and_says_so(tiny, tmp_path):
    recipe = recipe_of("head", tiny)
    for row in wb.train(recipe, tmp_path / "run"):
        if row["epoch"] == 2:
            break
    run = wb.open_run(tmp_path / "run")
    newest = run.files.path / "checkpoints" / str(run.files.steps()[-1]) / "tensors.safetensors"
    content = bytearray(newest.read_bytes())
    content[-5] ^= 1
    newest.write_bytes(content)
    again = wb.fine_tune(recipe, run.folder)
    assert any("damaged" in message for message in again.messages)
    assert plain(again.rows) == plain(wb.fine_tune(recipe).rows)


def test_a_turned_knob_is_an_event_and_replays(tiny, tmp_path):
    recipe = wb.Recipe(wb.Digits(per_class=5), tiny, epochs=4, regularizers="l2(strength=0.0)", batch_size=25)
    run = prepared(recipe, tmp_path / "run")
    for row in wb.train(recipe, run.folder):
        if row["epoch"] == 2:
            run.turn("l2.strength", 0.3)
    knob = next(e for e in run.files.events() if e["event"] == "knob")
    replay = wb.fine_tune(recipe.replace(changes=f"{knob['step']}: {knob['path']}={knob['value']}"))
    assert plain(replay.rows) == plain(run.rows) and run.rows[-1]["penalty"] > 0


def test_a_failing_data_set_leaves_its_message(tiny, tmp_path, monkeypatch):
    recipe = recipe_of("head", tiny)
    monkeypatch.setattr(wb.Digits, "load", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        wb.fine_tune(recipe, tmp_path / "run")
    run = wb.open_run(tmp_path / "run")
    assert run.state == "failed" and run.messages == ["ZeroDivisionError: division by zero"]


def test_a_note_stands_once_and_going_on_says_from_where(tiny, tmp_path):
    recipe = wb.Recipe(wb.Digits(per_class=5), tiny, epochs=3)
    rows = wb.train(recipe, tmp_path / "run")
    next(rows), next(rows)
    rows.close()
    run = wb.fine_tune(recipe, tmp_path / "run")
    assert sum("training, " in text for text in run.messages) == 1
    assert "Going on from step 2, in epoch 2." in run.messages


def test_an_untrained_head_that_answers_is_told(tiny, tmp_path):
    worse = wb.fine_tune(wb.Recipe(wb.Digits(per_class=5), tiny, epochs=2, lr=100), tmp_path / "worse")
    assert worse.best["epoch"] == 0 and any("answers come from the untrained head" in text for text in worse.messages)
    better = wb.fine_tune(wb.Recipe(wb.Digits(per_class=5), tiny, epochs=2, lr=1e-2), tmp_path / "better")
    assert better.best["epoch"] > 0 and not any("untrained" in text for text in better.messages)
