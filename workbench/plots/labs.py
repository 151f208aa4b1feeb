"""Figures of labs: ablation, remedies, data size, label noise, complexity, robustness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.plots.style import COLOURS, GREY, TRAIN, VALID, axis, faded, figure, label

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

DASHES = ("solid", "dash", "dot", "dashdot")


def ablation(found: pd.DataFrame) -> go.Figure:
    """Of `labs.ablation`: by how much validation accuracy changes without each regularizer, with 95 % intervals."""
    lines: list[Any] = found.iloc[1:].to_dict("records")
    colours = [GREY if line["level"] else VALID if line["ahead"] < 0 else TRAIN for line in lines]
    bars: dict[str, Any] = {"type": "bar", "orientation": "h", "x": [line["ahead"] for line in lines]}
    bars |= {"y": [f"without {label(line['without'])}" for line in lines], "marker": {"color": colours}}
    bars |= {"error_x": _bars(lines, "ahead", "ahead_low", "ahead_high"), "showlegend": False}
    bars |= {"customdata": [[line["accuracy"], line["gap"]] for line in lines]}
    said = "%{y}: %{x:+.3f}; accuracy %{customdata[0]:.3f}, gap %{customdata[1]:.3f}<extra></extra>"
    whole = found.iloc[0]
    sure = sorted((line for line in lines if not line["level"]), key=lambda line: line["ahead"])
    title = f"With all of them {whole['accuracy']:.3f}. "
    if not sure:
        title += "Leaving any one out may change nothing."
    elif sure[0]["ahead"] < 0:
        title += f"Most is lost without {label(sure[0]['without'])}: {sure[0]['ahead']:+.3f}."
    else:
        title += f"Nothing is lost; better without {label(sure[-1]['without'])}: {sure[-1]['ahead']:+.3f}."
    across = axis("change of validation accuracy (share)") | {"zeroline": True, "zerolinecolor": GREY}
    down = axis("", autorange="reversed")
    return figure([bars | {"hovertemplate": said}], title, height=160 + 36 * len(lines), xaxis=across, yaxis=down)


def _bars(lines: list[Any], key: str, low: str, high: str) -> dict[str, Any]:
    up = [line[high] - line[key] for line in lines]
    down = [line[key] - line[low] for line in lines]
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "color": GREY, "thickness": 1.5}


def _curve(lines: list[Any], x: str, y: str, name: str, at: int) -> dict[str, Any]:
    colour = COLOURS[at % len(COLOURS)]
    look = {"color": colour, "dash": DASHES[at % len(DASHES)], "width": 2}
    return {
        "type": "scatter", "mode": "lines+markers", "x": [line[x] for line in lines], "y": [line[y] for line in lines],
        "name": label(name), "line": look, "marker": {"size": 6, "color": colour}, "legendgroup": name,
        "hovertemplate": f"%{{x}}: %{{y:.3f}}<extra>{label(name)}</extra>",
    }  # fmt: skip


def _band(lines: list[Any], x: str, low: str, high: str, colour: str) -> dict[str, Any]:
    """Between two columns, there and back."""
    return {
        "type": "scatter", "mode": "lines", "line": {"width": 0}, "fill": "toself", "hoverinfo": "skip",
        "x": [line[x] for line in [*lines, *reversed(lines)]], "fillcolor": faded(colour, 0.12), "showlegend": False,
        "y": [line[high] for line in lines] + [line[low] for line in reversed(lines)],
    }  # fmt: skip


def remedies(found: pd.DataFrame) -> go.Figure:
    """Of `labs.remedies`: validation accuracy of each, with its 95 % interval; grey: what cannot be told from none."""
    lines: list[Any] = found.to_dict("records")
    first, others = lines[0], lines[1:]
    colours = [GREY if line is first or line["level"] else TRAIN if line["ahead"] > 0 else VALID for line in lines]
    bars: dict[str, Any] = {"type": "bar", "orientation": "h", "x": [line["accuracy"] for line in lines]}
    bars |= {"y": [label(line["remedy"]) for line in lines], "marker": {"color": colours}, "showlegend": False}
    bars |= {"error_x": _bars(lines, "accuracy", "low", "high")}
    bars |= {"text": ["" if line is first else f"{line['ahead']:+.3f}" for line in lines], "textposition": "inside"}
    bars |= {"customdata": [[line["train_accuracy"], line["gap"]] for line in lines], "insidetextanchor": "start"}
    bars["hovertemplate"] = "%{y}: %{x:.3f}; train %{customdata[0]:.3f}, gap %{customdata[1]:.3f}<extra></extra>"
    sure = sorted((line for line in others if not line["level"]), key=lambda line: line["ahead"])
    title = f"{label(first['remedy'])}: {first['accuracy']:.3f}. "
    if not sure:
        title += "No remedy can be told from none."
    elif sure[-1]["ahead"] > 0:
        title += f"Most is brought by {label(sure[-1]['remedy'])}: {sure[-1]['accuracy']:.3f}."
    else:
        title += f"None helps; most is lost by {label(sure[0]['remedy'])}: {sure[0]['accuracy']:.3f}."
    across = axis("validation accuracy (share)", range=[0, 1.02])
    return figure([bars], title, height=150 + 36 * len(lines), xaxis=across, yaxis=axis("", autorange="reversed"))


def data_size(found: pd.DataFrame) -> go.Figure:
    """Of `labs.data_size`: validation error by training examples, both in logarithms, with each way's power law.

    The band is the law's 95 % interval.
    """
    traces = []
    for at, (name, each) in enumerate(found.groupby("way", sort=False)):
        lines: list[Any] = each.assign(
            error=1 - each["accuracy"], elow=1 - each["high"], ehigh=1 - each["low"]
        ).to_dict("records")
        curve = _curve(lines, "labels", "error", str(name), at)
        curve |= {"error_y": _bars(lines, "error", "elow", "ehigh") | {"color": COLOURS[at % len(COLOURS)]}}
        power = [lines[0][key] for key in ("power", "power_low", "power_high")]
        curve["name"] = f"{label(name)}: error falls as labels ** -{power[0]:.2f} [{power[1]:.2f}, {power[2]:.2f}]"
        curve["mode"] = "markers"
        traces += [_band(lines, "labels", "fitted_low", "fitted_high", COLOURS[at % len(COLOURS)]), curve]
        law = _curve(lines, "labels", "fitted", str(name), at) | {"mode": "lines", "showlegend": False}
        traces.append(law | {"hovertemplate": "%{x}: %{y:.3f}<extra>the power law</extra>"})
    ticks = sorted({int(each) for each in found["labels"]})
    return figure(
        traces, _advice(found), height=420,
        xaxis=axis("training examples", type="log", tickvals=ticks, ticktext=[str(each) for each in ticks]),
        yaxis=axis("validation error (share)", type="log"),
    )  # fmt: skip


def _advice(found: pd.DataFrame) -> str:
    """What helps most from the second size on the first way: more data, or another way on the same data."""
    sizes, ways = sorted(found["per_class"].unique()), list(dict.fromkeys(found["way"]))
    at: dict[Any, Any] = {(line["way"], line["per_class"]): line for line in found.to_dict("records")}
    here = len(sizes) // 2 - (len(sizes) % 2 == 0)
    now = at[ways[0], sizes[here]]["accuracy"]
    others = {f"{sizes[here + 1] / sizes[here]:g} times the data": at[ways[0], sizes[here + 1]]}
    others |= {way: at[way, sizes[here]] for way in ways[1:]}
    best = max(others, key=lambda name: float(others[name]["accuracy"]))
    said = "; ".join(f"{label(name)} {line['accuracy'] - now:+.3f}" for name, line in others.items())
    most = f"Most: {label(best)}." if others[best]["low"] > now else "None of it is beyond chance."
    return f"From {sizes[here]} a class, at equal cost: {said}. {most}"


def label_noise(found: pd.DataFrame) -> go.Figure:
    """Of `labs.label_noise`: validation accuracy and the wrong labels repeated, by epoch, where most are wrong."""
    most = found["share"].max()
    traces = []
    for at, (name, each) in enumerate(found[found["share"] == most].groupby("regularizer", sort=False)):
        lines: list[Any] = each.to_dict("records")
        for metric, place in (("accuracy", ""), ("memorised", "2")):
            curve = _curve(lines, "epoch", metric, str(name), at) | {"xaxis": f"x{place}", "yaxis": f"y{place}"}
            traces.append(curve | {"mode": "lines", "showlegend": not place})
    ends = found[found["share"] == most].groupby("regularizer", sort=False)["accuracy"].last()
    best = str(ends.idxmax())
    title = f"With {most:.0%} wrong labels, at the end: {ends.iloc[0]:.3f} with {label(ends.index[0])}, "
    title += f"{ends.max():.3f} with {label(best)}."
    return figure(
        traces, title, height=400,
        xaxis=axis("epoch", domain=[0.0, 0.46], anchor="y"), xaxis2=axis("epoch", domain=[0.54, 1.0], anchor="y2"),
        yaxis=axis("validation accuracy (share)", anchor="x", range=[0, 1.02]),
        yaxis2=axis("wrong labels repeated (share)", anchor="x2", range=[0, 1.02]),
    )  # fmt: skip


def complexity(found: pd.DataFrame) -> go.Figure:
    """Of `labs.widths` and `labs.unfrozen`: train and validation error by complexity."""
    lines: list[Any] = found.to_dict("records")
    train = _curve(lines, "model", "train_error", "train", 0)
    valid = _curve(lines, "model", "error", "valid, with its 95 % interval", 1)
    valid |= {"error_y": _bars(lines, "error", "low", "high") | {"color": VALID}}
    for curve in (train, valid):
        curve |= {"x": [label(line["model"]) for line in lines], "customdata": [line["parameters"] for line in lines]}
        curve["hovertemplate"] = (
            "%{x} (%{customdata:,} weights in the head): %{y:.3f}<extra>" + curve["name"] + "</extra>"
        )
    best = min(lines, key=lambda line: line["error"])
    title = f"The least validation error, {best['error']:.3f}: {label(best['model'])}. "
    title += (
        "It comes down, rises, and comes down again: double descent." if lines[0]["twice"] else
        "It does not come down twice here: no double descent beyond chance."
    )  # fmt: skip
    return figure(
        [train, valid],
        title,
        height=400,
        xaxis=axis("model", type="category"),
        yaxis=axis("error (share)", rangemode="tozero"),
    )


def robustness(found: pd.DataFrame) -> go.Figure:
    """Of `labs.robustness`: validation accuracy by how much is deleted, corrupted or an outlier; a panel a test."""
    tests, traces, axes = list(dict.fromkeys(found["test"])), [], dict[str, Any]()
    for place, test in enumerate(tests):
        number, wide = str(place + 1) if place else "", (1 - 0.06 * (len(tests) - 1)) / len(tests)
        start = place * (wide + 0.06)
        axes[f"xaxis{number}"] = axis(label(test), domain=[start, min(1.0, start + wide)], anchor=f"y{number}")
        axes[f"yaxis{number}"] = axis(
            "" if place else "validation accuracy (share)", anchor=f"x{number}", range=[0, 1.02]
        )
        for at, (name, each) in enumerate(found[found["test"] == test].groupby("regularizer", sort=False)):
            lines: list[Any] = each.to_dict("records")
            colour = COLOURS[at % len(COLOURS)]
            curve = _curve(lines, "level", "accuracy", str(name), at) | {"showlegend": not place}
            band = _band(lines, "level", "low", "high", colour) | {"name": f"{label(name)}, interval"}
            traces += [each | {"xaxis": f"x{number}", "yaxis": f"y{number}"} for each in (band, curve)]
    last = found[found["level"] == found.groupby("test")["level"].transform("max")]
    best = {test: last[last["test"] == test].sort_values("accuracy").iloc[-1] for test in tests}
    said = "; ".join(
        f"{label(test)}: {label(row['regularizer'])} ({row['accuracy']:.2f})" for test, row in best.items()
    )
    return figure(traces, f"Who holds up best at the most: {said}.", height=400, **axes)
