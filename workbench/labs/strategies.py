"""Search strategies compared: each replayed many times on a table of trials, at next to no cost."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import evaluation, progress
from workbench.checks import known
from workbench.choices import Range, entry
from workbench.labs.table import Table, kept, unscaled
from workbench.searching.strategies import Strategy

if TYPE_CHECKING:
    import pandas as pd

    from workbench.labs.table import Floats, Ranges

SHARE = 0.75  # of each range of the table: what one person's ranges hold


def shifted(table: Table, seed: int, knobs: tuple[str, ...]) -> Ranges:
    """Ranges as another person might have chosen them: each a part of the table's, somewhere within it.

    With one choice for all a grid would win or lose by where its few values happen to fall.
    """
    for path in knobs:
        known(path, table.ranges, "the table has no knob")
    draw, found = np.random.default_rng(seed), {}
    for path, each in table.ranges.items():
        low = draw.uniform(0, 1 - SHARE)
        found[path] = Range(unscaled(each, low), unscaled(each, low + SHARE), each.log)
    return {path: found[path] for path in knobs}


def replayed(
    table: Table, strategy: Strategy, trials: int = 32, seed: int = 0, knobs: tuple[str, ...] = ()
) -> list[tuple[dict[str, Any], float]]:
    """One search: what the strategy proposes, in rounds of its own size, and the loss that the table has there.

    `seed`: decides the ranges, the strategy's draws, and which of the table's seeds answers. `knobs`: those that move,
    left out all; the others stay as the recipe has them.
    """
    space = shifted(table, seed, knobs or tuple(table.ranges))
    tried: list[tuple[dict[str, Any], float]] = []
    while len(tried) < trials:
        count = min(strategy.size, trials - len(tried))
        found = strategy.propose(dict(space), tried, seed, count)
        if not found:  # a grid that is used up
            break
        tried += [(settings, table.loss(settings, seed % len(table.losses))) for settings in found]
    return tried


def contest(
    table: Table,
    strategies: Mapping[str, Strategy | str],
    trials: int = 32,
    repeats: int = 100,
    knobs: tuple[str, ...] = (),
) -> dict[str, Floats]:
    """Each strategy's best loss so far, above the lowest that its ranges hold (nats): (repeats, trials) by name.

    The strategies of one repeat meet the same ranges and the same seed of the table. Kept: asking the Gaussian process
    costs some forty times what asking chance does.
    """
    found = {}
    for name, strategy in ((name, entry(Strategy, said)) for name, said in strategies.items()):
        about = [table.recipe.to_dict(), table.axes, table.losses.sum(), strategy.spelled(), strategy.size, SHARE]
        about += [trials, repeats, list(knobs), version("optuna")]

        def work(name: str = name, strategy: Strategy = strategy) -> Floats:
            from threadpoolctl import threadpool_limits

            lines = []
            with threadpool_limits(1):  # matrices so small gain nothing from two threads, and crawl beside other load
                for seed in range(repeats):
                    lines.append(_above(table, strategy, trials, seed, knobs))
                    progress.tell(f"replays of {name}", seed + 1, repeats)
            return np.array(lines)

        found[name] = kept("replays", about, work, (repeats, trials))
    return found


def _above(table: Table, strategy: Strategy, trials: int, seed: int, knobs: tuple[str, ...]) -> Floats:
    losses = [loss for _, loss in replayed(table, strategy, trials, seed, knobs)]
    losses += [np.inf] * (trials - len(losses))  # whoever has nothing more to try stays where it is
    lowest = table.lowest(shifted(table, seed, knobs or tuple(table.ranges)), seed % len(table.losses))
    return np.minimum.accumulate(losses) - lowest


def leaders(found: Mapping[str, Floats]) -> pd.DataFrame:
    """How a contest ended, the best first: a row a strategy, over the repeats that all of them have.

    `median` above the lowest loss, `low` and `high` its quartiles; `leads`: the share of the repeats in which it is
    ahead of all others; `behind`: by how much it is behind the first on average, paired, with its 95 % bootstrap
    interval; `level`: whether that interval holds zero, so that the two cannot be told apart.
    """
    from workbench.whole_table import WholeTable

    common = min(map(len, found.values()))
    ends = {name: each[:common, -1] for name, each in found.items()}
    first, *_ = order = sorted(ends, key=lambda name: float(ends[name].mean()))
    least = np.min([*ends.values()], axis=0)
    lines = []
    for name in order:
        low, median, high = np.percentile(ends[name], [25, 50, 75])
        apart = ends[name] - ends[first]
        behind_low, behind_high = evaluation.interval(apart)
        line = {"strategy": name, "median": median, "low": low, "high": high, "leads": (ends[name] == least).mean()}
        line |= {"behind": apart.mean(), "behind_low": behind_low, "behind_high": behind_high}
        lines.append(line | {"level": behind_low <= 0})
    return WholeTable(lines)
