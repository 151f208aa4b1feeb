"""An executed notebook as one page that needs nothing else: no network, no server, no file beside it."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import Any

# Nothing may be fetched, nothing sent, and of scripts only those run whose hashes it names: plotly's and our charts'.
POLICY = (
    "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "media-src data:; worker-src blob:; base-uri 'none'; form-action 'none'"
)
PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
ELSEWHERE = ("require_js_url", "jquery_url", "mathjax_url", "mermaid_js_url", "jupyter_widgets_base_url")
SCRIPT = re.compile(r"<script[^>]*>(.*?)</script>", re.S)


def write_page(notebook: Path, page: Path) -> Path:
    """Write the executed `notebook` (.ipynb) as `page` (.html): charts alive, plotly's code in it once."""
    import nbformat
    from nbconvert import HTMLExporter

    content = nbformat.read(notebook, as_version=4)
    charts = _taken_out(content)
    exporter = HTMLExporter(**dict.fromkeys(ELSEWHERE, ""), embed_images=True)
    html, _ = exporter.from_notebook_node(content, {"metadata": {"name": notebook.stem}})
    html = SCRIPT.sub("", html)  # what the policy would stop anyway
    for place, chart in charts.items():
        html = html.replace(place, chart)
    policy = POLICY.format(" ".join(_hash(s) for chart in charts.values() for s in SCRIPT.findall(chart)) or "'none'")
    guarded = html.replace("<head>", f'<head>\n<meta http-equiv="Content-Security-Policy" content="{policy}">', 1)
    aside = page.with_name(f".{os.getpid()}-{page.name}")
    try:
        aside.write_text(guarded, encoding="utf-8")
        aside.replace(page)
    finally:
        aside.unlink(missing_ok=True)
    return page


def _taken_out(content: Any) -> dict[str, str]:
    """Leave a mark in the place of each of plotly's outputs, which nbconvert would drop; the charts' HTML by mark."""
    charts: dict[str, str] = {}
    for cell in (cell for cell in content.cells if cell.cell_type == "code"):
        # a widget without its kernel shows nothing
        cell.outputs = [output for output in cell.outputs if WIDGET not in output.get("data", {})]
        for data in (output.get("data", {}) for output in cell.outputs):
            if PLOTLY in data:
                mark = f'<div id="{secrets.token_hex(16)}"></div>'
                charts[mark] = _chart(data[PLOTLY], first=not charts)
                data.clear()
                data["text/html"] = mark
    return charts


def _chart(figure: Any, first: bool) -> str:
    """One chart; the first brings plotly's code."""
    import plotly.io as pio

    shown = {"data": figure["data"], "layout": figure["layout"]}
    options = {"displaylogo": False, "responsive": True}
    return str(pio.to_html(shown, full_html=False, include_plotlyjs=first, config=options, validate=False))


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
