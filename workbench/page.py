"""An executed notebook as one page that needs nothing else: no network, no server, no file beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

# Nothing may be fetched and nothing sent; what is in the page itself runs.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:; media-src data:; worker-src blob:; base-uri 'none'; form-action 'none'"
)
PLOTLY = "application/vnd.plotly.v1+json"
ELSEWHERE = ("require_js_url", "jquery_url", "mathjax_url", "mermaid_js_url", "jupyter_widgets_base_url")


def write_page(notebook: Path, page: Path) -> Path:
    """Write the executed `notebook` (.ipynb) as `page` (.html): charts alive, plotly's code in it once."""
    import nbformat
    from nbconvert import HTMLExporter

    content = nbformat.read(notebook, as_version=4)
    _inline_charts(content)
    exporter = HTMLExporter(**dict.fromkeys(ELSEWHERE, ""), embed_images=True)
    html, _ = exporter.from_notebook_node(content, {"metadata": {"name": notebook.stem}})
    guarded = html.replace("<head>", f'<head>\n<meta http-equiv="Content-Security-Policy" content="{POLICY}">', 1)
    aside = page.with_name(f".{os.getpid()}-{page.name}")
    aside.write_text(guarded, encoding="utf-8")
    aside.replace(page)
    return page


def _inline_charts(content: Any) -> None:
    """Put HTML in the place of plotly's own outputs, which nbconvert would drop; the first brings plotly's code."""
    first = True
    for cell in content.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if PLOTLY in data:
                chart = _chart(data[PLOTLY], first)
                data.clear()
                data["text/html"], first = chart, False
            elif "application/vnd.jupyter.widget-view+json" in data:
                data.pop("application/vnd.jupyter.widget-view+json")  # a widget without its kernel shows nothing


def _chart(figure: Any, first: bool) -> str:
    import plotly.io as pio

    shown = {"data": figure["data"], "layout": figure["layout"]}
    options = {"displaylogo": False, "responsive": True}
    return str(pio.to_html(shown, full_html=False, include_plotlyjs=first, config=options, validate=False))
