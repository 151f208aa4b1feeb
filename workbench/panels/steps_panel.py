"""Figures one after the other, at the press of a button."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import ipywidgets as widgets

from workbench.errors import BadChoice
from workbench.panels.chart import still
from workbench.panels.text import line, spoken, style_sheet

if TYPE_CHECKING:
    import plotly.graph_objects as go


class StepsPanel(widgets.VBox):  # type: ignore[misc]
    """Shows `figures`, the first one first; `next_name` is what the button that goes on says."""

    def __init__(self, figures: Sequence[go.Figure], next_name: str = "Next"):
        if not figures:
            raise BadChoice("a panel of steps takes one figure at least, got none.")
        self.figures, self.at = tuple(figures), 0
        self.back, self.next = (
            widgets.Button(description=name, tooltip=help, layout=widgets.Layout(width="auto"))
            for name, help in (("Back", "One step back"), (next_name, "One step on"))
        )
        self.back.on_click(lambda _: self.go(self.at - 1))
        self.next.on_click(lambda _: self.go(self.at + 1))
        self.next.button_style = "primary"
        self.said, self.shown = line(kind="faint"), widgets.Output()
        row = widgets.HBox([self.back, self.next, self.said], layout=widgets.Layout(align_items="center"))
        super().__init__([style_sheet(), row, self.shown])
        self.go(0)

    def go(self, at: int) -> None:
        """Show the figure at this place, the first or the last where there is none."""
        self.at = min(max(at, 0), len(self.figures) - 1)
        self.back.disabled, self.next.disabled = self.at == 0, self.at == len(self.figures) - 1
        self.said.value = spoken(f"step {self.at + 1} of {len(self.figures)}", "faint", "status")
        self.shown.outputs = (still(self.figures[self.at]),)
