"""The recipe as controls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import traitlets

from workbench.choices import Menu
from workbench.panels.backbone_picker import BackbonePicker
from workbench.panels.choosing import OneOf, Several
from workbench.panels.controls import Control
from workbench.panels.copying import CopyButton
from workbench.panels.text import line, spoken, table
from workbench.recipe import Recipe

FOLDED = ("optimizer", "lr", "schedule", "batch_size", "accumulate", "epochs", "precision", "seed")


class RecipePanel(widgets.VBox):  # type: ignore[misc]
    """Choose data, backbone, what trains and what regularizes; `value` is the recipe.

    What a control proposes becomes the value where it is valid; else its error is shown and the last good value stays.
    """

    value = traitlets.Instance(Recipe)

    def __init__(self, recipe: Recipe | None = None, **layout: Any):
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recipe-panel")
        self._wrong: Exception | None = None
        self._shapes: dict[Any, tuple[int, int]] = {}
        value = recipe or Recipe()
        self._build(value)
        super().__init__(self._parts(), layout=widgets.Layout(padding="4px 12px 4px 4px", **layout), value=value)
        self.add_class("wb-recipe")
        self._show()
        self.observe(self._show, "value")

    def _build(self, value: Recipe) -> None:
        helps = {knob.name: knob.help for knob in Recipe.knobs()}
        self.data = OneOf("datasets", "Data", helps["data"], value.data, self._proposer("data"))
        self.backbone = BackbonePicker(value.backbone, self._proposer("backbone"), self._in_background)
        self.scope = OneOf("scopes", "Scope", helps["scope"], value.scope, self._proposer("scope"))
        self.regularizers = Several(
            "regularizers", helps["regularizers"], value.regularizers, self._proposer("regularizers")
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
            tooltip="Write the recipe into a YAML file here: a notebook's or the command line's parameters",
            layout=widgets.Layout(width="auto"),
        )
        self.save.on_click(self._save)
        self.code = widgets.Textarea(rows=8, layout=widgets.Layout(width="auto", display="none"))
        chosen = [self.data.box, self.backbone.box, self.scope.box, self.regularizers.box, self.fold]
        buttons = widgets.HBox([self.copy, self.save])
        return [*chosen, self.error, self.counts, self.more, buttons, self.said, self.code]

    # -- from the controls to the value -------------------------------------------------------------------------------

    def _proposer(self, field: str) -> Callable[[Callable[[], Any]], None]:
        return lambda make: self._propose(lambda: {field: make()})

    def _setter(self, field: str) -> Callable[[Any], None]:
        return lambda value: self._propose(lambda: {field: value})

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
            self._wrong = error
            self.error.value = spoken(str(error) or type(error).__name__, "error")
            return
        if new == self.value:  # taken back: another control may still say what was refused
            self._show()
        self.value = new

    # -- from the value to the controls -------------------------------------------------------------------------------

    def _show(self, _: Any = None) -> None:
        value = self.value
        self._wrong, self.error.value = None, ""
        for part in ("data", "backbone", "scope", "regularizers"):
            getattr(self, part).show(getattr(value, part))
        for name, control in self.training.items():
            control.show(getattr(value, name))
        self.fold.titles = [f"Training: {value.epochs} epochs, lr {value.lr:g}, batches of {value.batch_size}"]
        self.copy.text = self.code.value = value.as_code()
        if self.more.selected_index is not None:
            self._fill_table()
        if "wb-error" in self.counts.value:  # it was of another recipe
            self.counts.value = ""
        self._in_background(
            lambda: self.counted(value) if value == self.value else "",  # a slider passes many on its way
            lambda said, kind: self._counted(value, said, kind),
        )

    def _counted(self, value: Recipe, said: str, kind: str) -> None:
        if value == self.value:
            self.counts.value = spoken(said, kind)

    def counted(self, recipe: Recipe) -> str:
        """How many parameters train and how many are frozen, in words; slow, since it builds the network."""
        from workbench.menus import counts

        found = counts(recipe, *self._shape(recipe.data))
        trained = found["body trained"] + found["head trained"]
        return f"{trained:,} parameters train, {found['body frozen']:,} are frozen."

    def _shape(self, data: Any) -> tuple[int, int]:
        if data not in self._shapes:
            loaded = data.load()
            self._shapes[data] = (len(loaded.classes), int(loaded.inputs.shape[-1]))
        return self._shapes[data]

    # -- beside the value ---------------------------------------------------------------------------------------------

    def _in_background(self, work: Callable[[], Any], show: Callable[[Any, str], None]) -> None:
        """Do slow work (torch and timm are imported in it) off the kernel's loop; `show` gets what came out, and how.

        How is "faint" for a result and "error" for the text of an error.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # no kernel: nobody looks

        def done(future: Any) -> None:
            if not future.cancelled():
                error = future.exception()
                show(str(error) if error else future.result(), "error" if error else "faint")

        loop.run_in_executor(self._thread, work).add_done_callback(done)

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
        self._thread.shutdown(wait=False, cancel_futures=True)
        super().close()
