"""Training on: bit for bit the run that was so long from the start, in a folder of its own."""

from __future__ import annotations

import shutil

import pytest
import torch
from filelock import FileLock
from helpers import plain

import workbench as wb
from workbench import folder as folders
from workbench import paths
from workbench.branching import longer
from workbench.errors import BadKnob, BrokenRun, DiskFull, RunBusy

pytestmark = pytest.mark.usefixtures("one_thread")


def recipe_of(tiny, **knobs):
    given = {"epochs": 2, "batch_size": 8, "accumulate": 2, "regularizers": "dropout, l2, label-smoothing", "lr": 1e-2}
    return wb.Recipe(wb.Digits(per_class=5), tiny, **given | knobs)


def last(run):
    return run.files.load(run.files.steps()[-1])


def left_at(recipe, epoch, folder):
    """A run that was left at this epoch's end."""
    for row in wb.train(recipe, folder):
        if row["epoch"] == epoch:
            break
    return wb.open_run(folder)


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("scope", ["head", "all"])
def test_it_equals_the_run_that_was_so_long_from_the_start(scope, tiny):
    recipe = recipe_of(tiny, scope=scope)
    whole = wb.fine_tune(recipe, epochs=5)
    parent = wb.fine_tune(recipe)
    before = contents(parent.folder)
    found = parent.train_on(epochs=3)
    assert contents(parent.folder) == before and found.folder != parent.folder
    assert found.recipe == whole.recipe and found.state == "finished"
    assert plain(found.rows) == plain(whole.rows)
    assert found.best == {**whole.best, "seconds": found.best["seconds"]} and found.baseline == whole.baseline
    tensors, place = last(found)
    assert (place["epoch"], place["step"]) == (5, whole.rows[-1]["step"])
    assert tensors.keys() == last(whole)[0].keys()
    for name, tensor in last(whole)[0].items():
        assert torch.equal(tensor, tensors[name]), name
    twice = parent.train_on(epochs=1).train_on(epochs=2)
    assert plain(twice.rows) == plain(whole.rows)


def test_it_names_its_parent_and_the_step_it_goes_on_from(tiny, tmp_path):
    parent = wb.fine_tune(recipe_of(tiny))
    found = parent.train_on(1)
    step = parent.rows[-1]["step"]
    assert found.files.read("recipe.json")["parent"] == {"run": parent.folder.name, "step": step}
    first, *rest = found.files.events()
    assert (first["event"], first["run"], first["step"]) == ("branched", str(parent.folder), step)
    assert [(e["step"], e["exact"]) for e in rest if e["event"] == "resumed"] == [(step, True)]
    assert found.folder.parent == paths.runs() and found.rows[-1]["seconds"] > parent.rows[-1]["seconds"]
    elsewhere = wb.fine_tune(recipe_of(tiny), tmp_path / "elsewhere").train_on(1)
    assert elsewhere.files.read("recipe.json")["parent"]["run"] == str(tmp_path / "elsewhere")


def test_it_goes_on_within_an_epoch_where_the_run_was_stopped(tiny, tmp_path, monkeypatch):
    from workbench import recording

    recipe = recipe_of(tiny, epochs=3)
    run = left_at(recipe, 1, tmp_path / "run")
    with monkeypatch.context() as patched:
        patched.setattr(recording.Recorder, "go_on", lambda self, job: job.step < 6 or self.end(job))
        wb.fine_tune(recipe, run.folder)
    assert run.state == "stopped" and last(run)[1]["step_in_epoch"] == 2
    assert plain(run.train_on(2).rows) == plain(wb.fine_tune(recipe, epochs=5).rows)


def test_the_best_epoch_comes_with_it_though_it_is_not_the_last(tiny):
    data = wb.Digits(per_class=10, label_noise=0.4)
    parent = wb.fine_tune(wb.Recipe(data, tiny, epochs=40, lr=1e-2))
    assert 0 < parent.best["epoch"] < 40
    found = parent.train_on(2)
    assert found.best["epoch"] == parent.best["epoch"]
    assert found.details()["accuracy"] == pytest.approx(parent.details()["accuracy"])


def test_another_schedule_is_stretched_from_there_on(tiny):
    recipe = recipe_of(tiny, schedule="cosine(warmup=0.0)", epochs=4)
    found = wb.fine_tune(recipe).train_on(4)
    steps = found.rows[-1]["step"]
    rates = [recipe.lr * recipe.schedule.factor(row["step"] - 1, steps) for row in found.rows[5:]]
    assert [row["lr"] for row in found.rows[5:]] == pytest.approx(rates, rel=1e-5)


def test_a_turned_knob_stays_turned_and_is_told(tiny, tmp_path):
    recipe = recipe_of(tiny, epochs=3, regularizers="l2(strength=0.0)")
    for row in wb.train(recipe, tmp_path / "run"):
        if row["epoch"] == 1:
            wb.open_run(tmp_path / "run").turn("l2.strength", 0.3)
    parent = wb.open_run(tmp_path / "run")
    found = parent.train_on(1)
    (knob,) = parent.files.counted("knob")
    assert found.files.counted("knob") == [knob]
    changes = f"{knob['step']}: l2.strength=0.3"
    assert plain(found.rows) == plain(wb.fine_tune(recipe, epochs=4, changes=changes).rows)
    found.turn("l2.strength", 0.1)  # the child obeys its own control file from its first number on
    assert found.files.control()["n"] > last(parent)[1]["control"]


def test_started_it_runs_in_a_process_of_its_own(tiny):
    recipe = recipe_of(tiny, regularizers="")
    found = wb.fine_tune(recipe).start_on(epochs=2)
    assert found.state == "queued" or found.rows
    assert plain(found.join().rows) == plain(wb.fine_tune(recipe, epochs=4).rows)


def test_what_cannot_be_trained_on_is_refused_and_leaves_nothing(tiny, tmp_path):
    recipe = recipe_of(tiny)
    parent = wb.fine_tune(recipe)
    for wrong in (0, -3, 1.5, "two", None):
        with pytest.raises(BadKnob, match=r"train_on\.epochs must"):
            parent.train_on(wrong)
    with FileLock(parent.folder / ".lock"):
        parent.files.tell("started", pid=1)
        with pytest.raises(RunBusy, match=r"is running: run\.stop\(\) it first"):
            parent.train_on(1)
    bare = paths.runs() / "bare"
    bare.mkdir()
    shutil.copy(parent.folder / "recipe.json", bare)
    with pytest.raises(BrokenRun, match=r"no checkpoint to train on from\. run\.resume\(\) trains it first"):
        wb.open_run(bare).train_on(1)
    assert {path.name for path in paths.runs().glob("*-*")} == {parent.folder.name}


def test_a_run_that_stopped_early_says_what_stopped_it(tiny):
    data = wb.Digits(per_class=10, label_noise=0.4)
    parent = wb.fine_tune(wb.Recipe(data, tiny, epochs=60, lr=1e-2, regularizers="early-stopping(patience=3)"))
    ended = parent.rows[-1]["epoch"]
    assert ended < 60
    with pytest.raises(BadKnob, match=rf"early-stopping \(.*patience=3.*\) has ended this run at epoch {ended} and "):
        parent.train_on(5)
    assert len(wb.runs()) == 1


def test_early_stopping_that_still_waits_lets_it_go_on(tiny):
    parent = wb.fine_tune(recipe_of(tiny, regularizers="early-stopping(patience=50)"))
    assert parent.train_on(1).rows[-1]["epoch"] == 3


def test_a_damaged_last_checkpoint_is_not_gone_on_from(tiny, tmp_path):
    recipe = recipe_of(tiny, epochs=4)
    run = left_at(recipe, 2, tmp_path / "run")
    wb.fine_tune(recipe, run.folder)
    newest = run.folder / "checkpoints" / str(run.files.steps()[-1]) / "tensors.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1] + b"?")
    assert plain(run.train_on(1).rows) == plain(wb.fine_tune(recipe, epochs=5).rows)


def test_a_full_disk_leaves_no_half_run(tiny, monkeypatch):
    parent = wb.fine_tune(recipe_of(tiny))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders.shutil, "copyfile", full)
    with pytest.raises(DiskFull, match="no room to write"):
        longer(parent, 1)
    assert [path.name for path in paths.runs().glob("*-*")] == [parent.folder.name]
