"""What a search is asked for: the knobs that move, who proposes, how long; and what that will cost, by scope."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any

import ipywidgets as widgets

from workbench import cost
from workbench.panels.background import Background
from workbench.panels.choosing import OneOf
from workbench.panels.pressing import wrong
from workbench.panels.space_editor import SpaceEditor
from workbench.panels.text import line, spoken, table
from workbench.recipe import Recipe
from workbench.searching import Bayesian, NoStopping
from workbench.searching.pricing import Price, beside, price
from workbench.searching.space import grid
from workbench.searching.stopping import METRICS

POINTS = 4  # values a range of the grid that is compared with
Asked = tuple[Recipe, Any, dict[str, Any], int]


class SearchChoice:
    """Controls of a search around the recipe that `recipe` gives; `box` is the widget to place.

    `value()` is what `start_search` takes; its error is that of what stands there.
    """

    def __init__(self, recipe: Callable[[], Recipe]):
        self._recipe, self._in_background = recipe, Background("search-price")
        self._asked: Asked | None = None
        self.strategy, self.stopping = Bayesian(), NoStopping()
        self.editor = SpaceEditor(recipe(), self.recount)
        helps = ("Who proposes the settings.", "Which trials end early.")
        self.strategies = OneOf("strategies", "Strategy", helps[0], self.strategy, self._proposer("strategy"))
        self.rules = OneOf("stopping", "Stopping", helps[1], self.stopping, self._proposer("stopping"))
        about = {"style": {"description_width": "96px"}, "layout": widgets.Layout(width="auto")}
        self.metric = widgets.Dropdown(
            options=[*METRICS], description="Best by", tooltip="On the validation part", **about
        )
        self.minutes = widgets.BoundedFloatText(
            value=0, min=0, max=100_000, description="Minutes", continuous_update=False, **about,
            tooltip="After so many it stops, between two steps; Resume goes on for as long again; 0: until all is done",
        )  # fmt: skip
        self.minutes.observe(lambda _: self.recount(), "value")
        self.folds = widgets.BoundedIntText(
            value=0, min=0, max=20, description="Folds", continuous_update=False, **about,
            tooltip="Cross-validate each trial on so many; 0: on the validation part as it is",
        )  # fmt: skip
        self.folds.observe(lambda _: self.recount(), "value")
        self.name = widgets.Text(
            description="Name", placeholder="a new one", continuous_update=False, **about,
            tooltip="What the study is called; one of this name goes on",
        )  # fmt: skip
        self.plan, self.prices, self.costs = line(kind="faint"), widgets.HTML(), line(kind="faint")
        controls = [
            self.editor.box,
            self.strategies.box,
            self.rules.box,
            self.metric,
            self.folds,
            self.minutes,
            self.name,
        ]
        self.box = widgets.VBox([line("What moves", "head"), *controls, self.plan, self.costs, self.prices])
        self.box.layout = widgets.Layout(flex="0 0 340px", width="340px")

    def value(self) -> dict[str, Any]:
        """What `start_search` is asked for."""
        asked = {"strategy": self.strategy, "space": self.editor.value(), "stopping": self.stopping}
        asked |= {"metric": self.metric.value, "minutes": self.minutes.value or None, "folds": self.folds.value or None}
        return asked | {"recipe": self._recipe(), "name": self.name.value.strip() or None}

    def follow_recipe(self, recipe: Recipe) -> None:
        """Another recipe was chosen: its knobs are offered."""
        self.editor.follow(recipe)
        self.recount()

    def _proposer(self, field: str) -> Callable[[Callable[[], Any]], None]:
        def propose(make: Callable[[], Any]) -> None:
            try:
                setattr(self, field, make())
            except Exception as error:
                self.plan.value = wrong(error)
                return
            {"strategy": self.strategies, "stopping": self.rules}[field].show(getattr(self, field))
            self.recount()

        return propose

    # -- before it starts ---------------------------------------------------------------------------------------------

    def recount(self) -> None:
        """Say how many trials there will be, and what a grid over the same knobs would take; or what is wrong."""
        try:
            space = self.editor.value()
            trials, knobs = self.strategy.many(space), f"{len(space)} knob{'s' if len(space) > 1 else ''}"
            try:
                whole = f"a grid of {POINTS} values a range would take {len(grid(space, POINTS)):,}."
            except ValueError:
                whole = "a grid over these knobs would never end."
            self.plan.value = spoken(f"{trials:,} trials over {knobs}; {whole}", "faint")
        except Exception as error:
            self.plan.value, self._asked = wrong(error), None
            self._say("", [])
            return
        if self._asked is not None:
            self.reckon()

    def reckon(self) -> None:
        """Say what it will cost, by a probe off the kernel's loop; from now on after every change."""
        try:
            asked = (self._recipe(), self.strategy, self.editor.value(), self.folds.value)
        except Exception:  # it stands below the knobs already
            return
        self._asked = asked
        self.costs.value = spoken("Trying a few steps, to tell what it will cost …", "faint")
        self._in_background(partial(self.priced, asked), partial(self._priced, asked))

    def priced(self, asked: Asked) -> None:
        """Tell the price of the search, then those beside it, one after the other; slow."""
        told: list[tuple[str, Price]] = []
        here = (f"scope {asked[0].scope}, as chosen", price(*asked))
        for name, found in chain([here], beside(*asked)):
            if asked is not self._asked:
                return
            told.append((name, found))
            self._in_background.on_loop(partial(self._show, asked, [*told]))

    def _priced(self, asked: Asked, found: Any, kind: str) -> None:
        if kind == "error" and asked is self._asked:
            self._say(found, [], kind)

    def _show(self, asked: Asked, told: list[tuple[str, Price]]) -> None:
        if asked is not self._asked:
            return
        here = told[0][1]
        said = [f"{here}"]
        try:
            many = len(grid(asked[2], POINTS))
            said.append(f"The grid: {cost.lasting(here.once + here.each * many)}.")
        except ValueError:
            pass
        if self.minutes.value:
            fit = here.within(self.minutes.value)
            of = f"all {here.trials:,} trials" if fit >= here.trials else f"about {fit:,} of the {here.trials:,} trials"
            said.append(f"{self.minutes.value:g} minutes are enough for {of}.")
        self._say(" ".join(said), told)

    def _say(self, said: str, told: list[tuple[str, Price]], kind: str = "faint") -> None:
        self.costs.value = spoken(said, kind)
        rows = [[name, cost.lasting(found.seconds), cost.sized(found.memory)] for name, found in told]
        head = [f"{told[0][1].trials:,} trials with", "time", "memory"] if told else []
        self.prices.value = table(rows, head) if told else ""

    def close(self) -> None:
        """Let the thread go."""
        self._asked = None
        self._in_background.close()
