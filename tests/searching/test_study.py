"""Searches end to end: fused and one by one, stopped, extended, by hand, failed, refused."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import optuna
import pytest
from filelock import FileLock
from helpers import until
from sqlalchemy.exc import OperationalError

import workbench as wb
from workbench.datasets.folds import folds
from workbench.errors import BadChoice, BadKnob, BrokenRun, OtherRecipe, RunBusy, RunFailed
from workbench.job import Job
from workbench.learners.plan import plan
from workbench.searching import driving
from workbench.searching.results import result_of
from workbench.trainer import Watch, train

pytestmark = pytest.mark.usefixtures("one_thread")
SPACE = {"lr": wb.Range(1e-3, 1e-1, log=True), "l2.strength": wb.Range(1e-4, 3e-1, log=True)}


@pytest.fixture
def recipe():
    return wb.Recipe(wb.Digits(per_class=5), regularizers="l2", epochs=3, lr=1e-2)


def test_a_search_is_as_its_trials_alone(recipe):
    study = wb.search(recipe, "random(trials=20)", SPACE, name="first")
    table = study.trials
    assert list(table["number"]) == [*range(20)] and set(table["state"]) == {"finished"} and set(table["epochs"]) == {3}
    assert table["how"].tolist() == ["fused with 19 others"] * 20
    best = study.best
    assert best["value"] == table["value"].min() == table.loc[best["number"], "valid_loss"]
    alone = wb.fine_tune(study.recipe_of(best["number"]))
    assert alone.best["valid_loss"] == pytest.approx(best["value"], rel=1e-4)
    assert alone.recipe == recipe.turned(best["settings"])
    rows = study.rows()
    assert [len(rows[number]) for number in range(20)] == [4] * 20
    assert rows[best["number"]][-1]["gap_accuracy"] == pytest.approx(alone.rows[-1]["gap_accuracy"], abs=1e-6)
    held = optuna.load_study(study_name="first", storage=f"sqlite:///{study.folder / 'study.db'}")
    assert len(held.trials) == 20 and held.best_value == best["value"] and held.best_params == best["settings"]
    assert (
        wb.studies()["name"].tolist() == ["first"] and repr(wb.open_study("first")) == "Study('first', 20 of 20 trials)"
    )
    assert wb.runs()["name"].tolist() == [alone.folder.name]  # a study is no run


def test_a_search_goes_on_by_its_name_and_repeats_nothing(recipe):
    first = wb.search(recipe, "random(trials=10)", SPACE, name="more", trials=6).trials
    assert len(first) == 6
    again = wb.search(recipe, "random(trials=10)", name="more")
    assert len(again.trials) == 10 and again.trials[:6].equals(first)
    assert len(wb.search(name="more").trials) == 10  # nothing else is said: it is what it was
    other = wb.search(recipe, "bayesian(trials=14)", name="more", stopping="halving")
    assert wb.search(name="more", trials=14).strategy == wb.Bayesian(trials=14)
    assert len(other.trials) == 14 and len(other.trials[["lr", "l2.strength"]].drop_duplicates()) == 14
    assert "stopped" in other.trials["state"].tolist()[10:]
    assert len(wb.search(recipe, "bayesian(trials=14)", name="more").trials) == 14  # it is done: the same comes back


def test_narrower_and_by_hand(recipe):
    study = wb.search(recipe, "random(trials=4)", {**SPACE, "batch_size": [16, 32]}, name="hand")
    study.add({"lr": 0.5, "batch_size": 32}).change(
        space={"lr": wb.Range(1e-2, 2e-2), **dict(list(SPACE.items())[1:]), "batch_size": [32]}
        | {"lr": wb.Range(1e-2, 2e-2, log=True)}
    )
    done = wb.search(recipe, "random(trials=4)", name="hand", trials=8).trials
    added = done.iloc[4]
    assert (added["lr"], added["batch_size"], added["l2.strength"]) == (0.5, 32, recipe.regularizers[0].strength)
    assert done["lr"][5:].between(1e-2, 2e-2).all() and set(done["batch_size"][4:]) == {32} and len(done) == 8
    for wrong, rule in (
        (
            {"lr": wb.Range(1e-3, 1e-2, log=True)},
            "hand was begun over lr, l2.strength, batch_size: l2.strength cannot leave",
        ),
        ({**SPACE, "batch_size": [16, 64]}, "batch_size may be narrowed, values may not be added"),
        ({**SPACE, "batch_size": [16], "lr": wb.Range(1e-3, 1e-2)}, "lr may be narrowed"),
        ({**SPACE, "batch_size": [16], "epochs": None}, "epochs cannot join; start a study of another name."),
    ):
        with pytest.raises(BadKnob, match=rule):
            study.change(space=wrong)
    with pytest.raises(BadKnob, match="batch_size must be one of 16, 32, got 64"):
        study.add({"batch_size": 64})
    with pytest.raises(BadChoice, match="hand does not search over 'epochs'"):
        study.add({"epochs": 5})


def test_what_is_added_to_a_finished_study_is_one_trial_more_and_new(recipe):
    study = wb.search(recipe, "random(trials=2)", SPACE, name="done")
    study.add({"lr": 0.03})
    with pytest.raises(
        BadKnob, match=r"takes new settings, got \{'lr': 0.03, .*\}: they wait already; turn another knob"
    ):
        study.add({"lr": 0.03})
    assert study.asked == 3
    found = wb.search(name="done").trials
    assert found["lr"].tolist()[2:] == [0.03]
    with pytest.raises(BadKnob, match=r"they were trial 2, which came to 0\.\d+; turn another knob"):
        study.add({"lr": 0.03})
    assert study.asked == 3


def test_a_range_cannot_be_widened_and_can_be_given_back(recipe):
    study = wb.search(recipe, "random(trials=2)", {"lr": SPACE["lr"]}, name="wide")
    for low, high in ((1e-4, 1e-1), (1e-3, 1.0)):
        with pytest.raises(BadKnob, match=r"lr may be narrowed, .* nor ranges widened"):
            study.change(space={"lr": wb.Range(low, high, log=True)})
    study.change(space={"lr": wb.Range(1e-2, 2e-2, log=True)}).change(space={"lr": SPACE["lr"]})
    assert study.space == {"lr": SPACE["lr"]}


def test_stopping_rules_save_epochs_and_spare_the_best(recipe):
    whole = wb.search(recipe.replace(epochs=9), "random(trials=16)", SPACE, name="whole")
    halved = wb.search(recipe.replace(epochs=9), "random(trials=16)", SPACE, name="halved", stopping="halving")
    assert halved.trials[["lr", "l2.strength"]].equals(whole.trials[["lr", "l2.strength"]])
    assert halved.trials["epochs"].tolist().count(1) == 10 and halved.trials["epochs"].sum() < 16 * 9 / 2
    finished = halved.trials["state"] == "finished"
    assert halved.trials["value"][finished].tolist() == pytest.approx(
        whole.trials["value"][finished].tolist(), rel=1e-4
    )
    assert set(halved.trials["state"]) == {"finished", "stopped"}


def test_a_rung_at_the_last_epoch_stops_nobody(recipe, tiny):
    heads = wb.search(recipe, "random(trials=6)", SPACE, name="heads", stopping="halving")
    last = heads.trials[heads.trials["epochs"] == 3]
    assert len(last) == 2 and set(last["state"]) == {"finished"}  # those that the rung at 1 let through
    whole = wb.search(
        recipe.replace(backbone=tiny, scope="norms"),
        "random(trials=2)",
        SPACE,
        name="norms",
        stopping="halving(first=3)",
    )
    assert set(whole.trials["state"]) == {"finished"} == {wb.open_run(whole.folder / "trials" / n).state for n in "01"}


def test_another_call_that_changes_nothing_says_nothing(recipe, capsys):
    wb.search(recipe, "random(trials=4)", SPACE, name="quiet")
    wb.search(recipe, "random(trials=5)", name="quiet")
    capsys.readouterr()
    wb.search(name="quiet")
    assert "From trial" not in capsys.readouterr().err


def test_what_came_to_no_finite_value_failed():
    found = result_of(3, {"lr": 1.0}, [{"epoch": 0, "valid_loss": 2.0}, {"epoch": 1, "valid_loss": math.inf}], "loss",
                      state="finished")  # fmt: skip
    assert (found["state"], found["value"], found["epochs"]) == ("failed", None, 1)
    assert found["reason"] == "no epoch came to a finite valid_loss."


def test_whole_networks_of_a_winner_are_trained_once(recipe, tiny):
    study = wb.search(recipe.replace(backbone=tiny, scope="norms", epochs=1), "random(trials=2)", SPACE, name="twice")
    first = study.winner(seeds=2)
    made = {path: path.stat().st_mtime_ns for path in (study.folder / "winner").glob("*/events.jsonl")}
    again = study.winner(seeds=2)
    assert len(made) == 4 and made == {path: path.stat().st_mtime_ns for path in made}
    assert (again.valid, again.test, again.unsealed) == (first.valid, first.test, 2) and "It is look 2" in str(again)


def test_those_that_diverge_fail_with_their_reason_and_never_win(recipe):
    wild = {"lr": [1e-2, 1e11], "l2.strength": [0.0, 0.1]}
    study = wb.search(recipe.replace(optimizer="sgd"), "grid", wild, name="wild")
    table = study.trials.set_index("lr")
    assert set(table.loc[1e-2, "state"]) == {"finished"} and set(table.loc[1e11, "state"]) <= {"failed", "finished"}
    failed = study.trials[study.trials["state"] == "failed"]
    assert len(failed) and failed["reason"].str.startswith("the loss is no longer a finite number").all()
    assert study.best["settings"]["lr"] == 1e-2 and failed["value"].isna().all()
    none = wb.search(recipe.replace(optimizer="sgd"), "grid", {"lr": [1e11, 2e11], "l2.strength": [0.1]}, name="none")
    assert none.best is None and set(none.trials["state"]) == {"failed"}
    with pytest.raises(BadKnob, match="no trial of none came to a value, so there is no winner"):
        none.winner()


def test_whole_networks_go_one_by_one_and_heads_beside_them_fused(recipe, tiny):
    space = {"scope": ["head", "blocks(last=1)"], "lr": [1e-3, 1e-2]}
    study = wb.search(recipe.replace(backbone=tiny, epochs=2), "grid", space, name="mixed", metric="accuracy")
    how = {(line["scope"].split("(")[0], line["lr"]): line["how"] for line in study.trials.to_dict("records")}
    assert how["head", 1e-3] == how["head", 1e-2] == "fused with 1 other"
    assert how["blocks", 1e-3] == how["blocks", 1e-2] == "one by one, layer3 and what is before it computed once"
    assert study.best["value"] == study.trials["value"].max() == study.trials["valid_accuracy"].max()
    alone = study.trials[study.trials["how"].str.startswith("one by one")].iloc[0]
    run = wb.open_run(study.folder / "trials" / str(alone["number"]))
    assert run.state == "finished" and alone["value"] == max(row["valid_accuracy"] for row in run.rows[1:])


def test_a_trial_is_what_its_folds_come_to_together(recipe):
    study = wb.search(recipe, "random(trials=5)", SPACE, name="crossed", folds=4, stopping="halving")
    table, rows = study.trials, study.rows()
    assert set(table["how"]) == {"fused with 4 others, 4 folds each"} and "stopped" in table["state"].tolist()
    cut, best = folds(recipe.data, 4), study.best
    alone = []
    for at in range(4):
        job = Job(plan(study.recipe_of(best["number"]), cut.one(at)))
        alone.append([row["valid_loss"] for row in train(job, Watch())])
    assert best["value"] == pytest.approx(min(np.mean(alone, 0)[1:]), rel=1e-4)
    row = best["row"]
    assert row["valid_loss_std"] == pytest.approx(np.std(alone, 0, ddof=1)[row["epoch"]], rel=1e-2)
    assert row["valid_low"] < row["valid_accuracy"] < row["valid_high"]
    assert row["valid_high"] - row["valid_low"] < 0.12  # of 1,400 examples, not of the 360 of one part
    assert [len(rows[number]) for number in range(5)] == [each["epochs"] + 1 for each in study.results()]
    assert len(wb.search(name="crossed", folds=4, trials=6).trials) == 6
    with pytest.raises(OtherRecipe, match="the study crossed searches otherwise: folds is 4 there and 5 here"):
        wb.search(name="crossed", folds=5)
    with pytest.raises(BadKnob, match=r"folds must be a whole number in \[2, 20\], got 1"):
        wb.search(recipe, space=SPACE, folds=1)
    assert 0 < study.winner(seeds=2, rivals=1).valid["mean"] < 1


def test_whole_networks_are_crossed_one_fold_after_another(recipe, tiny):
    whole = recipe.replace(backbone=tiny, scope="norms", epochs=2, data=wb.Digits(per_class=3))
    study = wb.search(whole, "random(trials=1)", {"lr": [1e-3, 1e-2]}, folds=2)
    [each] = study.results()
    assert each["how"] == "one by one, 2 folds each" and each["state"] == "finished" and each["epochs"] == 2
    runs = [wb.open_run(study.folder / "trials" / "0" / f"fold-{at}") for at in (1, 2)]
    for row, *folds_of in zip(study.rows()[0], *(run.rows for run in runs), strict=True):
        assert row["valid_accuracy"] == pytest.approx(np.mean([own["valid_accuracy"] for own in folds_of]))


def test_the_winner_is_measured_again_over_seeds_and_on_the_test_set(recipe):
    base = recipe.replace(epochs=8, precision="float32")  # bfloat16 rounds otherwise in batches of another size
    study = wb.search(base, "random(trials=16)", SPACE, name="won")
    won = study.winner(seeds=3)
    assert won.number == study.best["number"] and won.recipe == study.recipe_of(won.number)
    assert won.unsealed == 1 and study.winner(seeds=3).unsealed == 2
    alone = [wb.fine_tune(won.recipe.replace(seed=seed)) for seed in (1, 2, 3)]  # not 0, which chose it
    assert won.valid["mean"] == pytest.approx(sum(run.best["valid_accuracy"] for run in alone) / 3, abs=1e-6)
    assert won.test["mean"] == pytest.approx(sum(run.test()["accuracy"] for run in alone) / 3, abs=1e-6)
    assert won.luck == pytest.approx(won.found - won.test["mean"]) and math.isfinite(won.luck)
    assert len(won.rivals) == 2 and all(each["low"] <= each["mean"] <= each["high"] for each in won.rivals)
    first = study.winner(seeds=1, rivals=0)
    assert not first.distinguishable and "the best by loss: validation accuracy" in str(first)
    for wrong in ({"seeds": 0}, {"seeds": 2.0}, {"rivals": -1}):
        with pytest.raises(BadKnob, match=f"{next(iter(wrong))} must be a whole number"):
            study.winner(**wrong)
    assert won.distinguishable == ("Not distinguishable" not in str(won)) and f"Trial {won.number} (lr " in str(won)


def test_where_an_average_answers_the_winner_is_measured_by_its_answers(recipe):
    base = recipe.replace(epochs=8, precision="float32", regularizers="ema(decay=0.95)")
    won = wb.search(base, "random(trials=4)", {"lr": wb.Range(1e-3, 1e-2, log=True)}, name="mean").winner(seeds=2)
    alone = [wb.fine_tune(won.recipe.replace(seed=seed)) for seed in (1, 2)]
    assert won.valid["mean"] == pytest.approx(sum(run.best["valid_accuracy"] for run in alone) / 2, abs=1e-6)
    assert won.test["mean"] == pytest.approx(sum(run.test()["accuracy"] for run in alone) / 2, abs=1e-6)


def test_importance_names_what_matters(recipe):
    study = wb.search(recipe, "random(trials=24)", SPACE, name="matters")
    for by in ("fanova", "ped-anova"):
        found = study.importance(by)
        assert set(found) == set(SPACE) and sum(found.values()) == pytest.approx(1)
        assert found["lr"] > found["l2.strength"]  # in three epochs all depends on how far they go


def test_when_the_time_is_over_nothing_is_begun_and_the_rest_can_follow(recipe):
    study = wb.search(recipe, "random(trials=20)", SPACE, name="short", minutes=1e-9)
    assert study.trials.empty and study.files.events()[-1] == study.files.events()[-1] | {"why": "the time is over"}
    assert len(wb.search(recipe, "random(trials=20)", name="short").trials) == 20


def test_a_search_is_stopped_between_two_steps_and_goes_on(recipe):
    study = driving.prepared({"recipe": recipe.replace(epochs=400), "space": SPACE}, "stop", 8)
    study.files.ask(state="running")
    found = threading.Thread(target=lambda: list(driving.drive(study)))
    found.start()
    watched = wb.open_study("stop")
    until(lambda: any(len(rows) > 3 for rows in watched.rows().values()))
    watched.stop()
    found.join(20)
    assert not found.is_alive() and wb.open_study("stop").trials.empty
    reached = watched.rows()[0][-1]["epoch"]
    done = wb.search(recipe.replace(epochs=400), "random", name="stop", trials=8, stopping="first-epoch(few=1)")
    assert sorted(done.trials["epochs"]) == [*[reached] * 7, 400]  # it went on from there, and the rule was asked


def test_a_whole_network_is_held_and_stopped_within_its_epoch(recipe, tiny):
    whole = recipe.replace(backbone=tiny, scope="norms", data=wb.Digits(), batch_size=1, epochs=1)
    study = driving.prepared({"recipe": whole, "space": {"lr": [1e-4, 1e-3]}}, "held", 2)
    study.files.ask(state="running")
    found = threading.Thread(target=lambda: list(driving.drive(study)))
    found.start()
    watched = wb.open_study("held")
    until(lambda: watched.rows().get(0))
    watched.pause()
    until(lambda: watched.state == "paused")
    watched.resume()
    until(lambda: watched.state == "running")
    watched.stop()
    found.join(20)
    assert not found.is_alive() and watched.state == "stopped" and watched.trials.empty
    [run] = [wb.open_run(watched.folder / "trials" / "0")]
    assert run.state == "stopped" and 0 < run.files.steps()[-1] < 1000  # of 1,078 steps


def test_in_a_process_of_its_own_it_is_paused_stopped_killed_and_goes_on(recipe):
    study = wb.start_search(recipe.replace(epochs=300), "random(trials=16)", SPACE, name="child")
    until(lambda: study.state == "running" and any(len(rows) > 3 for rows in study.rows().values()))
    study.pause()
    until(lambda: study.state == "paused")
    study.resume()
    until(lambda: study.state == "running")
    study.stop()
    assert study.join().state == "stopped" and study.trials.empty
    study.change(stopping="halving").resume()
    until(lambda: study.state == "running")
    os.kill([event["pid"] for event in study.files.events() if event["event"] == "started"][-1], signal.SIGKILL)
    until(lambda: study.state == "interrupted")
    with pytest.raises(RunFailed, match=r"the process of child ended without a word; study.resume\(\) goes on."):
        study.join()
    assert len(asyncio.run(study.resume().wait()).trials) == 16 and study.state == "finished"


def test_only_one_drives(recipe):
    study = driving.prepared({"recipe": recipe}, "busy", 4)
    with (
        FileLock(study.folder / ".lock"),
        pytest.raises(RunBusy, match=r"another process drives .*busy; wb.open_study"),
    ):
        study.pause()
        before = (study.folder / "study.json").read_bytes(), study.files.control()
        wb.search(recipe, "bayesian(trials=99)", name="busy", stopping="halving")
    assert before == ((study.folder / "study.json").read_bytes(), study.files.control())
    assert len(wb.search(recipe, name="busy", trials=4).trials) == 4


@pytest.mark.parametrize(
    ("change", "kind", "rule"),
    [
        (
            {"recipe": "epochs"},
            OtherRecipe,
            "the study taken searches otherwise: epochs is 3 there and 4 here",
        ),
        ({"metric": "f1"}, OtherRecipe, "the study taken searches otherwise: metric is loss there and f1 here"),
        ({"metric": "los"}, BadKnob, "metric must be one of loss, accuracy, f1, got 'los'."),
        ({"strategy": "bayes"}, BadChoice, "Did you mean 'bayesian'?"),
        ({"stopping": "halvin"}, BadChoice, "Did you mean 'halving'?"),
        ({"trials": 0}, BadKnob, r"trials must be a whole number in \[1, 10,000\], got 0."),
        ({"space": {}}, BadChoice, "a space needs a knob"),
    ],
)
def test_what_a_study_refuses_loses_nothing(recipe, change, kind, rule):
    study = wb.search(recipe, "random(trials=4)", SPACE, name="taken")
    before = study.trials
    asked = {"recipe": recipe, "strategy": "random(trials=4)", "name": "taken", **change}
    if change.get("recipe"):
        asked["recipe"] = recipe.replace(epochs=4)
    with pytest.raises(kind, match=rule):
        wb.search(**asked)
    assert wb.open_study("taken").trials.equals(before) and study.asked == 4


@pytest.mark.parametrize("name", ["a/b", "../a", " ", "", "..", ".", "a" * 101])
def test_a_name_is_that_of_one_folder(recipe, name):
    with pytest.raises(BadKnob, match="a study's name must be that of one folder"):
        wb.search(recipe, name=name, trials=4)
    assert wb.studies().empty


def test_another_strategy_on_the_same_study_is_told(recipe, capsys):
    wb.search(recipe, "random(trials=4)", SPACE, name="told")
    assert "From trial" not in capsys.readouterr().err
    wb.search(recipe, "bayesian(trials=6)", name="told")
    said = capsys.readouterr().err
    assert "From trial 4 on: strategy bayesian(" in said and "where it was random(trials=4)." in said


def test_no_study_is_said_to_be_none():
    with pytest.raises(BrokenRun, match=r"holds no study\.json: it is no study"):
        wb.open_study("nowhere")
    assert wb.studies().empty


def test_a_storage_that_does_not_answer_is_said_and_nothing_is_lost(recipe):
    study = wb.search(recipe, "random(trials=4)", SPACE, name="broken")
    held = (study.folder / "study.db").read_bytes()
    (study.folder / "study.db").write_bytes(b"no database" * 100)
    rule = r"the storage of broken does not answer \((.|\n)*\); nothing is lost, wb.search\(name='broken'\) goes on"
    with pytest.raises(BrokenRun, match=rule):
        wb.open_study("broken").trials  # noqa: B018
    (study.folder / "study.db").write_bytes(held)
    assert wb.open_study("broken").trials.equals(study.trials)


def test_of_many_that_look_while_the_storage_is_made_one_makes_it_at_a_time(recipe, monkeypatch):
    """Two at once each wrote the version of optuna's tables, and the search of one of them failed."""
    made, inside, most, begin = wb.search(recipe, "random(trials=1)", SPACE, name="busy"), [], [], threading.Barrier(4)
    (made.folder / "study.db").unlink()

    def slow(real=optuna.create_study, **how):
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.05)
        try:
            return real(**how)
        finally:
            inside.pop()

    def looked():
        begin.wait()
        return len(wb.open_study("busy").storage.trials)

    monkeypatch.setattr(optuna, "create_study", slow)
    with ThreadPoolExecutor(4) as pool:
        assert [each.result() for each in [pool.submit(looked) for _ in range(4)]] == [0] * 4
    assert most == [1] * 4


def test_a_storage_of_ones_own_holds_the_results(recipe, tmp_path):
    mine = f"sqlite:///{tmp_path / 'ours.db'}"
    study = wb.search(recipe, "random(trials=4)", SPACE, name="ours", storage=mine)
    assert len(optuna.load_study(study_name="ours", storage=mine).trials) == 4
    assert not (study.folder / "study.db").exists()
    (tmp_path / "ours.db").rename(tmp_path / "away.db")
    (tmp_path / "ours.db").mkdir()
    with pytest.raises(BrokenRun, match="the storage of ours does not answer"):
        wb.search(name="ours", trials=6)
    (tmp_path / "ours.db").rmdir()
    (tmp_path / "away.db").rename(tmp_path / "ours.db")
    assert len(wb.search(name="ours", trials=6).trials) == 6
    secret = "postgresql://me:hush-hush@nowhere.invalid/db"
    with pytest.raises(OtherRecipe, match=r"ours searches otherwise: storage is sqlite.* and postgresql") as error:
        wb.search(name="ours", storage=secret)
    assert "hush" not in str(error.value) and "me:***@nowhere" in str(error.value)
    with pytest.raises(BrokenRun, match="nothing was begun, the storage does not answer"):
        wb.search(recipe, space=SPACE, name="nowhere", storage=f"sqlite:///{tmp_path / 'no' / 'folder.db'}")
    shutil.rmtree(study.folder)
    with pytest.raises(OtherRecipe, match="the storage holds a study ours already; give this one another name"):
        wb.search(recipe, space=SPACE, name="ours", storage=mine)
    assert wb.studies().empty  # what was refused left no folder behind


def test_what_is_refused_leaves_no_study_behind(recipe):
    wb.search(recipe, "random(trials=4)", SPACE, name="first")
    with pytest.raises(BadChoice, match=r"there is no study 'frist'\. Did you mean 'first'\? A new one takes a recipe"):
        wb.search(name="frist", trials=96)
    spoilt = recipe.replace(data=wb.Digits(per_class=5, label_noise=0.2))
    with pytest.raises(BadKnob, match=r"label_noise must be 0, got 0\.2"):
        wb.search(spoilt, space=SPACE, folds=5)
    for minutes in (0, -1, math.nan):
        with pytest.raises(BadKnob, match=f"minutes must be more than 0, got {minutes}"):
            wb.search(recipe, space=SPACE, minutes=minutes)
    assert wb.studies()["name"].tolist() == ["first"]


def test_where_minutes_count_rounds_are_small(recipe):
    study = wb.search(recipe, "random(trials=20)", SPACE, minutes=5)
    assert [len(folder.read("round.json")["settings"]) for folder in study.rounds()] == [16, 4]


def test_a_space_that_is_used_up_is_said(recipe, capsys):
    study = wb.search(recipe, "random(trials=8)", {"lr": [1e-3, 1e-2]})
    assert len(study.trials) == 2 and "Every setting in the space was tried: 2 trials." in capsys.readouterr().err


def test_who_was_stopped_knows_by_whom(recipe):
    study = wb.search(recipe.replace(epochs=6), "random(trials=12)", SPACE, stopping="halving")
    stopped = study.trials[study.trials["state"] == "stopped"]
    assert len(stopped) and set(stopped["reason"]) == {
        "halving stopped it after epoch 1.",
        "halving stopped it after epoch 3.",
    }


def test_a_storage_that_goes_away_within_a_search_is_said_and_nothing_is_lost(recipe, monkeypatch):
    study = driving.prepared({"recipe": recipe, "space": SPACE, "strategy": "random(trials=4)"}, "away")
    away = OperationalError("select", {}, Exception("the connection is gone"))

    def gone(*_, **__):
        raise away

    with (
        monkeypatch.context() as patched,
        pytest.raises(BrokenRun, match=r"away does not answer (.|\n)*nothing is lost"),
    ):
        patched.setattr("workbench.searching.study.add_trials", gone)
        list(driving.drive(study))
    with monkeypatch.context() as patched, pytest.raises(BrokenRun, match="the connection is gone"):
        patched.setattr(type(study.storage), "get_trials", gone)
        study.stored()
    trained = [each["value"] for each in study.results()]
    assert len(trained) == 4 and wb.search(name="away").trials["value"].tolist() == trained


def test_minutes_hold_when_it_is_resumed(recipe, monkeypatch):
    launched = []
    monkeypatch.setattr("workbench.worker.launch", lambda *_, **about: launched.append(about["minutes"]))
    study = wb.search(recipe, "random(trials=4)", SPACE, name="timed", minutes=1e-9)
    study.resume()
    assert launched == [1e-9] == [study.minutes]
    study.change(minutes=2).resume()
    wb.search(recipe, name="timed").resume()  # nothing was said of minutes
    assert launched == [1e-9, 2, None]
    with pytest.raises(BadKnob, match="minutes must be more than 0, got 0"):
        study.change(minutes=0)
