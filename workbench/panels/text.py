"""Text in panels: escaped, always; and what dresses them: the one style sheet, names for screen readers."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets


def escaped(text: Any) -> str:
    """A user's text as HTML that shows it letter by letter."""
    return html.escape(str(text), quote=True)


def spoken(text: Any, kind: str = "note", role: str = "") -> str:
    """One line of text as HTML. `kind`: note, faint, strong, head or error (which screen readers announce)."""
    role = role or ("alert" if kind == "error" else "")
    said = f' role="{role}"' if role else ""
    return f'<div class="wb-{kind}"{said}>{escaped(text)}</div>' if str(text) else ""


def line(text: Any = "", kind: str = "note") -> Any:
    """An HTML widget that shows one escaped line; set it again with `widget.value = spoken(...)`."""
    return widgets.HTML(spoken(text, kind), layout=widgets.Layout(width="auto", margin="0"))


def table(rows: list[list[Any]], head: list[Any] | None = None) -> str:
    """A table as HTML, every cell escaped; the first cell of a row is its heading, `head` that of the columns."""
    top = "".join(f'<th scope="col">{escaped(cell)}</th>' for cell in head or [])
    body = "".join(
        f'<tr><th scope="row">{escaped(first)}</th>' + "".join(f"<td>{escaped(cell)}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    )
    kind = "wb-table wb-wide" if head else "wb-table"
    return f'<table class="{kind}">{f"<thead><tr>{top}</tr></thead>" if head else ""}{body}</table>'


class Dress(anywidget.AnyWidget):
    """The style sheet of a panel, names for what ipywidgets names to no screen reader, and keys that stay in it."""

    _css = Path(__file__).with_name("panel.css")
    _esm = Path(__file__).with_name("panel.js")


def style_sheet() -> Dress:
    """The widget that dresses the panel in which it stands; it takes no room."""
    return Dress(layout=widgets.Layout(height="0", margin="0", overflow="hidden"))
