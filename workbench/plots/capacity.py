"""Heads of several shapes: what each answers rightly of the training and of the validation part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.plots.style import FAINT, TRAIN, VALID, axis, figure, label

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def rows(found: pd.DataFrame) -> list[dict[str, Any]]:
    """A row a head of `labs.shapes`, the fewest parameters first: `said` (shape and parameters) and its accuracies."""
    keys = ("parameters", "train_accuracy", "accuracy", "low", "high", "valid_loss", "ahead", "level")
    lines: list[Any] = found.sort_values("parameters", kind="stable").to_dict("records")
    return [{"said": _said(line), **{key: line[key] for key in keys}} for line in lines]


def _said(line: dict[str, Any]) -> str:
    shape = "linear"
    if line["layers"]:
        shape = f"{line['layers']} x {line['width']}, {line['activation']}"
    return f"{shape}: {line['parameters']:,}"


def shapes(found: pd.DataFrame) -> go.Figure:
    """Of `labs.shapes`: each head's accuracy on the training part and, with its interval, on the validation part."""
    lines = rows(found)
    places = [*range(len(lines))]
    bars = {"type": "data", "symmetric": False, "color": VALID, "thickness": 1.5}
    bars |= {"array": [line["high"] - line["accuracy"] for line in lines]}
    bars |= {"arrayminus": [line["accuracy"] - line["low"] for line in lines]}
    between: dict[str, Any] = {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "showlegend": False}
    between |= {"line": {"color": FAINT, "width": 5}}
    between["x"] = [end for line in lines for end in (line["accuracy"], line["train_accuracy"], None)]
    between["y"] = [end for at in places for end in (at, at, None)]
    train = _dots(places, [line["train_accuracy"] for line in lines], "train", TRAIN, "circle")
    train |= {"hovertemplate": "%{y}: %{x:.3f}<extra>train</extra>"}
    valid = _dots(places, [line["accuracy"] for line in lines], "valid, with its 95 % interval", VALID, "diamond")
    valid |= {"error_x": bars, "customdata": [[line["low"], line["high"], line["valid_loss"]] for line in lines]}
    said = "%{y}: %{x:.3f} [%{customdata[0]:.3f}, %{customdata[1]:.3f}], loss %{customdata[2]:.3f}"
    valid |= {"hovertemplate": f"{said}<extra>valid</extra>"}
    names = [label(line["said"]) for line in lines]
    down = axis("hidden layers, and parameters", tickvals=places, ticktext=names, range=[len(lines) - 0.5, -0.5])
    return figure(
        [between, train, valid], _title(found), height=170 + 34 * len(lines), xaxis=axis("accuracy (share)"), yaxis=down
    )


def _dots(y: list[int], x: list[float], name: str, colour: str, symbol: str) -> dict[str, Any]:
    marker = {"color": colour, "size": 10, "symbol": symbol}
    return {"type": "scatter", "mode": "markers", "x": x, "y": y, "name": name, "marker": marker}


def _title(found: pd.DataFrame) -> str:
    """What the head with the most parameters brings over the first."""
    first, most = found.iloc[0], found.iloc[int(found["parameters"].to_numpy().argmax())]
    times = most["parameters"] / first["parameters"]
    said = f"{most['ahead']:+.3f} [{most['ahead_low']:+.3f}, {most['ahead_high']:+.3f}]"
    level = ", which may be chance" if most["level"] else ""
    return f"{times:.0f} times the first head's parameters change validation accuracy by {said}{level}."
