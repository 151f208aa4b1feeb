"""A search's trials: the best so far, each knob against the gap, and all knobs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.plots.style import FAINT, GREY, TRAIN, VALID, axis, figure, label

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.searching import Study

UNITS = {"loss": "validation loss (nats)", "accuracy": "validation accuracy (share)", "f1": "validation F1 (macro)"}
SYMBOLS = {"finished": "circle", "stopped": "circle-open", "failed": "x"}


def rows(study: Study) -> list[dict[str, Any]]:
    """One row a trial that ended: `number`, `state`, `value`, `best` so far, `gap` with `low` and `high`, settings."""
    found: list[dict[str, Any]] = []
    better = min if study.direction == "minimize" else max
    best: float | None = None
    for each in study.results():
        value, row = each["value"], each.get("row") or {}
        if value is not None:
            best = value if best is None else better(best, value)
        about = {"number": each["number"], "state": each["state"], "value": value, "best": best}
        gap = {"gap": row.get("gap_accuracy"), "low": row.get("low"), "high": row.get("high")}
        found.append(about | gap | {"settings": each["settings"]})
    return found


def trials(study: Study) -> go.Figure:
    """Every trial's value in the order in which they were proposed, and the best so far as a step line."""
    dots = rows(study)
    came = [dot for dot in dots if dot["value"] is not None]
    traces: list[dict[str, Any]] = []
    for at, state in enumerate(("finished", "stopped")):
        own = [dot for dot in came if dot["state"] == state]
        if own:
            traces.append(spots(own, [d["number"] for d in own], [d["value"] for d in own], state, (TRAIN, GREY)[at]))
    if came:
        step = {"shape": "hv", "color": VALID, "width": 2}
        x, y = (
            [dot["number"] for dot in dots if dot["best"] is not None],
            [d["best"] for d in dots if d["best"] is not None],
        )
        traces.append({"type": "scatter", "mode": "lines", "x": x, "y": y, "line": step, "name": "best so far"})
    return figure(
        traces, _title(study, dots), height=380, xaxis=axis("trial", rangemode="nonnegative"),
        yaxis=value_axis(study, [dot["value"] for dot in came]),
    )  # fmt: skip


def gaps(study: Study, knob: str) -> go.Figure:
    """The gap in accuracy of each trial, with its interval, against one of its knobs."""
    from workbench.checks import known

    known(knob, study.space, f"{study.name} does not search over")
    own = [dot for dot in rows(study) if dot["gap"] is not None and dot["value"] is not None]
    dots = spots(own, along(study, knob, own), [d["gap"] for d in own], "trial", TRAIN)
    up, down = [d["high"] - d["gap"] for d in own], [d["gap"] - d["low"] for d in own]
    dots |= {"error_y": {"array": up, "arrayminus": down, "symmetric": False, "color": FAINT}}
    return figure(
        [dots], f"The gap at each trial's best epoch, against {label(knob)}.", height=360, showlegend=False,
        xaxis=knob_axis(study, knob),
        yaxis=axis("gap in accuracy (train − valid)", zeroline=True, zerolinecolor=GREY),
    )  # fmt: skip


def parallel(study: Study) -> go.Figure:
    """Every trial as a line through its knobs to its value; drag along an axis to single some out."""
    import math

    from workbench.choices import Options

    own = [dot for dot in rows(study) if dot["value"] is not None]
    dimensions = []
    for path, domain in study.space.items():
        values = [dot["settings"][path] for dot in own]
        if isinstance(domain, Options):
            names = list(dict.fromkeys([*domain.values, *values]))
            shown = {"values": [names.index(v) for v in values], "tickvals": [*range(len(names))]}
            shown["ticktext"] = [label(name, 24) for name in names]
        elif domain.log:
            logs = [math.log10(v) for v in (domain.low, domain.high, *values)]
            ends = range(math.ceil(min(logs) - 1e-9), math.floor(max(logs) + 1e-9) + 1)
            shown = {"values": logs[2:], "tickvals": [*ends], "range": [min(logs), max(logs)]}
            shown["ticktext"] = [f"{10.0**end:g}" for end in ends]
        else:
            shown = {"values": values, "range": [min([domain.low, *values]), max([domain.high, *values])]}
        dimensions.append({"label": label(path, 30)} | shown)
    reached = [dot["value"] for dot in own]
    scale = "Cividis" if study.direction == "maximize" else "Cividis_r"  # the brighter the better
    dimensions.append({"label": UNITS[study.metric], "values": reached})
    low, high = sight(study, reached)
    line = {"color": reached, "colorscale": scale, "showscale": False, "cmin": low, "cmax": high}
    return figure(
        [{"type": "parcoords", "dimensions": dimensions, "line": line, "labelfont": {"color": GREY}}],
        _title(study, rows(study)), height=380, showlegend=False, margin={"l": 80, "r": 80, "t": 90, "b": 30},
    )  # fmt: skip


def knob_axis(study: Study, knob: str, **more: Any) -> dict[str, Any]:
    """The axis of a knob: by ratio where its range is, by name where it has names."""
    from workbench.choices import Options

    domain = study.space[knob]
    if isinstance(domain, Options):
        return axis(label(knob, 30), type="category", **more)
    return axis(
        label(knob, 30), **({"type": "log", "dtick": 1, "exponentformat": "power"} if domain.log else {}), **more
    )


def along(study: Study, knob: str, own: list[dict[str, Any]]) -> list[Any]:
    """Where these trials stand on the axis of a knob."""
    from workbench.choices import Options

    values = [dot["settings"][knob] for dot in own]
    return [label(value, 24) for value in values] if isinstance(study.space[knob], Options) else values


def value_axis(study: Study, values: list[float], **more: Any) -> dict[str, Any]:
    """The axis of what is searched for; by ratio where a loss went so far up that the good ones would lie on a line."""
    wide = study.metric == "loss" and values and 0 < min(values) < max(values) / 10
    return axis(UNITS[study.metric], **({"type": "log", "dtick": "D2", "tickformat": "~g"} if wide else {}), **more)


def sight(study: Study, values: list[float]) -> tuple[float | None, float | None]:
    """Ends of a colour scale: the best, and what nine in ten are better than, so that one bad trial takes no colour."""
    import numpy as np

    if not values:
        return None, None
    low, high = np.quantile(values, (0.0, 0.9) if study.direction == "minimize" else (0.1, 1.0))
    return float(low), float(high)


def spots(own: list[dict[str, Any]], x: list[Any], y: list[Any], name: str, colour: str) -> dict[str, Any]:
    """Trials as dots that say what they are."""
    said = "trial %{customdata[0]}: %{customdata[1]}<br>%{customdata[2]}<extra></extra>"
    about = [[dot["number"], f"{dot['value']:.4g}", _settings(dot["settings"])] for dot in own]
    marker = {"color": colour, "size": 8, "symbol": [SYMBOLS[dot["state"]] for dot in own]}
    return {
        "type": "scatter", "mode": "markers", "x": x, "y": y, "marker": marker, "name": name,
        "customdata": about, "hovertemplate": said,
    }  # fmt: skip


def _settings(settings: dict[str, Any]) -> str:
    return "<br>".join(f"{label(path)} {value:.3g}" if isinstance(value, float) else f"{label(path)} {label(value)}"
                       for path, value in settings.items())  # fmt: skip


def _title(study: Study, dots: list[dict[str, Any]]) -> str:
    """Which trial leads, with what."""
    best = study.best
    if best is None:
        return "No trial has come to a value yet." if not dots else "Every trial failed: study.trials says why."
    failed = sum(dot["state"] == "failed" for dot in dots)
    more = f"; {failed} failed" if failed else ""
    return f"The best of {len(dots)} trials is {best['number']}: {UNITS[study.metric]} {best['value']:.4g}{more}."
