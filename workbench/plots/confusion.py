"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.plots.style import axis, figure, label

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.run import Run


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
    size = round(len(pairs) ** 0.5)
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
    down = axis("label", autorange="reversed", scaleanchor="x", constrain="domain", **ticks)
    return figure([heat], _title(pairs), height=max(380, min(900, 140 + 28 * size)), xaxis=across, yaxis=down)


def _title(pairs: list[dict[str, Any]]) -> str:
    wrong = [each for each in pairs if each["label"] != each["answer"] and each["count"]]
    examples, errors = sum(each["count"] for each in pairs), sum(each["count"] for each in wrong)
    if not wrong:
        return f"All {examples} examples are answered right."
    top = max(wrong, key=lambda each: each["count"])
    often = f"most often {label(top['label'], 24)} as {label(top['answer'], 24)} ({top['count']})"
    return f"{errors} of {examples} examples are answered wrongly, {often}."
