"""The data as the model sees it: a batch, pictures that look alike, and what was found when the files were read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from workbench.displaying import pictures, shown
from workbench.panels.background import Background
from workbench.panels.text import escaped, line, spoken, style_sheet, table

if TYPE_CHECKING:
    from workbench.recipe import Recipe

SHOWN = 24  # pictures of a batch, and pairs
LETTERS = 300  # of a text in a pair


class LookPanel(widgets.VBox):  # type: ignore[misc]
    """Looks at the data of `recipe`: a recipe, or a function that gives the one that is chosen."""

    def __init__(self, recipe: Recipe | Callable[[], Recipe]):
        self._recipe, self._work, self._seed = recipe, Background("look-panel"), 0
        self.look = widgets.Button(
            description="Look at a batch", layout=widgets.Layout(width="auto", align_self="flex-start"),
            tooltip="Training examples as the backbone gets them, and pictures that look alike; again for others",
        )  # fmt: skip
        self.look.on_click(lambda _: self.refresh())
        self.notes, self.said = widgets.HTML(), line(kind="strong")
        self.batch, self.pairs = widgets.HTML(), widgets.HTML()
        self.fold = widgets.Accordion([self.pairs], selected_index=None)
        self.fold.titles = ["Pairs that look alike, those in two parts first"]
        self.fold.layout.display = "none"
        super().__init__([style_sheet(), self.look, self.said, self.batch, self.notes, self.fold])
        self.layout.padding = "4px 8px"

    def refresh(self, recipe: Recipe | None = None) -> None:
        """Look at this, or what is chosen now; reading its files may take a while and says how far it is."""
        try:
            recipe = recipe or (self._recipe() if callable(self._recipe) else self._recipe)
        except Exception as error:
            self.said.value = spoken(str(error) or type(error).__name__, "error")
            return
        self.said.value = spoken("Reading …", "strong", "status")
        self._seed += 1
        self._work(partial(self.looked_up, recipe, self._seed), self._show)

    def looked_up(self, recipe: Recipe, seed: int) -> dict[str, str]:
        """The batch, the notes and the pairs as HTML; slow."""
        from workbench import looking, progress

        with progress.told_to(self._work.hear(self._say)):
            data = recipe.data.load()
            batch = looking.batch(recipe, SHOWN, seed)
        pairs = looking.alike(data, SHOWN)
        notes = "".join(f"<li>{escaped(note)}</li>" for note in data.notes)
        return {
            "batch": shown(batch),
            "notes": f'<ul class="wb-note">{notes}</ul>',
            "pairs": _texts(pairs)
            if data.domain == "language"
            else pictures(s for pair in pairs for s in _sides(pair)),
        }

    def _say(self, text: str) -> None:
        self.said.value = spoken(text, "strong")

    def _show(self, found: Any, kind: str) -> None:
        if kind == "error":
            self.said.value = spoken(found, "error")
            return
        self.said.value = spoken("Training examples as the backbone gets them:", "strong", "status")
        self.batch.value, self.notes.value = found["batch"], found["notes"]
        self.pairs.value = found["pairs"]
        self.fold.layout.display = "" if found["pairs"] else "none"

    def close(self) -> None:
        """Let the thread go with the widget."""
        self._work.close()
        super().close()


def _texts(pairs: Sequence[Mapping[str, Any]]) -> str:
    """Pairs of texts as a table, a line a text, as much of each as one compares at a glance."""
    rows = [
        [f"{pair['keys'][at]} ({pair['parts'][at]})", pair["labels"][at], pair["texts"][at][:LETTERS]]
        for pair in pairs for at in range(2)
    ]  # fmt: skip
    return table(rows, ["row", "label", "text"]) if rows else ""


def _sides(pair: dict[str, Any]) -> list[tuple[Any, str, str]]:
    return [(pair["pictures"][at], f"{pair['labels'][at]} ({pair['parts'][at]})", pair["keys"][at]) for at in range(2)]
