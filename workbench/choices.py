"""Choices: a menu entry, its knobs, and how both are written down.

A knob is declared once, as a dataclass field made by `knob`. Its default, validation, control, search range, help and
table row derive from that declaration. A choice is a small frozen dataclass with knobs; a menu is every final subclass
of one abstract choice, found by walking the subclasses when it is asked.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

from workbench.checks import known, nearest
from workbench.errors import BadChoice, BadKnob
from workbench.spelling import read, split


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; `log` where equal ratios count rather than equal steps."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not (self.low < self.high and (self.low > 0 or not self.log)):
            raise BadKnob(f"`low < high`, and `0 < low` where `log`, must hold, got {self!r}.")

    @property
    def whole(self) -> bool:
        """Whether the range holds whole numbers only (both ends are ints)."""
        return isinstance(self.low, int) and isinstance(self.high, int)


@dataclass(frozen=True)
class Options:
    """One of a few named values."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Text:
    """Free text of a kind. Of a path, `files` are the endings that fit, and `folders` says whether a folder does."""

    what: str = "text"
    files: tuple[str, ...] = ()
    folders: bool = False


@dataclass(frozen=True)
class Menu:
    """An entry of the menu `of` (or, where `many`, any number of entries, each at most once)."""

    of: str
    many: bool = False


Domain = Range | Options | Text | Menu
FLAG = Options((False, True))
COLUMN = Text("column")


@dataclass(frozen=True)
class Knob:
    """What one knob says of itself. `limits` is what validation allows, `domain` what controls and searches offer."""

    name: str
    default: Any
    domain: Domain
    help: str
    limits: tuple[float, float] | None
    optional: bool
    more: bool = False  # folded away in a panel: what a beginner does not need

    def check(self, value: Any, owner: str) -> Any:
        """Return `value` in the knob's own type, or raise `BadKnob` with the rule and the value."""
        where = f"{owner}.{self.name}" if owner else self.name
        if value is None:
            if self.optional:
                return None
            raise BadKnob(f"{where} must not be None.")
        if isinstance(self.domain, Options):
            return self._option(value, where)
        if isinstance(self.domain, Range):
            return self._number(value, where)
        if isinstance(self.domain, Menu):
            base = menu_base(self.domain.of)
            return entries_of(base, value) if self.domain.many else entry(base, value)
        return str(value)

    def _option(self, value: Any, where: str) -> Any:
        values = cast(Options, self.domain).values
        if value in values and isinstance(value, bool) == isinstance(values[values.index(value)], bool):
            return values[values.index(value)]
        raise BadKnob(f"{where} must be one of {', '.join(map(repr, values))}, got {value!r}.{nearest(value, values)}")

    def _number(self, value: Any, where: str) -> float:
        domain = cast(Range, self.domain)
        kind = int if domain.whole else float
        low, high = self.limits or (domain.low, domain.high)
        rule = f"{where} must be {'a whole number ' if domain.whole else ''}in [{low:g}, {high:g}]"
        try:
            number = kind(value)
        except (TypeError, ValueError, OverflowError):
            raise BadKnob(f"{rule}, got {value!r}.") from None
        exact = isinstance(value, str | bool) or number != value
        if exact or not math.isfinite(number) or not low <= number <= high:
            raise BadKnob(f"{rule}, got {value!r}.")
        return number


def knob(
    default: Any,
    domain: Domain,
    help: str,
    *,
    limits: tuple[float, float] | None = None,
    optional: bool = False,
    more: bool = False,
) -> Any:
    """Declare a knob as a dataclass field.

    `domain` is what controls and searches offer; `limits` (inclusive) is what validation allows, left out the domain's
    own ends; `optional` allows None; `more` folds it away in a panel.
    """
    about = {"domain": domain, "help": help, "limits": limits, "optional": optional, "more": more}
    return dataclasses.field(default=default, metadata={"knob": about})


class Knobbed:
    """A frozen dataclass whose fields are knobs, checked when it is made."""

    name: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Tell of every knob where `help` and `?` look: in the docstring."""
        super().__init_subclass__(**kwargs)
        above = [getattr(base, "__dataclass_fields__", {}) for base in cls.__mro__[:0:-1]]
        fields = {name: f for each in above for name, f in each.items()}
        fields |= {name: f for name, f in vars(cls).items() if isinstance(f, dataclasses.Field)}
        lines = [f"    {name}: {f.metadata['knob']['help']} Default: {f.default!r}." for name, f in fields.items()]
        if lines and cls.__doc__:
            about = inspect.cleandoc(cls.__doc__).partition("\n\nKnobs:\n")[0]
            cls.__doc__ = "\n".join([about, "", "Knobs:", *lines])

    def __new__(cls, *values: Any, **knobs: Any) -> Self:
        """A wrong name is an error with the nearest match, before Python's own."""
        for given in knobs:
            known(given, [each.name for each in cls.knobs()], f"{cls.name or cls.__name__} has no knob")
        return super().__new__(cls)

    @classmethod
    def knobs(cls) -> tuple[Knob, ...]:
        """The knobs, in the order in which they are declared."""
        found: tuple[Knob, ...] | None = cls.__dict__.get("_knobs")
        if found is None:  # kept: where many recipes are made they are asked for thousands of times
            fields = dataclasses.fields(cast(Any, cls))
            found = tuple(Knob(name=f.name, default=f.default, **f.metadata["knob"]) for f in fields)
            type.__setattr__(cls, "_knobs", found)
        return found

    def __post_init__(self) -> None:
        for each in self.knobs():
            object.__setattr__(self, each.name, each.check(getattr(self, each.name), self.name))

    def values(self) -> dict[str, Any]:
        """The knobs' values by name."""
        return {each.name: getattr(self, each.name) for each in self.knobs()}

    def replace(self, **values: Any) -> Self:
        """The same with some knobs changed; a wrong name is an error with the nearest match."""
        for name in values:
            known(name, [each.name for each in self.knobs()], f"{self.name or type(self).__name__} has no knob")
        return cast(Self, dataclasses.replace(cast(Any, self), **values))


class Choice(Knobbed):
    """An entry of a menu. Subclass it frozen (`@dataclass(frozen=True)`), with a `name` and knobs; final, or abstract.

    Two entries are equal when their names and knobs are, so a class whose notebook cell was run again still equals its
    earlier self.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__eq__ = Choice.__eq__  # type: ignore[method-assign]  # before dataclass puts in its own, by class
        cls.__hash__ = Choice.__hash__  # type: ignore[method-assign]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Choice):
            return NotImplemented
        return (self.name, self.values()) == (other.name, other.values())

    def __hash__(self) -> int:
        return hash(self.spelled())

    @classmethod
    def about(cls) -> str:
        """What it does, in one line: the first line of its docstring."""
        return (inspect.getdoc(cls) or "").split("\n")[0]

    def spelled(self, *, full: bool = True) -> str:
        """As text that `entry` reads back: `l2(strength=0.001)`; without `full`, only what is not default."""
        shown = [k for k in self.knobs() if full or getattr(self, k.name) != k.default]
        inside = ", ".join(f"{k.name}={getattr(self, k.name)!r}" for k in shown)
        return f"{self.name}({inside})" if inside else self.name

    def __str__(self) -> str:
        return self.spelled(full=False)

    @classmethod
    def made(cls, name: str, knobs: Mapping[str, Any]) -> Choice:
        """The entry of this menu called `name` with these knobs; `cls` is the menu's abstract class."""
        found = entries(cls)
        known(name, found, f"there is no {_words(cls)} called", cell=True)
        kind = found[name]
        for key in knobs:
            known(key, [each.name for each in kind.knobs()], f"{name} has no knob")
        return kind(**knobs)


def _words(kind: type) -> str:
    """`StoppingRule` as one says it: stopping rule."""
    return re.sub("(?<=[a-z])(?=[A-Z])", " ", kind.__name__).lower()


def entries(base: type[Choice]) -> dict[str, type[Choice]]:
    """The final subclasses of `base` by name; of two with one name, the one made last."""
    found: dict[str, type[Choice]] = {}
    for child in base.__subclasses__():
        if child.__dict__.get("name"):
            found[child.name] = child
        found.update(entries(child))
    return found


def entry(base: type[Choice], value: Any) -> Any:
    """The entry that `value` means: an entry itself, or its name or spelled form, `"dropout(rate=0.2)"`."""
    if isinstance(value, base):
        return value
    if isinstance(value, type) and issubclass(value, base):
        return value()
    if isinstance(value, str):
        return base.made(*read(value))
    raise BadChoice(f"a {base.__name__.lower()} is one of ours or its name, got {value!r} ({type(value).__name__}).")


def entries_of(base: type[Choice], value: Any) -> tuple[Any, ...]:
    """Several entries from a list, or from one text: `"l2(strength=0.1), dropout"`; each at most once."""
    if isinstance(value, base | type):
        value = [value]
    if not isinstance(value, Iterable):
        raise BadChoice(f"{_words(base)}s are a list, or a text such as 'name, name(knob=0.1)', got {value!r}.")
    found = tuple(entry(base, part) for part in (split(value) if isinstance(value, str) else value))
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise BadChoice(f"{name} stands {names.count(name)} times; each {base.__name__.lower()} at most once.")
    return found


MENUS = {
    "datasets": "workbench.datasets:Dataset",
    "backbones": "workbench.backbones:Backbone",
    "scopes": "workbench.scopes:Scope",
    "regularizers": "workbench.regularizers:Regularizer",
    "optimizers": "workbench.learners.steps:Optimizer",
    "schedules": "workbench.learners.schedules:Schedule",
    "strategies": "workbench.searching.strategies:Strategy",
    "stopping": "workbench.searching.stopping:StoppingRule",
}


def menu_base(name: str) -> type[Choice]:
    """The abstract class of a menu; its module is imported here, and not before."""
    known(name, MENUS, "there is no menu")
    module, _, attribute = MENUS[name].partition(":")
    return cast(type[Choice], getattr(importlib.import_module(module), attribute))
