"""The menu of search strategies: each proposes rounds of settings from the trials that there are."""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.choices import Choice, Options, Range, knob
from workbench.searching.space import Space, distributions, grid, holds

if TYPE_CHECKING:
    import optuna

Tried = Sequence[tuple[dict[str, Any], float | None]]  # settings, and what they reached; None where they failed


class Strategy(Choice):
    """Proposes settings, a round at a time, the same on every machine: from the seed and the trials so far alone."""

    size = 128  # settings a round: as many as train at once, where a round teaches the next one nothing

    def many(self, space: Space) -> int:
        """How many trials there will be."""
        raise NotImplementedError

    def propose(self, space: Space, tried: Tried, seed: int, count: int) -> list[dict[str, Any]]:
        """At most `count` settings that were not tried; fewer where the space holds no more."""
        raise NotImplementedError


@dataclass(frozen=True)
class Sampled(Strategy):
    """One of optuna's samplers."""

    trials: int = knob(32, Range(4, 256), "How many settings are tried.", limits=(1, 10_000))

    def many(self, space: Space) -> int:
        return self.trials

    def propose(self, space: Space, tried: Tried, seed: int, count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        known = {frozenset(settings.items()) for settings, _ in tried}
        kinds = distributions(space)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # optuna calls what it has had for years experimental
            study = _study(space, tried, self.sampler(space, seed, len(tried)))
            for _ in range(20 * count):
                settings = dict(study.ask(kinds).params)
                if (one := frozenset(settings.items())) not in known:
                    known.add(one)
                    found.append(settings)
                if len(found) == count:
                    break
        return found

    def sampler(self, space: Space, seed: int, tried: int) -> Any:
        """The sampler, in another state for each number of trials, or it would repeat itself."""
        raise NotImplementedError


def _study(space: Space, tried: Tried, sampler: Any) -> optuna.Study:
    """A study in memory that knows what was tried within the space; lower is better."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study, kinds = optuna.create_study(sampler=sampler), distributions(space)
    for settings, value in tried:
        if holds(space, settings):
            state = optuna.trial.TrialState.FAIL if value is None else optuna.trial.TrialState.COMPLETE
            study.add_trial(optuna.trial.create_trial(state=state, value=value, params=settings, distributions=kinds))
    return study


@dataclass(frozen=True)
class Grid(Strategy):
    """Every combination of evenly spaced values: complete, and dear with more than two or three knobs."""

    name = "grid"
    points: int = knob(4, Range(2, 20), "Values of each range; a list of values is taken as it is.", limits=(1, 1000))

    def many(self, space: Space) -> int:
        return len(grid(space, self.points))

    def propose(self, space: Space, tried: Tried, seed: int, count: int) -> list[dict[str, Any]]:
        known = {frozenset(settings.items()) for settings, _ in tried}
        order = grid(space, self.points)
        random.Random(seed).shuffle(order)  # a search that is stopped early has seen all of the space
        return [settings for settings in order if frozenset(settings.items()) not in known][:count]


@dataclass(frozen=True)
class Random(Sampled):
    """Draw each knob evenly from its range: finds good settings sooner than a grid where few knobs matter.

    Source: Bergstra and Bengio, "Random search for hyper-parameter optimization", 2012.
    """

    name = "random"

    def sampler(self, space: Space, seed: int, tried: int) -> Any:
        import optuna

        return optuna.samplers.RandomSampler(seed=_state(seed, tried))


@dataclass(frozen=True)
class QuasiRandom(Sampled):
    """Draw from a scrambled Sobol sequence, which leaves smaller holes than chance does.

    Source: Sobol, 1967; Owen, "Scrambling Sobol' and Niederreiter-Xing points", 1998.
    """

    name = "quasi-random"

    def propose(self, space: Space, tried: Tried, seed: int, count: int) -> list[dict[str, Any]]:
        # The sequence is gone through from its beginning: what was tried is passed over.
        return super().propose(space, tried, seed, len(tried) + count)[:count]

    def sampler(self, space: Space, seed: int, tried: int) -> Any:
        import optuna

        class Sobol(optuna.samplers.QMCSampler):
            def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
                return distributions(space)  # from the first trial on, which optuna would draw at random

        return Sobol(qmc_type="sobol", scramble=True, seed=seed)


@dataclass(frozen=True)
class Bayesian(Sampled):
    """Learn from the trials where good settings lie and propose more of those (TPE), or by a Gaussian process.

    Source: Bergstra and others, "Algorithms for hyper-parameter optimization", 2011; Snoek and others, "Practical
    Bayesian optimization of machine learning algorithms", 2012.
    """

    name = "bayesian"
    model: str = knob(
        "tpe", Options(("tpe", "gp")), "What is learned: two densities (tpe), or a Gaussian process (gp)."
    )
    size = 8

    def sampler(self, space: Space, seed: int, tried: int) -> Any:
        import optuna

        if self.model == "gp":
            return optuna.samplers.GPSampler(seed=_state(seed, tried))
        return optuna.samplers.TPESampler(seed=_state(seed, tried), multivariate=True, constant_liar=True)


def _state(seed: int, tried: int) -> int:
    """Another seed for each number of trials: with one alone, a search that goes on proposes the same once more."""
    return (seed * 1_000_003 + tried * 7919) % 2**32
