"""How much of each class every run finds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from workbench.plots.style import COLOURS, FAINT, axis, figure, label

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.comparing import Comparison

SYMBOLS = ("circle", "diamond", "square", "cross", "triangle-up", "x")  # beside the colours, for eyes and printers


def rows(comparison: Comparison) -> list[dict[str, Any]]:
    """One row a class and run: `class`, `name`, `recall`, `support`; without the classes that a run was not asked."""
    found = []
    for kind, scores in comparison.classes.iterrows():
        for name in comparison.given:
            recall, support = scores[name, "recall"], scores[name, "support"]
            if not math.isnan(recall):
                found.append({"class": str(kind), "name": name, "recall": float(recall), "support": int(support)})
    return found


def recalls(comparison: Comparison) -> go.Figure:
    """The recall of each class, a dot a run, the dots of a class joined by a line."""
    dots = rows(comparison)
    classes = list(dict.fromkeys(dot["class"] for dot in dots))
    place = {kind: at for at, kind in enumerate(classes)}
    traces = [_joined(dots, place)]
    traces += [
        _dots([dot for dot in dots if dot["name"] == name], place, name, at) for at, name in enumerate(comparison.given)
    ]
    names = [label(kind, 24) for kind in classes]
    return figure(
        traces,
        _title(dots, classes),
        height=max(260, min(900, 150 + 22 * len(classes))),
        xaxis=axis("recall (share of the label that is found)"),
        yaxis=axis("", tickvals=list(place.values()), ticktext=names, range=[len(classes) - 0.5, -0.5]),
    )


def _span(dots: list[dict[str, Any]], kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The dots of the least and of the most recall of a class."""
    of_class = sorted((dot for dot in dots if dot["class"] == kind), key=lambda dot: dot["recall"])
    return of_class[0], of_class[-1]


def _joined(dots: list[dict[str, Any]], place: dict[str, int]) -> dict[str, Any]:
    """A line from the least to the most in each class; a gap in the list parts two lines."""
    x: list[float | None] = []
    for kind in place:
        x += [*(dot["recall"] for dot in _span(dots, kind)), None]
    y = [each for at in place.values() for each in (at, at, None)]
    line = {"color": FAINT, "width": 4}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": "skip", "showlegend": False}


def _dots(own: list[dict[str, Any]], place: dict[str, int], name: str, at: int) -> dict[str, Any]:
    said = "%{customdata[0]}: %{x:.3f} of %{customdata[1]}<extra>" + label(name) + "</extra>"
    size = max(7, 15 - 3 * at)  # equal ones lie on each other, and each is seen
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [dot["recall"] for dot in own],
        "y": [place[dot["class"]] for dot in own],
        "marker": {"color": COLOURS[at % len(COLOURS)], "symbol": SYMBOLS[at % len(SYMBOLS)], "size": size},
        "customdata": [[label(dot["class"]), dot["support"]] for dot in own],
        "hovertemplate": said,
        "name": label(name),
    }


def _title(dots: list[dict[str, Any]], classes: list[str]) -> str:
    """The class in which the runs differ most."""
    if not dots:
        return "No epoch has been measured yet."
    spans = [(most["recall"] - least["recall"], least, most) for least, most in (_span(dots, kind) for kind in classes)]
    by, least, most = max(spans, key=lambda span: span[0])
    if not by:
        return "Every class is found equally often."
    ends = f"{least['recall']:.2f} ({label(least['name'], 30)}) and {most['recall']:.2f} ({label(most['name'], 30)})"
    return f"The runs differ most on {label(most['class'], 24)}: recall {ends}."
