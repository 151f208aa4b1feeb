"""What each regularizer brings: all of them, each left out in turn, and none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import BadKnob
from workbench.labs.arms import ahead, ends, over_seeds
from workbench.labs.together import stops

if TYPE_CHECKING:
    import pandas as pd

    from workbench.recipe import Recipe

ALL, NONE = "nothing", "all of them"


def ablation(recipe: Recipe, seeds: int = 5) -> pd.DataFrame:
    """Train with all of the recipe's regularizers, without each in turn, and without any, over `seeds` seeds.

    A row each: `without` ("nothing", a name, "all of them"), and of the end of training, means over the seeds:
    `accuracy` (validation) with `low` and `high`, `train_accuracy`, `gap`, `train_loss`, `valid_loss`; `ahead`: of the
    recipe as it is, paired, with `ahead_low` and `ahead_high`; `level` where that may be chance. Early stopping is left
    out, since all train to their end. Heads of one set of regularizers train at once; whatever trains weights of the
    backbone trains one after another.
    """
    from workbench.whole_table import WholeTable

    own = [each for each in recipe.regularizers if not stops(each)]
    if not own:
        raise BadKnob("an ablation leaves out each regularizer in turn, and the recipe has none that acts on training.")
    arms = {ALL: recipe.replace(regularizers=own)}
    arms |= {each.name: recipe.replace(regularizers=[r for r in own if r is not each]) for each in own}
    if len(own) > 1:
        arms[NONE] = recipe.replace(regularizers=[])
    found = over_seeds(arms, seeds)
    return WholeTable([{"without": name} | ends(some) | ahead(some, found[ALL]) for name, some in found.items()])
