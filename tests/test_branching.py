"""Training on: bit for bit the run that was so long from the start, in a folder of its own."""

from __future__ import annotations

import shutil

import pytest
import torch
from filelock import FileLock
from helpers import plain, until

import workbench as wb
from workbench import folder as folders
from workbench import paths
from workbench.branching import arm, arms, code, longer, played
from workbench.errors import BadChoice, BadKnob, BrokenRun, DiskFull, RunBusy
from workbench.job import Job
from workbench.learners.plan import plan

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


# -- arms --------------------------------------------------------------------------------------------------------------


def begun(run, settings=None, step=None):
    """An arm, trained in this process: as `run.branch` has it, without waiting for one of its own."""
    found = arm(run, settings or {}, step)
    return wb.fine_tune(found.recipe, found.folder)


def stood(run):
    """Rows that two runs share where they are one: without seconds."""
    return plain(run.rows)


@pytest.mark.parametrize("scope", ["head", "all"])
@pytest.mark.parametrize("regularizers", ["dropout, l2", "dropout, ema"])
def test_an_arm_that_changes_nothing_is_its_parent_to_the_bit(scope, regularizers, tiny):
    parent = wb.fine_tune(recipe_of(tiny, scope=scope, epochs=5, regularizers=regularizers))
    early = left_at(parent.recipe, 2, paths.runs() / "left")
    at = early.files.steps()[-1]
    same = begun(early)
    assert same.state == "finished" and stood(same) == stood(parent) and same.recipe == parent.recipe
    for name, tensor in last(parent)[0].items():
        assert torch.equal(tensor, last(same)[0][name]), name
    assert same.files.read("recipe.json")["parent"] == {"run": early.folder.name, "step": at}


def test_arms_part_where_they_branch_and_each_replays_from_its_recipe_alone(tiny):
    parent = left_at(recipe_of(tiny, epochs=5), 2, paths.runs() / "left")
    step = parent.files.steps()[-1]
    arms = [begun(parent, settings) for settings in ({"l2.strength": 0.3}, {"lr": 1e-3, "dropout.rate": 0.6})]
    assert [each.state for each in arms] == ["finished", "finished"]
    for one, change in zip(arms, ("l2.strength=0.3", "dropout.rate=0.6"), strict=True):
        assert f"{step}: {change}" in one.recipe.changes
        assert stood(one)[:3] == stood(parent)[:3] and stood(one)[3] != stood(arms[1 - arms.index(one)])[3]
        assert stood(wb.fine_tune(one.recipe)) == stood(one)


def test_a_regularizer_joins_an_arm_or_leaves_it(tiny):
    parent = left_at(recipe_of(tiny, epochs=4, regularizers="l2"), 2, paths.runs() / "left")
    joined = begun(parent, {"l1.strength": 0.05})
    assert joined.recipe.regularizers == (wb.L2(), wb.L1(strength=0.05)) and joined.state == "finished"
    bare = begun(parent, {"regularizers": ""})
    assert bare.recipe.regularizers == () and bare.rows[-1]["penalty"] == 0


def test_regularizers_given_anew_have_the_strengths_that_are_given(tiny):
    parent = left_at(recipe_of(tiny, epochs=4, regularizers="l2(strength=0.03)"), 2, paths.runs() / "left")
    step = parent.files.steps()[-1]
    other = begun(parent, {"regularizers": "l2(strength=0.5), dropout(rate=0.4)"})
    assert other.recipe.changes == f"{step}: l2.strength=0.5" and last(other)[1]["knobs"]["dropout.rate"] == 0.4
    assert last(other)[1]["knobs"]["l2.strength"] == 0.5
    turned = begun(parent, {"l2.strength": 0.5})
    assert stood(turned)[3]["penalty"] > 10 * stood(begun(parent))[3]["penalty"]
    bare = left_at(arm(parent, {"regularizers": ""}).recipe, 3, arm(parent, {"regularizers": ""}).folder)
    again = begun(bare, {"l2.strength": 0.2})  # it joins with what is asked for, and not as it once was
    assert last(again)[1]["knobs"]["l2.strength"] == 0.2


def test_what_joined_or_left_is_said_beside_the_recipe_that_does_not_replay_it(tiny):
    parent = left_at(recipe_of(tiny, epochs=4, regularizers="l2"), 2, paths.runs() / "left")
    step = parent.files.steps()[-1]
    assert code(parent) == parent.recipe.as_code()
    joined = begun(parent, {"l1.strength": 0.05})
    assert code(joined).startswith(
        f"# not the same run: l1 joined at step {step}, and here from the beginning\nwb.Recipe("
    )
    assert "l1 joined at step" in code(begun(joined, {"epochs": 5}))


def test_of_arms_that_begin_together_none_is_made_where_one_is_refused(tiny):
    parent = left_at(recipe_of(tiny, epochs=3), 1, paths.runs() / "left")
    with pytest.raises(BadKnob, match=r"dropout\.rate must be in"):
        arms(parent, [{"l2.strength": 0.3}, {"dropout.rate": 6.0}])
    assert [path.name for path in paths.runs().iterdir() if path.is_dir()] == ["left"]
    made = arms(parent, [{}, {"l2.strength": 0.3}], "best")
    assert {each.files.read("recipe.json")["parent"]["step"] for each in made} == {parent.best["step"]}
    assert [each.join().state for each in made] == ["finished", "finished"]


def test_an_arm_that_would_end_at_once_is_refused_and_one_that_waits_longer_goes_on(tiny):
    data = wb.Digits(per_class=10, label_noise=0.4)
    parent = wb.fine_tune(wb.Recipe(data, tiny, epochs=60, lr=1e-2, regularizers="early-stopping(patience=3)"))
    ended = parent.rows[-1]["epoch"]
    with pytest.raises(
        BadKnob, match=rf"has ended this run at epoch {ended} and .*: branch from an earlier checkpoint"
    ):
        parent.branch({"lr": 1e-3})
    more = begun(parent, {"early-stopping.patience": 100})
    assert more.rows[-1]["epoch"] == 60 and stood(more)[: ended + 1] == stood(parent)


def test_the_best_epoch_of_a_run_under_way_can_be_branched_from(tiny):
    parent = wb.start(recipe_of(tiny, epochs=40))
    parent.pace(10)
    until(lambda: len(parent.rows) > 3)
    other = arm(parent, {}, "best")
    at = other.files.read("recipe.json")["parent"]["step"]
    assert at in parent.files.steps() and at in [row["step"] for row in parent.rows]
    parent.stop()
    parent.join()


def test_checkpoints_that_were_branched_from_are_kept(tiny):
    parent = wb.start(recipe_of(tiny, epochs=12))
    parent.pace(4)
    until(lambda: len(parent.rows) > 2)
    step = arm(parent, {}).files.read("recipe.json")["parent"]["step"]
    parent.pace(0)
    assert parent.join().state == "finished" and step in parent.files.steps()


@pytest.mark.parametrize(("name", "begins"), [("ema", "here"), ("l2-sp", "before training")])
def test_what_remembers_begins_where_it_joins_or_where_pretraining_ended(name, begins, tiny):
    parent = left_at(recipe_of(tiny, epochs=3, scope="blocks(last=1)", precision="float32"), 1, paths.runs() / "left")
    tensors, place = last(parent)
    job = Job(plan(parent.recipe.replace(regularizers=[*parent.recipe.regularizers, name])))
    start = {key: w.detach().clone() for key, w in job.learner.every().items()}
    job.restore(tensors, place, parent.rows)
    held = {key: t for key, t in job.now[name].memory.items() if key.startswith("body.")}
    for key, tensor in held.items():
        assert torch.equal(tensor, start[key] if begins != "here" else job.learner.every()[key].detach())
    assert held and any(not torch.equal(start[key], w) for key, w in job.learner.every().items())


def test_a_run_under_way_is_branched_at_this_moment_and_goes_on(tiny):
    parent = wb.start(recipe_of(tiny, epochs=12))
    parent.pace(3)
    until(lambda: len(parent.rows) > 2)
    other = parent.branch({"l2.strength": 0.3})
    step = other.files.read("recipe.json")["parent"]["step"]
    assert parent.state == "running" and f"{step}: l2.strength=0.3" in other.recipe.changes
    parent.turn("lr", 3e-3)
    until(lambda: parent.files.counted("knob"))
    parent.pace(0)
    assert parent.join().state == "finished" and other.join().state == "finished"
    assert [row["epoch"] for row in other.rows] == [*range(13)] == [row["epoch"] for row in parent.rows]
    (turn,) = parent.files.counted("knob")
    assert parent.played.changes == f"{turn['step']}: lr=0.003" and parent.recipe.changes == ""
    assert stood(wb.fine_tune(parent.played)) == stood(parent)  # what was turned by hand, headless
    assert stood(wb.fine_tune(other.recipe)) == stood(other)


def test_from_a_turned_run_an_arm_has_what_was_turned_before_its_step_alone(tiny):
    recipe = recipe_of(tiny, epochs=6, changes="4: lr=0.002; 40: l2.strength=0.2")
    parent = wb.fine_tune(recipe)
    steps = parent.files.steps()
    assert played(parent, {"step": 10, "knobs": {}}).changes == recipe.changes
    with pytest.raises(
        BadKnob, match=rf"at step {steps[-1]} no epoch is left of 6: branch with more epochs, or from an"
    ):
        parent.branch({"lr": 1e-3})
    more = begun(parent, {"epochs": 8})
    assert len(more.rows) == 9 and stood(more)[:7] == stood(parent)
    best = begun(parent, {"l2.strength": 0.1, "epochs": 8}, "best")
    assert best.files.read("recipe.json")["parent"]["step"] == parent.best["step"]


def test_a_turned_regularizer_leaves_with_its_turns_and_arms_of_arms_tell_each_turn_once(tiny):
    parent = left_at(recipe_of(tiny, epochs=4, changes="3: l2.strength=0.2; 4: lr=0.002"), 2, paths.runs() / "left")
    parent.files.tell("knob", step=2, path="l2.strength", value=0.1)
    arm_of_it = begun(parent, {"epochs": 5})
    assert arm_of_it.recipe.changes == "2: l2.strength=0.1; 3: l2.strength=0.2; 4: lr=0.002"
    assert (
        arm_of_it.played == arm_of_it.recipe
        and begun(arm_of_it, {"epochs": 6}).recipe.changes == arm_of_it.recipe.changes
    )
    bare = begun(parent, {"regularizers": "dropout"})
    assert bare.recipe.changes == "4: lr=0.002" and bare.played == bare.recipe and bare.state == "finished"


def test_what_cannot_be_changed_by_a_branch_is_told(tiny):
    parent = left_at(recipe_of(tiny, epochs=4), 2, paths.runs() / "left")
    with pytest.raises(BadChoice, match=r"a run that is under way has no knob 'scope'"):
        parent.branch({"scope": "all"})
    with pytest.raises(BadChoice, match=r"l2 has no knob 'strenght'. Did you mean 'strength'"):
        parent.branch({"l2.strenght": 1.0})
    with pytest.raises(BadKnob, match=r"l2.strength must be in \[0, 1000\], got -1"):
        parent.branch({"l2.strength": -1.0})
    with pytest.raises(BadKnob, match=r"step must be 'best' or that of a checkpoint that is kept \(.*\), got 3333"):
        parent.branch(step=3333)
