"""What a head learns by heart: a sheet of its training examples, and one of them from epoch to epoch."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.checks import whole
from workbench.errors import BadData
from workbench.plots.style import FAINT, GREY, TRAIN, VALID, axis, figure, label

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.datasets import Dataset
    from workbench.labs.by_heart import ByHeart

ACROSS, MOST = 20, 200  # tiles in a line, and on a sheet
HIGH = 64  # pixels of a line of tiles: JupyterLab keeps a picture of each figure in the notebook
LINE = 1.4  # height of a line of tiles, in tiles: the picture, and its label below
SHOWN = (0, 1, 2, 3, 5, 8, 13, 20, 30, 40, 60, 100, 200, 500)  # epochs that the sheet's slider stops at


def sheet(of: Dataset | ByHeart) -> go.Figure:
    """The training pictures with the labels that they get; a red rim and ✗ where a label was made wrong on purpose.

    Of `labs.by_heart`: with a slider over the epochs; a wrong label that is given back darkens its tile.
    """
    told = rows(of)
    lines = max(each["line"] for each in told["tiles"]) + 1
    hidden = {"visible": False, "fixedrange": True}
    drawn = figure(
        [_covers(told, told["epochs"][-1] if told["epochs"] else None), _names(told)], _title(told, -1),
        height=110 + HIGH * lines + (60 if told["epochs"] else 0), showlegend=False, hoverlabel={"align": "left"},
        xaxis=hidden | {"range": [0, ACROSS]}, yaxis=hidden | {"range": [lines * LINE, -0.06]},
    )  # fmt: skip
    for each in told["tiles"]:
        x, y = each["column"] + 0.5, each["line"] * LINE
        place = {"x": x, "y": y, "xanchor": "center", "yanchor": "top", "xref": "x", "yref": "y", "layer": "below"}
        drawn.add_layout_image(source=each["source"], sizex=0.9, sizey=0.9, **place)
        if each["wrong"]:
            ends = {"x0": x - 0.48, "x1": x + 0.48, "y0": y - 0.04, "y1": y + 0.94}
            drawn.add_shape(type="rect", line={"color": "#D00000", "width": 2.5}, **ends)
    if told["epochs"]:
        steps = [
            {"label": str(epoch), "method": "update",
             "args": [_restyled(told, epoch), {"title.text": _title(told, at)}, [0]]}
            for at, epoch in enumerate(told["epochs"])
        ]  # fmt: skip
        drawn.update_layout(sliders=[_slider(steps, len(steps) - 1)])
    drawn.update_layout(margin={"l": 10, "r": 10, "b": 90 if told["epochs"] else 10})
    return drawn


def rows(of: Dataset | ByHeart) -> dict[str, Any]:
    """`tiles`: `line`, `column`, `label`, `true`, `wrong`, `source` of each; `epochs` that are shown, and after each of
    them `answers`, `confidences` and `repeated`, a list a tile; `wrong`: how many labels are.
    """
    data, positions, chances = _parts(of)
    if data.domain != "vision":
        raise BadData(f"a sheet shows pictures; {data.domain} has none.")
    if len(positions) > MOST:
        raise BadData(
            f"a sheet shows {MOST} pictures at most, the training part has {len(positions):,}: set per_class."
        )
    names, labels, true = data.classes, data.labels[positions].tolist(), data.true_labels[positions].tolist()
    tiles = [
        {"line": at // ACROSS, "column": at % ACROSS, "label": names[labels[at]], "true": names[true[at]],
         "wrong": labels[at] != true[at], "source": _source(data.inputs[row])}
        for at, row in enumerate(positions.tolist())
    ]  # fmt: skip
    epochs = [each for each in SHOWN if each < len(chances) - 1] + [len(chances) - 1] if len(chances) else []
    answers = chances.argmax(-1) if len(chances) else chances
    return {
        "tiles": tiles, "wrong": sum(each["wrong"] for each in tiles), "epochs": epochs,
        "answers": [[names[answer] for answer in answers[epoch]] for epoch in epochs],
        "confidences": [chances[epoch].max(-1).round(3).tolist() for epoch in epochs],
        "repeated": [
            [bool(answer == given != own) for answer, given, own in zip(answers[epoch], labels, true, strict=True)]
            for epoch in epochs
        ],
    }  # fmt: skip


def _parts(of: Dataset | ByHeart) -> tuple[Any, Any, Any]:
    from workbench.labs.by_heart import ByHeart

    if isinstance(of, ByHeart):
        return of.data, of.positions, of.chances
    data = of.load()
    return data, data.train.numpy(), np.zeros((0, len(data.train), len(data.classes)), np.float32)


def _source(picture: Any) -> str:
    from workbench.looking import png

    return "data:image/png;base64," + base64.b64encode(png(picture)).decode()


def _covers(told: dict[str, Any], epoch: int | None) -> dict[str, Any]:
    """A cell over each tile, dark where a wrong label is given back, clear elsewhere; it carries what is hovered."""
    lines = max(each["line"] for each in told["tiles"]) + 1
    edges = [edge for line in range(lines) for edge in (line * LINE, line * LINE + 0.9)]
    return {
        "type": "heatmap", "x": [*range(ACROSS + 1)], "y": [*edges, lines * LINE], "zmin": 0, "zmax": 1,
        "colorscale": [[0, "rgba(0, 0, 0, 0)"], [1, "rgba(0, 0, 0, 0.62)"]], "showscale": False, "hoverongaps": False,
        "hovertemplate": "%{text}<extra></extra>", "xgap": 3,
        **{name: value[0] for name, value in _restyled(told, epoch).items()},
    }  # fmt: skip


def _restyled(told: dict[str, Any], epoch: int | None) -> dict[str, Any]:
    """Darkness and words of the cells after this epoch, as a slider's step takes them: lines of tiles, of labels."""
    at = told["epochs"].index(epoch) if epoch is not None else None
    lines = max(each["line"] for each in told["tiles"]) + 1
    dark: list[list[float | None]] = [[None] * ACROSS for _ in range(2 * lines)]
    said = [[""] * ACROSS for _ in range(2 * lines)]
    for one, each in enumerate(told["tiles"]):
        text = f"label {label(each['label'], 20)}"
        text += f"<br>wrong on purpose: it is {label(each['true'], 20)}" if each["wrong"] else ""
        if at is not None:
            answer, sure = told["answers"][at][one], told["confidences"][at][one]
            text += f"<br>epoch {epoch}: answers {label(answer, 20)} ({sure:.2f})"
        dark[2 * each["line"]][each["column"]] = float(told["repeated"][at][one]) if at is not None else 0.0
        said[2 * each["line"]][each["column"]] = text
    return {"z": [dark], "text": [said]}


def _names(told: dict[str, Any]) -> dict[str, Any]:
    tiles = told["tiles"]
    return {
        "type": "scatter", "mode": "text", "x": [each["column"] + 0.5 for each in tiles], "hoverinfo": "skip",
        "y": [each["line"] * LINE + 1.12 for each in tiles], "textfont": {"size": 12},
        "text": [f"{label(each['label'], 9)}{' ✗' if each['wrong'] else ''}" for each in tiles],
    }  # fmt: skip


def _title(told: dict[str, Any], at: int) -> str:
    shown = f"{len(told['tiles'])} pictures and the labels that they get"
    if not told["wrong"]:
        return f"{shown}, all of them right."
    if not told["epochs"]:
        return f"{shown}; {told['wrong']} are wrong on purpose (red rim, ✗)."
    given = sum(told["repeated"][at])
    return f"After epoch {told['epochs'][at]} the head gives back {given} of the {told['wrong']} wrong labels (dark)."


def _slider(steps: Sequence[dict[str, Any]], active: int) -> dict[str, Any]:
    current = {"prefix": "epoch ", "font": {"color": GREY, "size": 12}, "xanchor": "left"}
    return {
        "steps": list(steps), "active": active, "currentvalue": current, "pad": {"t": 24, "b": 4}, "bgcolor": FAINT,
        "activebgcolor": TRAIN, "bordercolor": GREY, "font": {"color": GREY, "size": 10}, "tickcolor": GREY,
    }  # fmt: skip


def tile(found: ByHeart, example: int | None = None) -> go.Figure:
    """One training picture and how likely the head holds each class, with a slider over the epochs.

    `example`: its place among the training examples; left out, the wrong label that was learned latest.
    """
    at = _latest(found) if example is None else whole("the example", example, 0, len(found.labels) - 1)
    names, chances = found.data.classes, found.chances[:, at]
    given, true = int(found.labels[at]), int(found.true_labels[at])
    shown = [f"{label(name, 16)}{_mark(place, given, true)}" for place, name in enumerate(names)]
    colours = [VALID if place == given else TRAIN if place == true else GREY for place in range(len(names))]
    hatched = ["/" if place == given else "" for place in range(len(names))]
    bars = {
        "type": "bar", "orientation": "h", "x": chances[-1].round(4).tolist(), "y": shown,
        "marker": {"color": colours, "pattern": {"shape": hatched}},
        "hovertemplate": "%{y}: %{x:.3f}<extra></extra>",
    }  # fmt: skip
    titles = [_said(found, at, epoch) for epoch in range(len(chances))]
    steps = [
        {"label": str(epoch), "method": "update",
         "args": [{"x": [chances[epoch].round(4).tolist()]}, {"title.text": titles[epoch]}, [0]]}
        for epoch in range(len(chances))
    ]  # fmt: skip
    down = axis("", autorange="reversed", type="category")
    drawn = figure(
        [bars], titles[-1], height=200 + 24 * len(names), showlegend=False,
        xaxis=axis("probability", domain=[0.45, 1.0], range=[0, 1.02]), yaxis=down,
        sliders=[_slider(steps, len(steps) - 1)],
    )  # fmt: skip
    drawn.update_layout(margin={"b": 110})
    place = {"x": 0.0, "y": 1.0, "sizex": 0.3, "sizey": 1.0, "xref": "paper", "yref": "paper"}
    drawn.add_layout_image(source=_source(found.data.inputs[int(found.positions[at])]), **place)
    return drawn


def fitted(found: ByHeart) -> go.Figure:
    """Accuracy on the labels given by epoch, alone, as whoever never looks at validation sees it."""
    told = found.rows
    x, y = [row["epoch"] for row in told], [row["train_accuracy"] for row in told]
    curve = {
        "type": "scatter", "mode": "lines", "x": x, "y": y, "line": {"color": TRAIN, "width": 2}, "name": "train",
        "hovertemplate": "epoch %{x}: %{y:.3f}<extra>train</extra>",
    }  # fmt: skip
    title = f"Of the labels that it was given, the head gives back {y[-1]:.0%} after {x[-1]} epochs."
    return figure(
        [curve], title, height=300, xaxis=axis("epoch"), yaxis=axis("train accuracy (share)", range=[0, 1.02])
    )


def _mark(place: int, given: int, true: int) -> str:
    if given == true:
        return " (label)" if place == given else ""
    return " (label given, wrong)" if place == given else " (what it is)" if place == true else ""


def _said(found: ByHeart, at: int, epoch: int) -> str:
    names, chances = found.data.classes, found.chances[epoch, at]
    answer = int(chances.argmax())
    kind = "the label given" if answer == found.labels[at] else "what it is" if answer == found.true_labels[at] else ""
    told = f"After epoch {epoch} it answers “{label(names[answer], 16)}”{', ' + kind if kind else ''},"
    return f"{told} with {chances[answer]:.2f}."


def _latest(found: ByHeart) -> int:
    """The wrong label that was given back for good latest, so that there is a change to look at; else the first."""
    back = found.chances.argmax(-1) == found.labels
    since = [len(back) - int(np.argmin(one[::-1])) if not one.all() else 0 for one in back.T]
    late = [(since[at], at) for at in np.flatnonzero(found.wrong & back[-1]).tolist()]
    return max(late)[1] if late else 0
