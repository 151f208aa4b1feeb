"""A round's trials in one transaction: the same as optuna's own way, and all or none."""

from __future__ import annotations

import math

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from workbench.searching.storing import add_trials

KINDS = {
    "lr": FloatDistribution(1e-4, 1e-1, log=True),
    "epochs": IntDistribution(1, 30),
    "scope": CategoricalDistribution(("head", "all")),
}


def trials():
    made = [
        create_trial(
            value=value, params={"lr": 1e-3 * at, "epochs": at, "scope": "all"}, distributions=KINDS,
            user_attrs={"result": {"state": "finished", "row": {"epoch": at, "lr": None}}},
        )
        for at, value in ((1, 0.5), (2, math.inf), (3, -math.inf))
    ]  # fmt: skip
    return [*made, create_trial(state=TrialState.FAIL, params={"lr": 1e-3, "epochs": 9, "scope": "head"},
                                distributions=KINDS, user_attrs={"result": {"reason": "diverged"}})]  # fmt: skip


@pytest.fixture
def study(tmp_path):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(study_name="a", storage=f"sqlite:///{tmp_path / 'a.db'}")


def read(study, tmp_path):
    """What another process finds."""
    found = optuna.load_study(study_name="a", storage=f"sqlite:///{tmp_path / 'a.db'}").trials
    return [(t.number, t.state, t.value, t.params, t.distributions, t.user_attrs) for t in found]


def test_it_leaves_what_optunas_own_way_leaves(study, tmp_path, monkeypatch):
    add_trials(study, trials())
    add_trials(study, trials()[:1])
    assert [t.number for t in study.trials] == [0, 1, 2, 3, 4] and study.best_trial.number == 2
    ours = read(study, tmp_path)
    optuna.delete_study(study_name="a", storage=f"sqlite:///{tmp_path / 'a.db'}")
    own = optuna.create_study(study_name="a", storage=f"sqlite:///{tmp_path / 'a.db'}")
    own.add_trials(trials() + trials()[:1])
    assert ours == read(own, tmp_path)


def test_all_of_a_round_is_there_or_nothing(study, tmp_path):
    broken = trials()
    broken[-1].user_attrs["result"] = object()  # cannot be written
    with pytest.raises(TypeError):
        add_trials(study, broken)
    assert read(study, tmp_path) == []
    add_trials(study, trials())
    assert len(read(study, tmp_path)) == 4


def test_where_the_tables_are_not_known_trials_are_added_optunas_own_way(study, tmp_path):
    in_memory = optuna.create_study()
    add_trials(in_memory, trials())
    assert [t.state for t in in_memory.trials] == [TrialState.COMPLETE] * 3 + [TrialState.FAIL]
