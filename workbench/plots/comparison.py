"""Runs side by side: how good each is, and how wide its gap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from workbench.plots.style import TRAIN, VALID, axis, figure, label, named

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.run import Run


def rows(runs: Run | Iterable[Run] | Mapping[str, Run]) -> list[dict[str, Any]]:
    """One row a run, at its best epoch: validation accuracy and gap, each with its 95 % bootstrap interval."""
    return [_row(name, run) for name, run in named(runs).items() if run.best]


def _row(name: str, run: Run) -> dict[str, Any]:
    best = run.best or {}
    accuracy = {"valid_accuracy": best["valid_accuracy"], "low": best["valid_low"], "high": best["valid_high"]}
    gap = {"gap_accuracy": best["gap_accuracy"], "gap_low": best["low"], "gap_high": best["high"]}
    return {"name": name, "best_epoch": best["epoch"], **accuracy, **gap}


def compared(runs: Run | Iterable[Run] | Mapping[str, Run]) -> go.Figure:
    """Validation accuracy and gap of each run at its best epoch, as dots with their 95 % intervals."""
    lines = rows(runs)
    names, places = [label(line["name"]) for line in lines], list(range(len(lines)))  # two long names may look alike
    traces = [
        _dots(lines, names, ("valid_accuracy", "low", "high"), "validation accuracy", VALID, "x"),
        _dots(lines, names, ("gap_accuracy", "gap_low", "gap_high"), "gap in accuracy", TRAIN, "x2"),
    ]
    return figure(
        traces,
        _title(lines),
        height=150 + 36 * len(lines),
        xaxis=axis("validation accuracy (share)", domain=[0.0, 0.47]),
        xaxis2=axis("gap in accuracy (train − valid)", domain=[0.53, 1.0]) | {"zeroline": True},
        yaxis=axis("", tickvals=places, ticktext=names, range=[len(lines) - 0.5, -0.5]),
        showlegend=False,
    )


def _title(lines: list[dict[str, Any]]) -> str:
    """Who is best, and whether the intervals tell."""
    if not lines:
        return "No epoch has been measured yet."
    best = max(lines, key=lambda line: line["valid_accuracy"])
    said = f"{label(best['name'])} has the highest validation accuracy, {best['valid_accuracy']:.3f}"
    near = [line for line in lines if line is not best and line["high"] >= best["low"]]
    return f"{said}, but the intervals overlap." if near else f"{said}."


def _dots(
    lines: list[dict[str, Any]], names: list[str], keys: tuple[str, str, str], what: str, colour: str, x: str
) -> dict[str, Any]:
    middle, low, high = ([line[key] for line in lines] for key in keys)
    bars = {
        "type": "data",
        "symmetric": False,
        "array": [top - value for top, value in zip(high, middle, strict=True)],
        "arrayminus": [value - bottom for value, bottom in zip(middle, low, strict=True)],
        "color": colour,
    }
    said = "%{customdata[2]}: %{x:.3f} [%{customdata[0]:.3f}, %{customdata[1]:.3f}]<extra>" + what + "</extra>"
    return {
        "type": "scatter",
        "mode": "markers",
        "x": middle,
        "y": list(range(len(lines))),
        "xaxis": x,
        "error_x": bars,
        "marker": {"color": colour, "size": 10},
        "customdata": [list(each) for each in zip(low, high, names, strict=True)],
        "hovertemplate": said,
        "name": what,
    }
