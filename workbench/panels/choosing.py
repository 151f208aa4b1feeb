"""One entry of a menu with its knobs; several of them; a backbone by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as widgets

from workbench.choices import Choice, entries, menu_base
from workbench.panels.controls import WIDE, Control
from workbench.panels.text import line

Propose = Callable[[Callable[[], Any]], None]  # gets what makes the new value, so that its error can be shown


class Knobs:
    """The controls of one choice's knobs. Holds a draft: what the controls say, whether it is valid or not."""

    def __init__(self, choice: type[Choice], values: dict[str, Any], propose: Propose):
        self.choice, self.draft, self._propose = choice, dict(values), propose
        self.controls = {k.name: Control(k, values[k.name], self._setter(k.name)) for k in choice.knobs()}
        folded = [self.controls[k.name].box for k in choice.knobs() if k.more]
        shown = [self.controls[k.name].box for k in choice.knobs() if not k.more]
        if folded:
            shown.append(widgets.Accordion([widgets.VBox(folded)], titles=["More"], selected_index=None))
        self.box = widgets.VBox(shown, layout=widgets.Layout(padding="0 0 0 10px"))

    def _setter(self, name: str) -> Callable[[Any], None]:
        def chosen(value: Any) -> None:
            self.draft[name] = value
            self._propose(lambda: self.choice(**self.draft))

        return chosen

    def show(self, values: dict[str, Any]) -> None:
        """Put these values into the controls."""
        self.draft = dict(values)
        for name, control in self.controls.items():
            control.show(values[name])


class OneOf:
    """A dropdown over a menu, and the knobs of the entry that is chosen."""

    def __init__(self, menu: str, title: str, help: str, value: Choice, propose: Propose):
        self.menu, self._help, self._propose, self._showing = menu, help, propose, False
        self.dropdown = widgets.Dropdown(
            options=[*entries(menu_base(menu))],
            value=value.name,
            description=title,
            style=WIDE,
            layout=widgets.Layout(width="auto"),
        )
        self.box = widgets.VBox([])
        self._rebuild(type(value), value.values())
        self.dropdown.observe(self._chosen, "value")

    def _chosen(self, change: Any) -> None:
        if self._showing or change.new == self.knobs.choice.name:
            return
        kind = entries(menu_base(self.menu))[change.new]
        self._rebuild(kind, {k.name: k.default for k in kind.knobs()})
        self._propose(kind)

    def show(self, value: Choice) -> None:
        """Show this entry; the controls stay where it is of the same class, so that one can be dragged."""
        self._showing = True
        try:
            _offer(self.dropdown, [*entries(menu_base(self.menu))])
            self.dropdown.value = value.name
        finally:
            self._showing = False
        if type(value) is self.knobs.choice:
            self.knobs.show(value.values())
        else:
            self._rebuild(type(value), value.values())

    def _rebuild(self, kind: type[Choice], values: dict[str, Any]) -> None:
        self.knobs = Knobs(kind, values, self._propose)
        self.box.children = (self.dropdown, self.knobs.box)
        self.dropdown.tooltip = f"{self._help} {kind.about()}"


class Several:
    """Entries of a menu, each at most once: a row each with its knobs and a button that removes it; and one adds."""

    def __init__(
        self,
        menu: str,
        help: str,
        value: tuple[Choice, ...],
        propose: Propose,
        fits: Callable[[Choice], bool] = lambda each: True,
    ):
        self.menu, self.value, self._propose, self._showing, self._fits = menu, value, propose, False, fits
        self.rows: dict[str, Knobs] = {}
        self.removers: dict[str, Any] = {}
        self.adder = widgets.Dropdown(
            options=["+ add"], description="Regularizers", tooltip=help, style=WIDE, layout=widgets.Layout(width="auto")
        )
        self.adder.observe(self._add, "value")
        self.box = widgets.VBox([])
        self._rebuild(value)
        self._offer()

    def _add(self, change: Any) -> None:
        found = entries(menu_base(self.menu))
        if not self._showing and change.new in found:
            kind = found[change.new]
            self._propose(lambda: (*self.value, kind()))
            self._offer()  # back to "+ add" where it was refused, so that it can be chosen again

    def _remove(self, name: str) -> None:
        self._propose(lambda: tuple(each for each in self.value if each.name != name))

    def _turned(self, name: str, make: Callable[[], Any]) -> None:
        self._propose(lambda: tuple(make() if each.name == name else each for each in self.value))

    def show(self, value: tuple[Choice, ...]) -> None:
        """Show these entries; rows that stay keep their controls."""
        same = [type(each) for each in value] == [row.choice for row in self.rows.values()]
        self.value = value
        if not same:
            self._rebuild(value)
        self._offer()
        for each in value:
            self.rows[each.name].show(each.values())

    def _rebuild(self, value: tuple[Choice, ...]) -> None:
        self.rows, self.removers, shown = {}, {}, []
        for each in value:
            self.rows[each.name] = Knobs(type(each), each.values(), partial(self._turned, each.name))
            shown.append(self._row(each))
        self.box.children = (self.adder, *shown)

    def _row(self, each: Choice) -> Any:
        remove = widgets.Button(
            description="Remove", tooltip=f"Remove {each.name}", layout=widgets.Layout(width="auto", height="24px")
        )
        remove.on_click(lambda _, name=each.name: self._remove(name))
        self.removers[each.name] = remove
        head = widgets.HBox([line(each.name, "strong"), remove], layout=widgets.Layout(justify_content="space-between"))
        head.children[0].tooltip = each.about()
        return widgets.VBox([head, self.rows[each.name].box], layout=widgets.Layout(padding="0 0 0 10px"))

    def _offer(self) -> None:
        """Offer what is not taken, a class from a cell that was run meanwhile too."""
        self._showing = True
        try:
            _offer(self.adder, self._offered({each.name for each in self.value}))
            self.adder.value = "+ add"
        finally:
            self._showing = False

    def _may(self, kind: type[Choice]) -> bool:
        try:
            return self._fits(kind())
        except Exception:  # what its default is refused for is told to whoever chooses it
            return True

    def _offered(self, taken: set[str]) -> list[str]:
        """Those that fit and are not taken, the ones a beginner meets first, the rest behind a line."""
        found = entries(menu_base(self.menu)).items()
        free = {name: kind for name, kind in found if name not in taken and self._may(kind)}
        first = [name for name, kind in free.items() if getattr(kind, "in_sight", True)]
        more = [name for name in free if name not in first]
        return ["+ add", *first, *(["— more —", *more] if more else [])]


def _offer(dropdown: Any, names: list[str]) -> None:
    if names != [*dropdown.options]:
        dropdown.options = names
