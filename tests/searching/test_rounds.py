"""What a study does next: what was left, unless somebody wants it otherwise by now; on the same data, or not at all."""

from __future__ import annotations

import json

import pytest
from helpers import noisy_folder

import workbench as wb
from workbench.errors import OtherRecipe
from workbench.searching import driving, fusing
from workbench.searching.strategies import Strategy
from workbench.searching.working import Work

pytestmark = pytest.mark.usefixtures("one_thread")
SPACE = {"lr": wb.Range(1e-4, 1e-1, log=True), "batch_size": [16, 32]}
NARROW = {"lr": wb.Range(1e-2, 2e-2, log=True), "batch_size": [16, 32]}


def recipe(**knobs):
    return wb.Recipe(wb.Digits(per_class=5), **{"epochs": 2, "lr": 1e-2} | knobs)


@pytest.fixture
def left(monkeypatch):
    """A study of eight trials, stopped when the first of its two groups was done; and what was done by then."""
    groups, asked = [], Work.asked
    told = fusing.Round.begin
    monkeypatch.setattr(fusing.Round, "begin", lambda self, job: groups.append(self.numbers) or told(self, job))
    monkeypatch.setattr(Work, "asked", lambda self: "stopped" if len(groups) > 1 else asked(self))
    monkeypatch.setattr(fusing, "LOOK", 0.0)
    study = wb.search(recipe(), "random(trials=8)", SPACE, name="left")
    monkeypatch.setattr(Work, "asked", asked)
    done = study.trials
    assert study.state == "stopped" and 0 < len(done) < 8
    return study, done


def test_after_a_stop_another_space_holds_for_all_that_is_not_done(left):
    study, done = left
    found = wb.search(space=NARROW, name="left").trials
    assert len(found) == 8 and found["number"].tolist() == [*range(8)]
    assert found.set_index("number").loc[done["number"]].equals(done.set_index("number"))
    new = found[~found["number"].isin(done["number"])]
    assert new["lr"].between(1e-2, 2e-2).all() and {*study.rows()} == {*range(8)}


def test_after_a_stop_another_strategy_proposes_all_that_is_not_done(left, monkeypatch):
    study, done = left
    asked = []
    propose = wb.QuasiRandom.propose
    monkeypatch.setattr(
        wb.QuasiRandom, "propose", lambda self, *given: asked.append(given[-1]) or propose(self, *given)
    )
    study.change(strategy="quasi-random(trials=8)")
    found = wb.search(name="left").trials
    assert len(found) == 8 and sum(asked) == 8 - len(done)


def test_after_a_stop_more_trials_of_the_same_leave_the_round_as_it_was(left):
    study, _ = left
    settings = study.rounds()[-1].read("round.json")["settings"]
    found = wb.search(recipe(), "random(trials=10)", SPACE, name="left").trials
    assert len(found) == 10 and found["lr"].tolist()[:8] == [each["lr"] for each in settings]


def test_a_network_that_was_left_does_not_stand_in_the_way(tiny, monkeypatch):
    asked = Work.asked
    monkeypatch.setattr(Work, "asked", lambda self: "stopped" if self.study.rows() else asked(self))
    base = recipe(backbone=tiny, scope="norms")
    study = wb.search(base, "random(trials=2)", {"lr": SPACE["lr"]}, name="net")
    monkeypatch.setattr(Work, "asked", asked)
    assert study.trials.empty and (study.folder / "trials" / "0").is_dir()
    found = wb.search(name="net", space={"lr": NARROW["lr"]}).trials
    assert found["lr"].between(1e-2, 2e-2).all() and len(found) == 2


def test_other_data_under_the_same_path_are_refused(tmp_path, tiny):
    folder = noisy_folder(tmp_path / "own", each=30)
    base = wb.Recipe(wb.Images(str(folder), size=32), tiny, epochs=1)
    study = wb.search(base, "random(trials=2)", {"lr": SPACE["lr"]}, name="own")
    for at in range(10):
        (folder / "a" / f"{at:02}.png").unlink()
    with pytest.raises(OtherRecipe, match=r"own was begun on other data .*: 60 examples of 2 classes then, 50 .* now"):
        wb.search(base, name="own", trials=4)
    assert len(study.trials) == 2
    assert len(wb.search(base, "random(trials=2)", {"lr": SPACE["lr"]}, name="anew").trials) == 2


def test_a_large_grid_goes_on_after_what_was_tried():
    space = {f"k{at}": wb.Range(0.0, 1.0) for at in range(4)}
    grid: Strategy = wb.Grid(points=10)
    every = grid.propose(space, [], 0, 10_000)
    found = grid.propose(space, [(each, 0.0) for each in every[:6000]], 0, 128)
    assert len(every) == 10_000 and found == every[6000:6128]


def test_a_round_of_before_goes_on_as_it_is(left):
    study, _ = left
    path = study.rounds()[-1].path / "round.json"
    about = json.loads(path.read_text())
    del about["by"]
    path.write_text(json.dumps(about))
    assert driving.open_round(study).read("round.json")["settings"] == about["settings"]
