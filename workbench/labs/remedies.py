"""What helps against overfitting: remedies tried on one recipe, more data and early stopping among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.errors import BadKnob
from workbench.labs.arms import ahead, ends, over_seeds

if TYPE_CHECKING:
    import pandas as pd

    from workbench.labs.together import Trained
    from workbench.recipe import Recipe


def remedies(arms: Mapping[str, Recipe], seeds: int = 5) -> pd.DataFrame:
    """Train each of `arms` over `seeds` seeds; the first one is what the others shall mend.

    A row each: `remedy`, and of the weights kept, means over the seeds: `accuracy` (validation) with `low` and `high`,
    `train_accuracy`, `gap`, `train_loss`, `valid_loss`; `ahead` of the first, paired, with `ahead_low` and
    `ahead_high`; `level` where that may be chance. Early stopping keeps its best epoch, all others their last: since
    validation chose that epoch, its figure is a little better than new data will say. Arms may have other training
    examples, and must have the same validation part.
    """
    from workbench.whole_table import WholeTable

    if len(arms) < 2:
        raise BadKnob(f"remedies are held against a first arm: name two or more, got {len(arms)}.")
    first = next(iter(arms))
    found: dict[str, list[Trained]] = {}
    held = {}
    for data, epochs in dict.fromkeys((recipe.data, recipe.epochs) for recipe in arms.values()):
        loaded = data.load()
        held[data] = sorted(loaded.keys[at] for at in loaded.valid.tolist())
        alike = {name: each for name, each in arms.items() if (each.data, each.epochs) == (data, epochs)}
        found |= over_seeds(alike, seeds, early=True)
    if odd := [name for name, each in arms.items() if held[each.data] != held[arms[first].data]]:
        raise BadKnob(f"remedies are compared on the same validation examples: {odd[0]!r} has others than {first!r}.")
    return WholeTable([{"remedy": name} | ends(found[name]) | ahead(found[name], found[first]) for name in arms])
