"""The menu of stopping rules: which trials of a search train no further, judged by their rows alone."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.choices import Choice, Range, knob

Row = dict[str, Any]
METRICS = {"loss": ("valid_loss", 1), "accuracy": ("valid_accuracy", -1), "f1": ("valid_f1", -1)}


def score(rows: Sequence[Row], metric: str, until: float = math.inf) -> float:
    """The best that was reached by epoch `until`, lower is better; infinity where nothing was."""
    name, sign = METRICS[metric]
    found = [sign * row[name] for row in rows if 0 < row["epoch"] <= until]
    return min((value for value in found if math.isfinite(value)), default=math.inf)


class StoppingRule(Choice):
    """Says after each epoch which trials are not worth going on with."""

    def losers(self, rows: Mapping[int, Sequence[Row]], going: Sequence[int], epoch: int, metric: str) -> set[int]:
        """Those of `going` that end after `epoch`. `rows`: of every trial so far by number, those that ended too."""
        return set()


@dataclass(frozen=True)
class NoStopping(StoppingRule):
    """Every trial trains to its end."""

    name = "none"


@dataclass(frozen=True)
class Median(StoppingRule):
    """Stop a trial whose best so far is worse than the median of the others at the same epoch.

    Source: Golovin and others, "Google Vizier", 2017.
    """

    name = "median"
    grace: int = knob(3, Range(1, 20), "Epochs in which nobody is stopped.", limits=(1, 100_000))

    def losers(self, rows: Mapping[int, Sequence[Row]], going: Sequence[int], epoch: int, metric: str) -> set[int]:
        reached = _reached(rows, epoch, metric)
        if epoch < self.grace or len(reached) < 4:
            return set()
        middle = statistics.median(reached.values())
        return {trial for trial in going if reached[trial] > middle}


@dataclass(frozen=True)
class Halving(StoppingRule):
    """After 1, 3, 9, 27 epochs and so on, only the best one in three goes on (by a factor of three).

    Source: Jamieson and Talwalkar, "Non-stochastic best arm identification", 2016; where trials come one after another,
    Li and others, "A system for massively parallel hyperparameter tuning" (ASHA), 2020.
    """

    name = "halving"
    first: int = knob(1, Range(1, 20), "Epochs before the first are stopped.", limits=(1, 100_000))
    factor: int = knob(3, Range(2, 8), "One in so many goes on, for so many times the epochs.", limits=(2, 100))

    def losers(self, rows: Mapping[int, Sequence[Row]], going: Sequence[int], epoch: int, metric: str) -> set[int]:
        return _beaten(_reached(rows, epoch, metric), going, self.factor) if self._is_rung(epoch, self.first) else set()

    def _is_rung(self, epoch: int, first: int) -> bool:
        while first < epoch:
            first *= self.factor
        return first == epoch


@dataclass(frozen=True)
class Hyperband(Halving):
    """Halving with several first rungs at once, so that what starts slowly has a chance in one of them.

    Source: Li and others, "Hyperband", 2018.
    """

    name = "hyperband"
    brackets: int = knob(3, Range(2, 5), "How many first rungs, each `factor` times the one before.", limits=(1, 20))

    def losers(self, rows: Mapping[int, Sequence[Row]], going: Sequence[int], epoch: int, metric: str) -> set[int]:
        reached, found = _reached(rows, epoch, metric), set()
        for bracket in range(self.brackets):
            if self._is_rung(epoch, self.first * self.factor**bracket):
                mine = {trial: value for trial, value in reached.items() if trial % self.brackets == bracket}
                found |= _beaten(mine, [trial for trial in going if trial in mine], self.factor)
        return found


@dataclass(frozen=True)
class FirstEpoch(StoppingRule):
    """One epoch each, then only the best few go on: crude, cheap, and hard to beat.

    Source: Egele and others, "Is one epoch all you need for multi-fidelity hyperparameter optimization?", 2023.
    """

    name = "first-epoch"
    few: int = knob(3, Range(1, 20), "How many go on after the first epoch.", limits=(1, 10_000))

    def losers(self, rows: Mapping[int, Sequence[Row]], going: Sequence[int], epoch: int, metric: str) -> set[int]:
        if epoch != 1:
            return set()
        reached = _reached(rows, 1, metric)
        best = sorted(reached, key=lambda trial: (reached[trial], trial))[: self.few]
        return {*going} - {*best}


def _reached(rows: Mapping[int, Sequence[Row]], epoch: int, metric: str) -> dict[int, float]:
    """The best by `epoch` of each trial that came as far."""
    return {trial: score(own, metric, epoch) for trial, own in rows.items() if own and own[-1]["epoch"] >= epoch}


def _beaten(reached: Mapping[int, float], going: Sequence[int], factor: int) -> set[int]:
    """Those of `going` that are not among the best one in `factor` of all that came as far."""
    best = sorted(reached, key=lambda trial: (reached[trial], trial))[: math.ceil(len(reached) / factor)]
    return {*going} - {*best}
