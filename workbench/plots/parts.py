"""The gap in its parts: what the optimizer sees, what is measured on training examples, and what on others."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from workbench.evidence import noise
from workbench.plots.style import COLOURS, GREY, TRAIN, VALID, axis, faded, figure, thin

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.run import Run

COLUMNS = ("epoch", "train_loss", "noise", "penalty", "gap", "rise")


def rows(run: Run) -> dict[str, list[float]]:
    """Losses by epoch, from the first on.

    `train_loss` (eval mode); `noise`, what dropout, augmentation, smoothing and the like add to it for the optimizer;
    `penalty`; `gap`, by how much validation loss is higher; `rise`, how much of that is above validation's own minimum.
    So `train_loss + gap` is validation loss, and `train_loss + noise + penalty` what the optimizer sees at that point:
    the objective less what the train loss fell within the epoch, over which the objective is a mean.
    """
    told = [(one, row) for one, row in pairwise(run.rows) if row["objective"] is not None]
    pairs = [told[at] for at in thin(len(told))]
    kept = [row for _, row in pairs]
    found: dict[str, list[float]] = {"epoch": [row["epoch"] for row in kept]}
    found["train_loss"] = [row["train_loss"] for row in kept]
    found["noise"] = [noise(before, row) for before, row in pairs]
    found["penalty"] = [row["penalty"] or 0.0 for row in kept]
    found["gap"] = [row["gap_loss"] for row in kept]
    return found | {"rise": [row["rise"] for row in kept]}


def parts(run: Run) -> go.Figure:
    """Loss by epoch: on training examples, what comes on top for the optimizer, and the gap to validation."""
    told = rows(run)
    train, epochs = told["train_loss"], told["epoch"]
    valid = [one + gap for one, gap in zip(train, told["gap"], strict=True)]
    noisy = [one + noise for one, noise in zip(train, told["noise"], strict=True)]
    objective = [one + penalty for one, penalty in zip(noisy, told["penalty"], strict=True)]
    least = [value - rise for value, rise in zip(valid, told["rise"], strict=True)]
    traces = [
        _line(epochs, train, "train, in eval mode", TRAIN, "solid"),
        _line(epochs, noisy, "with dropout, augmentation and the like", COLOURS[5], "dot", TRAIN),
        _line(epochs, objective, "with penalties: what the optimizer sees", COLOURS[3], "dot", COLOURS[3]),
        _line(epochs, least, "validation at its least so far", GREY, "dot"),
        _line(epochs, valid, "validation; above its least it is overfitting", VALID, "dash", VALID),
    ]
    return figure(traces, _title(told), height=400, xaxis=axis("epoch"), yaxis=axis("loss (nats)", rangemode="tozero"))


def _line(x: list[float], y: list[float], name: str, colour: str, dash: str, fill: str = "") -> dict[str, Any]:
    """`fill`: the colour of what lies between this line and the one before."""
    trace: dict[str, Any] = {"type": "scatter", "mode": "lines", "x": x, "y": y, "name": name}
    trace |= {"line": {"color": colour, "dash": dash, "width": 2}}
    trace["hovertemplate"] = "epoch %{x}: %{y:.3f}<extra>" + name + "</extra>"
    return trace | ({"fill": "tonexty", "fillcolor": faded(fill, 0.15)} if fill else {})


def _title(told: dict[str, list[float]]) -> str:
    if not told["epoch"]:
        return "No epoch has been trained yet."
    last = {name: told[name][-1] for name in COLUMNS}
    return (
        f"In the end: train {last['train_loss']:.2f}, gap {last['gap']:+.2f} (of which rise {last['rise']:.2f}); for "
        f"the optimizer noise {last['noise']:+.2f} and penalties {last['penalty']:+.2f}."
    )
