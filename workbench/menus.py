"""Menus and knobs as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from workbench.checks import known
from workbench.choices import MENUS, Choice, Knob, Menu, Options, Range, entries, menu_base
from workbench.errors import BadChoice
from workbench.trained import counts

if TYPE_CHECKING:
    import pandas as pd

    from workbench.recipe import Recipe


def menu(name: str | None = None) -> pd.DataFrame:
    """What there is to choose: the entries of one menu with what each does and its knobs, or the menus themselves.

    Of regularizers it says when each helps, too.
    """
    from workbench.whole_table import WholeTable

    if name is None:
        return WholeTable([{"menu": each, "entries": len(menu(each))} for each in MENUS])
    known(name, MENUS, "there is no menu")
    if name == "backbones":
        from workbench.backbones.listing import listing

        return WholeTable(listing()).astype({"parameters": "Int64"})
    found = sorted(entries(menu_base(name)).values(), key=lambda each: not getattr(each, "in_sight", True))
    lines = [
        {"name": each.name, "what it does": each.about(), "when it helps": getattr(each, "when", ""),
         "knobs": ", ".join(_knob(k) for k in each.knobs())}
        for each in found
    ]  # fmt: skip
    helps = ["when it helps"] * any(line["when it helps"] for line in lines)
    return WholeTable(lines, columns=["name", "what it does", *helps, "knobs"])


def _knob(knob: Knob) -> str:
    domain = knob.domain
    if isinstance(domain, Range):
        return f"{knob.name}={knob.default} [{domain.low:g} to {domain.high:g}{', log' if domain.log else ''}]"
    if isinstance(domain, Options):
        return f"{knob.name}={knob.default!r} [{', '.join(map(str, domain.values))}]"
    return f"{knob.name}={knob.default!r}"


def parameters(recipe: Recipe | Iterable[Recipe]) -> pd.DataFrame:
    """Parameters beside hyperparameters, before a run: what training finds, and what a person sets.

    A row each: `kind` ("parameter, trained", "parameter, frozen", "hyperparameter"), `name`, `value` (for parameters,
    how many numbers), `set by`. Of several recipes there is a column each instead of `value`, called by its data, and
    empty where a recipe has no such knob; their networks are all called "backbone".
    """
    from workbench.recipe import Recipe
    from workbench.whole_table import WholeTable

    if isinstance(recipe, Recipe):
        rows = [*_weights(recipe), *_knobs(recipe)]
        return WholeTable(rows, columns=["kind", "name", "value", "set by"])
    by_name = named([*recipe])
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for name, each in by_name.items():
        for row in [*_weights(each, "backbone"), *_knobs(each)]:
            about = {"kind": row["kind"], "name": row["name"], **dict.fromkeys(by_name, ""), "set by": row["set by"]}
            lines.setdefault((row["kind"], row["name"]), about)[name] = row["value"]
    return WholeTable([*lines.values()], columns=["kind", "name", *by_name, "set by"])


def named(recipes: Sequence[Any]) -> dict[str, Recipe]:
    """Recipes by the names of their data, or by all that is said of the data where two are of one name."""
    from workbench.recipe import Recipe

    if not recipes or not all(isinstance(each, Recipe) for each in recipes):
        raise BadChoice(f"recipes are compared, such as wb.Recipe('digits'), got {[*recipes]!r}.")
    names = [each.data.name for each in recipes]
    said = [str(each.data) if names.count(each.data.name) > 1 else each.data.name for each in recipes]
    if len({*said}) < len(said):
        raise BadChoice(f"each recipe must have data of its own here, got {', '.join(said)}.")
    return dict(zip(said, recipes, strict=True))


def _weights(recipe: Recipe, body: str = "") -> list[dict[str, Any]]:
    data = recipe.data.load()
    found = counts(recipe, len(data.classes), data.side)
    by, body = f"gradient steps ({recipe.scope.name})", body or recipe.backbone.architecture
    return [
        _row("parameter, trained", "head", f"{found['head trained']:,}", by),
        _row("parameter, trained", body, f"{found['body trained']:,}", by),
        _row("parameter, frozen", body, f"{found['body frozen']:,}", "pretraining"),
    ]


def _knobs(recipe: Recipe) -> list[dict[str, Any]]:
    shown = [
        (path, knob, value) for path, (knob, value) in recipe.places().items() if not isinstance(knob.domain, Menu)
    ]
    chosen = [(path, knob, value) for path, (knob, value) in recipe.places().items() if isinstance(knob.domain, Menu)]
    rows = [_row("hyperparameter", path, _said(value), "you, or a search") for path, _, value in chosen]
    return rows + [_row("hyperparameter", path, _said(value), "you, or a search") for path, _, value in shown]


def _said(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(each.name for each in value) or "none"
    if isinstance(value, Choice):
        return value.spelled().partition("(")[0]  # its knobs have rows of their own
    return f"{value:g}" if isinstance(value, float) else str(value)


def _row(kind: str, name: str, value: str, by: str) -> dict[str, Any]:
    return {"kind": kind, "name": name, "value": value, "set by": by}
