"""Learning rates compared: one that crawls, one that fits, one that overshoots."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from workbench.errors import BadKnob
from workbench.labs.together import trained
from workbench.searching import space as spaces

if TYPE_CHECKING:
    import pandas as pd

    from workbench.recipe import Recipe

COLUMNS = ("train_loss", "valid_loss", "train_accuracy", "valid_accuracy")
MOST = 50  # rates: more lines than a figure holds
WAY = 0.9  # share of the way down that the best one came: who comes less far, and still falls, crawls


def rates(recipe: Recipe, values: int | Iterable[float] = 6) -> pd.DataFrame:
    """Train the recipe's head with each learning rate, all at once: a row a rate and epoch, from before training on.

    `values`: the rates, or how many of them, spread over the knob's own range. A row holds `lr`, `epoch`, the losses
    (nats) and accuracies. A rate with which training diverged has no rows from then on.
    """
    from workbench.whole_table import WholeTable

    if recipe.scope.name != "head":
        raise BadKnob(f"learning rates are compared on heads: recipe.replace(scope='head'), got {recipe.scope}.")
    given = None if isinstance(values, int) else [*values]
    count = values if isinstance(values, int) else len(given or ())
    if isinstance(values, bool) or not 2 <= count <= MOST:
        raise BadKnob(f"2 to {MOST} learning rates are compared, got {values!r}.")
    space = spaces.space_of(recipe, {"lr": given})
    spread = sorted(each["lr"] for each in spaces.grid(space, count))
    lines = [
        {"lr": rate, "epoch": row["epoch"], **{key: row[key] for key in COLUMNS}}
        for rate, each in zip(spread, trained([recipe.replace(lr=rate) for rate in spread]), strict=True)
        for row in each.rows
    ]
    return WholeTable(lines)


def verdicts(found: pd.DataFrame) -> pd.DataFrame:
    """How each rate of `rates` went: a row each, `lr`, `start`, `end`, `valid_end` (losses in nats), `verdict`.

    "overshoots": the train loss stood above where it began, or was no number any more. "crawls": it was still falling,
    and had come less than nine tenths of the way down that the best one came. "fits": neither; "fits best": of these
    the one whose validation loss ends lowest.
    """
    from workbench.whole_table import WholeTable

    last, lines, falling = found["epoch"].max(), [], {}
    for rate, each in found.groupby("lr"):
        train, valid = each["train_loss"].tolist(), each["valid_loss"].tolist()
        whole = each["epoch"].max() == last
        ends = {"end": train[-1], "valid_end": valid[-1]} if whole else {"end": math.inf, "valid_end": math.inf}
        falling[rate] = whole and train[-1] < train[-2]
        over = not whole or max(train) > train[0]
        lines.append({"lr": rate, "start": train[0], **ends, "verdict": "overshoots" if over else "fits"})
    lowest = min(line["end"] for line in lines)
    for line in lines:
        short = line["start"] - line["end"] < WAY * (line["start"] - lowest)
        if line["verdict"] == "fits" and short and falling[line["lr"]]:
            line["verdict"] = "crawls"
    fitting = [line for line in lines if line["verdict"] == "fits"]
    if fitting:
        min(fitting, key=lambda line: line["valid_end"])["verdict"] = "fits best"
    return WholeTable(lines)
