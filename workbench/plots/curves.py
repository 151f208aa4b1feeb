"""Learning curves and the gap: what runs learned, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.plots.style import COLOURS, FAINT, GREY, TRAIN, VALID, axis, faded, figure, label, named, thin

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.run import Run

COLUMNS = (
    *("epoch", "train_loss", "valid_loss", "train_accuracy", "valid_accuracy"),
    *("gap_accuracy", "low", "high"),
)
Line = dict[str, Any]


def rows(runs: Run | Iterable[Run] | Mapping[str, Run]) -> list[Line]:
    """Plain data of the curves, an entry a run: `name`, a list for each of `COLUMNS`, `best` (row), `baseline`, `data`.

    At most 500 points, the first, the last and the best epoch among them.
    """
    return [of_run(name, run) for name, run in named(runs).items()]


def of_run(name: str, run: Run) -> Line:
    """The entry of one run."""
    from workbench.branching import marks

    return line(name, run.rows, run.baseline, run.on, marks(run))


def line(
    name: str,
    told: Sequence[Mapping[str, Any]],
    baseline: Mapping[str, float] | None,
    data: str = "",
    marks: Sequence[Mapping[str, Any]] = (),
) -> Line:
    """The entry of one run from its rows. `data`: which examples it was measured on; runs on others do not compare.

    `marks`: what happened on the way, as `branching.marks` tells it; each stands on the validation loss.
    """
    from workbench.history import best

    found = best([dict(row) for row in told])
    at = next((at for at, row in enumerate(told) if found and row["epoch"] == found["epoch"]), 0)
    kept = [told[place] for place in thin(len(told), [at])]
    shown = {key: found[key] for key in COLUMNS} if found else None
    columns = {key: [row[key] for row in kept] for key in COLUMNS}
    about = {"best": shown, "baseline": dict(baseline) if baseline else None, "data": data}
    return {"name": name, **columns, **about, "marks": [_standing(mark, told) for mark in marks]}


def _standing(mark: Mapping[str, Any], told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A mark with the validation loss where it stands, between the epochs around it."""
    before = max((row for row in told if row["epoch"] <= mark["epoch"]), key=lambda row: row["epoch"], default=told[0])
    after = min((row for row in told if row["epoch"] >= mark["epoch"]), key=lambda row: row["epoch"], default=before)
    wide = after["epoch"] - before["epoch"]
    share = (mark["epoch"] - before["epoch"]) / wide if wide else 0.0
    loss = before["valid_loss"] + share * (after["valid_loss"] - before["valid_loss"])
    return {"epoch": mark["epoch"], "valid_loss": loss, "said": f"step {mark['step']}: {mark['said']}"}


def learning_curves(runs: Run | Iterable[Run] | Mapping[str, Run]) -> go.Figure:
    """Loss and accuracy by epoch: train solid, validation dashed, the best epoch starred, the baseline dotted."""
    lines = rows(runs)
    traces = [trace for at, each in enumerate(lines) for trace in _curves(each, at, len(lines))]
    return figure(traces, _title(lines), height=380, **_two_axes(domain=(0.0, 1.0)))


def gap(runs: Run | Iterable[Run] | Mapping[str, Run]) -> go.Figure:
    """The gap in accuracy by epoch, train minus validation, with its 95 % bootstrap band."""
    lines = rows(runs)
    traces = [trace for at, each in enumerate(lines) for trace in _gap(each, at, len(lines), "x", "y")]
    title = _gap_title(lines)
    return figure(traces, title, height=320, xaxis=axis("epoch"), yaxis=_gap_axis())


def watched(lines: Sequence[Line]) -> go.Figure:
    """Loss, accuracy and the gap in one figure: what the live panel shows."""
    traces = [trace for at, each in enumerate(lines) for trace in _curves(each, at, len(lines))]
    traces += [trace for at, each in enumerate(lines) for trace in _gap(each, at, len(lines), "x3", "y3")]
    axes = _two_axes(domain=(0.5, 1.0))
    axes |= {"xaxis3": axis("epoch", anchor="y3"), "yaxis3": _gap_axis(anchor="x3", domain=[0.0, 0.33])}
    return figure(traces, _title(lines), height=540, **axes)


def losses(each: Line) -> go.Figure:
    """The loss of one run alone, train and validation: what the playground shows."""
    curves = [
        _line(each["epoch"], each[f"{side}_loss"], side, colour, dash)
        for side, colour, dash in (("train", TRAIN, "solid"), ("valid", VALID, "dash"))
    ]
    star = _star(each, "loss", 0, 1)
    title = f"Validation loss is least at epoch {each['best']['epoch']}." if each["best"] else "Nothing measured yet."
    return figure([*curves, star], title, height=320, xaxis=axis("epoch"),
                  yaxis=axis("loss (nats)", rangemode="tozero"))  # fmt: skip


def _curves(each: Line, at: int, of: int) -> list[dict[str, Any]]:
    """Nine traces: loss on the axes x, y, accuracy on x2, y2, always as many so that a live chart can refill them."""
    traces = []
    for metric, x, y in (("loss", "x", "y"), ("accuracy", "x2", "y2")):
        for side, dash in (("train", "solid"), ("valid", "dash")):
            colour = (TRAIN if side == "train" else VALID) if of == 1 else COLOURS[at % len(COLOURS)]
            name = side if of == 1 else f"{label(each['name'])}, {side}"
            shown = _line(each["epoch"], each[f"{side}_{metric}"], name, colour, dash)
            group = f"{at} {side}"
            traces.append(shown | {"xaxis": x, "yaxis": y, "legendgroup": group, "showlegend": metric == "loss"})
        traces.append(_star(each, metric, at, of) | {"xaxis": x, "yaxis": y})
        traces.append(_baseline(each, metric, at, of) | {"xaxis": x, "yaxis": y})
    return [*traces, _marks(each, at, of) | {"xaxis": "x", "yaxis": "y"}]


def _line(x: Sequence[Any], y: Sequence[Any], name: str, colour: str, dash: str) -> dict[str, Any]:
    """A line with a number at every epoch, and dots where there are few."""
    said = "epoch %{x}: %{y:.4f}<extra>" + name + "</extra>"
    look = {"line": {"color": colour, "dash": dash, "width": 2}, "marker": {"color": colour, "size": 5}}
    return {"type": "scatter", "mode": "lines+markers", "x": x, "y": y, "name": name, "hovertemplate": said, **look}


def _star(each: Line, metric: str, at: int, of: int) -> dict[str, Any]:
    """The best epoch: the lowest validation loss."""
    best = each["best"]
    colour = VALID if of == 1 else COLOURS[at % len(COLOURS)]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [best["epoch"]] if best else [],
        "y": [best[f"valid_{metric}"]] if best else [],
        "name": "best epoch",
        "legendgroup": "best",
        "showlegend": metric == "loss" and at == 0,
        "marker": {"symbol": "star", "size": 13, "color": colour, "line": {"color": "white", "width": 1}},
        "hovertemplate": "best epoch %{x}: %{y:.4f}<extra></extra>",
    }


def _marks(each: Line, at: int, of: int) -> dict[str, Any]:
    """What happened on the way: a knob turned, a branch."""
    colour = VALID if of == 1 else COLOURS[at % len(COLOURS)]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [mark["epoch"] for mark in each["marks"]],
        "y": [mark["valid_loss"] for mark in each["marks"]],
        "text": [label(mark["said"]) for mark in each["marks"]],
        "name": "knob turned, or branched",
        "legendgroup": "marks",
        "showlegend": at == 0,
        "marker": {"symbol": "diamond-open", "size": 11, "color": colour, "line": {"width": 2}},
        "hovertemplate": "%{text}<extra></extra>",
    }


def _baseline(each: Line, metric: str, at: int, of: int) -> dict[str, Any]:
    """The plain baseline, from the first epoch to the last."""
    known = each["baseline"] and each["epoch"]
    ends = [each["epoch"][0], max(each["epoch"][-1], 1)] if known else []
    return {
        "type": "scatter",
        "mode": "lines",
        "x": ends,
        "y": [each["baseline"][metric]] * 2 if known else [],
        "name": "plain baseline",
        "legendgroup": "baseline",
        "showlegend": metric == "loss" and at == 0,
        "line": {"color": GREY, "dash": "dot", "width": 1.5},
        "hovertemplate": "plain baseline: %{y:.4f}<extra></extra>",
    }


def _gap(each: Line, at: int, of: int, x: str, y: str) -> list[dict[str, Any]]:
    """Three traces: the band's lower and upper edge, and the gap."""
    colour = "#009E73" if of == 1 else COLOURS[at % len(COLOURS)]
    name = "gap" if of == 1 else f"{label(each['name'])}, gap"
    place = {"xaxis": x, "yaxis": y, "legendgroup": f"{at} gap"}
    edge = {"type": "scatter", "mode": "lines", "x": each["epoch"], "line": {"width": 0}, "hoverinfo": "skip"}
    low = edge | {"y": each["low"], "name": "low", "showlegend": False}
    high = edge | {"y": each["high"], "fill": "tonexty", "fillcolor": faded(colour, 0.2)}
    high |= {"name": "95 % interval", "showlegend": of == 1}
    middle = _line(each["epoch"], each["gap_accuracy"], name, colour, "solid")
    bounds = [list(pair) for pair in zip(each["low"], each["high"], strict=True)]
    said = "epoch %{x}: %{y:.3f} [%{customdata[0]:.3f}, %{customdata[1]:.3f}]<extra>" + name + "</extra>"
    return [trace | place for trace in (low, high, middle | {"customdata": bounds, "hovertemplate": said})]


def _two_axes(domain: tuple[float, float]) -> dict[str, Any]:
    height = list(domain)
    return {
        "xaxis": axis("epoch", domain=[0.0, 0.45], anchor="y"),
        "yaxis": axis("loss (nats)", domain=height, anchor="x", rangemode="tozero"),
        "xaxis2": axis("epoch", domain=[0.55, 1.0], anchor="y2"),
        "yaxis2": axis("accuracy (share)", domain=height, anchor="x2", range=[0, 1.02]),
    }


def _gap_axis(**more: Any) -> dict[str, Any]:
    return axis("gap in accuracy<br>(train − valid)", **more) | {"zeroline": True, "zerolinecolor": FAINT}


def _title(lines: Sequence[Line]) -> str:
    """A sentence: how good the best epoch is, or what the chart will show."""
    known = [each for each in lines if each["best"]]
    if not known:
        return "No epoch has been measured yet."
    if len(lines) == 1:
        best = known[0]["best"]
        return f"Validation accuracy {best['valid_accuracy']:.3f} at the best epoch, {best['epoch']}."
    if len({each["data"] for each in known}) > 1:
        return "Runs on different data: their figures cannot be compared."
    top = max(known, key=lambda each: each["best"]["valid_accuracy"])
    said = f"{top['best']['valid_accuracy']:.3f} of {label(top['name'])} in epoch {top['best']['epoch']}"
    return f"Best epochs (least validation loss) compared: the highest accuracy is {said}."


def _gap_title(lines: Sequence[Line]) -> str:
    known = [each for each in lines if each["epoch"]]
    if not known:
        return "No epoch has been measured yet."
    if len(lines) == 1:
        last = {key: known[0][key][-1] for key in ("gap_accuracy", "low", "high")}
        said = f"{last['gap_accuracy']:.3f} [{last['low']:.3f}, {last['high']:.3f}]"
        if round(last["gap_accuracy"], 3) == 0:
            return f"Train and validation are level in the end: {said}."
        return f"Train is ahead of validation by {said} in the end."
    widest = max(known, key=lambda each: each["gap_accuracy"][-1])
    if widest["gap_accuracy"][-1] < 0:
        return f"Train is behind validation in the end, least so in: {label(widest['name'])}."
    return f"The widest gap in the end, {widest['gap_accuracy'][-1]:.3f}: {label(widest['name'])}."
