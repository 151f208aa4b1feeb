"""The weights of a linear head: before training and after, and how they decide one example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.checks import whole
from workbench.errors import BadChoice
from workbench.plots.path import SCALE
from workbench.plots.style import GREY, VALID, axis, figure, label

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from numpy.typing import NDArray

    from workbench.run import Run

FEATURES, CLASSES = 200, 40  # drawn: those of the largest weights


def rows(run: Run) -> list[dict[str, Any]]:
    """A row a number of a run's linear head: `class`, `feature` ("bias" for the class's own), `before`, `after`."""
    before, after = _heads(run)
    names = [*range(len(before[0])), "bias"]
    both = [np.vstack(each) for each in (before, after)]
    return [
        {"class": each, "feature": names[row], "before": float(both[0][row, at]), "after": float(both[1][row, at])}
        for at, each in enumerate(run.restored().classes)
        for row in range(len(names))
    ]


def _heads(run: Run) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Weights (features, classes) and biases (1, classes), as they were drawn, and at the best epoch."""
    import torch

    from workbench.learners import head
    from workbench.scopes import Head

    found = dict(run.restored().model.head.items())
    if len(found) > 2:
        raise BadChoice(f"the weights of a linear head are shown, got {run.recipe.scope}: head(layers=0) is linear.")
    after = [found[f"head_0_{kind}"][0].detach() for kind in ("weight", "bias")]
    inputs, classes = after[0].shape
    drawn = head.start(Head(), inputs, classes, [run.recipe.seed], torch.float32)
    before = [drawn[f"head.0.{kind}"][0] for kind in ("weight", "bias")]
    return [w.float().numpy() for w in before], [w.float().numpy() for w in after]


def _shown(after: NDArray[Any]) -> NDArray[Any]:
    """The features that are drawn, in the order of their largest weight."""
    return np.argsort(-np.abs(after).max(1), kind="stable")[:FEATURES]


def weights(run: Run) -> go.Figure:
    """A linear head's weights as they were drawn and at the best epoch: a row a class, a column a feature."""
    before, after = _heads(run)
    order, names = _shown(after[0]), run.restored().classes[:CLASSES]
    top = float(np.quantile(np.abs(after[0]), 0.995)) or 1.0
    heats: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    for number, said, each in (("", "as drawn by chance", before), ("2", "as learned", after)):
        z = each[0][order, : len(names)].T
        heat, across, down = _heat(z, names, number, f"feature, {said}", top)
        left = 0.54 if number else 0.0
        heats.append(heat)
        axes |= {f"xaxis{number}": across | {"domain": [left, left + 0.46]}, f"yaxis{number}": down}
    sizes = [float(np.abs(each[0]).mean()) for each in (before, after)]
    many = f"{after[0].size:,} weights and {after[1].size} biases"
    title = f"{many}: training took the mean size of a weight from {sizes[0]:.3f} to {sizes[1]:.3f}."
    return figure(heats, title, height=150 + 24 * len(names), showlegend=False, **axes)


def _heat(z: NDArray[Any], names: Any, number: str, said: str, top: float) -> tuple[dict[str, Any], Any, Any]:
    ticks = {"tickvals": [*range(len(names))], "ticktext": [label(each, 16) for each in names], "showgrid": False}
    heat = {
        "type": "heatmap", "z": z, "x": [*range(z.shape[1])], "y": [*range(len(names))], "colorscale": SCALE,
        "zmin": -top, "zmax": top, "xaxis": f"x{number}", "yaxis": f"y{number}", "showscale": number == "2",
        "colorbar": {"title": {"text": "weight"}, "outlinewidth": 0},
        "hovertemplate": "class %{y}, column %{x}: %{z:.4f}<extra></extra>",
    }  # fmt: skip
    down = axis("" if number == "2" else "class", anchor=f"x{number}", autorange="reversed", **ticks)
    return heat, axis(said, anchor=f"y{number}", showgrid=False), down


def votes_of(run: Run, at: int = 0) -> dict[str, Any]:
    """How a linear head decides validation example `at`: `key`, `label`, `answer`, `names` of the classes, `scores`.

    `votes`: weight times standardised feature, (features, classes); a class's score is their sum and its `bias`.
    """
    import torch

    data, by = run.load_data(), run.restored()
    whole("the validation example", at, 0, len(data.valid) - 1)
    _, (weight, bias) = _heads(run)
    row = data.valid[at : at + 1]
    with torch.no_grad():
        body = by.model.cpu().body(by.built.prepare(by.built.encode(data.inputs[row])))
        seen = ((body.float() - by.model.mean) / by.model.std)[0].float().numpy()
    found = seen[:, None] * weight
    scores = found.sum(0) + bias[0]
    about = {"key": data.keys[int(row)], "label": data.classes[data.labels[row]], "names": by.classes}
    return about | {"answer": by.classes[int(scores.argmax())], "votes": found, "bias": bias[0], "scores": scores}


def votes(run: Run, at: int = 0) -> go.Figure:
    """How a linear head decides a validation example: what each feature says for and against each class; the sums."""
    found = votes_of(run, at)
    _, after = _heads(run)
    order, names = _shown(after[0]), found["names"][:CLASSES]
    said = found["votes"][order, : len(names)].T
    heat, across, down = _heat(said, names, "", "feature: its value times its weight", float(np.abs(said).max()) or 1.0)
    heat |= {"showscale": True, "colorbar": {"title": {"text": "says"}, "outlinewidth": 0, "x": 0.62, "thickness": 14}}
    won = [VALID if name == found["answer"] else GREY for name in names]
    bars = {
        "type": "bar", "orientation": "h", "x": found["scores"][: len(names)], "y": [*range(len(names))],
        "marker": {"color": won}, "xaxis": "x2", "yaxis": "y2", "hovertemplate": "%{y}: %{x:.2f}<extra></extra>",
    }  # fmt: skip
    right = {"anchor": "x2", "matches": "y", "showticklabels": False, "showgrid": False, "autorange": "reversed"}
    first, second = np.sort(found["scores"])[::-1][:2]
    title = f"“{label(found['answer'], 20)}” gets the highest sum, {first:.1f}, before {second:.1f}"
    title += f"; the label is “{label(found['label'], 20)}”."
    return figure(
        [heat, bars], title, height=150 + 24 * len(names), showlegend=False,
        xaxis=across | {"domain": [0.0, 0.6]}, yaxis=down,
        xaxis2=axis("sum of a row, and its bias", domain=[0.75, 1.0], anchor="y2", zeroline=True),
        yaxis2=axis("", **right),
    )  # fmt: skip
