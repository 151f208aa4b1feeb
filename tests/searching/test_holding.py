"""A fused pass that is left goes on from its one checkpoint: every number is as if it had not been left."""

from __future__ import annotations

import pytest
from helpers import plain

import workbench as wb
from workbench.errors import Interrupted
from workbench.searching import fusing, holding
from workbench.searching.working import Work

pytestmark = pytest.mark.usefixtures("one_thread")
SPACE = {"lr": wb.Range(1e-3, 1e-1, log=True), "dropout.rate": wb.Range(0.0, 0.5), "epochs": [5, 9]}
WILD = {"lr": [1e-2, 3e-2, 1e11], "l2.strength": [0.0, 0.1]}


def recipe(**knobs):
    told = {"regularizers": "l2, dropout, early-stopping(patience=2)", "lr": 1e-2, "epochs": 9} | knobs
    return wb.Recipe(wb.Digits(per_class=5), **told)


def known(study):
    """All that came out, without the seconds."""
    found = [{k: v for k, v in each.items() if k not in ("seconds", "row")} for each in study.results()]
    return found, {number: plain(rows) for number, rows in study.rows().items()}


@pytest.fixture
def steps(monkeypatch):
    """Have each step look; returns a list for functions that say, by how many looks there were, what is asked for."""
    at, acts, asked = [0], [], Work.asked

    def look(self):
        at[0] += bool(acts)
        return next((told for act in acts if (told := act(at[0]))), None) or asked(self)

    monkeypatch.setattr(fusing, "LOOK", 0.0)
    monkeypatch.setattr(Work, "asked", look)
    return acts


@pytest.mark.parametrize(
    ("base", "space", "more"),
    [
        (recipe(), SPACE, {"stopping": "halving"}),
        (recipe(epochs=4), {"lr": SPACE["lr"], "dropout.rate": SPACE["dropout.rate"]}, {"folds": 3}),
        (recipe(optimizer="sgd", regularizers="l2", epochs=4), WILD, {}),
    ],
    ids=["rules", "folds", "diverging"],
)
def test_a_pass_that_is_stopped_again_and_again_comes_to_the_same_bits(base, space, more, steps):
    whole = wb.search(base, "random(trials=6)", space, name="whole", **more)
    steps.append(lambda at: "stopped" if at % 3 == 0 else "")
    study = wb.search(base, "random(trials=6)", space, name="left", **more)
    stops = 1
    while study.state != "finished":
        study, stops = wb.search(name="left"), stops + 1
    assert stops > 3 and known(study) == known(whole)
    assert not [*study.folder.glob("rounds/*/pass")]


def test_a_pass_that_is_killed_goes_on_from_its_last_minute(steps, monkeypatch):
    whole = wb.search(recipe(), "random(trials=6)", SPACE, name="whole", stopping="median(grace=1)")
    monkeypatch.setattr(holding, "EVERY", 0.0)
    told, on_rows = [], fusing.Round.on_rows

    def killed(self, job, rows):
        on_rows(self, job, rows)
        told.append(job.epoch)
        if told.count(3) == 1 and job.epoch == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(fusing.Round, "on_rows", killed)
    with pytest.raises(Interrupted):
        wb.search(recipe(), "random(trials=6)", SPACE, name="killed", stopping="median(grace=1)")
    study = wb.search(name="killed")
    assert known(study) == known(whole) and told.count(0) == 1 and told.count(2) == 1 and told.count(3) == 2


def test_a_pass_whose_checkpoint_is_damaged_begins_anew(steps):
    whole = wb.search(recipe(), "random(trials=4)", SPACE, name="whole")
    steps.append(lambda at: "stopped" if at == 5 else "")
    study = wb.search(recipe(), "random(trials=4)", SPACE, name="spoilt")
    [tensors] = study.folder.glob("rounds/*/pass/checkpoints/*/tensors.safetensors")
    tensors.write_bytes(tensors.read_bytes()[:-8] + b"spoilt!!")
    assert known(wb.search(name="spoilt")) == known(whole)


def test_a_rule_that_came_meanwhile_is_asked_for_the_epochs_before(steps):
    steps.append(lambda at: "stopped" if at == 9 else "")
    study = wb.search(recipe(regularizers="l2"), "random(trials=6)", {"lr": SPACE["lr"]}, name="later")
    reached = max(rows[-1]["epoch"] for rows in study.rows().values())
    done = wb.search(name="later", stopping="first-epoch(few=2)").trials
    assert 0 < reached < 9 and sorted(done["epochs"]) == [*[reached] * 4, 9, 9]
    assert set(done["reason"]) == {"", f"first-epoch stopped it after epoch {reached}."}
    best = sorted(rows[1]["valid_loss"] for rows in study.rows().values())[:2]
    assert [study.rows()[number][1]["valid_loss"] in best for number in range(6)] == (done["epochs"] == 9).tolist()
