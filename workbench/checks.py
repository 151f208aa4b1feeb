"""Checks of what a person gives: an error has the rule, the value, and what is near."""

from __future__ import annotations

import difflib
import os
from typing import Any

from workbench.errors import BadChoice, BadKnob


def whole(name: str, value: Any, low: int, high: int) -> int:
    """`value`, a whole number within the bounds, or the error that says so."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadKnob(f"{name} must be a whole number in [{low:,}, {high:,}], got {value!r}.")
    return value


def nearest(value: Any, names: Any) -> str:
    """` Did you mean 'x'?` where something is near, else nothing."""
    close = difflib.get_close_matches(str(value), [str(n) for n in names], n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def known(name: str, names: Any, complaint: str, *, cell: bool = False) -> None:
    """Raise `BadChoice` unless `name` is among `names`, with the nearest match and the list."""
    if name in names:
        return
    hint = " If a notebook cell defines it, run that cell first." if cell else ""
    if cell and os.path.exists(os.path.expanduser(name)):
        hint = f" A folder of your own is wb.Images(folder={name!r})."
    listed = ", ".join(map(str, names)) or "none"
    raise BadChoice(f"{complaint} {name!r}.{nearest(name, names)} There are: {listed}.{hint}")
