"""The winner of a search: one deliberate look at the test set, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from workbench.panels.background import Background
from workbench.panels.pressing import wrong
from workbench.panels.runs_panel import ranged
from workbench.panels.text import line, spoken, table
from workbench.searching import Study

HONEST = (
    "The best settings and two runners-up train again over 5 other seeds; then the winner is measured on the test set. "
    "Each look at the test set makes its figure less honest: press again where the search is done."
)


class WinnerBox:
    """A button that asks once more before it works, to be placed, and `box`, with what came of it."""

    def __init__(self, study: Callable[[], Study | None]):
        self._study, self._in_background = study, Background("search-winner")
        self.working = False
        self._found_of: dict[Path, tuple[str, str]] = {}  # what was said of each study, and its rivals
        self.button = widgets.Button(tooltip=HONEST, layout=widgets.Layout(width="auto"))
        self.button.on_click(lambda _: self._pressed())
        self.said, self.rivals = line(), widgets.HTML()
        self.box = widgets.VBox([self.said, self.rivals])
        self._arm(False)

    @property
    def armed(self) -> bool:
        """Whether another press looks at the test set."""
        return bool(self.button.button_style)

    def _arm(self, on: bool) -> None:
        self.button.description = "Really look at the test set?" if on else "Winner …"
        self.button.button_style = "danger" if on else ""

    def allow(self, on: bool) -> None:
        """Whether it can be pressed: not while the search runs, nor while it works."""
        self.button.disabled = self.working or not on

    def forget(self) -> None:
        """Another study is shown, or something else was pressed: what stands there is what was found of this one."""
        self._arm(False)
        study = self._study()
        self.said.value, self.rivals.value = self._found_of.get(study.folder, ("", "")) if study else ("", "")

    def _say(self, study: Study, said: str, rivals: str = "") -> None:
        """It stays with its study, which may not be the one that is shown."""
        self._found_of[study.folder] = said, rivals
        shown = self._study()
        if shown is not None and shown.folder == study.folder:
            self.said.value, self.rivals.value = said, rivals

    def _pressed(self) -> None:
        study, sure = self._study(), self.armed
        if study is None:
            return
        self.forget()
        try:
            if not sure:
                self._arm(True)
                self.said.value = spoken(HONEST)
                return
            self.working = self.button.disabled = True
            self._say(study, spoken("Training the best settings again over 5 seeds …", role="status"))
            if not self._in_background(study.winner, partial(self._found, study)):
                self._found(study, study.winner(), "faint")
        except Exception as error:
            self.working = self.button.disabled = False
            self._say(study, wrong(error))

    def _found(self, study: Study, found: Any, kind: str) -> None:
        self.working = self.button.disabled = False
        if kind == "error":
            self._say(study, spoken(found, kind))
            return
        rows = [[f"trial {each['number']}", ranged(each["mean"], each["low"], each["high"])] for each in found.rivals]
        rivals = table(rows, ["runner-up", "accuracy by which the winner is ahead"]) if rows else ""
        self._say(study, spoken(str(found), "strong", "status"), rivals)

    def close(self) -> None:
        """Let the thread go."""
        self._in_background.close()
