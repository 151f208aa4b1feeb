"""Search strategies: how soon each finds good settings, where it looked, and how a Gaussian process learns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.evaluation import REPLICATES
from workbench.plots.style import COLOURS, GREY, TRAIN, VALID, axis, faded, figure, label

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.labs.table import Floats

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
SYMBOLS = ("square", "circle", "diamond", "cross", "x")
LOSS = "validation loss (nats)"
TICKS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]
POWERS = {"dtick": 1, "exponentformat": "power"}


def rows(found: Mapping[str, Floats]) -> list[dict[str, Any]]:
    """One row a strategy and trial of a `contest`: `median` above the lowest loss, `low` and `high` (95 %, bootstrap).

    The interval is that of the median over the replays; single replays lie much further apart.
    """
    import numpy as np

    lines = []
    for name, each in found.items():
        drawn = np.random.default_rng(0).integers(0, len(each), (REPLICATES, len(each)))
        lows, highs = np.percentile(np.median(each[drawn], axis=1), [2.5, 97.5], axis=0)
        for at, median in enumerate(np.median(each, axis=0)):
            line = {"median": float(median), "low": float(lows[at]), "high": float(highs[at])}
            lines.append({"strategy": name, "trial": at + 1} | line)
    return lines


def race(found: Mapping[str, Floats]) -> go.Figure:
    """The best so far of each strategy of a `contest`: the median of its replays, with its 95 % band."""
    lines = rows(found)
    bands: list[dict[str, Any]] = []
    curves: list[dict[str, Any]] = []
    for at, (name, each) in enumerate(found.items()):
        own = [line for line in lines if line["strategy"] == name]
        colour = COLOURS[at % len(COLOURS)]
        trials, there = [line["trial"] for line in own], {"type": "scatter", "mode": "lines", "legendgroup": str(at)}
        edge = [line["high"] for line in own] + [line["low"] for line in reversed(own)]
        bands.append(
            there | {"x": trials + trials[::-1], "y": edge, "fill": "toself", "fillcolor": faded(colour, 0.18)}
            | {"line": {"width": 0}, "hoverinfo": "skip", "showlegend": False, "name": label(name)}
        )  # fmt: skip
        about = [[line["low"], line["high"]] for line in own]
        said = "%{x} trials: %{y:.3f} [%{customdata[0]:.3f}, %{customdata[1]:.3f}]<extra>" + label(name) + "</extra>"
        line = {"color": colour, "width": 2.5, "dash": DASHES[at % len(DASHES)]}
        curves.append(
            there | {"x": trials, "y": [each["median"] for each in own], "line": line, "customdata": about}
            | {"hovertemplate": said, "name": f"{label(name)} ({len(each)} replays)"}
        )  # fmt: skip
    ends = {name: line["median"] for name in found for line in lines if line["strategy"] == name}
    first, last = min(ends, key=lambda name: ends[name]), max(ends, key=lambda name: ends[name])
    title = (
        f"In the end {label(first)} is {ends[first]:.3f} nats above the lowest loss, {label(last)} {ends[last]:.3f}."
    )
    return figure(
        bands + curves, title, height=440, xaxis=axis("trials so far", rangemode="tozero"),
        yaxis=axis("best loss so far, above the lowest (nats)", type="log", tickvals=TICKS),
    )  # fmt: skip


def looked(searches: Mapping[str, Sequence[tuple[Mapping[str, Any], float]]], knob: str) -> go.Figure:
    """Where searches looked, seen along one knob: a dot a trial, (settings, loss) each, a panel a search."""
    traces: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    told = []
    places = [settings[knob] for each in searches.values() for settings, _ in each]
    ratio = min(places) > 0 and max(places) > 30 * min(places)
    for at, (name, tried) in enumerate(searches.items()):
        x, n = [settings[knob] for settings, _ in tried], at + 1
        marker = {"color": COLOURS[at % len(COLOURS)], "size": 9, "symbol": SYMBOLS[at % len(SYMBOLS)], "opacity": 0.8}
        traces.append(
            {"type": "scatter", "mode": "markers", "x": x, "y": [loss for _, loss in tried], "marker": marker}
            | {"xaxis": f"x{n}", "yaxis": "y", "name": label(name)}
            | {"hovertemplate": f"{label(knob)} %{{x:.3g}}: %{{y:.3f}}<extra>{label(name)}</extra>"}
        )  # fmt: skip
        kind = {"type": "log"} | POWERS if ratio else {}
        axes[f"xaxis{n}"] = axis(label(knob), domain=_column(at, len(searches)), anchor="y", **kind)
        axes[f"xaxis{n}"] |= {"matches": "x"} if at else {}
        told.append(f"{label(name)} tries {len({*x})}")
    title = f"{len(next(iter(searches.values())))} trials each, seen along {label(knob)}: {' values, '.join(told)}."
    return figure(traces, title, height=360, yaxis=axis(LOSS, type="log"), **axes)


def surrogate(steps: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Steps of a Gaussian process over one knob, side by side: above what it believes, below what it hopes to gain."""
    traces: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    top = 1.15 * max(max(step["truth"]) for step in steps)
    for at, step in enumerate(steps):
        n, kind = 2 * at + 1, _kind(step)
        traces += [trace | {"showlegend": at == 0} for trace in _step(step, n)]
        kind["domain"] = _column(at, len(steps))
        axes[f"xaxis{n}"] = axis("", **kind, anchor=f"y{n}", showticklabels=False)
        name = f"{label(step['knob'])}, after {len(step['tried'])} trials"
        axes[f"xaxis{n + 1}"] = axis(name, **kind, anchor=f"y{n + 1}")
        axes[f"yaxis{n}"] = axis("" if at else LOSS, domain=[0.36, 1], anchor=f"x{n}", range=[0, top])
        axes[f"yaxis{n + 1}"] = axis("" if at else "gain expected", domain=[0, 0.28], anchor=f"x{n + 1}")
        axes[f"yaxis{n + 1}"] |= {"rangemode": "tozero", "nticks": 4, "tickformat": "~g"}
    last = steps[-1]
    said = f"After {len(last['tried'])} trials its best is {min(loss for _, loss in last['tried']):.3f} nats"
    title = f"{said}, and it looks next at {label(last['knob'])} {last['next']:.2g}."
    return figure(traces, title, height=470, **axes)


def _kind(step: Mapping[str, Any]) -> dict[str, Any]:
    """The knob's own axis, a little wider than its range: a mark at its end is not cut."""
    low, high = (math.log10(end) if step["log"] else end for end in (step["x"][0], step["x"][-1]))
    edge = 0.015 * (high - low)
    return {"range": [low - edge, high + edge]} | ({"type": "log"} | POWERS if step["log"] else {})


def _column(at: int, of: int) -> list[float]:
    """Where column `at` of a figure lies, from 0 to 1."""
    wide = (1 - 0.07 * (of - 1)) / of
    return [at * (wide + 0.07), min(1.0, at * (wide + 0.07) + wide)]


def _step(step: Mapping[str, Any], n: int) -> list[dict[str, Any]]:
    """The traces of one step on the axes n (what it believes) and n + 1 (what it hopes to gain)."""
    x, above, below = (
        list(step["x"]),
        {"xaxis": f"x{n}", "yaxis": f"y{n}"},
        {"xaxis": f"x{n + 1}", "yaxis": f"y{n + 1}"},
    )
    at = x.index(step["next"])
    line = {"type": "scatter", "mode": "lines", "hovertemplate": "%{x:.3g}: %{y:.3f}<extra></extra>"}
    band: dict[str, Any] = {
        "x": x + x[::-1],
        "y": [*step["high"], *reversed(step["low"])],
        "fill": "toself",
        "hoverinfo": "skip",
    }
    band |= {"fillcolor": faded(TRAIN, 0.18), "line": {"width": 0}, "name": "95 % band", "hovertemplate": None}
    dots = {"mode": "markers", "cliponaxis": False, "marker": {"color": GREY, "size": 9}, "name": "trials"}
    ahead = {
        "mode": "lines+markers",
        "marker": {"color": VALID, "size": [0, 13], "symbol": "star", "opacity": 1},
        "name": "looks next",
    }
    ahead |= {"line": {"color": VALID, "width": 1.5, "dash": "dash"}}
    gain = {"fill": "tozeroy", "fillcolor": faded(COLOURS[2], 0.25), "name": "gain expected"}
    return [
        line | above | band,
        line | above | {"x": x, "y": step["truth"], "name": "the truth", "line": {"color": GREY, "dash": "dot"}},
        line | above | {"x": x, "y": step["mean"], "name": "what it believes", "line": {"color": TRAIN, "width": 2.5}},
        line | above | dots | {"x": [v for v, _ in step["tried"]], "y": [loss for _, loss in step["tried"]]},
        line | above | ahead | {"x": [step["next"]] * 2, "y": [0, step["mean"][at]]},
        line | below | gain | {"x": x, "y": step["improvement"], "line": {"color": COLOURS[2], "width": 2}},
    ]
