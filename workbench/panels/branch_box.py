"""Arms: from this moment of a run, or its best epoch, two to four runs go on with one knob changed each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from workbench.branching import arms
from workbench.choices import Range, entries, menu_base
from workbench.errors import BadKnob
from workbench.panels.text import line, spoken
from workbench.recipe import Recipe
from workbench.run import Run

MOST = 4
FROM: list[tuple[str, str | int]] = [("this moment", ""), ("best epoch", "best")]
SAME = "nothing: the run itself"
HINT = "Each arm goes on from the same weights, optimizer and random state; the curves fan out on the chart."


class BranchBox:
    """Rows of arms in `box`, and the button that starts them; `began(arms)` is told of the runs."""

    def __init__(self, began: Callable[[list[Run]], None], button: Callable[..., Any]):
        self.run: Run | None = None
        self._began = began
        self.said = line(HINT, "faint")
        self.where = widgets.Dropdown(
            options=FROM, description="from",
            tooltip="Where the arms begin", layout=widgets.Layout(width="220px"), style={"description_width": "40px"},
        )  # fmt: skip
        self.rows: list[tuple[Any, Any]] = []
        self.arms = widgets.VBox([])
        self.more_button = button("+ arm", "One more arm, four at most", self._more)
        self.branch_button = button(
            "Branch", "Start the arms: they wait for runs that were started before", self._branch
        )
        steering = widgets.HBox(
            [self.where, self.more_button, self.branch_button], layout=widgets.Layout(flex_flow="row wrap")
        )
        self.box = widgets.VBox([self.said, self.arms, steering])
        self._more()
        self._more()

    def _more(self) -> None:
        if len(self.rows) == MOST:
            raise BadKnob(f"a run has {MOST} arms at most at once; branch again for more.")
        number = len(self.rows) + 1
        knob = widgets.Dropdown(
            options=[SAME], description=f"arm {number}", tooltip="The knob that is another in this arm",
            layout=widgets.Layout(width="300px"), style={"description_width": "50px"},
        )  # fmt: skip
        value = widgets.FloatText(
            description="to", tooltip="What it is set to", step=None, disabled=True,
            layout=widgets.Layout(width="150px"), style={"description_width": "24px"},
        )  # fmt: skip
        knob.observe(lambda change, value=value: self._chosen(change.new, value), "value")
        self.rows.append((knob, value))
        self.arms.children = [widgets.HBox([*row]) for row in self.rows]
        self._offer(knob)

    def _chosen(self, path: str, value: Any) -> None:
        """A value to begin with: three times the present one, or a regularizer's default."""
        value.disabled = path == SAME
        if path != SAME and self.run:
            value.value = offered(self.run.recipe)[path]

    def _offer(self, knob: Any) -> None:
        paths = [SAME, *(offered(self.run.recipe) if self.run else ())]
        if [*knob.options] != paths:
            chosen = knob.value
            knob.options = paths
            knob.value = chosen if chosen in paths else SAME

    def show(self, run: Run | None, state: str) -> None:
        """Branch this run from now on."""
        if run is not self.run:
            self.run = run
            for knob, _ in self.rows:
                self._offer(knob)
            self.where.value = "best" if state == "finished" else ""  # of a finished run this moment has no epoch left
        self._offer_places()
        reads = state == "running" and run is not None and not run.rows  # it answers no asking yet
        self.branch_button.disabled = run is None or state in ("new", "queued") or reads

    def _offer_places(self) -> None:
        """This moment, the best epoch, and every checkpoint that is kept."""
        epochs = {row["step"]: row["epoch"] for row in self.run.rows} if self.run else {}
        kept = self.run.files.steps() if self.run else []
        named = [(f"epoch {epochs[step]}" if step in epochs else f"step {step}", step) for step in kept]
        options = [*FROM, *named]
        if options != [*self.where.options]:
            chosen = self.where.value
            self.where.options = options
            self.where.value = chosen if chosen in ("", "best", *kept) else ""

    def _branch(self) -> None:
        if self.run is None:
            return
        run, step = self.run, self.where.value or None
        settings = [{} if knob.value == SAME else {knob.value: _whole(value.value)} for knob, value in self.rows]
        if len({str(each) for each in settings}) < len(settings):
            raise BadKnob("two arms change the same knob to the same value: choose another knob or value for one.")
        began = arms(run, settings, step)
        at = began[0].files.read("recipe.json")["parent"]["step"]
        self.said.value = spoken(f"{len(began)} arms began at step {at}.", role="status")
        self._began(began)


def _whole(value: float) -> float:
    """Numbers without a fraction as such: a knob may take no others."""
    return int(value) if value.is_integer() else value


def offered(recipe: Recipe) -> dict[str, float]:
    """What an arm may change, with a value to begin with: lr, epochs, regularizers, those too that may join."""
    found: dict[str, float] = {"lr": recipe.lr / 3, "epochs": 2 * recipe.epochs}
    own = {each.name: each for each in recipe.regularizers}
    for name, kind in entries(menu_base("regularizers")).items():
        each: Any = own.get(name) or kind()
        if each.unfit(recipe.replace(regularizers=[*(r for r in recipe.regularizers if r.name != name), each])):
            continue
        for knob in kind.knobs():
            if isinstance(knob.domain, Range):
                present = getattr(each, knob.name)
                found[f"{name}.{knob.name}"] = (
                    min(3 * present, knob.domain.high) if name in own and present else present
                )
    return found
