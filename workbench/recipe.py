"""The recipe: everything that determines a run, frozen, and as plain scalars."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, cast

from workbench.checks import known
from workbench.choices import Choice, Knob, Knobbed, Menu, Options, Range, Text, knob
from workbench.errors import BadChoice

# The backbone of bundled data where none is named, by what it reads; for a person's own there is no default.
BUNDLED = {"vision": "glyph-resnet", "language": "docs-bert", "speech": "formant-encoder", "points": "plane"}
READS = {"vision": "pictures", "language": "texts", "speech": "recordings", "points": "points in a plane"}  # by domain
PRECISIONS = ("auto", "float32", "bfloat16", "float64")


@dataclass(frozen=True)
class Recipe(Knobbed):
    """Everything that determines a run. Two recipes with equal knobs are equal; the same recipe gives the same run.

    Wherever an entry of a menu stands, its name does too: `Recipe("digits", scope="head", regularizers="l2")`.
    """

    data: Any = knob("digits", Menu("datasets"), "What to learn from.")
    backbone: Any = knob("", Menu("backbones"), "The pretrained model to start from.")
    scope: Any = knob("head", Menu("scopes"), "Which weights train; the others stay frozen.")
    regularizers: Any = knob((), Menu("regularizers", many=True), "What makes training generalise.")
    optimizer: Any = knob("adamw", Menu("optimizers"), "How a gradient becomes a step.")
    lr: float = knob(1e-3, Range(1e-5, 1e-1, log=True), "Learning rate: how far a step goes.", limits=(0, 1e12))
    schedule: Any = knob("constant", Menu("schedules"), "How the learning rate moves over the run.")
    batch_size: int = knob(32, Range(4, 512, log=True), "Examples that pass at once.", limits=(1, 65536))
    accumulate: int = knob(1, Range(1, 16), "Batches whose gradients are added up for one step.", limits=(1, 4096))
    epochs: int = knob(20, Range(1, 100), "How often the training part is gone through.", limits=(1, 100_000))
    precision: str = knob("auto", Options(PRECISIONS), "In which numbers the network computes.")
    seed: int = knob(0, Range(0, 2**31 - 1), "Decides initial weights, order and masks.")
    changes: str = knob("", Text("changes"), "Knobs turned during the run, by step: '40: l2.strength=0.1'.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.backbone.architecture and not self.data.own:
            object.__setattr__(self, "backbone", type(self.backbone)(BUNDLED[self.data.domain]))
        self.turns()  # what cannot be turned shall be told before anything trains

    @property
    def id(self) -> str:
        """Eight letters that name the recipe."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:8]

    def to_dict(self) -> dict[str, Any]:
        """Plain scalars that JSON, YAML and papermill take; `from_dict` gives an equal recipe back."""
        return {name: _scalar(value) for name, value in self.values().items()}

    @classmethod
    def from_dict(cls, scalars: Mapping[str, Any]) -> Self:
        """The recipe that these scalars describe; what is left out takes its default."""
        for name in scalars:
            known(name, [each.name for each in cls.knobs()], "a recipe has no knob")
        return cls(**scalars)

    @classmethod
    def recalled(cls, about: Mapping[str, Any]) -> Self:
        """The recipe in a run's `recipe.json`; where a class of it is gone, the error ends with the source to run."""
        try:
            return cls.from_dict(about["recipe"])
        except BadChoice as error:
            gone = [source for name, source in about.get("sources", {}).items() if f"called {name!r}" in str(error)]
            if not gone:
                raise
            raise BadChoice(f"{error} It was:\n\n{gone[0]}") from None

    def places(self) -> dict[str, tuple[Knob, Any]]:
        """Every knob by its path (`lr`, `l2.strength`, `scope.layers`) with its present value."""
        found: dict[str, tuple[Knob, Any]] = {}
        for each in self.knobs():
            value = getattr(self, each.name)
            found[each.name] = (each, value)
            for choice in value if isinstance(value, tuple) else (value,) if isinstance(value, Choice) else ():
                prefix = choice.name if isinstance(value, tuple) else each.name
                found |= {f"{prefix}.{k.name}": (k, getattr(choice, k.name)) for k in choice.knobs()}
        return found

    def turned(self, settings: Mapping[str, Any]) -> Self:
        """The same recipe with knobs set by path: `recipe.turned({"l2.strength": 0.1, "lr": 1e-2})`."""
        recipe = self
        for path, value in settings.items():
            known(path, recipe.places(), "the recipe has no knob")
            field, _, inner = path.partition(".")
            if not inner:
                recipe = recipe.replace(**{field: value})
            elif field in {each.name for each in recipe.knobs()}:
                recipe = recipe.replace(**{field: getattr(recipe, field).replace(**{inner: value})})
            else:
                new = [r.replace(**{inner: value}) if r.name == field else r for r in recipe.regularizers]
                recipe = recipe.replace(regularizers=new)
        return recipe

    def turns(self) -> list[tuple[int, str, float]]:
        """`changes` as (step, path, value), in the order of the steps."""
        found = []
        for part in filter(None, (p.strip() for p in self.changes.split(";"))):
            try:
                step, rest = part.split(":", 1)
                path, value = rest.split("=", 1)
                at, where, number = int(step), path.strip(), float(value)
            except ValueError:
                at = -1
            if at < 0:
                raise BadChoice(f"a change is written `step: path=value`, such as `40: lr=0.01`, got {part!r}.")
            found.append((at, where, self.turning(where, number)))
        return sorted(found, key=lambda turn: turn[0])

    def turning(self, path: str, value: float) -> float:
        """`value` as the knob at `path` takes it while a run is under way: `lr`, or a number of a regularizer."""
        places, own = self.places(), {each.name for each in self.regularizers}
        numbers = [where for where, (each, _) in places.items() if isinstance(each.domain, Range)]
        free = [where for where in numbers if where == "lr" or where.partition(".")[0] in own]
        known(path, free, "a run that is under way has no knob")
        return cast(float, places[path][0].check(value, path.rpartition(".")[0]))

    def as_code(self) -> str:
        """Python that makes this recipe."""
        given = [k for k in self.knobs() if _scalar(getattr(self, k.name)) != _scalar(type(self).default(k.name))]
        inside = "".join(f"    {k.name}={_short(getattr(self, k.name))!r},\n" for k in given)
        return f"wb.Recipe(\n{inside})" if inside else "wb.Recipe()"

    @classmethod
    def default(cls, name: str) -> Any:
        """What the knob `name` is where nothing is said."""
        return getattr(cls(), name)


def _scalar(value: Any) -> Any:
    if isinstance(value, Choice):
        return value.spelled()
    return ", ".join(each.spelled() for each in value) if isinstance(value, tuple) else value


def _short(value: Any) -> Any:
    if isinstance(value, Choice):
        return value.spelled(full=False)
    return ", ".join(each.spelled(full=False) for each in value) if isinstance(value, tuple) else value
