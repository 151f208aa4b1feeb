"""Examples as pictures with a word below each."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from workbench.plots.style import figure, label

if TYPE_CHECKING:
    import plotly.graph_objects as go

ACROSS = 8


def rows(examples: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row an example: `column` and `line` of its place, `said` (its label, and what was answered), `source`."""
    return [
        {"column": at % ACROSS, "line": at // ACROSS, "said": _said(each), "source": _source(each)}
        for at, each in enumerate(examples)
    ]


def _said(each: Mapping[str, Any]) -> str:
    given = label(each["label"], 18)
    if "answer" not in each:
        return given
    return f"{given}<br>→ {label(each['answer'], 14)} {each['confidence']:.2f}"


def _source(each: Mapping[str, Any]) -> str:
    from workbench.looking import png

    return "data:image/png;base64," + base64.b64encode(png(each["picture"])).decode()


def pictures(examples: Iterable[Mapping[str, Any]], title: str = "") -> go.Figure:
    """Pictures in a grid, each with its label and, where there is one, the answer and its confidence.

    `examples`: dicts with `picture` (uint8, channels, height, width), `label` and, if you like, `answer`, `confidence`.
    """
    found = rows(examples)
    lines = max((each["line"] for each in found), default=0) + 1
    hidden = {"visible": False, "fixedrange": True}
    drawn = figure(
        [],
        title or f"{len(found)} examples.",
        height=90 + 138 * lines,
        xaxis=hidden | {"range": [0, ACROSS]},
        yaxis=hidden | {"range": [lines, 0]},
        showlegend=False,
    )
    for each in found:
        middle = {"x": each["column"] + 0.5, "xanchor": "center", "yanchor": "top"}
        size = {"sizex": 0.94, "sizey": 0.72, "xref": "x", "yref": "y"}
        drawn.add_layout_image(source=each["source"], y=each["line"], **middle, **size)
        drawn.add_annotation(text=each["said"], y=each["line"] + 0.73, showarrow=False, font={"size": 11}, **middle)
    return drawn
