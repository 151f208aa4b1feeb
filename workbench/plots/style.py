"""What all figures share: colours, paper, labels, how many points."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.run import Run

TRAIN, VALID = "#0072B2", "#D55E00"
COLOURS = (TRAIN, VALID, "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito's, but for yellow and black
GREY, FAINT = "#7a7a7a", "rgba(127, 127, 127, 0.25)"  # legible on a light page and on a dark one
POINTS = 500  # at most, a trace
WIDE = 760  # pixels that a legend has, at the least


def label(text: Any, most: int = 60) -> str:
    """A user's text as plotly shows it letter by letter: no tags, no formula, no place for a value; not too long."""
    text = str(text)
    shown = html.escape(text if len(text) <= most else text[: most - 1] + "…", quote=False)  # plotly knows no &quot;
    return shown.replace("$", "&#36;").replace("%{", "&#37;{")


def faded(colour: str, share: float) -> str:
    """`colour` (#rrggbb) let through: `rgba(...)`."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {share:g})"


def thin(count: int, keep: Iterable[int] = (), most: int = POINTS) -> list[int]:
    """Which of `count` points are drawn: all, or at most `most` spread evenly: the first, the last, those in `keep`."""
    if count <= most:
        return list(range(count))
    kept = {at for at in keep if 0 <= at < count}
    even = most - len(kept)
    return sorted(kept | {round(at * (count - 1) / (even - 1)) for at in range(even)})


def named(runs: Run | Iterable[Run] | Mapping[str, Run]) -> dict[str, Run]:
    """The runs by a name each: as given, or by what sets their recipes apart, or by their folders."""
    if isinstance(runs, Mapping):
        return dict(runs)
    each = [*runs] if isinstance(runs, Iterable) else [runs]
    recipes = [run.recipe.to_dict() for run in each]
    differ = [key for key in recipes[0] if len({str(recipe[key]) for recipe in recipes}) > 1] if recipes else []
    said = [", ".join(f"{key}: {recipe[key] if recipe[key] != '' else 'none'}" for key in differ) for recipe in recipes]
    for names in (said, [run.folder.name for run in each]):
        if len(set(names)) == len(names) and all(names):
            return dict(zip(names, each, strict=True))
    return {str(run.folder): run for run in each}


def figure(traces: Sequence[Mapping[str, Any]], title: str, **layout: Any) -> go.Figure:
    """A plotly figure of these traces on paper that suits both themes."""
    import plotly.graph_objects as go

    lines = _legend_lines(traces) if layout.get("showlegend", True) else 0
    top = 48 + 22 * lines  # the title, and below it the legend
    if "height" in layout and lines > 2:
        layout["height"] += 22 * (lines - 2)
    place = {"x": 0, "xref": "container", "xanchor": "left", "y": 1, "yref": "container", "yanchor": "top"}
    shown = {
        "title": {"text": title, "font": {"size": 14}, "pad": {"l": 12, "t": 12}, **place},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": GREY, "size": 12},
        "margin": {"l": 60, "r": 20, "t": top, "b": 45},
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"}
        | {"traceorder": "normal"},
        "template": "none",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": FAINT, "activecolor": GREY},
    }
    return go.Figure(data=list(traces), layout=shown | layout)


def _legend_lines(traces: Sequence[Mapping[str, Any]]) -> int:
    """How many lines the legend takes, two at least, in a figure of usual width; plotly gives all entries one width."""
    names = [html.unescape(each["name"]) for each in traces if each.get("showlegend", True) and each.get("name")]
    wide = 50 + 6.5 * max(map(len, names), default=0)  # pixels
    return max(2, -(-len(names) // max(1, int(WIDE / wide))))


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with its title, a faint grid, and no line at zero unless asked for."""
    base = {"title": {"text": title, "standoff": 8}, "gridcolor": FAINT, "linecolor": FAINT, "zeroline": False}
    return base | {"automargin": True} | more
