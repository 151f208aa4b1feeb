"""A dense table of trials: every combination of many values of a few knobs, trained fused, recorded once."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import paths, progress
from workbench.choices import Options, Range
from workbench.errors import BadKnob, Diverged
from workbench.folder import write_json
from workbench.searching import space as spaces
from workbench.searching.stopping import score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.datasets import Data
    from workbench.recipe import Recipe

    Floats = NDArray[np.float64]

PASS = 1024  # heads that train at once, of one seed: they share batches and draws; 200 MB or so
Ranges = dict[str, Range]


@dataclass(frozen=True, eq=False)
class Table:
    """The validation loss (nats) of each setting at its best epoch.

    `axes`: the values of each knob; `losses`: (seeds, values of the first knob, of the second, ...).
    """

    recipe: Recipe
    ranges: Ranges
    axes: dict[str, list[float]]
    losses: Floats

    def loss(self, settings: Mapping[str, float], seed: int = 0) -> float:
        """The loss there, between the table's points by multilinear interpolation; other knobs as the recipe has them.

        So that a strategy meets an ordered, continuous space, as in a search, and no steps.
        """
        places = [scaled(each, settings.get(path, self.usual[path])) for path, each in self.ranges.items()]
        return float(self._between[seed](places)[0])

    def lowest(self, ranges: Mapping[str, Range], seed: int = 0) -> float:
        """The lowest loss that interpolation has within `ranges`: it stands at a point, or where an end cuts."""
        places = []
        for path, each in self.ranges.items():
            within = ranges.get(path)
            ends = [within.low, within.high] if within else [self.usual[path]] * 2
            low, high = (scaled(each, end) for end in ends)
            points = (scaled(each, value) for value in self.axes[path])
            places.append([low, *(point for point in points if low < point < high), high])
        return float(self._between[seed](list(itertools.product(*places))).min())

    @cached_property
    def usual(self) -> dict[str, float]:
        """What the recipe itself says of each knob."""
        places = self.recipe.places()
        return {path: places[path][1] for path in self.ranges}

    @cached_property
    def _between(self) -> list[Any]:
        from scipy.interpolate import RegularGridInterpolator

        places = [[scaled(self.ranges[path], value) for value in values] for path, values in self.axes.items()]
        return [RegularGridInterpolator(places, each, bounds_error=False, fill_value=None) for each in self.losses]

    def shares(self) -> dict[str, float]:
        """How much of all that the loss varies each knob explains alone; the rest takes several at once.

        The main effects of an analysis of variance, over ranks, since a few losses are huge.
        """
        ranks = self.losses.reshape(len(self.losses), -1).argsort(1).argsort(1).reshape(self.losses.shape)
        mean = ranks.mean(0)
        others = {path: tuple(a for a in range(mean.ndim) if a != at) for at, path in enumerate(self.axes)}
        return {path: float(mean.mean(rest).var() / mean.var()) for path, rest in others.items()}


def scaled(range: Range, value: float) -> float:
    """Where `value` stands in the range, 0 to 1; by ratio where it is logarithmic."""
    if range.log:
        return float(np.log(value / range.low) / np.log(range.high / range.low))
    return float((value - range.low) / (range.high - range.low))


def unscaled(range: Range, place: float) -> float:
    """The value that stands there."""
    if range.log:
        return float(range.low * (range.high / range.low) ** place)
    return float(range.low + (range.high - range.low) * place)


def recorded(recipe: Recipe, ranges: Mapping[str, Range], points: Mapping[str, int] | int = 7, seeds: int = 3) -> Table:
    """Train every combination of `points` values of each range over `seeds` seeds, or take what was kept of that.

    Heads alone: they train many at once. A setting that diverged before its first epoch ended has the worst loss.
    """
    from workbench.learners.plan import fused, plan

    space = spaces.space_of(recipe, ranges)
    points = dict.fromkeys(space, points) if isinstance(points, int) else points
    if any(isinstance(each, Options) for each in space.values()):
        raise BadKnob(f"a table takes a Range of each knob, got {dict(ranges)}.")
    if points.keys() != space.keys() or min(points.values()) < 2:
        raise BadKnob(f"a table takes two points or more of each of {', '.join(space)}, got {dict(points)}.")
    axes = {path: [found[path] for found in spaces.grid({path: each}, points[path])] for path, each in space.items()}
    first = plan(recipe)
    shape = (seeds, *map(len, axes.values()))

    def work() -> Floats:
        settings = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
        return trained(recipe, settings, seeds, first.data).reshape(shape)

    corners = [recipe.turned({path: values[at] for path, values in axes.items()}) for at in (0, -1)]
    if recipe.scope.name != "head" or len(fused(corners)) > 1:
        raise BadKnob("a table takes heads that train at once: over lr, epochs, strengths and rates alone.")
    about = [recipe.to_dict(), axes, seeds, first.built.fingerprint, first.data.content]
    return Table(recipe, space, axes, kept("tables", about, work, shape))  # type: ignore[arg-type]


def trained(recipe: Recipe, settings: list[dict[str, float]], seeds: int = 1, data: Data | None = None) -> Floats:
    """The losses of these settings of the recipe, (seeds, settings), a pass after the other."""
    from workbench.job import Job
    from workbench.learners.plan import plan
    from workbench.trainer import Watch, train

    data, found = data or recipe.data.load(), []
    passes = [settings[at : at + PASS] for at in range(0, len(settings), PASS)]
    for seed, part in itertools.product(range(recipe.seed, recipe.seed + seeds), passes):
        job = Job(plan([recipe.turned(each).replace(seed=seed) for each in part], data))
        with contextlib.suppress(Diverged):  # of all: what they came to before stands in their rows
            for _ in train(job, Watch()):
                pass
        found += [score(rows, "loss") for rows in job.rows_of]
        progress.tell("trials", len(found), seeds * len(settings))
    losses = np.array(found).reshape(seeds, -1)
    return np.where(np.isfinite(losses), losses, losses[np.isfinite(losses)].max())


def kept(kind: str, about: Any, work: Callable[[], Floats], shape: tuple[int, ...]) -> Floats:
    """Numbers of this shape from the cache, by what they are `about`; worked out where there are none, or damaged."""
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:32]
    path = paths.cache() / kind / f"{digest}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):
        found = np.array(json.loads(path.read_text()), dtype=np.float64)
        if found.shape == shape and np.isfinite(found).all():
            return found
    found = work()
    with contextlib.suppress(OSError):  # a full or read-only disk only costs the next time the same work
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, found.tolist())
    return found
