"""Trials into optuna's storage, all of a round in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from workbench.errors import BrokenRun
from workbench.searching.space import distributions

if TYPE_CHECKING:
    import optuna

    from workbench.searching.space import Space


def trial_of(result: Mapping[str, Any], space: Space) -> optuna.trial.FrozenTrial:
    """What is kept of a trial, as optuna has it: all of it in one attribute, since each costs as much as the first."""
    import optuna

    failed = result["state"] == "failed"
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState.FAIL if failed else optuna.trial.TrialState.COMPLETE,
        value=result["value"],
        params=result["settings"],
        distributions=distributions(space),
        user_attrs={"result": {key: result[key] for key in result if key not in ("number", "value")}},
    )


def add_trials(study: optuna.Study, trials: Sequence[optuna.trial.FrozenTrial]) -> None:
    """Add trials that ended, numbered on from those that are there: all of them, or none.

    optuna's own way is a transaction a trial with a dozen queries, some 20 ms; this writes the same rows in one, and so
    knows optuna's tables. Where those are others than in the version that we pin, trials are added optuna's own way.
    """
    try:
        from optuna.storages._rdb import models, storage

        backend = study._storage._backend  # type: ignore[attr-defined]
        scope, sessions = storage._create_scoped_session, backend.scoped_session
    except (ImportError, AttributeError):
        study.add_trials(trials)
        return
    with scope(sessions) as session:
        models.StudyModel.find_or_raise_by_id(study._study_id, session, for_update=True)
        first = session.query(models.TrialModel).filter(models.TrialModel.study_id == study._study_id).count()
        rows = [models.TrialModel(study_id=study._study_id, number=first + at) for at in range(len(trials))]
        for row, trial in zip(rows, trials, strict=True):
            row.state = trial.state
            row.datetime_start, row.datetime_complete = trial.datetime_start, trial.datetime_complete
        session.add_all(rows)
        session.flush()
        for row, trial in zip(rows, trials, strict=True):
            session.add_all(_parts(models, row.trial_id, trial))


def _parts(models: Any, at: Any, trial: optuna.trial.FrozenTrial) -> list[Any]:
    """What stands in other tables than the trials' own."""
    from optuna.distributions import distribution_to_json

    kinds = trial.distributions
    found = [
        models.TrialParamModel(
            trial_id=at, param_name=name, distribution_json=distribution_to_json(kinds[name]),
            param_value=kinds[name].to_internal_repr(value),
        )
        for name, value in trial.params.items()
    ]  # fmt: skip
    found += [
        models.TrialUserAttributeModel(trial_id=at, key=key, value_json=json.dumps(value))
        for key, value in trial.user_attrs.items()
    ]
    if trial.value is not None:
        kind = models.TrialValueModel
        value, value_type = kind.value_to_stored_repr(trial.value)
        found.append(kind(trial_id=at, objective=0, value=value, value_type=value_type))
    return found


def shown(address: str) -> str:
    """A database's address without its password."""
    from sqlalchemy.engine import make_url

    try:
        return make_url(address).render_as_string(hide_password=True)
    except Exception:  # no address: what stands before an @ may be a password all the same
        return f"***@{address.rsplit('@', 1)[1]}" if "@" in address else address


def unsaid(text: str, address: str) -> str:
    """The text with the address as it may be shown."""
    return text.replace(address, shown(address)) if address else text


@contextmanager
def answering(name: str, address: str) -> Iterator[None]:
    """What goes wrong with the storage of this study is told as such, and without its password."""
    try:
        yield
    except BrokenRun:
        raise
    except Exception as error:
        way = f"nothing is lost, wb.search(name={name!r}) goes on when it does"
        raise BrokenRun(f"the storage of {name} does not answer ({unsaid(str(error), address)}); {way}.") from error
