"""What pretraining is worth: accuracy by labels a class, and by the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.plots.style import COLOURS, GREY, TRAIN, VALID, axis, faded, figure, label

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

PRETRAINED = "pretrained"
LOOKS = {PRETRAINED: (TRAIN, "solid", "circle"), "random weights": (VALID, "dash", "diamond")}
PLAIN = (GREY, "dot", "square")
DASHES = ("solid", "dash", "dot", "dashdot")


def rows(found: pd.DataFrame) -> list[dict[str, Any]]:
    """A row a curve of `labs.pretraining`: `data`, `start`, and a list each of what it holds by size."""
    keys = ("per_class", "labels", "accuracy", "low", "high")
    return [
        {"data": data, "start": start, **{key: each[key].tolist() for key in keys}}
        for (data, start), each in found.groupby(["data", "start"], sort=False)
    ]


def pretraining(found: pd.DataFrame) -> go.Figure:
    """Of `labs.pretraining`: validation accuracy by labels a class, a panel a data set, with 95 % intervals."""
    lines = rows(found)
    panels, seen = list(dict.fromkeys(line["data"] for line in lines)), set()
    traces: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    for at, data in enumerate(panels):
        number, wide = str(at + 1) if at else "", (1 - 0.05 * (len(panels) - 1)) / len(panels)
        domain = [at * (wide + 0.05), min(1.0, at * (wide + 0.05) + wide)]
        own = [line for line in lines if line["data"] == data]
        ticks = sorted({round(size) for line in own for size in line["per_class"]})
        axes[f"xaxis{number}"] = axis(
            f"{label(data)}: labels a class", domain=domain, anchor=f"y{number}", type="log", tickvals=ticks,
            ticktext=[str(tick) for tick in ticks],
        )  # fmt: skip
        axes[f"yaxis{number}"] = axis("" if at else "validation accuracy (share)", anchor=f"x{number}", range=[0, 1.02])
        for line in own:
            traces.append(_curve(line, number) | {"showlegend": line["start"] not in seen})
            seen.add(line["start"])
    return figure(traces, _title(lines), height=400, **axes)


def _curve(line: dict[str, Any], number: str) -> dict[str, Any]:
    colour, dash, symbol = LOOKS.get(line["start"], PLAIN)
    up = [high - value for high, value in zip(line["high"], line["accuracy"], strict=True)]
    down = [value - low for low, value in zip(line["low"], line["accuracy"], strict=True)]
    bars = {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "color": colour, "thickness": 1.5}
    said = "%{customdata[2]} labels: %{y:.3f} [%{customdata[0]:.3f}, %{customdata[1]:.3f}]"
    return {
        "type": "scatter", "mode": "lines+markers", "x": line["per_class"], "y": line["accuracy"], "error_y": bars,
        "line": {"color": colour, "dash": dash, "width": 2}, "marker": {"color": colour, "symbol": symbol, "size": 8},
        "customdata": [list(each) for each in zip(line["low"], line["high"], line["labels"], strict=True)],
        "hovertemplate": f"{said}<extra>{label(line['start'])}</extra>", "name": label(line["start"]),
        "legendgroup": line["start"], "xaxis": f"x{number}", "yaxis": f"y{number}",
    }  # fmt: skip


def _title(lines: list[dict[str, Any]]) -> str:
    """By how much pretrained weights lead the best of the others, at the least and at the most labels."""
    said = []
    for at, word in ((0, "fewest"), (-1, "most")):
        ahead = [
            line["accuracy"][at] - max(other["accuracy"][at] for other in lines if _rivals(other, line))
            for line in lines
            if line["start"] == PRETRAINED
        ]
        low, high = f"{min(ahead):+.2f}", f"{max(ahead):+.2f}"
        said.append(f"{low if low == high else f'{low} to {high}'} with the {word} labels")
    return f"Pretrained weights against the best without: {', '.join(said)}."


def _rivals(other: dict[str, Any], line: dict[str, Any]) -> bool:
    return bool(other["data"] == line["data"] and other["start"] != line["start"])


def clock(found: pd.DataFrame) -> list[dict[str, Any]]:
    """A row a name of `labs.in_time`: a list each of what it holds by epoch."""
    keys = ("epoch", "seconds", "accuracy", "low", "high")
    return [
        {"name": name, **{key: each[key].tolist() for key in keys}} for name, each in found.groupby("name", sort=False)
    ]


def in_time(found: pd.DataFrame) -> go.Figure:
    """Of `labs.in_time`: validation accuracy by the seconds of work, a line a start, with its 95 % band."""
    lines, bands, curves = clock(found), [], []
    for at, line in enumerate(lines):
        x, colour = [max(each, 1e-3) for each in line["seconds"]], COLOURS[at % len(COLOURS)]
        there = {"type": "scatter", "mode": "lines", "legendgroup": str(at)}
        bands.append(
            there | {"x": x + x[::-1], "y": line["high"] + line["low"][::-1], "fill": "toself", "hoverinfo": "skip"}
            | {"fillcolor": faded(colour, 0.15), "line": {"width": 0}, "showlegend": False, "name": label(line["name"])}
        )  # fmt: skip
        look = {"color": colour, "dash": DASHES[at % len(DASHES)], "width": 2}
        shown = "%{x:.2f} s, epoch %{customdata}: %{y:.3f}<extra>" + label(line["name"]) + "</extra>"
        curves.append(
            there | {"mode": "lines+markers", "x": x, "y": line["accuracy"], "line": look, "marker": {"size": 5}}
            | {"customdata": line["epoch"], "hovertemplate": shown, "name": label(line["name"])}
        )  # fmt: skip
    first = max(lines, key=lambda line: line["accuracy"][-1])
    said = f"“{label(first['name'], 40)}”, {first['accuracy'][-1]:.2f} after {first['seconds'][-1]:.1f} s of work"
    ticks = [count * 10**power for power in range(-3, 5) for count in (1, 2, 5)]
    return figure(
        bands + curves, f"Highest in the end: {said}.", height=400,
        xaxis=axis("seconds of work on this machine", type="log", tickvals=ticks),
        yaxis=axis("validation accuracy (share)", range=[0, 1.02]),
    )  # fmt: skip
