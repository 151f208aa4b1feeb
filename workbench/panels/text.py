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
.wb-recipe { border-right: 1px solid var(--jp-border-color2, #999); }
.wb-recipe .widget-label, .wb-recipe .widget-inline-hbox .widget-label { font-size: 12px; }
.wb-live .js-plotly-plot text.gtitle, .wb-live .js-plotly-plot .xtitle, .wb-live .js-plotly-plot .ytitle,
.wb-live .js-plotly-plot .x2title, .wb-live .js-plotly-plot .y2title, .wb-live .js-plotly-plot .x3title,
.wb-live .js-plotly-plot .y3title, .wb-live .js-plotly-plot .legendtext, .wb-live .js-plotly-plot .xtick text,
.wb-live .js-plotly-plot .ytick text, .wb-live .js-plotly-plot .x2tick text, .wb-live .js-plotly-plot .y2tick text,
.wb-live .js-plotly-plot .x3tick text, .wb-live .js-plotly-plot .y3tick text
{ fill: var(--jp-ui-font-color1, #7a7a7a) !important; }
.wb-live button:focus-visible, .wb-recipe button:focus-visible { outline: 2px solid var(--jp-brand-color1, #0072B2); }
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


def table(rows: list[list[Any]]) -> str:
    """A table as HTML, every cell escaped; the first cell of a row is its heading."""
    body = "".join(
        f'<tr><th scope="row">{escaped(first)}</th>' + "".join(f"<td>{escaped(cell)}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    )
    return f'<table class="wb-table">{body}</table>'


def style_sheet() -> Any:
    """The widget that carries the style sheet; it takes no room."""
    return widgets.HTML(STYLE, layout=widgets.Layout(height="0", margin="0", overflow="hidden"))
