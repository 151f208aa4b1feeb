"""The one live figure: made once, refilled in place, whole again after a page was reloaded."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets as widgets
import numpy as np

from workbench.page import PLOTLY

if TYPE_CHECKING:
    import plotly.graph_objects as go

NUMBERS = ("x", "y", "z", "customdata")  # what changes from one figure of a kind to the next
LOADER = Path(__file__).with_name("figure.js").read_text(encoding="utf-8")


class Chart:
    """Shows figures of one kind, one after the other, in `box`."""

    def __init__(self, figure: go.Figure):
        import pandas  # noqa: F401  # plotly looks into it wherever it is imported, be it half by a thread

        self.widget = _light()(_packed(figure))
        self.widget._config = {"responsive": True, "displaylogo": False, "displayModeBar": False}
        self.widget.layout.autosize = True
        self.box = widgets.VBox([self.widget], layout=widgets.Layout(width="100%", overflow="hidden"))

    def draw(self, figure: go.Figure) -> None:
        """Show this figure: its numbers go into the traces that are there, in one message.

        One of another kind takes the place of the traces and of the layout.
        """
        packed = _packed(figure)
        here = self.widget
        if _kinds(here) != _kinds(packed):
            here.data = ()
            here.layout = packed.layout
            here.layout.autosize = True
            here.add_traces(packed.data)
        with here.batch_update():  # what is the same already is not sent
            for old, new in zip(here.data, packed.data, strict=True):
                for name in filter(new.__contains__, NUMBERS):
                    old[name] = new[name]
                if new.text is not None:
                    old.text = new.text
            here.layout.title.text = packed.layout.title.text
        self._remember()  # after the batch, which changes the figure at its end

    def _remember(self) -> None:
        """Have a reloaded page show what stands here now, and not what was shown first.

        plotly tells the browser of changes by messages, and keeps in the widget's state only what it was made with.
        """
        self.widget._widget_data = deepcopy(self.widget._data)
        self.widget._widget_layout = deepcopy(self.widget._layout)

    def fit(self) -> None:
        """Have the browser fit the figure to its box where it is placed into a panel that has stood there before."""
        self.box.children = (self.widget, Fitting())

    def close(self) -> None:
        """Take the figure out of the page, and its five megabytes of code out of a saved notebook."""
        for each in self.box.children[1:]:
            each.close()
        self.box.children = ()
        self.widget.close()


@cache
def _light() -> Any:
    """plotly's FigureWidget, whose state does without plotly's five megabytes of code.

    A page that is loaded again asks for the state of every widget at once, and gives up after four seconds (ipywidgets
    8.1): with the code of each figure in it, on a busy machine, no widget came back. So the first figure of a kernel
    brings the code when it is made; all others take it from there, or ask for it.
    """
    import plotly.graph_objects as go
    from plotly import basewidget

    code = str(basewidget.BaseFigureWidget._esm)
    brought: list[bool] = []

    class Light(go.FigureWidget):  # type: ignore[misc]
        _esm = LOADER

        def __init__(self, *given: Any, **how: Any):
            first = not brought
            if first:
                brought.append(True)
                Light._esm = LOADER.replace("CODE = null", f"CODE = {json.dumps(code)}", 1)
            super().__init__(*given, **how)
            if first:
                Light._esm = LOADER
                self._trait_values["_esm"] = LOADER  # without a message: the page has the code by now
            self.on_msg(self._asked)

        def _asked(self, _: Any, content: Any, buffers: Any) -> None:
            if isinstance(content, dict) and content.get("kind") == "plotly":
                self.send({"kind": "plotly"}, buffers=[code.encode()])

    return Light


class Fitting(anywidget.AnyWidget):
    """Tells the page that its window changed whenever the box around this did: plotly listens to nothing else."""

    _esm = """
    function render({ el }) {
      const seen = new ResizeObserver(() => window.dispatchEvent(new Event("resize")));
      const box = () => { if (el.parentElement) seen.observe(el.parentElement); else requestAnimationFrame(box); };
      box();
      return () => seen.disconnect();
    }
    export default { render };
    """


def _packed(figure: go.Figure) -> go.Figure:
    """The same figure with its numbers as arrays, which travel as bytes."""
    for trace in figure.data:
        for name in filter(trace.__contains__, NUMBERS):
            if (values := trace[name]) is not None:
                trace[name] = None  # plotly keeps a list where an array that equals it comes
                trace[name] = np.asarray(values, dtype=np.float64)
    return figure


def _kinds(figure: Any) -> list[tuple[Any, ...]]:
    """What must be the same for one figure's numbers to go into another's traces."""
    found = []
    for trace in figure.data:
        look = (trace.mode, trace.line.color) if trace.type == "scatter" else (trace.zmin, trace.zmax)
        found.append((trace.type, trace.name, trace.xaxis, trace.hovertemplate, *look))
    return found


def still(figure: go.Figure) -> dict[str, Any]:
    """A figure as a cell's output: unlike a widget, it does not bring plotly's five megabytes of code each time."""
    data = {PLOTLY: json.loads(figure.to_json()), "text/plain": str(figure.layout.title.text)}
    return {"output_type": "display_data", "data": data, "metadata": {}}
