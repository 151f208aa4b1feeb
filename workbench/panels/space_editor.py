"""Which knobs a search moves, and over what, as controls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from workbench.choices import Menu, Options, Range, Text
from workbench.panels.text import line
from workbench.recipe import Recipe
from workbench.searching.space import Space, space_of

ADD = "+ add a knob"


class SpaceEditor:
    """A row a knob that moves: its two ends, or its values; and one adds. `box` is the widget to place.

    `changed` is called when a person changed something; `value()` gives the space, or its error.
    """

    def __init__(self, recipe: Recipe, changed: Callable[[], None]):
        self._changed, self._setting = changed, False
        self.recipe, self.rows = recipe, {}  # type: ignore[var-annotated]
        self.adder = widgets.Dropdown(
            options=[ADD], tooltip="A knob of the recipe that the search moves", layout=widgets.Layout(width="auto")
        )
        self.adder.observe(self._add, "value")
        self.box = widgets.VBox([])
        self.show(recipe, space_of(recipe))

    def show(self, recipe: Recipe, space: Space) -> None:
        """Offer this recipe's knobs; those of `space` stand there."""
        self.recipe, self.rows = recipe, {path: _Row(path, domain, self) for path, domain in space.items()}
        self._place()

    def follow(self, recipe: Recipe) -> None:
        """Another recipe: what it has no more goes, what its new regularizers bring comes, the rest stays."""
        before, places = set(self.recipe.places()), recipe.places()
        fresh = {path: domain for path, domain in space_of(recipe).items() if path not in before}
        rows = {path: row for path, row in self.rows.items() if path in places}
        self.recipe, self.rows = recipe, rows | {path: _Row(path, domain, self) for path, domain in fresh.items()}
        self._place()

    def value(self) -> Space:
        """The space as the rows say it."""
        return space_of(self.recipe, {path: row.value() for path, row in self.rows.items()})

    def moved(self) -> None:
        """A person changed a row."""
        self._changed()

    def remove(self, path: str) -> None:
        """A person does not want this knob to move."""
        del self.rows[path]
        self._place()
        self._changed()

    def _add(self, change: Any) -> None:
        if self._setting or change.new == ADD:
            return
        knob, value = self.recipe.places()[change.new]
        domain = knob.domain if isinstance(knob.domain, Range | Options) else Options((str(value),))
        self.rows[change.new] = _Row(change.new, domain, self)
        self._place()
        self._changed()

    def _place(self) -> None:
        free = [path for path, (knob, _) in self.recipe.places().items() if path not in self.rows and _can_move(knob)]
        self._setting = True
        try:
            self.adder.options, self.adder.value = [ADD, *free], ADD
        finally:
            self._setting = False
        self.box.children = (*(row.box for row in self.rows.values()), self.adder)


def _can_move(knob: Any) -> bool:
    return not isinstance(knob.domain, Text) and not (isinstance(knob.domain, Menu) and knob.domain.many)


class _Row:
    """One knob: two numbers, or values parted by semicolons."""

    def __init__(self, path: str, domain: Range | Options, editor: SpaceEditor):
        self.domain = domain
        wide = widgets.Layout(width="auto", flex="1 1 70px", min_width="60px")
        if isinstance(domain, Range):
            kind = widgets.IntText if domain.whole else widgets.FloatText
            ends = (("low", domain.low), ("high", domain.high))
            self.parts = [kind(value=v, tooltip=f"{path}, {n}", layout=wide, continuous_update=False) for n, v in ends]
        else:
            text = "; ".join(map(str, domain.values))
            about = {"tooltip": f"{path}: values, parted by ;", "continuous_update": False, "layout": wide}
            self.parts = [widgets.Text(value=text, **about)]
        self.remove = widgets.Button(description="✕", tooltip=f"{path} does not move", layout={"width": "32px"})
        self.remove.on_click(lambda _: editor.remove(path))
        for part in self.parts:
            part.observe(lambda _: editor.moved(), "value")
        name = line(path, "strong")
        name.layout = widgets.Layout(width="120px", overflow="hidden")
        self.box = widgets.HBox([name, *self.parts, self.remove], layout=widgets.Layout(align_items="center"))

    def value(self) -> Range | list[Any]:
        """What the row says, as `space_of` takes it."""
        if isinstance(self.domain, Range):
            low, high = (part.value for part in self.parts)
            return Range(low, high, self.domain.log)
        known = {str(value): value for value in self.domain.values}
        words = [word.strip() for word in self.parts[0].value.split(";") if word.strip()]
        return [known.get(word, _number(word)) for word in words]


def _number(word: str) -> Any:
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word
