"""The recipe as controls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import traitlets

from workbench import progress
from workbench.choices import COLUMN, Menu
from workbench.errors import BadChoice
from workbench.panels.backbone_picker import BackbonePicker
from workbench.panels.background import Background
from workbench.panels.choosing import OneOf, Several
from workbench.panels.controls import Control
from workbench.panels.copying import CopyButton
from workbench.panels.text import line, spoken, style_sheet, table
from workbench.recipe import Recipe

FOLDED = ("optimizer", "lr", "schedule", "batch_size", "accumulate", "epochs", "precision", "seed")


class RecipePanel(widgets.VBox):  # type: ignore[misc]
    """Choose data, backbone, what trains and what regularizes; `value` is the recipe.

    What a control proposes becomes the value where it is valid; else its error is shown and the last good value stays.
    """

    value = traitlets.Instance(Recipe)

    def __init__(self, recipe: Recipe | None = None, **layout: Any):
        self._in_background = Background("recipe-panel")
        self._looking_up = Background("backbones")  # what is quick, and need not wait for a probe
        self._wrong: Exception | None = None
        self._shapes: dict[Any, tuple[int, int]] = {}
        self._times: dict[Recipe, str] = {}
        value = recipe or Recipe()
        self._shown = value  # the recipe that the controls show
        self._columned: Any = None  # the data whose columns are offered
        self._build(value)
        super().__init__(self._parts(), layout=widgets.Layout(padding="4px 12px 4px 4px", **layout), value=value)
        self.add_class("wb-recipe")
        self._show()
        self.observe(self._show, "value")

    def _build(self, value: Recipe) -> None:
        helps = {knob.name: knob.help for knob in Recipe.knobs()}
        self.data = OneOf("datasets", "Data", helps["data"], value.data, self._propose_data)
        self.backbone = BackbonePicker(
            value.backbone, self._proposer("backbone"), self._in_background, self._looking_up
        )
        self.scope = OneOf("scopes", "Scope", helps["scope"], value.scope, self._proposer("scope"))
        self.regularizers = Several(
            "regularizers", helps["regularizers"], value.regularizers, self._proposer("regularizers"), self._fits
        )
        self.training: dict[str, Any] = {}
        for knob in Recipe.knobs():
            if knob.name in FOLDED:
                old = getattr(value, knob.name)
                if isinstance(knob.domain, Menu):
                    title = knob.name.capitalize()
                    self.training[knob.name] = OneOf(knob.domain.of, title, knob.help, old, self._proposer(knob.name))
                else:
                    self.training[knob.name] = Control(knob, old, self._setter(knob.name))

    def _parts(self) -> list[Any]:
        self.error, self.counts, self.said = line(kind="error"), line(kind="faint"), line(kind="faint")
        order = ("epochs", "lr", "batch_size", "optimizer", "schedule", "accumulate", "precision", "seed")
        inside = widgets.VBox([self.training[name].box for name in order])
        self.fold = widgets.Accordion([inside], titles=["Training"], selected_index=None)
        self.table = widgets.HTML()
        self.more = widgets.Accordion([self.table], titles=["Parameters and hyperparameters"], selected_index=None)
        self.more.observe(self._fill_table, "selected_index")
        self.copy = CopyButton()
        self.copy.observe(self._copied, "copied")
        self.save = widgets.Button(
            description="Save as parameters",
            tooltip="Write the recipe into a YAML file here, for `python -m workbench run FILE` or `search FILE`",
            layout=widgets.Layout(width="auto"),
        )
        self.save.on_click(self._save)
        self.code = widgets.Textarea(rows=8, layout=widgets.Layout(width="auto", display="none"))
        chosen = [self.data.box, self.backbone.box, self.scope.box, self.regularizers.box, self.fold]
        buttons = widgets.HBox([self.copy, self.save])
        return [self.error, *chosen, self.counts, self.more, buttons, self.said, self.code, style_sheet()]

    def _fits(self, regularizer: Any) -> bool:
        """Whether it has a place in the recipe as it is."""
        return not regularizer.unfit(self._shown)

    # -- from the controls to the value -------------------------------------------------------------------------------

    def _proposer(self, field: str) -> Callable[[Callable[[], Any]], None]:
        return lambda make: self._propose(lambda: {field: make()})

    def _propose_data(self, make: Callable[[], Any]) -> None:
        """Other data; with a person's own, or of another kind, the backbone is not kept in silence."""

        def chosen() -> dict[str, Any]:
            data, before = make(), self.value.data
            other = (data.own and not before.own) or data.domain != before.domain
            return {"data": data} | ({"backbone": ""} if other else {})

        self._propose(chosen)

    def _setter(self, field: str) -> Callable[[Any], None]:
        return lambda value: self._propose(lambda: {field: value})

    def use(self, recipe: Recipe) -> None:
        """Make this the value; what a control still says that was refused is taken back."""
        if recipe == self.value:
            self._show()
        self.value = recipe

    def checked(self) -> Recipe:
        """The recipe, or the error of what a control says: then the value is not what a person sees."""
        if self._wrong:
            raise self._wrong
        return self.value

    def _propose(self, make: Callable[[], dict[str, Any]]) -> None:
        try:
            new = self.value.replace(**make())
        except (
            Exception
        ) as error:  # whatever a class from a cell may raise: shown, since a callback's error is swallowed
            self._wrong, self.counts.value = error, ""  # what stands there is of another recipe
            self.error.value = spoken(str(error) or type(error).__name__, "error")
            return
        self.use(new)

    # -- from the value to the controls -------------------------------------------------------------------------------

    def _show(self, _: Any = None) -> None:
        value = self.value
        self._shown, self._wrong, self.error.value = value, None, ""
        if why := next(filter(None, (each.unfit(value) for each in value.regularizers)), ""):
            self._wrong, self.error.value, self.counts.value = BadChoice(why), spoken(why, "error"), ""
        for part in ("data", "scope", "regularizers"):
            getattr(self, part).show(getattr(value, part))
        self.backbone.show(value.backbone, value.data)
        for name, control in self.training.items():
            control.show(getattr(value, name))
        self.fold.titles = [f"Training: {value.epochs} epochs, lr {value.lr:g}, batches of {value.batch_size}"]
        self.copy.text = self.code.value = value.as_code()
        if self.more.selected_index is not None:
            self._fill_table()
        if "wb-error" in self.counts.value:  # it was of another recipe
            self.counts.value = ""
        if value.data != self._columned:
            self._columned = value.data
            self._looking_up(value.data.columns, partial(self._offer_columns, value.data))
        works: tuple[Callable[[Recipe], str], ...] = (self.counted,)
        if value.data.own:
            works = (self.estimated, self.counted) if value.backbone.architecture else (self.outlined,)
        for work in works:
            self._in_background(partial(self._if_still, value, work), partial(self._counted, value))

    def _offer_columns(self, data: Any, found: Any, kind: str) -> None:
        """Name the table's columns where one is chosen, and what was guessed; why there are none is said elsewhere."""
        if found is None or kind == "error" or data != self.value.data:
            return
        for role, control in self.data.knobs.controls.items():
            if control.knob.domain == COLUMN:
                guess = getattr(found, role, "")
                control.offer(found.there, f"guessed: {guess}" if guess else "none")

    def _if_still(self, value: Recipe, work: Callable[[Recipe], str]) -> str:
        if value != self.value:
            return ""  # a slider passes many on its way
        with progress.told_to(partial(self._heard, value)):
            return work(value)

    def _heard(self, value: Recipe, what: str, done: int, total: int) -> None:
        """How far reading is; it ends where other data was chosen meanwhile, and what was read is kept."""
        if value.data != self.value.data:
            raise InterruptedError("other data was chosen")
        said = f"{self._times.get(value, '')} {what.capitalize()}: {done:,} of {total:,}.".strip()
        self._in_background.on_loop(lambda: self._counted(value, said, "faint"))

    def _counted(self, value: Recipe, said: str, kind: str) -> None:
        if value == self.value and not self._wrong:  # else it would stand under another entry
            self.counts.value = spoken(said, kind)

    def outlined(self, recipe: Recipe) -> str:
        """How much data there is, and how long reading it takes; before a backbone is chosen."""
        from workbench.cost import lasting

        examples, side = recipe.data.extent()
        seconds, unread = recipe.data.reading()
        once = f" About {lasting(seconds)} to read {unread:,} of them, once." if unread else ""
        what = {"vision": f"of {side} px", "language": f"of up to {side} tokens", "points": "in a plane"}
        return f"{examples:,} examples {what.get(recipe.data.domain, f'of up to {side / 16_000:g} s')}.{once}"

    def estimated(self, recipe: Recipe) -> str:
        """How long it takes to the first epoch, by a probe; before the pictures are read."""
        from workbench import cost

        self._times[recipe] = cost.said(cost.before(recipe))
        return f"{self._times[recipe]} Reading the examples …"

    def counted(self, recipe: Recipe) -> str:
        """What trains, and what stays, in a sentence; slow, since it builds the network."""
        from workbench.trained import sentence

        return f"{sentence(recipe, *self._shape(recipe.data))} {self._times.pop(recipe, '')}".strip()

    def _shape(self, data: Any) -> tuple[int, int]:
        if data not in self._shapes:
            loaded = data.load()
            self._shapes[data] = (len(loaded.classes), loaded.side)
        return self._shapes[data]

    # -- beside the value ---------------------------------------------------------------------------------------------

    def _fill_table(self, _: Any = None) -> None:
        if self.more.selected_index is None:
            return
        value = self.value
        self.table.value = spoken("Counting …", "faint")
        self._in_background(lambda: self.tabled(value) if value == self.value else "", self._show_table)

    def _show_table(self, found: str, kind: str) -> None:
        self.table.value = found if kind == "faint" else spoken(found, kind)

    def tabled(self, recipe: Recipe) -> str:
        """Parameters beside hyperparameters as HTML: a table a kind, headed by who sets them."""
        from workbench.menus import parameters

        parts = []
        for (kind, by), rows in parameters(recipe).groupby(["kind", "set by"], sort=False):
            parts.append(spoken(f"{kind}: set by {by}", "head") + table(rows[["name", "value"]].to_numpy().tolist()))
        return "".join(parts)

    def _copied(self, _: Any) -> None:
        self.code.layout.display = ""
        said = "Copied:" if self.copy.worked else "The browser did not let it be copied; take it from here:"
        self.said.value = spoken(said, "faint")

    def _save(self, _: Any) -> None:
        import yaml

        path = Path.cwd() / f"recipe-{self.value.id}.yaml"
        try:
            path.write_text(yaml.safe_dump(self.value.to_dict(), sort_keys=False, allow_unicode=True), encoding="utf-8")
        except OSError as error:
            self.said.value = spoken(f"Not saved: {error}", "error")
            return
        self.said.value = spoken(f"Saved: {path}", "faint")

    def close(self) -> None:
        """Let the thread go with the widget."""
        self._in_background.close()
        self._looking_up.close()
        super().close()
