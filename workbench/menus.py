"""Menus and knobs as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.choices import MENUS, Choice, Knob, Menu, Options, Range, entries, known, menu_base
from workbench.trained import counts

if TYPE_CHECKING:
    import pandas as pd

    from workbench.recipe import Recipe


def menu(name: str | None = None) -> pd.DataFrame:
    """What there is to choose: the entries of one menu with what each does and its knobs, or the menus themselves."""
    import pandas as pd

    if name is None:
        return pd.DataFrame([{"menu": each, "entries": len(menu(each))} for each in MENUS])
    known(name, MENUS, "there is no menu")
    if name == "backbones":
        from workbench.backbones.listing import listing

        return pd.DataFrame(listing()).astype({"parameters": "Int64"})
    lines = [
        {"name": each.name, "what it does": each.about(), "knobs": ", ".join(_knob(k) for k in each.knobs())}
        for each in entries(menu_base(name)).values()
    ]
    return pd.DataFrame(lines, columns=["name", "what it does", "knobs"])


def _knob(knob: Knob) -> str:
    domain = knob.domain
    if isinstance(domain, Range):
        return f"{knob.name}={knob.default} [{domain.low:g} to {domain.high:g}{', log' if domain.log else ''}]"
    if isinstance(domain, Options):
        return f"{knob.name}={knob.default!r} [{', '.join(map(str, domain.values))}]"
    return f"{knob.name}={knob.default!r}"


def parameters(recipe: Recipe) -> pd.DataFrame:
    """Parameters beside hyperparameters, before a run: what training finds, and what a person sets.

    A row each: `kind` ("parameter, trained", "parameter, frozen", "hyperparameter"), `name`, `value` (for parameters,
    how many numbers), `set by`.
    """
    import pandas as pd

    rows = [*_weights(recipe), *_knobs(recipe)]
    return pd.DataFrame(rows, columns=["kind", "name", "value", "set by"])


def _weights(recipe: Recipe) -> list[dict[str, Any]]:
    data = recipe.data.load()
    found = counts(recipe, len(data.classes), data.side)
    by = f"gradient steps ({recipe.scope.name})"
    return [
        _row("parameter, trained", "head", f"{found['head trained']:,}", by),
        _row("parameter, trained", f"{recipe.backbone.architecture}", f"{found['body trained']:,}", by),
        _row("parameter, frozen", f"{recipe.backbone.architecture}", f"{found['body frozen']:,}", "pretraining"),
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
