"""The one live figure: made once, refilled in place, whole again after a page was reloaded."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np

if TYPE_CHECKING:
    import plotly.graph_objects as go


class Chart:
    """Shows figures of one kind, one after the other, in `box`."""

    def __init__(self, figure: go.Figure):
        import pandas  # noqa: F401  # plotly looks into it wherever it is imported, be it half by a thread
        import plotly.graph_objects as go

        self.widget = go.FigureWidget(_packed(figure))
        self.widget._config = {"responsive": True, "displaylogo": False, "displayModeBar": False}
        self.widget.layout.autosize = True
        self.box = widgets.VBox([self.widget], layout=widgets.Layout(width="100%", overflow="hidden"))

    def draw(self, figure: go.Figure) -> None:
        """Show this figure: its numbers go into the traces that are there, in one message; others replace them."""
        packed = _packed(figure)
        here = self.widget
        if _kinds(here) != _kinds(packed):
            here.data = ()
            here.add_traces(packed.data)
        with here.batch_update():  # what is the same already is not sent
            for old, new in zip(here.data, packed.data, strict=True):
                old.x, old.y, old.customdata = new.x, new.y, new.customdata
            here.layout.title.text = packed.layout.title.text
        self._remember()  # after the batch, which changes the figure at its end

    def _remember(self) -> None:
        """Have a reloaded page show what stands here now, and not what was shown first.

        plotly tells the browser of changes by messages, and keeps in the widget's state only what it was made with.
        """
        self.widget._widget_data = deepcopy(self.widget._data)
        self.widget._widget_layout = deepcopy(self.widget._layout)

    def close(self) -> None:
        """Take the figure out of the page, and its five megabytes of code out of a saved notebook."""
        self.box.children = ()
        self.widget.close()


def _packed(figure: go.Figure) -> go.Figure:
    """The same figure with its numbers as arrays, which travel as bytes."""
    for trace in figure.data:
        for name in ("x", "y", "customdata"):
            if (values := trace[name]) is not None:
                trace[name] = None  # plotly keeps a list where an array that equals it comes
                trace[name] = np.asarray(values, dtype=np.float64)
    return figure


def _kinds(figure: Any) -> list[tuple[Any, ...]]:
    """What must be the same for one figure's numbers to go into another's traces."""
    return [(trace.name, trace.mode, trace.xaxis, trace.line.color) for trace in figure.data]
