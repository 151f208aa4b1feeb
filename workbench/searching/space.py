"""The space of a search: which knobs move, over which values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.checks import known
from workbench.choices import Choice, Menu, Options, Range
from workbench.errors import BadChoice, BadKnob

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from workbench.recipe import Recipe

Space = dict[str, Range | Options]
MOST = 10_000  # points of a grid: more than anybody waits for


def space_of(recipe: Recipe, given: Mapping[str, Any] | None = None) -> Space:
    """The space that `given` describes; left out, the learning rate and the numbers of the recipe's regularizers.

    `given`: knob paths (`lr`, `l2.strength`, `scope`) to a `Range`, a list of values, or None for the range that the
    knob itself declares.
    """
    places = recipe.places()
    if given is None:
        names = {r.name for r in recipe.regularizers}
        own = [path for path, (knob, _) in places.items() if path.split(".")[0] in names and moves(knob)]
        return {path: places[path][0].domain for path in ("lr", *own)}  # type: ignore[misc]
    if not given:
        raise BadChoice(f"a space needs a knob to search over; this recipe has {', '.join(map(str, places))}.")
    for path in given:
        known(path, places, "the recipe has no knob")
    nested = any("." in path for path in given)  # an entry first: it brings the knobs that are set then
    order = sorted(given, key=lambda path: nested and not isinstance(places[path][0].domain, Menu))
    space = {path: _checked(recipe, path, given[path]) for path in order}
    _must_fit(recipe, space)
    return space


def _must_fit(recipe: Recipe, space: Space) -> None:
    """Every entry of a menu that is searched over must have the knobs that are searched over beside it."""
    for path, domain in space.items():
        if not (isinstance(domain, Options) and isinstance(recipe.places()[path][0].domain, Menu)):
            continue
        for value in domain.values:
            for other in space.keys() - recipe.turned({path: value}).places().keys():
                way = f"take {other} out, or search over each {path} in a study of its own"
                raise BadKnob(
                    f"each value of {path} must have {other}, which is searched over too; {value} has not: {way}."
                )


def moves(knob: Any) -> bool:
    """Whether a knob is a number that a search turns where nothing else is said."""
    return isinstance(knob.domain, Range) and not knob.more and knob.name not in ("patience", "at_least")


def _checked(recipe: Recipe, path: str, values: Any) -> Range | Options:
    """A range or the values as the knob takes them, each tried on the recipe."""
    knob, _ = recipe.places()[path]
    if values is None:
        if not isinstance(knob.domain, Range | Options):
            raise BadKnob(f"{path} has no range of its own: say which values to try, as a list.")
        return knob.domain
    if isinstance(values, Range):
        if not isinstance(knob.domain, Range):
            raise BadKnob(f"{path} is no number: say which values to try, as a list, got {values!r}.")
        low, high = (knob.check(bound, "") for bound in (values.low, values.high))
        return Range(low, high, values.log)
    listed = list(values.values) if isinstance(values, Options) else values
    if isinstance(listed, str) or not isinstance(listed, Sequence) or not listed:
        raise BadKnob(f"{path} must be searched over a Range or a list of values, got {values!r}.")
    found = tuple(dict.fromkeys(plain(recipe.turned({path: value}).places()[path][1]) for value in listed))
    return Options(found)


def plain(value: Any) -> Any:
    """A knob's value as a storage takes it: what stands on a menu by its spelled form."""
    if isinstance(value, tuple):
        return ", ".join(each.spelled() for each in value)
    return value.spelled() if isinstance(value, Choice) else value


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """The space as optuna has it."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, BaseDistribution] = {}
    for path, domain in space.items():
        if isinstance(domain, Options):
            found[path] = CategoricalDistribution(domain.values)
        elif domain.whole:
            found[path] = IntDistribution(int(domain.low), int(domain.high), log=domain.log)
        else:
            found[path] = FloatDistribution(domain.low, domain.high, log=domain.log)
    return found


def holds(space: Space, settings: Mapping[str, Any]) -> bool:
    """Whether these settings lie in the space."""
    if settings.keys() != space.keys():
        return False
    pairs = [(domain, settings[path]) for path, domain in space.items()]
    return all(v in d.values if isinstance(d, Options) else d.low <= v <= d.high for d, v in pairs)


def held(space: Space, first: Space, begun: str) -> Space:
    """The space, where it fits the one that a study began with: the same knobs, ranges of one kind, no new values."""
    for path in [*space, *first]:
        rule, way = f"{begun} over {', '.join(first)}: {path}", "start a study of another name."
        if path not in space or path not in first:
            raise BadKnob(f"{rule} cannot {'leave' if path in first else 'join'}; {way}")
        now, then = space[path], first[path]
        if isinstance(now, Options) and isinstance(then, Options) and {*now.values} <= {*then.values}:
            continue
        if isinstance(now, Range) and isinstance(then, Range) and _within(now, then):
            continue
        rule += " may be narrowed, values may not be added, nor ranges widened"
        raise BadKnob(f"{rule}, got {now!r} after {then!r}; {way}")
    return space


def _within(now: Range, then: Range) -> bool:
    """Whether a range is of the other's kind and holds nothing that the other does not."""
    return (now.log, now.whole) == (then.log, then.whole) and then.low <= now.low and now.high <= then.high


def grid(space: Space, points: int) -> list[dict[str, Any]]:
    """Every combination, `points` values of each range: evenly spaced, by ratio where it is logarithmic."""
    axes = {path: _points(domain, points) for path, domain in space.items()}
    many = math.prod(len(axis) for axis in axes.values())
    if many > MOST:
        fits = max((p for p in range(1, points) if _size(space, p) <= MOST), default=0)
        way = f"points={fits} a range give {_size(space, fits):,}" if fits else "search over fewer knobs or values"
        raise BadKnob(f"a grid must have at most {MOST:,} points, got {many:,}; {way}.")
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def _size(space: Space, points: int) -> int:
    return math.prod(len(_points(domain, points)) for domain in space.values())


def _points(domain: Range | Options, points: int) -> list[Any]:
    if isinstance(domain, Options):
        return list(domain.values)
    low, high = float(domain.low), float(domain.high)
    shares = [at / (points - 1) for at in range(points)] if points > 1 else [0.5]
    spread = [low * (high / low) ** share if domain.log else low + (high - low) * share for share in shares]
    within = [min(max(value, low), high) for value in spread]
    return list(dict.fromkeys(round(value) for value in within)) if domain.whole else within


def written(space: Space) -> dict[str, Any]:
    """The space as plain values, which `read` takes back."""
    return {path: _described(domain) for path, domain in space.items()}


def _described(domain: Range | Options) -> dict[str, Any]:
    if isinstance(domain, Options):
        return {"values": list(domain.values)}
    return {"low": domain.low, "high": domain.high, "log": domain.log}


def read(values: Mapping[str, Any]) -> Space:
    """What `written` wrote."""
    return {path: Options(tuple(v["values"])) if "values" in v else Range(**v) for path, v in values.items()}
