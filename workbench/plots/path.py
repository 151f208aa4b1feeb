"""A path: what one knob does to loss, accuracy, gap and weights, value by value."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.plots.style import COLOURS, FAINT, TRAIN, VALID, axis, faded, figure, label

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from numpy.typing import NDArray

    from workbench.searching.path import Path

GAP, ZEROS = COLOURS[2], COLOURS[3]
FEATURES, OUTPUTS = 200, 40  # weights that are drawn: those of the features with the largest ones
SCALE = [[0.0, "#8E4B9E"], [0.5, "rgba(127, 127, 127, 0.15)"], [1.0, "#2E9248"]]  # after Brewer's PRGn, for all eyes


def rows(path: Path) -> list[dict[str, Any]]:
    """A row a value: the metrics at the end and at the best epoch, the share of zeros, the mean size of a weight."""
    return path.rows()


def path(path: Path, at: float | None = None) -> go.Figure:
    """Loss, accuracy, gap and share of zeros along the path, and the weights at the value `at`, circled on each line.

    The end of training; train solid, validation dashed; the value of the least validation loss starred. `at`: left out,
    that one. A weight that is exactly 0 is left blank.
    """
    lines = path.rows()
    here, best = (lines[path.at(path.best if value is None else value)] for value in (at, None))
    traces = [*_sides(path, lines, "loss", ""), *_sides(path, lines, "accuracy", "2"), *_gap(path, lines)]
    traces.append(_line(path, lines, "zeros", "share of zeros", ZEROS, "solid", "4"))
    drawn = {"": ("train_loss", "valid_loss"), "2": ("train_accuracy", "valid_accuracy"), "3": ("gap_accuracy",)}
    circle, places = {"symbol": "circle-open", "line": {"width": 2.5}}, drawn | {"4": ("zeros",)}
    traces += [_marks(here, keys, number, "here", circle) for number, keys in places.items()]
    star = {"symbol": "star"}
    traces += [_marks(best, drawn[at][1:], at, "least validation loss", star) for at in ("", "2")]
    heat, axes = _weights(path, here["value"])
    return figure([*traces, heat], _title(path, here), height=860, **_axes(path), **axes)


def doses(paths: Mapping[str, Path]) -> go.Figure:
    """Accuracy along several paths, side by side: what too little, enough and too much of each does.

    The end of training; train solid, validation dashed, the least validation loss starred.
    """
    traces, axes, bests = [], dict[str, Any](), []
    wide = (1 - 0.07 * (len(paths) - 1)) / len(paths)
    for place, (name, each) in enumerate(paths.items()):
        number, lines, start = str(place + 1) if place else "", each.rows(), place * (wide + 0.07)
        best = lines[each.at(each.best)]
        star = _marks(best, ("valid_accuracy",), number, "least validation loss", {"symbol": "star"})
        traces += [*_sides(each, lines, "accuracy", number), star]
        if place:
            traces[-3] |= {"showlegend": False}
            traces[-2] |= {"showlegend": False}
        power = {"type": "log", "dtick": 1, "exponentformat": "power"} if each.log else {}
        axes[f"xaxis{number}"] = axis(label(each.knob), domain=[start, start + wide], anchor=f"y{number}", **power)
        side = axis("" if place else "accuracy (share)", anchor=f"x{number}", range=[0, 1.02])
        axes[f"yaxis{number}"] = side
        bests.append(f"{label(name)} {best['value']:.2g} ({best['valid_accuracy']:.3f})")
    return figure(traces, f"Validation loss is least at: {', '.join(bests)}.", height=360, **axes)


def _line(
    path: Path, lines: list[dict[str, Any]], key: str, name: str, colour: str, dash: str, number: str
) -> dict[str, Any]:
    said = f"{label(path.knob)} %{{x:.3g}}: %{{y:.4f}}<extra>{name}</extra>"
    return {
        "type": "scatter", "mode": "lines", "x": path.values, "y": [line[key] for line in lines], "name": name,
        "line": {"color": colour, "dash": dash, "width": 2}, "hovertemplate": said, "legendgroup": name,
        "xaxis": f"x{number}", "yaxis": f"y{number}", "showlegend": number in ("", "3"),
    }  # fmt: skip


def _sides(path: Path, lines: list[dict[str, Any]], metric: str, number: str) -> list[dict[str, Any]]:
    looks = (("train", TRAIN, "solid"), ("valid", VALID, "dash"))
    return [_line(path, lines, f"{side}_{metric}", side, colour, dash, number) for side, colour, dash in looks]


def _gap(path: Path, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The band's lower and upper edge, and the gap."""
    low, high, middle = (_line(path, lines, key, "gap", GAP, "solid", "3") for key in ("low", "high", "gap_accuracy"))
    edge = {"line": {"width": 0}, "hoverinfo": "skip", "hovertemplate": None, "showlegend": False}
    band = {"fill": "tonexty", "fillcolor": faded(GAP, 0.2), "showlegend": True, "name": "95 % interval"}
    bounds = [[line["low"], line["high"]] for line in lines]
    said = f"{label(path.knob)} %{{x:.3g}}: %{{y:.3f}} [%{{customdata[0]:.3f}}, %{{customdata[1]:.3f}}]"
    middle |= {"customdata": bounds, "hovertemplate": said + "<extra>gap</extra>"}
    return [low | edge, high | edge | band, middle]


def _marks(row: dict[str, Any], keys: tuple[str, ...], number: str, name: str, look: dict[str, Any]) -> dict[str, Any]:
    """The same value on each of a panel's lines."""
    colours = {"train": TRAIN, "valid": VALID, "gap": GAP, "zeros": ZEROS}
    marker = look | {"size": 13, "color": [colours[key.split("_")[0]] for key in keys]}
    return {
        "type": "scatter", "mode": "markers", "x": [row["value"]] * len(keys), "y": [row[key] for key in keys],
        "marker": marker, "name": name, "legendgroup": name, "showlegend": number == "", "hoverinfo": "skip",
        "xaxis": f"x{number}", "yaxis": f"y{number}",
    }  # fmt: skip


@lru_cache(maxsize=2)
def _order(path: Path) -> tuple[NDArray[Any], float]:
    """The features by their largest weight anywhere on the path, and a size that few weights exceed."""
    size = np.abs(path.heads["head.0.weight"])
    top = float(np.quantile(size, 0.99)) or float(size.max()) or 1.0
    return np.argsort(-size.max((0, 2)), kind="stable")[:FEATURES], top


def _weights(path: Path, at: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """The weights at a value as a heat map, on one scale for the whole path, and its axes."""
    order, top = _order(path)
    found = path.weights(at)[order, :OUTPUTS].T.astype(np.float64)
    found[found == 0] = np.nan
    linear = len(path.heads) == 2
    names = [label(path.classes[row] if linear else row, 20) for row in range(len(found))]
    heat = {
        "type": "heatmap", "x": [*range(len(order))], "y": [*range(len(found))], "z": found, "name": "weights",
        "colorscale": SCALE, "zmin": -top, "zmax": top, "xaxis": "x5", "yaxis": "y5", "hoverongaps": False,
        "colorbar": {"title": {"text": "weight"}, "len": 0.29, "y": -0.02, "yanchor": "bottom", "outlinewidth": 0},
        "hovertemplate": "%{y}: %{z:.4f}<extra>weight</extra>",
    }  # fmt: skip
    many = "" if len(order) == path.heads["head.0.weight"].shape[1] else f"the {len(order)} of most weight, "
    ticks = {"tickvals": [*range(len(names))], "ticktext": names, "showgrid": False, "autorange": "reversed"}
    across = axis(f"feature ({many}in the order of their largest weight)", anchor="y5", showgrid=False)
    down = axis("class" if linear else "unit", anchor="x5", domain=[0.0, 0.25], **ticks)
    return heat, {"xaxis5": across, "yaxis5": down}


def _axes(path: Path) -> dict[str, Any]:
    across: dict[str, Any] = {"title": label(path.knob), "type": "linear", "tickmode": "auto"}
    if path.log:
        across |= {"type": "log", "tickmode": "linear", "dtick": 1, "exponentformat": "power"}
    left, right = [0.0, 0.45], [0.55, 1.0]
    above, below = [0.74, 1.0], [0.37, 0.63]
    zero = {"zeroline": True, "zerolinecolor": FAINT}
    return {
        "xaxis": axis(**across, domain=left, anchor="y"),
        "yaxis": axis("loss (nats)", domain=above, anchor="x", rangemode="tozero"),
        "xaxis2": axis(**across, domain=right, anchor="y2"),
        "yaxis2": axis("accuracy (share)", domain=above, anchor="x2"),
        "xaxis3": axis(**across, domain=left, anchor="y3"),
        "yaxis3": axis("gap in accuracy<br>(train − valid)", domain=below, anchor="x3") | zero,
        "xaxis4": axis(**across, domain=right, anchor="y4"),
        "yaxis4": axis("weights at exactly 0 (share)", domain=below, anchor="x4", range=[-0.04, 1.04]),
    }


def _title(path: Path, here: dict[str, Any]) -> str:
    gap = f"{here['gap_accuracy']:.3f} [{here['low']:.3f}, {here['high']:.3f}]"
    said = f"{label(path.knob)} {here['value']:.3g}: validation accuracy {here['valid_accuracy']:.3f}, gap {gap}"
    return f"{said}, {here['zeros']:.1%} of the weights at zero."
