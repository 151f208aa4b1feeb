"""Which classes are taken for which."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from workbench.plots.style import axis, figure, label, named

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.run import Run

ACROSS = 3  # matrices next to each other, at most
MARGIN = {"l": 60, "r": 20, "t": 78, "b": 45}  # above each matrix stands its run


def rows(run: Run | Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a pair of classes: `label`, `answer`, `count`, `share` (of the label's examples)."""
    found = run if isinstance(run, Mapping) else run.details()
    names = [str(each["class"]) for each in found["classes"]]
    return [
        {"label": names[i], "answer": names[j], "count": count, "share": count / max(1, sum(counts))}
        for i, counts in enumerate(found["confusion"])
        for j, count in enumerate(counts)
    ]


def confusion(run: Run | Mapping[str, Any]) -> go.Figure:
    """How often each label (a row) was answered as each class (a column), of a run or of `run.test()`'s answer."""
    pairs = rows(run)
    size = _size(pairs)
    heat, across, down = _drawn(pairs, "")
    return figure([heat], _title(pairs), height=max(380, min(900, 140 + 28 * size)), xaxis=across, yaxis=down)


def rows_of(runs: Run | Iterable[Run] | Mapping[str, Run]) -> list[dict[str, Any]]:
    """The rows of several runs, one after the other, each with the run's `name`."""
    return [{"name": name, **row} for name, run in named(runs).items() for row in rows(run)]


def confusions(runs: Run | Iterable[Run] | Mapping[str, Run]) -> go.Figure:
    """The confusion matrices of several runs next to each other, on one scale."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for row in rows_of(runs):
        by_name.setdefault(row["name"], []).append(row)
    columns = min(ACROSS, max(1, len(by_name)))
    lines = -(-len(by_name) // columns)
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    notes: list[dict[str, Any]] = []
    for at, (name, pairs) in enumerate(by_name.items()):
        number = str(at + 1) if at else ""
        heat, across, down = _drawn(pairs, number)
        left, top = at % columns / columns, 1 - at // columns / lines
        x, y = [left, left + 0.84 / columns], [top - (0.72 if lines > 1 else 1) / lines, top]
        traces.append(heat | {"xaxis": f"x{number}", "yaxis": f"y{number}", "showscale": at == 0})
        layout |= {f"xaxis{number}": across | {"domain": x, "anchor": f"y{number}"}}
        layout |= {f"yaxis{number}": down | {"domain": y, "anchor": f"x{number}"}}
        said = f"{label(name, 34)}: {_wrong(pairs)[0]} of {_wrong(pairs)[1]} wrong"
        place = {"x": sum(x) / 2, "y": top, "xref": "paper", "yref": "paper"}
        place |= {"xanchor": "center", "yanchor": "bottom"}
        notes.append({"text": said, "showarrow": False, **place})
    size = max(map(_size, by_name.values()), default=1)
    height = 110 + lines * max(330, min(680, 170 + 24 * size))
    return figure(traces, _best_title(by_name), height=height, annotations=notes, margin=MARGIN, **layout)


def _size(pairs: list[dict[str, Any]]) -> int:
    return math.isqrt(len(pairs))


def _drawn(pairs: list[dict[str, Any]], number: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The heat map of one run, its axis of answers and its axis of labels; `number` is that of its axes."""
    size = _size(pairs)
    grid = [pairs[at : at + size] for at in range(0, len(pairs), size)]
    names = [label(line[0]["label"], 24) for line in grid]
    places = list(range(size))
    heat = {
        "type": "heatmap",
        "x": places,
        "y": places,
        "z": [[each["share"] for each in line] for line in grid],
        "customdata": [
            [[label(each["label"]), label(each["answer"]), each["count"]] for each in line] for line in grid
        ],
        "hovertemplate": "%{customdata[0]} answered as %{customdata[1]}: %{customdata[2]} (%{z:.1%})<extra></extra>",
        "colorscale": "Cividis",
        "zmin": 0,
        "zmax": 1,
        "colorbar": {"title": {"text": "share of<br>the label"}, "outlinewidth": 0},
    }
    if size <= 20:
        heat |= {"text": [[each["count"] or "" for each in line] for line in grid], "texttemplate": "%{text}"}
    ticks = {"tickvals": places, "ticktext": names, "showgrid": False}
    across = axis("answer", side="bottom", constrain="domain", **ticks)
    down = axis("label", autorange="reversed", scaleanchor=f"x{number}", constrain="domain", **ticks)
    return heat, across, down


def _wrong(pairs: list[dict[str, Any]]) -> tuple[int, int]:
    """How many examples are answered wrongly, of how many."""
    counts = [int(each["count"]) for each in pairs]
    right = [int(each["count"]) for each in pairs if each["label"] == each["answer"]]
    return sum(counts) - sum(right), sum(counts)


def _best_title(by_name: Mapping[str, list[dict[str, Any]]]) -> str:
    """Who answers the fewest wrongly, as a share where they were asked different numbers."""
    if not by_name:
        return "No epoch has been measured yet."
    shares = {name: _wrong(pairs)[0] / max(1, _wrong(pairs)[1]) for name, pairs in by_name.items()}
    least = min(shares.values())
    first = [name for name, share in shares.items() if share == least]
    if len(first) > 1:
        who = "All" if len(first) == len(shares) else f"{len(first)} of {len(shares)} runs"
        return f"{who} answer the same share of examples wrongly, {least:.1%}."
    return f"The fewest errors, {least:.1%} of the examples: {label(first[0])}."


def _title(pairs: list[dict[str, Any]]) -> str:
    wrong = [each for each in pairs if each["label"] != each["answer"] and each["count"]]
    examples, errors = sum(each["count"] for each in pairs), sum(each["count"] for each in wrong)
    if not wrong:
        return f"All {examples} examples are answered right."
    top = max(wrong, key=lambda each: each["count"])
    often = f"most often {label(top['label'], 24)} as {label(top['answer'], 24)} ({top['count']})"
    return f"{errors} of {examples} examples are answered wrongly, {often}."
