"""A run is what its folder says: states, tables of runs, answers, and the count of looks at the test set."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from datetime import UTC, datetime

import pandas as pd
import pytest
import torch
from filelock import FileLock
from sklearn import metrics

import workbench as wb
from workbench import paths
from workbench.all_runs import COLUMNS
from workbench.errors import BadChoice, BadData, BadKnob, BrokenRun, RunBusy, RunFailed
from workbench.folder import RunFolder
from workbench.run import Run

pytestmark = pytest.mark.usefixtures("one_thread")
NOBODY = 2**22 + 1  # above the highest process id of Linux
ROW = {"epoch": 0, "step": 0, "valid_loss": 2.0, "valid_accuracy": 0.5, "gap_accuracy": 0.1}


def written(name="run", *events, recipe=None):
    """A run's folder as its driver would have left it."""
    files = RunFolder(paths.runs() / name)
    files.path.mkdir(parents=True)
    recipe = recipe or wb.Recipe(backbone="test_resnet(weights='random')", regularizers="l2")
    files.write("recipe.json", {"recipe": recipe.to_dict(), "sources": {}})
    for event in events:
        files.tell(**event)
    return Run(files)


def event(name, **about):
    return {"event": name, **about}


STARTED = event("started", pid=os.getpid())


# -- states ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], "new"),
        ([event("launched", pid=os.getpid())], "queued"),
        ([event("launched", pid=NOBODY)], "interrupted"),
        ([STARTED], "interrupted"),
        ([STARTED, event("row", **ROW), event("progress", step=3)], "interrupted"),
        ([STARTED, event("paused", step=3)], "interrupted"),
        ([STARTED, event("stopped", step=3)], "stopped"),
        ([STARTED, event("finished", step=3), event("note", text="Well done.")], "finished"),
        ([STARTED, event("failed", kind="E", message="m")], "failed"),
        ([STARTED, event("failed", kind="E", message="m"), event("launched", pid=os.getpid())], "queued"),
        ([STARTED, event("stopped", step=3), STARTED, event("finished", step=9)], "finished"),
    ],
)
def test_states_of_a_folder_that_nobody_drives(events, state):
    assert written("run", *events).state == state


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([STARTED], "running"),
        ([STARTED, event("row", **ROW), event("knob", step=1, path="lr", value=1.0)], "running"),
        ([STARTED, event("paused", step=3)], "paused"),
        ([STARTED, event("paused", step=3), event("continued", step=3)], "running"),
        ([event("stopped", step=3), event("launched", pid=os.getpid()), STARTED], "running"),
    ],
)
def test_states_of_a_folder_that_a_process_drives(events, state):
    run = written("run", *events)
    with FileLock(run.folder / ".lock"):
        assert run.state == state and run.alive
    assert run.state == "interrupted" and not run.alive
    with FileLock(run.folder / ".lock", timeout=0):  # looking did not keep the lock
        assert run.alive


def test_a_run_that_is_watched_tells_what_is_new():
    run = written("run", STARTED)
    assert run.rows == [] and run.best is None and run.baseline is None and run.progress == {}
    assert [text.split(" (")[0] for text in run.messages] == ["The run's process ended without a word"]
    run.files.tell("row", **ROW)
    run.files.tell("baseline", accuracy=0.4, loss=1.5)
    run.files.tell("progress", step=3, steps=9, epoch=1)
    run.files.tell("row", **ROW | {"epoch": 1, "valid_loss": 1.0})
    run.files.tell("note", text="One.")
    run.files.tell("failed", kind="E", message="Two.")
    run.files.tell("failed", kind="Diverged", message="Three.")  # one of ours, whose message says it all
    assert [row["epoch"] for row in run.rows] == [0, 1] and run.best == run.rows[1]
    assert run.baseline == {"accuracy": 0.4, "loss": 1.5} and run.messages == ["One.", "E: Two.", "Three."]
    assert (run.progress["step"], run.progress["steps"], run.progress["epoch"]) == (3, 9, 1)


def test_a_run_in_one_line():
    assert repr(written("run-1")) == "Run(run-1: new)"
    told = written("run-2", STARTED, event("row", **ROW), event("finished", step=0))
    assert repr(told) == "Run(run-2: finished, best epoch 0, validation accuracy 0.500)"


def test_an_ended_run_is_not_waited_for_and_its_error_is_raised():
    done = written("done", STARTED, event("finished", step=3))
    assert done.join() is done and asyncio.run(done.wait()) is done
    failed = written("failed", STARTED, event("failed", kind="ValueError", message="no such thing"))
    gone = written("gone", STARTED)
    for run in (failed, gone):
        (run.folder / "worker.log").write_text("Traceback")
    for run, said in ((failed, r"ValueError: no such thing \(log: .*worker\.log\)"),
                      (gone, r"ended without a word .*worker\.log may say more; run\.resume\(\) goes on")):  # fmt: skip
        with pytest.raises(RunFailed, match=said):
            run.join()
        with pytest.raises(RunFailed, match=said):
            asyncio.run(run.wait())


def test_what_is_asked_of_a_run_stands_in_its_control_file():
    run = written("run", STARTED)
    run.pause()
    run.pace(2.5)
    run.turn("l2.strength", 0.1)
    run.turn("lr", 0.5)
    knobs = {"l2.strength": 0.1, "lr": 0.5}
    assert run.files.control() == {"n": 4, "state": "paused", "knobs": knobs, "pace": 2.5, "marks": 0}
    run.stop()
    assert run.files.control()["state"] == "stopped"
    with pytest.raises(BadChoice, match=r"no knob 'l2.strenght'\. Did you mean 'l2.strength'"):
        run.turn("l2.strenght", 0.1)
    with pytest.raises(BadKnob, match=r"l2.strength must be in \[0, 1000\], got -1"):
        run.turn("l2.strength", -1)
    assert run.files.control()["n"] == 5


def test_a_note_is_kept_in_the_folder_and_its_driver_sees_nothing_of_it():
    run = written("run", STARTED)
    assert run.note == ""
    run.turn("lr", 0.5)
    run.pause()
    before = run.files.control()
    run.note = "with <b>dropout</b>, \u00e9"
    assert wb.open_run("run").note == "with <b>dropout</b>, \u00e9"
    assert run.files.control() == {**before, "note": run.note}  # the number too: whoever drives it does not look again
    run.pace(2)
    assert run.note == "with <b>dropout</b>, \u00e9" and run.files.control()["n"] == before["n"] + 1
    run.note = ""
    assert run.note == ""


def test_a_note_does_not_turn_a_knob_back(tiny, tmp_path):
    recipe = wb.Recipe(wb.Digits(per_class=5), tiny, epochs=4, batch_size=25, changes="4: lr=0.03")
    for row in wb.train(recipe, tmp_path / "run"):
        run = wb.open_run(tmp_path / "run")
        if row["epoch"] == 0:
            run.turn("lr", 0.01)
        if row["epoch"] == 3:
            run.note = "nothing to the driver"
    assert [round(row["lr"], 4) for row in run.rows[1:]] == [0.01, 0.01, 0.03, 0.03]
    assert run.state == "finished" and run.note == "nothing to the driver"


def test_a_run_is_deleted_with_all_that_is_in_it():
    run, other = written("run", STARTED, event("finished", step=3)), written("other")
    (run.folder / "checkpoints" / "3").mkdir(parents=True)
    run.delete()
    assert not run.folder.exists() and other.folder.exists() and list(wb.runs()["name"]) == ["other"]


def test_what_runs_or_waits_is_not_deleted():
    queued, running = written("queued", event("launched", pid=os.getpid())), written("running", STARTED)
    with pytest.raises(RunBusy, match=r"queued is queued: run\.stop\(\) it first, then delete it\."):
        queued.delete()
    with FileLock(running.folder / ".lock"):
        with pytest.raises(RunBusy, match=r"running is running: run\.stop\(\) it first"):
            running.delete()
        running.files.tell("stopped", step=3)  # told, while its process is still at it
        with pytest.raises(RunBusy, match=r"a process drives .*running: stop the run first, then delete it"):
            running.delete()
    assert running.folder.exists() and queued.folder.exists()
    running.delete()
    assert not running.folder.exists()


# -- opening and listing -----------------------------------------------------------------------------------------------


def test_a_run_is_opened_by_its_path_or_its_bare_name(tmp_path, monkeypatch):
    run = written("run-1")
    assert wb.open_run(run.folder).folder == wb.open_run("run-1").folder == wb.open_run(str(run.folder)).folder
    shutil.copytree(run.folder, tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)
    assert wb.open_run("elsewhere").folder == tmp_path / "elsewhere"
    assert wb.open_run("elsewhere").recipe == run.recipe


def test_what_is_no_run_is_said(tmp_path):
    for given in ("run-77", tmp_path, tmp_path / "none"):
        with pytest.raises(BrokenRun, match=r"holds no recipe\.json: it is no run\. wb\.runs\(\) lists those"):
            wb.open_run(given)
    with pytest.raises(BrokenRun, match=r"holds no recipe\.json"):
        assert Run(tmp_path).recipe


def test_without_runs_the_table_is_empty_and_has_its_columns(tmp_path, monkeypatch):
    assert len(wb.runs()) == 0 and list(wb.runs().columns) == list(COLUMNS)
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "not there"))
    assert list(wb.runs()["name"]) == []


def test_runs_are_listed_the_newest_first_with_what_they_reached():
    recipe = wb.Recipe(
        wb.Digits(per_class=5), "test_resnet(weights='random')", scope="norms", regularizers="l2, dropout"
    )
    more = {"epoch": 1, "valid_loss": 1.0, "low": 0.05, "high": 0.15, "valid_f1": 0.4, "valid_precision": 0.3}
    written("old", STARTED, event("row", **ROW), event("row", **ROW | more),
            event("row", **ROW | {"epoch": 2, "seconds": 2.5}), event("finished", step=3), recipe=recipe)  # fmt: skip
    written("new")
    wb.open_run("old").note = "the first of them"
    os.utime(paths.runs() / "old" / "recipe.json", (1, 1))
    new, old = wb.runs().to_dict("records")
    assert (new["name"], new["state"], new["regularizers"]) == ("new", "new", "l2") and pd.isna(new["best_epoch"])
    assert old == {
        "name": "old",
        "note": "the first of them",
        "state": "finished",
        "data": "digits(per_class=5)",
        "backbone": "test_resnet(weights='random')",
        "scope": "norms",
        "regularizers": "l2, dropout",
        "lr": 1e-3,
        "epochs": 20,
        "batch_size": 32,
        "best_epoch": 1,
        "valid_accuracy": 0.5,
        "low": None,
        "high": None,
        "valid_precision": 0.3,
        "valid_recall": None,
        "valid_f1": 0.4,
        "gap_accuracy": 0.1,
        "gap_low": 0.05,
        "gap_high": 0.15,
        "seconds": 2.5,
    }


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "7", "{}", '{"recipe": []}', '{"recipe": {"epochs": 0}}', '{"recipe": {"data": 7}}']
)
def test_a_broken_folder_does_not_hide_the_others(content):
    written("first")
    broken = written("broken")
    (broken.folder / "recipe.json").write_text(content)
    (paths.runs() / "no run").mkdir()
    (paths.runs() / "unsealed.json").write_text("{}")
    assert list(wb.runs()["name"]) == ["first"]


def test_events_that_are_no_events_do_not_hide_the_others():
    written("first")
    (written("odd").folder / "events.jsonl").write_text('{"event": "row"}\n[1]\n"text"\n{"no": "event"}\n')
    assert "first" in list(wb.runs()["name"])


def test_a_run_of_a_class_that_is_not_there_is_listed_as_it_was_written():
    run = written("run", STARTED, event("finished", step=3))
    about = run.files.read("recipe.json")
    about["recipe"] |= {"regularizers": "towards(strength=1.0)", "scope": "mine"}
    run.files.write("recipe.json", about)
    (line,) = wb.runs().to_dict("records")
    assert (line["name"], line["state"], line["scope"]) == ("run", "finished", "mine")
    assert (line["lr"], line["epochs"], line["batch_size"]) == (1e-3, 20, 32)
    assert line["regularizers"] == "towards(strength=1.0)" and line["data"].startswith("digits(")


def test_the_interval_of_the_accuracy_is_listed_and_is_that_of_its_details(tiny):
    run = wb.fine_tune(wb.Recipe(wb.Digits(per_class=2), tiny, epochs=1))

    found = run.details()
    (line,) = wb.runs().to_dict("records")
    assert (line["low"], line["high"]) == (found["low"], found["high"])


def test_a_damaged_control_file_hides_no_run():
    for content in ("{", "[]", "7"):
        (written(f"run-{len(content)}{content[:1]}").folder / "control.json").write_text(content)
    assert list(wb.runs()["note"]) == ["", "", ""]


def test_a_thousand_runs_are_all_there():
    first = written("run-0", STARTED, event("row", **ROW), event("finished", step=3))
    about = json.loads((first.folder / "recipe.json").read_text())
    events = (first.folder / "events.jsonl").read_text()
    for n in range(1, 1000):
        folder = paths.runs() / f"run-{n}"
        folder.mkdir()
        about["recipe"]["seed"] = n
        (folder / "recipe.json").write_text(json.dumps(about))
        (folder / "events.jsonl").write_text(events)
        os.utime(folder / "recipe.json", (n, n))
    table = wb.runs()
    assert list(table["name"]) == ["run-0", *(f"run-{n}" for n in range(999, 0, -1))]
    assert set(table["state"]) == {"finished"} and set(table["valid_accuracy"]) == {0.5}


# -- afterwards --------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tiny):
    """A run that overfits: its best epoch is neither the first nor the last."""
    data = wb.Digits(per_class=5, label_noise=0.4)
    found = wb.fine_tune(wb.Recipe(data, tiny, epochs=30, lr=1e-2, precision="float32"))
    assert 0 < found.best["epoch"] < 30
    return found


def test_predict_gives_a_chance_for_each_class_and_the_likeliest(run):
    data = run.recipe.data.load()
    found = run.predict(data.inputs[data.valid])
    assert list(found.columns) == ["answer", *"0123456789"] and len(found) == len(data.valid)
    chances = found[list("0123456789")].to_numpy()
    assert chances.sum(1) == pytest.approx(1, abs=1e-5) and (chances >= 0).all()
    assert found["answer"].tolist() == [str(at) for at in chances.argmax(1)]
    right = (found["answer"].astype(int).to_numpy() == data.labels[data.valid].numpy()).mean()
    assert right == pytest.approx(run.best["valid_accuracy"])
    pd.testing.assert_frame_equal(run.predict(data.inputs[data.valid].numpy()[:7]), found[:7], rtol=1e-3, atol=1e-5)


def test_the_model_says_what_predict_says(run):
    data = run.recipe.data.load()
    built = run.restored().built
    with torch.no_grad():
        chances = run.model()(built.prepare(data.inputs[:50])).softmax(-1)
    assert chances.numpy() == pytest.approx(run.predict(data.inputs[:50])[list("0123456789")].to_numpy(), abs=1e-5)


def test_details_are_scikit_learns_at_the_best_epoch(run):
    data, found = run.recipe.data.load(), run.details()
    labels = data.labels[data.valid].numpy()
    answers = run.predict(data.inputs[data.valid])["answer"].astype(int).to_numpy()
    assert found["confusion"] == metrics.confusion_matrix(labels, answers).tolist()
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, answers))
    assert found["f1"] == pytest.approx(metrics.f1_score(labels, answers, average="macro"))
    recall = metrics.recall_score(labels, answers, average=None)
    assert [each["recall"] for each in found["classes"]] == pytest.approx(recall.tolist())
    assert found["loss"] == pytest.approx(run.best["valid_loss"], rel=1e-4) and found["examples"] == len(labels)


def test_a_look_at_the_test_set_is_counted_over_all_runs_of_the_data(run, tiny):
    assert not (run.folder / "test.json").exists()
    first = run.test()
    data = run.recipe.data.load()
    answers = run.predict(data.inputs[data.test])["answer"].astype(int).to_numpy()
    assert first["accuracy"] == pytest.approx((answers == data.labels[data.test].numpy()).mean())
    assert first["examples"] == len(data.test) and first["unsealed"] == 1
    line = str(first)
    assert line.startswith(f"accuracy {first['accuracy']:.3f} [") and line.endswith("; look 1 at this test set")
    least = min(first["classes"], key=lambda each: each["f1"])
    assert f" on {len(data.test)} examples; means over the classes: precision " in line and "\n" not in line
    assert f"least f1 {least['f1']:.3f} of {least['class']!r}" in line
    written = run.files.read("test.json")
    when = datetime.fromisoformat(written.pop("when"))
    assert written == first and abs((datetime.now(UTC) - when).total_seconds()) < 60
    other = wb.fine_tune(run.recipe.replace(seed=1, epochs=1))
    assert other.test()["unsealed"] == 2 and run.test()["unsealed"] == 3
    third = wb.fine_tune(run.recipe.replace(data=wb.Digits(per_class=6), epochs=1))
    assert third.test()["unsealed"] == 4  # trained on more, and tested on the same
    fourth = wb.fine_tune(run.recipe.replace(data=wb.Digits(per_class=5, seed=1), epochs=1))
    assert fourth.test()["unsealed"] == 1  # another test set
    assert run.details() == run.details() and run.test()["unsealed"] == 5  # details look at the validation part


def test_answers_are_those_of_the_best_epoch_though_the_run_went_on(tiny, tmp_path):
    recipe = wb.Recipe(wb.Digits(per_class=5), tiny, epochs=4, lr=1e-2, precision="float32")
    rows = wb.train(recipe, tmp_path / "run")
    next(rows), next(rows)
    rows.close()
    run = wb.open_run(tmp_path / "run")
    early = run.details()
    assert early["loss"] == pytest.approx(run.best["valid_loss"], rel=1e-4)
    wb.fine_tune(recipe, tmp_path / "run")
    assert run.best["epoch"] > 1
    assert run.details()["loss"] == pytest.approx(run.best["valid_loss"], rel=1e-4)
    assert run.details()["loss"] < early["loss"] and run.details() == wb.open_run(tmp_path / "run").details()


def test_a_run_without_an_epoch_or_a_checkpoint_says_so():
    empty, bare = written("a", STARTED), written("b", STARTED, event("row", **ROW))
    for run, said in (
        (empty, "has no epoch yet"),
        (bare, r"the weights of the best epoch .0. of .* are not on the disk"),
    ):
        for verb in (run.details, run.test, run.model, lambda run=run: run.predict(torch.zeros(1, 1, 32, 32))):
            with pytest.raises(BrokenRun, match=said):
                verb()
        assert not (run.folder / "test.json").exists() and not (paths.runs() / "unsealed.json").exists()


def pictures_in(folder, classes=("ants", "bees"), count=30):
    from PIL import Image

    for at, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            Image.new("RGB", (32, 32), (120 * at + number, 60, 255 - 8 * number)).save(folder / name / f"{number}.png")


def test_answers_on_new_pictures_need_no_training_data_and_do_not_move_with_it(tiny, tmp_path):
    pictures_in(tmp_path / "own")
    for scope in ("head", "all"):
        recipe = wb.Recipe(wb.Images(str(tmp_path / "own"), size=32), tiny, scope=scope, epochs=2, lr=1e-2)
        run = wb.fine_tune(recipe)
        shown = sorted((tmp_path / "own" / "ants").iterdir())[:5]
        wanted = wb.open_run(run.folder).predict(shown)
        kept = [path.read_bytes() for path in shown]
        pictures_in(tmp_path / "own", ("wasps",), 20)  # one more class
        pd.testing.assert_frame_equal(wb.open_run(run.folder).predict(shown), wanted)
        with pytest.raises(BadData, match=r"the data changed since .* was trained: other examples"):
            wb.open_run(run.folder).test()
        assert not (run.folder / "test.json").exists() and not (paths.runs() / "unsealed.json").exists()
        shutil.move(tmp_path / "own", tmp_path / "gone")
        for at, content in enumerate(kept):
            (tmp_path / f"{at}.png").write_bytes(content)
        found = wb.open_run(run.folder).predict([tmp_path / f"{at}.png" for at in range(5)])
        assert found.to_numpy().tolist() == wanted.to_numpy().tolist()
        assert wb.open_run(run.folder).model()
        shutil.move(tmp_path / "gone", tmp_path / "own")
        shutil.rmtree(tmp_path / "own" / "wasps")
        assert wb.open_run(run.folder).test()["examples"] > 0
        (paths.runs() / "unsealed.json").unlink()


def test_files_that_cannot_be_read_are_left_out_on_request(run, tmp_path):
    pictures_in(tmp_path / "new", ("some",), 3)
    (tmp_path / "new" / "some" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(BadData, match=r"broken.png: no picture in it. Go on without them by broken='leave out'"):
        run.predict(tmp_path / "new")
    found = run.predict(tmp_path / "new", broken="leave out")
    assert len(found) == 3 and "broken.png" in found.attrs["broken"][0]
    with pytest.raises(BadData, match=r"inputs must be files, or uint8 pictures .*, got \(\)"):
        run.predict(5)


def test_an_epoch_whose_weights_are_gone_is_not_answered_by_another(tiny, tmp_path):
    run = wb.fine_tune(wb.Recipe(wb.Digits(per_class=5), tiny, epochs=3, lr=1e-2), tmp_path / "run")
    assert run.best["epoch"] > 0
    shutil.rmtree(run.folder / "checkpoints" / str(run.best["step"]))
    run = wb.open_run(run.folder)
    for verb in (run.test, run.model, run.details, lambda: run.predict(torch.zeros(1, 1, 32, 32))):
        with pytest.raises(
            BrokenRun, match=r"the weights of the best epoch .\d. of .* are not on the disk yet: run.resume"
        ):
            verb()
    assert not (run.folder / "test.json").exists()


def test_other_weights_of_the_backbone_are_refused(run):
    about = run.files.read("environment.json")
    run.files.write("environment.json", about | {"backbone": "other"})
    with pytest.raises(BrokenRun, match=r"are not those that .* was trained from"):
        wb.open_run(run.folder).model()
    run.files.write("environment.json", {key: about[key] for key in about if key != "classes"})
    with pytest.raises(BrokenRun, match="does not say what its classes are"):
        wb.open_run(run.folder).model()
    run.files.write("environment.json", about)


def test_a_failed_run_says_why_when_it_is_asked():
    run = written("failed", STARTED, event("failed", kind="BadData", message="no example of bees"))
    with pytest.raises(BrokenRun, match=r"has no epoch yet. It failed: no example of bees"):
        run.test()
