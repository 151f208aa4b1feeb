"""One knob over many values: heads that train as one group, for a slider to go along."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import progress
from workbench.checks import known
from workbench.choices import Knob, Range, entries
from workbench.errors import BadChoice, BadKnob
from workbench.recipe import Recipe
from workbench.regularizers import Regularizer
from workbench.searching import space as spaces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.history import Row

    End = tuple[Row, Row, dict[str, Any]]

COLUMNS = (
    *("train_loss", "valid_loss", "train_accuracy", "valid_accuracy"),
    *("gap_loss", "gap_accuracy", "low", "high", "valid_low", "valid_high"),
)
MOST = 500  # values: as many points as a figure draws
SETTLED = {"optimizer": "adamw(beta2=0.9)", "lr": 0.1, "schedule": "cosine", "accumulate": 1}
EPOCHS = 300  # of one step each: enough for SETTLED to come to rest
WHOLE = 65536  # examples in a batch, at most


@dataclass(frozen=True, eq=False, repr=False)
class Path:
    """Heads along `values` of `knob`, as they were at the end of training.

    `recipe`: what they share. `ends` and `bests`: each value's row at the last epoch, and at that of the least
    validation loss. `heads`: the weights at the end by name, the values' axis in front. `lost`: the values at which
    training diverged, and why; they are not among `values`.
    """

    recipe: Recipe
    knob: str
    values: tuple[float, ...]
    ends: tuple[Row, ...]
    bests: tuple[Row, ...]
    heads: dict[str, NDArray[Any]]
    classes: tuple[str, ...]
    lost: dict[float, str] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """A row a value, in their order: `value`, `zeros`, `size`, `features`, `strongest`, the metrics at the end, and
        `best_` ones.

        `zeros`: the share of the weights (no biases) that are exactly 0. `size`: the mean of their absolute values.
        `features`: how many features the first layer looks at. `strongest`: the share of its weight that the one with
        the most has.
        """
        return [dict(row) for row in self._rows]

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        flat = [w.reshape(len(w), -1) for name, w in self.heads.items() if name.endswith("weight")]
        every = np.concatenate(flat, 1)
        zeros, size = (every == 0).mean(1), np.abs(every).mean(1)
        looked = np.abs(self.heads["head.0.weight"]).sum(2)  # at each feature: (values, features)
        features, strongest = (looked > 0).sum(1), looked.max(1) / np.maximum(looked.sum(1), 1e-30)
        found = []
        for at, (end, best) in enumerate(zip(self.ends, self.bests, strict=True)):
            row = {"value": self.values[at], "zeros": float(zeros[at]), "size": float(size[at])}
            row |= {"features": int(features[at]), "strongest": float(strongest[at])}
            row |= {key: end[key] for key in ("epoch", *COLUMNS)}
            found.append(row | {f"best_{key}": best[key] for key in ("epoch", *COLUMNS)})
        return found

    @property
    def best(self) -> float:
        """The value with the least validation loss at the end."""
        return self.values[int(np.argmin([row["valid_loss"] for row in self.ends]))]

    @property
    def log(self) -> bool:
        """Whether equal ratios of the knob count rather than equal steps."""
        domain = knobs()[self.knob].domain
        return isinstance(domain, Range) and domain.log and self.values[0] > 0

    def at(self, value: float) -> int:
        """The position of the value nearest to `value`."""
        low, high = self.values[0], self.values[-1]
        if not low <= value <= high:
            raise BadKnob(f"{self.knob} must be in [{low:g}, {high:g}] on this path, got {value!r}.")
        every = np.array(self.values)
        return int(np.argmin(np.abs(np.log(every / value) if self.log else every - value)))

    def weights(self, value: float) -> NDArray[Any]:
        """The weights of the head's first layer at the value nearest to `value`: (features, classes or units)."""
        found: NDArray[Any] = self.heads["head.0.weight"][self.at(value)]
        return found

    def recipe_of(self, value: float) -> Recipe:
        """The recipe that was trained at the value nearest to `value`."""
        return self.recipe.turned({self.knob: self.values[self.at(value)]})

    def __repr__(self) -> str:
        ends = f"{self.values[0]:.3g} to {self.values[-1]:.3g}"
        return f"Path({self.knob!r}, {len(self.values)} values from {ends}, best at {self.best:.3g})"


def path(
    recipe: Recipe | None = None,
    knob: str = "l2.strength",
    values: int | Range | Iterable[float] = 50,
    *,
    settled: bool | None = None,
    epochs: int | None = None,
    bar: bool = True,
) -> Path:
    """Train a head at each of many values of one knob, all as one group; `bar`: with a progress bar.

    `knob`: a number of a regularizer, which joins the recipe where it is not in it (`l2.strength`, `l1.strength`,
    `dropout.rate`), or `lr`. `values`: how many, spread over the knob's own range; or a `Range`, or the values.
    `settled`: each value stands for the solution that it defines, and not for how far the recipe's steps come: whole
    batches, AdamW, and a learning rate that goes to zero over `epochs` (300 where nothing is said). In float64 the
    objective of a linear head is then that of scikit-learn's `LogisticRegression` to a millionth, and L1's zeros are
    its zeros (`tests/searching/test_path.py`); at the weakest strengths it takes more epochs to come as near.
    Otherwise, and for `lr`, the recipe's own steps. What stops early does not here. A value at which training diverges
    is told and left out.
    """
    from tqdm import tqdm

    with tqdm(desc=f"path over {knob}", unit="", disable=not bar) as shown:

        def heard(what: str, done: int, total: int) -> None:
            shown.total, shown.n = total, done
            shown.set_postfix_str(what)

        with progress.told_to(heard):
            found = along(recipe or Recipe(), knob, values, settled, epochs)
    for value, why in found.lost.items():
        print(f"{knob} {value:g} is left out: {why}", file=sys.stderr)
    return found


def knobs() -> dict[str, Knob]:
    """The knobs that a path can go along: the numbers of every regularizer of heads, and the learning rate."""
    kinds = {name: kind for name, kind in entries(Regularizer).items() if not kind.within}  # type: ignore[attr-defined]
    found = {f"{name}.{k.name}": k for name, kind in kinds.items() for k in kind.knobs() if spaces.moves(k)}
    return found | {k.name: k for k in Recipe.knobs() if k.name == "lr"}


def along(recipe: Recipe, knob: str, values: Any, settled: bool | None = None, epochs: int | None = None) -> Path:
    """The same without the bar; says how far it is by `progress`."""
    if not isinstance(recipe, Recipe):
        raise BadChoice(f"a path takes a recipe, such as wb.Recipe('digits'), got {recipe!r}.")
    if recipe.scope.name != "head":
        raise BadChoice(f"a path trains heads alone: recipe.replace(scope='head'), got the scope {recipe.scope}.")
    if recipe.changes:
        raise BadKnob(f"a path turns no knob on the way: recipe.replace(changes=''), got {recipe.changes!r}.")
    from workbench.searching.walking import walked  # it takes torch, for which a panel need not wait to be seen

    known(knob, knobs(), "a path goes along one number in which heads that train at once may differ, not along")
    shared = _joined(recipe, knob)
    points = _points(shared, knob, values)
    data = shared.data.load()
    if epochs is not None:
        shared = shared.replace(epochs=epochs)
    if knob != "lr" if settled is None else settled:
        shared = shared.replace(**SETTLED, epochs=epochs or EPOCHS, batch_size=min(len(data.train), WHOLE))
    return walked(shared, knob, points, data)


def _joined(recipe: Recipe, knob: str) -> Recipe:
    """The recipe with the knob's regularizer, and without those that would end some values before others."""
    name, _, inner = knob.partition(".")
    kept = [r for r in recipe.regularizers if type(r).should_stop is Regularizer.should_stop]
    new = [entries(Regularizer)[name]()] if inner and name not in {r.name for r in kept} else []
    return recipe.replace(regularizers=[*kept, *new])


def _points(recipe: Recipe, knob: str, values: Any) -> list[float]:
    """The values in ascending order, each as the knob takes it."""
    if isinstance(values, bool) or (isinstance(values, int) and not 2 <= values <= MOST):
        raise BadKnob(f"values must be a whole number in [2, {MOST}], a Range or a list, got {values!r}.")
    said: Any = None if isinstance(values, int) else values
    if isinstance(said, Iterable) and not isinstance(said, str | Sequence):
        said = [*said]
    domain = spaces.space_of(recipe, {knob: said})[knob]
    spread = spaces.grid({knob: domain}, values if isinstance(values, int) else 50)
    found = sorted({float(each[knob]) for each in spread})
    if not 2 <= len(found) <= MOST:
        raise BadKnob(f"a path takes 2 to {MOST} values of {knob}, got {len(found)}.")
    return found
