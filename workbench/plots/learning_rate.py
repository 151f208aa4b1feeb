"""Learning rates: the loss by epoch, and where each rate ended."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from workbench.plots.style import COLOURS, GREY, TRAIN, VALID, axis, figure

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

DASHES = {"crawls": "dot", "fits": "solid", "fits best": "solid", "overshoots": "dash"}
TICKS = [count * 10**power for power in range(-4, 3) for count in (1, 2, 5)]
POWERS = {"type": "log", "dtick": 1, "exponentformat": "power"}


def rows(found: pd.DataFrame) -> list[dict[str, Any]]:
    """A row a rate of `labs.rates`: what `labs.verdicts` says, and the train loss by `epoch`."""
    from workbench.labs.learning_rate import verdicts

    by_rate: dict[Any, pd.DataFrame] = dict(iter(found.groupby("lr")))
    told: list[Any] = verdicts(found).to_dict("records")
    return [
        {
            **line,
            "epoch": by_rate[line["lr"]]["epoch"].tolist(),
            "train_loss": by_rate[line["lr"]]["train_loss"].tolist(),
        }
        for line in told
    ]


def rates(found: pd.DataFrame) -> go.Figure:
    """Of `labs.rates`: the train loss by epoch, a line a rate, and the losses at the end against the rate."""
    lines = rows(found)
    traces = [_curve(line, at) for at, line in enumerate(lines)]
    came = [line for line in lines if math.isfinite(line["end"])]
    for side, key, colour, dash in (("train", "end", TRAIN, "solid"), ("valid", "valid_end", VALID, "dash")):
        look = {"line": {"color": colour, "dash": dash, "width": 2}, "marker": {"color": colour, "size": 7}}
        traces.append(
            {"type": "scatter", "mode": "lines+markers", "x": [each["lr"] for each in came], "xaxis": "x2"}
            | {"y": [each[key] for each in came], "yaxis": "y2", "name": f"{side}, at the end", **look}
            | {"hovertemplate": f"lr %{{x:g}}: %{{y:.4f}}<extra>{side}, at the end</extra>"}
        )  # fmt: skip
    start = {"color": GREY, "dash": "dot", "width": 1.5}
    traces.append(
        {"type": "scatter", "mode": "lines", "x": [line["lr"] for line in lines], "xaxis": "x2", "yaxis": "y2"}
        | {"y": [line["start"] for line in lines], "name": "train, before", "line": start, "hoverinfo": "skip"}
    )  # fmt: skip
    losses = [value for line in lines for value in line["train_loss"] if value > 0]
    wide = max(losses) > 1000 * min(losses)
    kind: dict[str, Any] = POWERS if wide else {"type": "log", "tickvals": TICKS}
    return figure(
        traces, _title(lines), height=420, xaxis=axis("epoch", domain=[0.0, 0.53], anchor="y"),
        yaxis=axis("train loss (nats)", anchor="x", **kind),
        xaxis2=axis("learning rate", domain=[0.62, 1.0], anchor="y2", **POWERS),
        yaxis2=axis("loss at the end (nats)", anchor="x2", **kind),
    )  # fmt: skip


def _curve(line: dict[str, Any], at: int) -> dict[str, Any]:
    colour, name = COLOURS[at % len(COLOURS)], f"lr {line['lr']:g}: {line['verdict']}"
    look = {"color": colour, "dash": DASHES[line["verdict"]], "width": 4 if line["verdict"] == "fits best" else 2}
    return {
        "type": "scatter", "mode": "lines", "x": line["epoch"], "y": line["train_loss"], "name": name, "line": look,
        "hovertemplate": f"epoch %{{x}}: %{{y:.4f}}<extra>{name}</extra>",
    }  # fmt: skip


def _title(lines: list[dict[str, Any]]) -> str:
    """The best, and what became of the largest and the smallest."""
    said = [
        f"lr {line['lr']:g} ends at the lowest validation loss, {line['valid_end']:.2f}"
        for line in lines
        if line["verdict"] == "fits best"
    ]
    said += [f"{line['lr']:g} {line['verdict']}" for line in (lines[-1], lines[0]) if "fits" not in line["verdict"]]
    return "; ".join(said) + "." if said else "No learning rate here crawls, fits or overshoots."
