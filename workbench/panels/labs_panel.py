"""Labs as a panel: an experiment of many runs on the recipe, its time said first, one figure and its numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from workbench import cost, plots, progress
from workbench.panels.background import Background, Stopped
from workbench.panels.chart import still
from workbench.panels.pressing import Pressing
from workbench.panels.text import line, spoken, style_sheet, table
from workbench.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd

EPOCHS = 60  # of heads in a lab: they take hundredths of a second each
FEW = 3  # of whole networks
SHOWN = 40  # rows of the table


@dataclass(frozen=True)
class Lab:
    """One experiment: the question it answers, how it is made from a recipe, and its figure."""

    asks: str
    made: Callable[[Recipe], pd.DataFrame]
    drawn: Callable[[pd.DataFrame], Any]
    heads: int = 0  # that train; 0 where whole networks do


def _labs() -> Any:
    from workbench import labs  # loads torch, which a panel does without until it trains

    return labs


def _head(recipe: Recipe, **more: Any) -> Recipe:
    """The recipe as a head's, with as many epochs as a lab gives one."""
    own = recipe if recipe.scope.name == "head" else recipe.replace(scope="head")
    kept = [r for r in own.regularizers if not r.unfit(own)]
    return own.replace(regularizers=kept, epochs=max(EPOCHS, recipe.epochs), changes="", **more)


def _ablated(recipe: Recipe) -> Recipe:
    own = _head(recipe)
    return own if own.regularizers else own.replace(regularizers="l1(strength=0.001), l2, dropout, mixup")


LABS = {
    "ablation": Lab(
        "Which of the regularizers matters? Each is left out in turn.",
        lambda recipe: _labs().ablation(_ablated(recipe)), plots.ablation, 30,
    ),
    "data size": Lab(
        "More data, a bigger model or more regularization? All see as many examples.",
        lambda recipe: _labs().data_size(_head(recipe, regularizers=[])), plots.data_size, 60,
    ),
    "label noise": Lab(
        "How many wrong labels are learnt by heart, and what holds it back?",
        lambda recipe: _labs().label_noise(_head(recipe)), plots.label_noise, 60,
    ),
    "complexity of the head": Lab(
        "Does a wider head overfit, and does the error come down twice?",
        lambda recipe: _labs().widths(_head(recipe)), plots.complexity, 45,
    ),
    "complexity of the backbone": Lab(
        "What do more trained blocks bring?",
        lambda recipe: _labs().unfrozen(_networks(recipe)), plots.complexity,
    ),
    "robustness": Lab(
        "Units deleted, inputs corrupted, outliers: which regularizer holds up?",
        lambda recipe: _labs().robustness(_head(recipe)), plots.robustness, 36,
    ),
}  # fmt: skip


def _networks(recipe: Recipe) -> Recipe:
    kept = [r for r in recipe.regularizers if not r.unfit(recipe.replace(scope="head"))]
    return recipe.replace(epochs=min(recipe.epochs, FEW), regularizers=kept, changes="")


def foretold(name: str, recipe: Recipe) -> str:
    """What a lab will train and how long it takes here, in words."""
    lab = LABS[name]
    if lab.heads:
        return (
            f"{lab.heads} heads of {EPOCHS} epochs or more, those at once that can be: seconds, once features are kept."
        )
    wanted = _networks(recipe)
    seconds = 0.0
    for scope in ("head", "blocks(last=1)", "blocks(last=2)"):
        about = cost.before(wanted.replace(scope=scope))
        seconds += FEW * (about["features"] + wanted.epochs * about["epoch"])
    return f"9 runs of {wanted.epochs} epochs, one after another: about {cost.lasting(seconds)}."


class LabsPanel(Pressing, widgets.VBox):  # type: ignore[misc]
    """Experiments on `recipe` (one, or a function that gives it); nothing is trained before Run is pressed."""

    def __init__(self, recipe: Recipe | Callable[[], Recipe] | None = None):
        self._recipe, self._work, self._closed = recipe, Background("labs-panel"), False
        self.found: pd.DataFrame | None = None
        self.which = widgets.Dropdown(
            options=[*LABS], description="Lab", tooltip="The experiment", layout=widgets.Layout(width="280px"),
            style={"description_width": "30px"},
        )  # fmt: skip
        self.run_button = widgets.Button(
            description="Run", tooltip="Train what the experiment needs", button_style="primary",
            layout=widgets.Layout(width="auto"),
        )  # fmt: skip
        self.stop_button = widgets.Button(
            description="Stop", tooltip="End the experiment; what it trained is not kept", disabled=True,
            layout=widgets.Layout(width="auto"),
        )  # fmt: skip
        self.asks, self.said, self.error = line(kind="strong"), line(kind="faint"), line(kind="error")
        self.figure, self.numbers = widgets.Output(), widgets.HTML()
        self._fold = widgets.Accordion([self.numbers], titles=["The numbers"], selected_index=None)
        self._fold.layout.display = "none"
        self.which.observe(lambda _: self.ask(), "value")
        self.run_button.on_click(lambda _: self.run())
        self.stop_button.on_click(lambda _: self.stop())
        row = widgets.HBox([self.which, self.run_button, self.stop_button], layout=widgets.Layout(align_items="center"))
        parts = [style_sheet(), row, self.asks, self.said, self.error, self.figure, self._fold]
        super().__init__(parts, layout=widgets.Layout(width="100%", padding="4px"))
        self.add_class("wb-labs")
        self.ask(now=False)

    def asked(self) -> Recipe:
        """The recipe that is experimented on."""
        return self._recipe() if callable(self._recipe) else self._recipe or Recipe()

    def ask(self, now: bool = True) -> None:
        """Say what the chosen experiment asks and, where `now`, what it takes, off the kernel's loop."""
        name = self.which.value
        self.asks.value, self.error.value = spoken(LABS[name].asks, "strong"), ""
        if not now or LABS[name].heads:
            self.said.value = spoken(foretold(name, Recipe()) if LABS[name].heads else "", "faint")
            return
        try:
            self._work(partial(foretold, name, self.asked()), self._say_if(name))
        except Exception as error:
            self.error.value = spoken(str(error) or type(error).__name__, "error")

    def _say_if(self, name: str) -> Callable[[Any, str], None]:
        def say(text: Any, kind: str) -> None:
            if name == self.which.value and not self._closed:
                self.said.value = spoken(text, kind)

        return say

    def run(self) -> None:
        """Train off the kernel's loop, and show the figure; an error is shown."""
        self.error.value = ""
        try:
            recipe = self.asked()
        except Exception as error:
            self.error.value = spoken(str(error) or type(error).__name__, "error")
            return
        lab = LABS[self.which.value]
        self.run_button.disabled, self.stop_button.disabled = True, False
        self.said.value = spoken("Reading the data …", "strong", "status")
        work = partial(self._made, lab, recipe, self._work.hear(self._say))
        if not self._work(work, partial(self._shown, lab)):
            self._shown(lab, work(), "faint")

    def stop(self) -> None:
        """End what trains at its next word; the figure before it stays."""
        self._work.stop()
        self.stop_button.disabled = True
        self.said.value = spoken("Stopping …", "strong", "status")

    def _made(self, lab: Lab, recipe: Recipe, heard: progress.Listener) -> pd.DataFrame | None:
        """What the lab found; None where it was stopped."""
        try:
            with progress.told_to(heard):
                return lab.made(recipe)
        except Stopped:
            return None

    def _say(self, text: str) -> None:
        if not (self.stop_button.disabled or self._closed):
            self.said.value = spoken(text, "strong", "status")

    def _shown(self, lab: Lab, found: Any, kind: str) -> None:
        if self._closed:
            return
        self.run_button.disabled, self.stop_button.disabled = False, True
        self.said.value = ""
        if found is None:
            self.said.value = spoken("Stopped: nothing of this experiment is kept.", "note", "status")
            return
        if kind == "error":
            self.error.value = spoken(found, "error")
            return
        self.found, drawn = found, lab.drawn(found)
        self.figure.outputs = (still(drawn),)
        rows = found.head(SHOWN).to_dict("records")
        self.numbers.value = table([[_said(cell) for cell in row.values()] for row in rows], [*found.columns])
        self._fold.layout.display = ""

    def close(self) -> None:
        """Let the thread go; what trains ends at its next word."""
        self._closed = True
        self._work.close()
        self._fold.children = ()
        super().close()


def _said(cell: Any) -> str:
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)
