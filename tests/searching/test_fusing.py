"""What trains together and what after another: a stopping rule judges all, and what cannot train fails alone."""

from __future__ import annotations

import pytest

import workbench as wb
from workbench.errors import BadData, NoWeights
from workbench.searching import fusing

pytestmark = pytest.mark.usefixtures("one_thread")
SPACE = {"lr": wb.Range(1e-4, 1e-1, log=True)}


def recipe(**knobs):
    return wb.Recipe(wb.Digits(per_class=5), **{"epochs": 3, "lr": 1e-2} | knobs)


def go_on(study, few, passes):
    """Who trains past the first epoch where each pass is judged beside those before it."""
    reached = {number: rows[1]["valid_loss"] for number, rows in study.rows().items()}
    found, seen = set(), {}
    for each in passes:
        seen |= {number: reached[number] for number in each}
        found |= {*each} & {*sorted(seen, key=lambda number: seen[number])[:few]}
    return found


def went_on(study):
    assert {each["state"] for each in study.results()} == {"finished", "stopped"}
    return {each["number"] for each in study.results() if each["state"] == "finished"}


def test_whole_networks_are_judged_beside_those_before_them(tiny):
    base = recipe(backbone=tiny, scope="norms", epochs=2)
    study = wb.search(base, "random(trials=5)", SPACE, name="whole", stopping="first-epoch(few=1)")
    assert went_on(study) == go_on(study, 1, [[at] for at in range(5)]) and len(went_on(study)) < 5
    assert {len(rows) for rows in study.rows().values()} == {2, 3}


def test_groups_of_other_batch_sizes_are_judged_beside_those_before_them():
    space = SPACE | {"batch_size": [8, 16, 50]}
    study = wb.search(recipe(), "random(trials=8)", space, name="mixed", stopping="first-epoch(few=1)")
    sizes = [each["settings"]["batch_size"] for each in study.results()]
    passes = [[at for at, own in enumerate(sizes) if own == size] for size in dict.fromkeys(sizes)]
    assert len(passes) == 3 and went_on(study) == go_on(study, 1, passes)
    alone = wb.search(recipe(), "random(trials=8)", space, name="none")
    assert {each["state"] for each in alone.results()} == {"finished"}


def test_passes_that_memory_splits_are_judged_beside_those_before_them_and_it_is_said(monkeypatch, capsys):
    monkeypatch.setattr(fusing, "in_one_pass", lambda whole: 2)
    study = wb.search(recipe(), "random(trials=6)", SPACE, name="split", stopping="first-epoch(few=2)")
    assert went_on(study) == go_on(study, 2, [[0, 1], [2, 3], [4, 5]]) and len(went_on(study)) < 6
    assert "Memory is enough for 2 trials at once: a stopping rule judges each pass" in capsys.readouterr().err


def test_a_trial_that_cannot_be_begun_fails_with_its_reason_and_the_others_go_on(tiny):
    scopes = ["head", "blocks(last=1)", "blocks(last=9)"]
    base = recipe(backbone=tiny, epochs=1)
    study = wb.search(base, "grid", {"scope": scopes}, name="some")
    found = study.trials.set_index("scope")
    reason = found.loc["blocks(last=9)", "reason"]
    assert "blocks.last must be in [1, 5]" in reason and found["state"].tolist().count("failed") == 1
    assert found.loc["blocks(last=9)", "how"] == "not begun" and study.state == "finished" and study.best
    assert len(wb.search(name="some").trials) == 3  # nothing is stuck
    ranged = wb.search(base.replace(scope="blocks(last=1)"), "random(trials=6)", {"scope.last": [1, 2, 6, 7, 8, 9]})
    assert sorted(ranged.trials["state"]) == ["failed"] * 4 + ["finished"] * 2 and ranged.best


def test_where_every_trial_fails_it_is_said(capsys):
    base = recipe(optimizer="sgd", epochs=3, regularizers="l2")
    study = wb.search(base, "grid", {"lr": [1e11, 2e11], "l2.strength": [0.1]}, name="none")
    said = "None of the 2 trials came to a value. Trial 0: the loss is no longer a finite number"
    assert said in capsys.readouterr().err and study.best is None


def test_weights_that_only_some_need_fail_those_and_that_all_need_the_study(tiny, monkeypatch):
    plan = fusing.plan

    def without(recipes, data=None):
        if recipes[0].backbone.architecture == "test_vit":
            raise NoWeights("no weights of test_vit here.")
        return plan(recipes, data)

    monkeypatch.setattr(fusing, "plan", without)
    backbones = [tiny.spelled(), wb.backbone("test_vit", "random").spelled()]
    study = wb.search(recipe(backbone=tiny, epochs=1), "grid", {"backbone": backbones}, name="some")
    assert sorted(study.trials["state"]) == ["failed", "finished"]
    base = recipe(backbone=wb.backbone("test_vit", "random"), epochs=1)
    with pytest.raises(NoWeights, match="no weights of test_vit"):
        wb.search(base, "random(trials=2)", SPACE, name="all")
    assert wb.open_study("all").trials.empty and wb.open_study("all").state == "failed"
    monkeypatch.setattr(fusing, "plan", plan)
    assert {*wb.search(name="all").trials["state"]} == {"finished"}


def test_when_the_time_is_over_a_pass_and_a_network_stop_within_and_go_on(tiny, monkeypatch):
    monkeypatch.setattr(fusing, "LOOK", 0.0)
    minutes = 2 / 60  # what is prepared counts too, and takes its time on a busy machine
    for name, more in (("heads", {}), ("networks", {"backbone": tiny, "scope": "norms"})):
        base = recipe(epochs=100_000, **more)
        wb.search(base.replace(epochs=1), "random(trials=2)", SPACE)  # what is computed once is there
        study = wb.search(base, "random(trials=2)", SPACE, name=name, minutes=minutes)
        assert study.state == "stopped" and study.minutes == minutes
        assert study.files.events()[-1]["why"] == "the time is over" and study.trials.empty
        reached = max(rows[-1]["epoch"] for rows in study.rows().values())
        again = wb.search(name=name, minutes=minutes)
        assert base.epochs > max(rows[-1]["epoch"] for rows in again.rows().values()) > reached > 0


def test_data_that_is_not_there_is_no_trials_fault(tmp_path, tiny):
    base = wb.Recipe(wb.Images(str(tmp_path / "nowhere"), size=32), tiny, epochs=1)
    with pytest.raises(BadData):
        wb.search(base, "random(trials=2)", SPACE, name="nowhere")
    assert wb.open_study("nowhere").trials.empty
