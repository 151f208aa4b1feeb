"""A backbone by name: a field that completes, what is known of the one that stands there, and a search over all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from workbench.panels.choosing import Propose
from workbench.panels.controls import WIDE, browsed
from workbench.panels.text import line, spoken

Work = Callable[[Callable[[], Any], Callable[[Any, str], None]], object]  # does slow work elsewhere, then shows it
FOUND = 200  # rows in the list at the most
NARROW = {"description_width": "44px"}


class BackbonePicker:
    """Shows one backbone and proposes another.

    `work` does what takes long off the kernel's loop; `look` the same for what is only looked up, and need not wait.
    """

    def __init__(self, value: Any, propose: Propose, work: Work, look: Work | None = None):
        self._propose, self._work, self._look, self._showing, self._asked = propose, work, look or work, False, "?"
        self._domain = ""  # whose names the field completes
        self.data: Any = None  # what it shall learn from: for a person's own data the list is a short one that fits it
        wide = {"style": WIDE, "layout": widgets.Layout(width="auto"), "continuous_update": False}
        knobs = {knob.name: knob for knob in type(value).knobs()}
        helps = {name: knob.help for name, knob in knobs.items()}
        self.name = widgets.Combobox(description="Backbone", tooltip=helps["architecture"], placeholder="name", **wide)
        self.weights = widgets.Combobox(
            options=["pretrained", "random"], description="weights", tooltip=helps["weights"], **wide
        )
        self.about = line(kind="faint")
        self.words = widgets.Text(
            description="words", placeholder="such as: resnet18, or dino mit",
            tooltip="Words of a name, source or licence", **(wide | {"style": NARROW}),
        )  # fmt: skip
        self.list = widgets.Select(
            options=[], rows=7, description="found", tooltip="What is on this disk stands first", style=NARROW,
            layout=widgets.Layout(width="auto", height="auto"),
        )  # fmt: skip
        self.told = line(kind="faint")  # how many there are; the list's lines whole, where these are few
        self.fold = widgets.Accordion([widgets.VBox([self.words, self.list, self.told])], titles=["Find a backbone"])
        self.fold.selected_index = None
        self.folders, named = browsed(self.name, knobs["architecture"].domain)
        self.files, weights = browsed(self.weights, knobs["weights"].domain)
        inner = widgets.VBox([weights, self.about, self.fold], layout=widgets.Layout(padding="0 0 0 10px"))
        self.box = widgets.VBox([named, inner])
        self.show(value)
        for part in (self.name, self.weights):
            part.observe(self._chosen, "value")
        self.words.observe(self._search, "value")
        self.fold.observe(self._search, "selected_index")
        self.list.observe(self._picked, "value")

    def show(self, value: Any, data: Any = None) -> None:
        """Show this backbone, and say what is known of it; where none is chosen yet, open the list."""
        self._showing = True
        try:
            self.name.value, self.weights.value = value.architecture, value.weights
        finally:
            self._showing = False
        name, other = value.architecture, data != self.data
        self.data = data
        if (domain := data.domain if data is not None else "vision") != self._domain:
            self._domain = domain
            self._look(lambda: _all_names(domain), lambda names, kind: self._offer(domain, names, kind))
        if other and self.fold.selected_index is not None:
            self._search(None)
        if not name:
            self._asked = ""
            self.about.value = spoken("Choose one: for your own data none is taken in silence.", "error")
            if self.fold.selected_index is None:
                self.fold.selected_index = 0
        elif name != self._asked:
            self._asked = name
            self._look(lambda: _described(name), lambda said, kind: self._tell(name, said, kind))

    def _tell(self, name: str, said: str, kind: str) -> None:
        if name == self._asked:
            self.about.value = spoken(said, kind)

    def _chosen(self, _: Any) -> None:
        if not self._showing:
            self._propose(self._made)

    def _made(self) -> Any:
        from workbench.backbones import backbone

        return backbone(self.name.value.strip(), self.weights.value.strip() or "pretrained")

    # -- the search ---------------------------------------------------------------------------------------------------

    def _search(self, _: Any) -> None:
        if self.fold.selected_index is None:
            return
        asked = words, data = self.words.value, self.data
        short, domain = not words and data is not None and data.own, "" if data is None else data.domain
        self._fill([("trying each on this machine …" if short else "looking …", "")])  # none of other data's stays
        self.told.value = ""
        if short:
            self._work(lambda: _shortlist(data), lambda found, kind: self._list(asked, found, kind, short=True))
        else:
            self._look(lambda: _search(words, domain), lambda found, kind: self._list(asked, found, kind))

    def _list(self, asked: tuple[str, Any], found: Any, kind: str, short: bool = False) -> None:
        if asked != (self.words.value, self.data):
            return
        words, _ = asked
        none = [(f"nothing has {words!r} in its name, source or licence", "")]
        self._fill((found[:FOUND] or none) if kind == "faint" else [(found, "")])
        if kind == "faint":
            self.told.value = "".join(_told(line) for line, _ in found) if short else _many(found)

    def _fill(self, options: list[tuple[str, str]]) -> None:
        self._showing = True
        try:
            self.list.options, self.list.value = options, None
        finally:
            self._showing = False

    def _picked(self, change: Any) -> None:
        if change.new and not self._showing:
            self.name.value = change.new

    def _offer(self, domain: str, names: Any, kind: str) -> None:
        if kind == "faint" and domain == self._domain:
            self.name.options = names


def _many(found: list[Any]) -> str:
    """How many there are, where the list does not show all of them."""
    said = f"{FOUND} of {len(found):,}: another word finds fewer." if len(found) > FOUND else f"{len(found):,} found."
    return spoken(said, "faint")


def _told(line: str) -> str:
    name, _, rest = line.partition(" · ")
    return spoken(name, "strong") + spoken(rest, "faint")


def _all_names(domain: str) -> list[str]:
    """Names that the field completes: those that read pictures, texts or recordings."""
    from workbench.backbones.listing import search
    from workbench.backbones.vision import on_disk, timm_names

    if domain != "vision":
        return [row["name"] for row in search("", domain)]
    first = on_disk()
    return [*first, *sorted(timm_names() - set(first))]


def _described(name: str) -> str:
    from workbench.backbones.listing import described

    return described(name)


def _search(words: str, domain: str) -> list[tuple[str, str]]:
    from workbench.backbones.listing import line, search

    return [(f"{row['name']} · {line(row)}", row["name"]) for row in search(words, domain)]


def _shortlist(data: Any) -> list[tuple[str, str]]:
    from workbench.backbones.shortlist import in_a_line, shortlist

    return [(f"{row['name']} · {in_a_line(row)}", row["name"]) for row in shortlist(data).to_dict("records")]
