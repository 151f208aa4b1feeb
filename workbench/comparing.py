"""Runs side by side: what sets them apart, and whether one is better, example by example."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import answers, evaluation
from workbench.all_runs import CHOSEN, line, open_run
from workbench.choices import Choice, Text
from workbench.errors import BadChoice, BadData, BrokenRun
from workbench.plots.style import named
from workbench.run import Run

if TYPE_CHECKING:
    import pandas as pd

    from workbench.answers import Answers

ABSENT = "–"
NAMELESS = ("corrections", "group")  # knobs of data sets that may differ while a name means the same example
SURE = 0.05  # a p value below it, with an interval beyond zero, is said to be a difference
SHORT = 60  # letters: longer names are none
RUNS = (
    *("name", "folder", "note", "state", *CHOSEN, "best_epoch", "valid_accuracy", "low", "high"),
    *("valid_precision", "valid_recall", "valid_f1", "gap_accuracy", "gap_low", "gap_high", "seconds", "memory"),
)
PAIRS = (
    *("a", "b", "examples", "difference", "low", "high", "only_a", "only_b", "p", "p_holm"),
    *("loss_difference", "loss_low", "loss_high", "relabelled", "said"),
)
SCORES = ("precision", "recall", "f1", "support")


def compare(runs: Iterable[Run | str | Path] | Mapping[str, Run | str | Path]) -> Comparison:
    """Two runs or more side by side: `.runs`, `.differences`, `.pairs` (paired tests) and `.classes`, as tables.

    `runs`: runs, their names or folders; in a dict, by the names that they shall have here. Without one, they go by
    their notes where each has one of its own, else by what sets their recipes apart where that is short, else by their
    folders.
    """
    if isinstance(runs, str | Path | Run):
        raise BadChoice(f"a comparison takes a list of runs, such as [{str(runs)!r}, another], got one alone.")
    if isinstance(runs, Mapping):
        given = {str(name): _opened(run) for name, run in runs.items()}
    else:
        given = _called_by({run.folder: run for run in map(_opened, runs)}.values())
    if len(given) < 2:
        raise BadChoice(f"a comparison takes two different runs or more, got {len(given)}.")
    return Comparison(given)


def _called_by(runs: Iterable[Run]) -> dict[str, Run]:
    each = [*runs]
    for names in ([run.note for run in each], [*named(each)], [run.folder.name for run in each]):
        if all(0 < len(name) <= SHORT for name in names) and len({*names}) == len(each):
            return dict(zip(names, each, strict=True))
    return {str(run.folder): run for run in each}


def _opened(run: Run | str | Path) -> Run:
    return run if isinstance(run, Run) else open_run(run)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs by name. Each table is made when it is first asked for; only `differences` needs no answers of the runs."""

    given: Mapping[str, Run]

    @cached_property
    def runs(self) -> pd.DataFrame:
        """A row a run at its best epoch: metrics of the validation part, the gap, seconds of training, peak bytes.

        `low` and `high` are the 95 % bootstrap interval of `valid_accuracy`, `gap_low` and `gap_high` the gap's.
        """
        from workbench.whole_table import WholeTable

        return WholeTable([_row(name, run) for name, run in self.given.items()], columns=list(RUNS))

    @cached_property
    def differences(self) -> pd.DataFrame:
        """The knobs in which the recipes differ, a row each by its path, and a column a run."""
        from workbench.whole_table import WholeTable

        knobs = {name: _knobs(run) for name, run in self.given.items()}
        paths = dict.fromkeys(path for each in knobs.values() for path in each)  # in order, each once
        rows = {path: [each.get(path, ABSENT) for each in knobs.values()] for path in paths}
        rows = {path: values for path, values in rows.items() if any(value != values[0] for value in values)}
        rows = {path: values for path, values in rows.items() if values != rows.get(path.rpartition(".")[0])}
        found = WholeTable.from_dict(rows, orient="index", columns=list(self.given), dtype=object)
        return found.rename_axis("knob")

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """Every two runs, `b` minus `a`, on the validation examples that both have; `said` is the sentence of it.

        `difference` of accuracy and `loss_difference` (nats) come with the 95 % bootstrap interval of the differences
        example by example; `only_a` and `only_b` count the examples that one alone has right; `p` is McNemar's exact
        test of these two counts, `p_holm` the same corrected for as many tests as there are pairs. An example whose
        label was changed between the runs counts with the label of the run that was started later: so many are
        `relabelled`.

        Source: McNemar, "Note on the sampling error of the difference between correlated proportions", 1947; Holm, "A
        simple sequentially rejective multiple test procedure", 1979.
        """
        from workbench.whole_table import WholeTable

        rows = [_pair(*pair) for pair in combinations(self.given.items(), 2)]
        for row, corrected in zip(rows, holm([row["p"] for row in rows]), strict=True):
            row["p_holm"] = corrected
            row["said"] = row["said"] or _said(row, len(rows))
        return WholeTable(rows, columns=list(PAIRS))

    @cached_property
    def classes(self) -> pd.DataFrame:
        """A row a class, and columns by run and metric: precision, recall, f1, support (on the validation part).

        Of exactly two runs also `("difference", "recall")`, the second minus the first.
        """
        import pandas as pd

        tables = {}
        for name, run in self.given.items():
            tables[name] = pd.DataFrame(run.details()["classes"]).set_index("class")[list(SCORES)].astype(float)
        found = pd.concat(tables, axis=1, sort=False)
        if len(tables) == 2:
            a, b = (table["recall"] for table in tables.values())
            found["difference", "recall"] = b.sub(a)
        return found


def _row(name: str, run: Run) -> dict[str, Any]:
    """What the list of all runs says of it, with the other metrics of its best epoch and its peak of memory."""
    found, best = line(run) | {"name": name, "folder": run.folder.name}, run.best or {}
    found["memory"] = max((e["memory"] for e in run.files.events() if e.get("memory")), default=None)
    return found | {f"valid_{key}": best.get(f"valid_{key}") for key in ("precision", "recall", "f1")}


def _knobs(run: Run) -> dict[str, Any]:
    """The knobs by path, plain; those that were turned while it ran stand with `changes`."""
    found = {path: _plain(value) for path, (_, value) in run.recipe.places().items()}
    live = [f"{e['step']}: {e['path']}={e['value']}" for e in run.files.counted("knob")]
    found["changes"] = "; ".join(dict.fromkeys([*filter(None, [found["changes"]]), *live]))
    return found


def _plain(value: Any) -> Any:
    """A choice by its name alone, since its knobs have rows of their own."""
    if isinstance(value, tuple):
        return ", ".join(map(_plain, value)) or "none"
    return value.spelled().partition("(")[0] if isinstance(value, Choice) else value


# -- two runs ----------------------------------------------------------------------------------------------------------


def _pair(first: tuple[str, Run], second: tuple[str, Run]) -> dict[str, Any]:
    (name_a, a), (name_b, b) = first, second
    row = dict.fromkeys(PAIRS) | {"a": name_a, "b": name_b, "examples": 0, "relabelled": 0}
    try:
        here, there = answers.of(a), answers.of(b)
    except (BrokenRun, BadData) as error:
        return row | {"said": f"Not comparable: {error}"}
    at_a, at_b = _common(here, there) if _kind(a) == _kind(b) else ([], [])
    if not len(at_a):
        return row | {"said": f"Not comparable: {_called(name_a)} and {_called(name_b)} share no validation example."}
    labels_a, labels_b = _names(here)[here.labels[at_a]], _names(there)[there.labels[at_b]]
    truth = labels_b if _started(b) >= _started(a) else labels_a
    right_a, loss_a = _scored(here, at_a, truth)
    right_b, loss_b = _scored(there, at_b, truth)
    one = here.classes == there.classes and np.array_equal(here.logits[at_a], there.logits[at_b])
    remark = _remark(a, b) + (_one_model(a, b) if one else "")
    row |= {"examples": len(at_a), "relabelled": int((labels_a != labels_b).sum()), "remark": remark}
    row |= _difference("", right_b - right_a)
    row |= _difference("loss_", (loss_b - loss_a)[np.isfinite(loss_b - loss_a)])
    only_a, only_b = int((right_a > right_b).sum()), int((right_b > right_a).sum())
    return row | {"only_a": only_a, "only_b": only_b, "p": mcnemar(only_a, only_b)}


def _kind(run: Run) -> str:
    """The name of its data set: two kinds of data may number their examples alike."""
    return str(run.files.read("recipe.json")["recipe"]["data"]).partition("(")[0]


def _remark(a: Run, b: Run) -> str:
    """That the same names in two folders were taken for the same examples."""
    with suppress(BadChoice):  # a class of a cell that was not run here yet
        for knob in a.recipe.data.knobs():
            here, there = (getattr(run.recipe.data, knob.name) for run in (a, b))
            if isinstance(knob.domain, Text) and knob.name not in NAMELESS and here != there:
                return f" The examples were matched by name: {knob.name} differs."
    return ""


def _one_model(a: Run, b: Run) -> str:
    """That two runs are compared at one and the same place, as an arm is whose best epoch lies before the branch."""
    at = " and ".join(str(run.best["epoch"]) for run in (a, b) if run.best)
    branched = any((run.files.read("recipe.json") or {}).get("parent") for run in (a, b))
    why = ", before they branched; compare a later moment by their curves" if branched else ""
    return f" They are one model at their best epochs ({at}){why}."


def _started(run: Run) -> float:
    told = run.files.events()
    return float(told[0]["at"]) if told else 0.0


def _names(found: Answers) -> Any:
    return np.array(found.classes, dtype=object)


def _common(a: Answers, b: Answers) -> tuple[list[int], list[int]]:
    """Where the validation examples that both have stand in each, in the order of the first."""
    place = {key: at for at, key in enumerate(b.keys) if at >= b.train}
    at_a = [at for at in range(a.train, len(a.keys)) if a.keys[at] in place]
    return at_a, [place[a.keys[at]] for at in at_a]


def _scored(found: Answers, at: list[int], truth: Any) -> tuple[Any, Any]:
    """Whether each answer is right (0 or 1), and its loss; a class that the run never knew is wrong and has no loss."""
    number = {name: n for n, name in enumerate(found.classes)}
    labels, logits = np.array([number.get(name, -1) for name in truth]), found.logits[at]
    losses = evaluation.losses(logits, np.maximum(labels, 0))
    return (logits.argmax(-1) == labels).astype(float), np.where(labels >= 0, losses, np.nan)


def _difference(prefix: str, each: Any) -> dict[str, float]:
    low, high = evaluation.interval(each) if len(each) else (float("nan"), float("nan"))
    mean = float(each.mean()) if len(each) else float("nan")
    return {f"{prefix}difference": mean, f"{prefix}low": low, f"{prefix}high": high}


def mcnemar(only_a: int, only_b: int) -> float:
    """The chance of counts as uneven as these, if either run were as likely to be the one that is right."""
    from scipy.stats import binomtest

    return float(binomtest(only_a, only_a + only_b, 0.5).pvalue) if only_a + only_b else 1.0


def holm(ps: list[float | None]) -> list[float | None]:
    """Each p corrected for the number of tests, by Holm's steps; None stays None."""
    order = sorted((p, at) for at, p in enumerate(ps) if p is not None)
    found, least = list(ps), 0.0
    for rank, (p, at) in enumerate(order):
        least = max(least, min(1.0, (len(order) - rank) * p))
        found[at] = least
    return found


def _said(row: dict[str, Any], tests: int) -> str:
    """The sentence: who is right more often, or that the examples do not tell."""
    better, worse = (_called(row[key]) for key in (("b", "a") if row["difference"] >= 0 else ("a", "b")))
    low, high = sorted((row["low"], row["high"]) if row["difference"] >= 0 else (-row["low"], -row["high"]))
    low, high = (round(100 * bound, 1) + 0.0 for bound in (low, high))  # no -0.0
    by = f"{abs(row['difference']) * 100:.1f} points [{low}, {high}]"
    corrected = f", corrected for {tests} tests" if tests > 1 else ""
    p = f"p {_shown(row['p_holm'])}{corrected}"
    if not row["only_a"] + row["only_b"]:
        said = f"No difference: {better} and {worse} are right on the same of {row['examples']} examples."
    elif row["p_holm"] < SURE and low > 0:
        said = f"{better} is right more often than {worse} by {by}; {p}."
    elif row["only_a"] == row["only_b"]:
        said = f"Too close to call: {better} and {worse} are right equally often, {by}; {p}."
    else:
        said = f"Too close to call: {better} is ahead of {worse} by {by}; {p}."
    many = row["relabelled"]
    later = f" {many} label{' was' if many == 1 else 's were'} changed between them; the later ones count."
    return f"{said}{later if many else ''}{row['remark']}"


def _called(name: str) -> str:
    return f"“{name}”" if " " in name else name


def _shown(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.2g}"
