"""What a round's folder holds of its trials, and what is kept of a trial that ended."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from workbench.checks import known
from workbench.choices import Range
from workbench.errors import BadKnob
from workbench.searching.stopping import METRICS, score

if TYPE_CHECKING:
    import pandas as pd

    from workbench.folder import RunFolder
    from workbench.searching.space import Space
    from workbench.searching.study import Study


def rows_of(folder: RunFolder) -> dict[int, list[dict[str, Any]]]:
    """The rows of a round by trial; those from before its trials were begun again, or went on from, do not count."""
    found: dict[int, list[dict[str, Any]]] = {}
    for event in folder.events():
        if event["event"] == "begun":
            found |= {trial: [] for trial in event["trials"]}
        elif event["event"] == "dropped":
            found = {trial: rows for trial, rows in found.items() if trial not in event["trials"]}
        elif event["event"] == "resumed":
            for trial in event["trials"]:
                found[trial] = [row for row in found.get(trial, []) if row["step"] <= event["step"]]
        elif event["event"] == "row":
            row = {key: value for key, value in event.items() if key not in ("event", "at")}
            found.setdefault(row["trial"], []).append(row)
    return found


def ended(folder: RunFolder) -> dict[int, dict[str, Any]]:
    """What came of each trial of a round that ended, by number; those of a pass are told at once."""
    told = (event["results"] for event in folder.events() if event["event"] == "done")
    return {result["number"]: result for results in told for result in results}


Direction = Literal["minimize", "maximize"]  # in optuna's words
ROW = ("valid_loss", "valid_accuracy", "valid_low", "valid_high", "valid_f1", "gap_accuracy", "low", "high", "rise")
SPREAD = ("valid_loss_std", "valid_accuracy_std", "valid_f1_std")  # between the folds
INTERVALS = {  # each figure with the ends of its interval
    "valid_accuracy": ("valid_low", "valid_high"),
    "gap_loss": ("gap_loss_low", "gap_loss_high"),
    "gap_accuracy": ("low", "high"),
    "rise": ("rise_low", "rise_high"),
}


def averaged(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One row for a trial of those of its folds: means, and `<figure>_std`, how far they lie apart between the folds.

    An interval is that of the mean of independent folds, `sqrt(sum(w ** 2)) / folds` of their half-widths `w`. Their
    training parts overlap, so it is somewhat narrow: Bengio and Grandvalet, "No unbiased estimator of the variance of
    k-fold cross-validation", 2004.
    """
    if len(rows) == 1:
        return dict(rows[0])
    last = max(rows, key=lambda row: row["epoch"])  # a fold that ended early counts by its last row
    found: dict[str, Any] = {}
    for name in last:
        values = [row[name] for row in rows if row[name] is not None]
        found[name] = statistics.fmean(values) if values else None
    for name, ends in INTERVALS.items():
        for end in ends:
            half = math.hypot(*(row[end] - row[name] for row in rows)) / len(rows)
            found[end] = found[name] + (half if end == ends[1] else -half)
    for name in ("valid_loss", "valid_accuracy", "valid_f1"):
        found[f"{name}_std"] = statistics.stdev(row[name] for row in rows)
    return found | {key: last[key] for key in ("epoch", "step", "lr", "examples", "seconds")}


def result_of(
    number: int, settings: Mapping[str, Any], rows: Sequence[Any], metric: str, **about: Any
) -> dict[str, Any]:
    """What is kept of a trial that ended: its value is the best that its metric came to, and the row that did.

    One that failed, or that came to no finite value, has none.
    """
    name, sign = METRICS[metric]
    best = min((row for row in rows if row["epoch"] > 0), key=lambda row: sign * row[name], default=None)
    found: dict[str, Any] = {"number": number, "settings": dict(settings), "row": best} | about
    found["value"] = sign * score(rows, metric)
    if not math.isfinite(found["value"]):
        found |= {"state": "failed", "reason": found.get("reason") or f"no epoch came to a finite {name}."}
    if found["state"] == "failed":
        found["value"] = None
    return found | {"epochs": rows[-1]["epoch"] if rows else 0}


def table(study: Study) -> pd.DataFrame:
    """A row a trial, as `study.trials` gives it."""
    from workbench.whole_table import WholeTable

    knobs, figures = list(study.space), (*ROW, *(SPREAD if study.folds else ()))
    lines = []
    for each in study.results():
        row = each.get("row") or {}
        line = {"number": each["number"], "state": each["state"]}
        line |= {path: each["settings"].get(path) for path in knobs} | {"value": each["value"]}
        line |= {"best_epoch": row.get("epoch"), "epochs": each["epochs"]} | {key: row.get(key) for key in figures}
        lines.append(line | {"how": each["how"], "seconds": each["seconds"], "reason": each.get("reason", "")})
    columns = ["number", "state", *knobs, "value", "best_epoch", "epochs", *figures, "how", "seconds", "reason"]
    return WholeTable(lines, columns=columns)


def must_be_new(study: Study, tried: Mapping[str, Any]) -> None:
    """An error where these settings were tried, or wait to be."""
    about = [folder.read("round.json") or {"settings": []} for folder in study.rounds()[-1:]]
    where = "wait already" if tried in [*study.by_hand(), *(each for one in about for each in one["settings"])] else ""
    for each in study.results():
        if each["settings"] == tried:
            where = f"were trial {each['number']}, which came to {each['value']}"
    if where:
        raise BadKnob(f"a trial takes new settings, got {dict(tried)}: they {where}; turn another knob.")


def around(space: Space, settings: Mapping[str, Any]) -> Space:
    """The space, with ranges as wide as it takes to hold these settings: a person may add any."""
    found = dict(space)
    for path, domain in space.items():
        if isinstance(domain, Range):
            found[path] = Range(min(domain.low, settings[path]), max(domain.high, settings[path]), domain.log)
    return found


def importance(space: Space, direction: Direction, came: Sequence[Mapping[str, Any]], by: str) -> dict[str, float]:
    """How much of the values' variance each knob explains, by optuna, the largest first; `came`: trials with a value.

    Source: Hutter and others, "An efficient approach for assessing hyperparameter importance", 2014 (fANOVA); Watanabe
    and others, "PED-ANOVA", 2023.
    """
    import optuna

    from workbench.searching import space as spaces

    known(by, ("fanova", "ped-anova"), "importance is measured by")
    kinds, held = spaces.distributions(space), optuna.create_study(direction=direction)
    for each in came:
        if spaces.holds(space, each["settings"]):
            params = each["settings"]
            held.add_trial(optuna.trial.create_trial(value=each["value"], params=params, distributions=kinds))
    if len(held.trials) < 4:
        raise BadKnob(f"importance takes at least 4 trials that came to a value, got {len(held.trials)}.")
    how = optuna.importance
    judge = how.FanovaImportanceEvaluator(seed=0) if by == "fanova" else how.PedAnovaImportanceEvaluator()
    return {str(k): float(v) for k, v in how.get_param_importances(held, evaluator=judge).items()}
