"""What a search saw of its space: every trial's curve, the value against each knob, over two, and which knob counts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from workbench.plots.style import FAINT, GREY, TRAIN, VALID, axis, faded, figure, label, thin
from workbench.plots.trials import UNITS, along, knob_axis, rows, sight, spots, value_axis

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.searching import Study

MOST = 4000  # points of all curves together
CELLS = 24  # of a contour, along each range
GOING = "#009E73"
LOOKS = {  # how the curves of each state are drawn; the best one's comes on top
    "stopped": {"color": FAINT, "width": 1},
    "failed": {"color": GREY, "width": 1, "dash": "dot"},
    "finished": {"color": faded(TRAIN, 0.45), "width": 1},
    "under way": {"color": GOING, "width": 1.5},
    "best": {"color": VALID, "width": 3},
}
Line = dict[str, Any]


def lines(study: Study, held: dict[str, Any] | None = None) -> list[Line]:
    """Every trial's validation curve: `number`, `state` (best, under way, or how it ended), `epochs`, `values`.

    What is no number is None. `held`: what was read before, for those who ask again and again while it grows.
    """
    from workbench.searching.results import rows_of
    from workbench.searching.stopping import METRICS

    held, column = {} if held is None else held, METRICS[study.metric][0]
    curves: dict[int, list[tuple[int, float]]] = {}
    for folder in study.rounds():
        path = folder.path / "events.jsonl"
        size = path.stat().st_size if path.exists() else 0
        if held.get(folder.path.name, (None,))[0] != size:
            told = {n: [(row["epoch"], row[column]) for row in of] for n, of in rows_of(folder).items()}
            held[folder.path.name] = (size, told)
        curves |= held[folder.path.name][1]
    ended = {each["number"]: each["state"] for each in study.results()}
    best = study.best
    states = ended | ({best["number"]: "best"} if best else {})
    return [_line(number, states.get(number, "under way"), curve, len(curves)) for number, curve in curves.items()]


def _line(number: int, state: str, curve: list[tuple[int, float]], of: int) -> Line:
    kept = [curve[at] for at in thin(len(curve), most=max(5, MOST // of))]
    values = [round(value, 5) if math.isfinite(value) else None for _, value in kept]
    return {"number": number, "state": state, "epochs": [epoch for epoch, _ in kept], "values": values}


def curves_of_trials(study: Study, told: list[Line] | None = None) -> go.Figure:
    """Every trial's validation curve; the best one stands out, those that were stopped fade. `told`: from `lines`."""
    told = lines(study) if told is None else told
    traces: list[dict[str, Any]] = []
    for state, look in LOOKS.items():
        own = [each for each in told if each["state"] == state]
        if own:  # one trace, with a hole after each curve
            x, y = ([value for each in own for value in (*each[key], None)] for key in ("epochs", "values"))
            n = [each["number"] for each in own for _ in (*each["epochs"], None)]
            name = f"{state}: {own[0]['number']}" if state == "best" else f"{state} ({len(own)})"
            said = "trial %{customdata}, epoch %{x}: %{y:.4f}<extra></extra>"
            about = {"type": "scatter", "mode": "lines", "name": name, "line": look, "hovertemplate": said}
            traces.append(about | {"x": x, "y": y, "customdata": n})
    seen = [value for each in told for value in each["values"] if value is not None]
    title = f"The validation curves of {len(told)} trials." if told else "No epoch has been measured yet."
    return figure(traces, title, height=380, xaxis=axis("epoch"), yaxis=value_axis(study, seen))


def slices(study: Study) -> go.Figure:
    """What each trial reached against each knob alone, a small figure a knob; the best one starred."""
    came = [dot for dot in rows(study) if dot["value"] is not None]
    best, knobs = study.best, list(study.space)
    across = min(3, len(knobs))
    down, wide = -(-len(knobs) // across), 1 / across
    traces, layout = [], {}
    for at, knob in enumerate(knobs):
        tag, left, row = str(at + 1) if at else "", wide * (at % across), at // across
        places = {"xaxis": f"x{tag}", "yaxis": f"y{tag}", "showlegend": False}
        values = [dot["value"] for dot in came]
        traces.append(spots(came, along(study, knob, came), values, "trial", faded(TRAIN, 0.7)) | places)
        own = [dot for dot in came if best and dot["number"] == best["number"]]
        traces.append(_starred(spots(own, along(study, knob, own), [d["value"] for d in own], "best", VALID)) | places)
        gap = 0.09 if at % across else 0.0
        layout[f"xaxis{tag}"] = knob_axis(study, knob, domain=[left + gap, left + wide], anchor=f"y{tag}")
        high = 1 - row / down
        upright = value_axis(
            study, values, domain=[high - 1 / down + (0.12 if down > 1 else 0), high], anchor=f"x{tag}"
        )
        layout[f"yaxis{tag}"] = upright if at % across == 0 else upright | {"title": None}
    title = f"{UNITS[study.metric].capitalize()} against each knob; the star is the best."
    return figure(traces, title, height=110 + 240 * down, showlegend=False, **layout)


def _starred(trace: dict[str, Any]) -> dict[str, Any]:
    star = {"symbol": "star", "size": 14, "color": VALID, "line": {"color": "white", "width": 1}}
    return trace | {"marker": star, "showlegend": False}


def surface(study: Study, first: str, second: str) -> dict[str, Any]:
    """The value between the trials, linear in each triangle of them: `x`, `y` and `z` (y, x), None outside."""
    import numpy as np
    from scipy.interpolate import griddata
    from scipy.spatial import QhullError

    from workbench.checks import known
    from workbench.errors import BadKnob

    for knob in (first, second):
        known(knob, study.space, f"{study.name} does not search over")
    came = [dot for dot in rows(study) if dot["value"] is not None]
    (x, xs, across), (y, ys, up) = (_places(study, knob, came) for knob in (first, second))
    try:
        if first == second or len(came) < 4:
            raise ValueError
        at = np.meshgrid(_unit(xs, xs), _unit(ys, ys))
        reached = [dot["value"] for dot in came]
        z = griddata((_unit(x, xs), _unit(y, ys)), reached, tuple(at), "linear")
    except (QhullError, ValueError):
        raise BadKnob(
            f"a contour takes two knobs and at least 4 trials that do not lie on one line, got {len(came)} trials over "
            f"{first} and {second}."
        ) from None
    shown = [[float(f"{value:.4g}") if math.isfinite(value) else None for value in line] for line in z]
    return {"x": across, "y": up, "z": shown}


def _places(study: Study, knob: str, came: list[dict[str, Any]]) -> tuple[list[float], list[float], list[Any]]:
    """Along a knob, by the scale of its axis: where the trials stand, where the cells do, and what stands there."""
    import numpy as np

    from workbench.choices import Options

    domain, values = study.space[knob], [dot["settings"][knob] for dot in came]
    if isinstance(domain, Options):
        names = [*dict.fromkeys([*domain.values, *values])]
        places = [float(names.index(value)) for value in values]
        return places, [float(at) for at in range(len(names))], [label(name, 24) for name in names]
    on = [math.log10(value) for value in values] if domain.log else [float(value) for value in values]
    cells = [float(at) for at in np.linspace(min(on, default=0.0), max(on, default=1.0), CELLS)]
    return on, cells, [float(f"{10**at if domain.log else at:.4g}") for at in cells]


def _unit(values: list[float], of: list[float]) -> list[float]:
    return [(value - of[0]) / ((of[-1] - of[0]) or 1.0) for value in values]


def contour(study: Study, first: str | None = None, second: str | None = None) -> go.Figure:
    """The value over two knobs as colour, the trials as dots; left out, the first two knobs of the space."""
    from workbench.errors import BadKnob

    knobs = [*study.space]
    if len(knobs) < 2:
        raise BadKnob(f"a contour takes two knobs, and {study.name} moves {knobs[0]} alone.")
    one = first or next(knob for knob in knobs if knob != second)
    two = second or next(knob for knob in knobs if knob != one)
    came = [dot for dot in rows(study) if dot["value"] is not None]
    found, best = surface(study, one, two), study.best
    low, high = sight(study, [dot["value"] for dot in came])
    filled = {
        "type": "contour", "zmin": low, "zmax": high, "zauto": False, "line": {"width": 0},
        "contours": {"coloring": "heatmap"},
        "colorscale": "Cividis" if study.direction == "maximize" else "Cividis_r", "hoverinfo": "skip",
        "colorbar": {"title": {"text": study.metric}, "thickness": 12, "tickfont": {"color": GREY}},
    }  # fmt: skip
    dots = spots(came, along(study, one, came), along(study, two, came), "trial", "rgba(255, 255, 255, 0.85)")
    dots["marker"] |= {"size": 7, "symbol": "circle", "line": {"color": "#333333", "width": 1}}
    own = [dot for dot in came if best and dot["number"] == best["number"]]
    star = _starred(spots(own, along(study, one, own), along(study, two, own), "best", VALID))
    return figure(
        [found | filled, dots, star], f"{UNITS[study.metric].capitalize()} over two knobs; the star is the best.",
        height=420, showlegend=False, xaxis=knob_axis(study, one), yaxis=knob_axis(study, two),
    )  # fmt: skip


def shares(study: Study, by: str = "fanova") -> list[dict[str, Any]]:
    """How much of the value's variance each knob explains, the largest first: `knob` and `share`."""
    from workbench.errors import BadKnob

    reached = [each["value"] for each in study.ranked()]
    if len(reached) > 3 and min(reached) == max(reached):
        raise BadKnob(f"importance takes values that differ, and every trial of {study.name} came to {reached[0]:g}.")
    found = study.importance(by)
    return [{"knob": knob, "share": round(share, 4)} for knob, share in found.items() if math.isfinite(share)]


def importance(study: Study, by: str = "fanova") -> go.Figure:
    """How much each knob counts, as bars; `by`: fanova (over the whole space) or ped-anova (among the best)."""
    found = shares(study, by)[::-1]
    bars = {
        "type": "bar", "orientation": "h", "x": [each["share"] for each in found], "marker": {"color": TRAIN},
        "y": [label(each["knob"], 30) for each in found], "hovertemplate": "%{y}: %{x:.2f}<extra></extra>",
    }  # fmt: skip
    most = f"{label(found[-1]['knob'])} counts most: {found[-1]['share']:.0%}" if found else "No knob counts"
    return figure(
        [bars], f"{most} of what the knobs explain, by {by}.", height=140 + 34 * len(found), showlegend=False,
        xaxis=axis("share", rangemode="tozero"), yaxis=axis(""),
    )  # fmt: skip
