"""Text in panels: escaped, always; and the one style sheet."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets as widgets

STYLE = """<style>
.wb-error { color: #d1495b; font-weight: 600; line-height: 1.35; overflow-wrap: anywhere; white-space: normal; }
.wb-note { line-height: 1.35; overflow-wrap: anywhere; white-space: normal; color: var(--jp-ui-font-color1, inherit); }
.wb-faint { line-height: 1.35; color: var(--jp-ui-font-color2, #7a7a7a); white-space: normal; overflow-wrap: anywhere; }
.wb-strong { font-weight: 600; color: var(--jp-ui-font-color1, inherit); white-space: normal; line-height: 1.35; }
.wb-head { font-weight: 600; margin-top: 6px; color: var(--jp-ui-font-color1, inherit); }
.wb-table { border-collapse: collapse; width: 100%; font-size: 12px; color: var(--jp-ui-font-color1, inherit); }
.wb-table td, .wb-table th { padding: 1px 6px; text-align: left; line-height: 1.3; white-space: normal; }
.wb-table th { font-weight: normal; width: 60%; }
.wb-table tr + tr :is(td, th) { border-top: 1px solid var(--jp-border-color2, #999); }
.wb-wide { width: auto; }
.wb-wide th { width: auto; }
.wb-wide :is(td, th) { max-width: 340px; overflow-wrap: break-word; }
.wb-wide thead th { font-weight: 600; }
.wb-wide thead + tbody tr:first-child :is(td, th) { border-top: 1px solid var(--jp-border-color2, #999); }
.wb-recipe { border-right: 1px solid var(--jp-border-color2, #999); }
.wb-recipe .widget-label, .wb-recipe .widget-inline-hbox .widget-label { font-size: 12px; }
:is(.wb-live, .wb-compare, .wb-search, .wb-path) .js-plotly-plot
:is(.infolayer, .xaxislayer-above, .yaxislayer-above) text
{ fill: var(--jp-ui-font-color1, #7a7a7a) !important; }
.wb-search .parcoords text { text-shadow: none !important; }
:is(.wb-live, .wb-recipe, .wb-runs, .wb-search, .wb-path) button:focus-visible
{ outline: 2px solid var(--jp-brand-color1, #0072B2); }
</style>"""


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


def style_sheet() -> Any:
    """The widget that carries the style sheet; it takes no room."""
    return widgets.HTML(STYLE, layout=widgets.Layout(height="0", margin="0", overflow="hidden"))
