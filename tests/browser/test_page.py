"""A report's page in a real browser, opened as a file without a network: every chart drawn, alive and harmless."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest
from helpers import bundle, executed

import workbench as wb
from workbench.page import write_page

pytestmark = pytest.mark.browser
HOSTILE = (
    """<script>document.title = 'taken'</script><img src="http://evil.example/x" onerror="document.title = 'taken'">"""
)
DRAWN = """() => [...document.querySelectorAll('.js-plotly-plot')].map(plot => ({
  title: plot.querySelector('.gtitle')?.textContent ?? '',
  lines: [...plot.querySelectorAll('.scatterlayer path.js-line')].filter(p => p.getAttribute('d').length > 8).length,
  points: plot.querySelectorAll('.scatterlayer path.point').length,
  heat: plot.querySelectorAll('.heatmaplayer image[*|href^="data:"]').length,
  width: plot.querySelector('.main-svg').getBoundingClientRect().width,
}))"""


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """Every kind of figure that our notebooks show, of one small run, and one with hostile text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_THREADS", "1")
        patch.setenv("WORKBENCH_RUNS", str(tmp_path_factory.mktemp("runs")))
        run = wb.fine_tune(wb.Recipe(wb.Digits(per_class=5), wb.backbone("test_resnet", "random"), epochs=3))
        named = {"one": run, HOSTILE: run}
        shown = [wb.plots.learning_curves(run), wb.plots.gap(named), wb.plots.compared(named)]
        shown += [wb.plots.confusion(run)]
    return [*shown, go.Figure(go.Scatter(x=[0, 1], y=[0, 1], name=HOSTILE, mode="lines+markers"), {"title": HOSTILE})]


@pytest.fixture
def opened(browser, figures, tmp_path):
    """The page of those figures, with what it said on the console and what it asked for."""
    texts = [
        HOSTILE,
        {"text/plain": HOSTILE},
        {"text/html": f"<p>raw</p>{HOSTILE}<svg onload=\"document.title='taken'\"/>"},
    ]
    source = executed(tmp_path / "seen.ipynb", *map(bundle, figures), *texts)
    context = browser.new_context(viewport={"width": 1200, "height": 900}, offline=True)
    page = context.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("requestfinished", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: asked.append(f"{request.failure}: {request.url}"))
    page.goto(write_page(source, tmp_path / "seen.html").as_uri())
    page.wait_for_function(f"() => document.querySelectorAll('.js-plotly-plot .main-svg').length >= {len(figures)}")
    yield page, said, asked
    context.close()


def test_every_chart_is_drawn_and_nothing_else_happens(opened, figures):
    page, said, asked = opened
    drawn = page.evaluate(DRAWN)
    assert len(drawn) == len(figures)
    for seen, figure in zip(drawn, figures, strict=True):
        lines = [t for t in figure.data if t.type == "scatter" and "lines" in t.mode and len(t.x) and t.line.width != 0]
        assert seen["lines"] >= len(lines) and seen["heat"] == sum(t.type == "heatmap" for t in figure.data)
        assert seen["points"] >= sum(len(t.x) for t in figure.data if t.type == "scatter" and "markers" in t.mode)
        assert seen["title"] and seen["width"] > 700
    assert page.title() == "seen"
    assert [each for each in asked if not each.startswith(("file:", "data:", "blob:"))] == [
        "csp: http://evil.example/x"
    ]
    assert len(said) == 3 and all("Content Security Policy" in each for each in said)  # picture, onerror, onload


def test_numbers_show_under_the_pointer(opened, figures):
    page = opened[0]
    chart = page.locator(".js-plotly-plot").first
    box = chart.locator(".scatterlayer path.point").nth(2).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=5)
    label = chart.locator(".hoverlayer .hovertext")
    label.first.wait_for()
    said = [f"epoch {trace.x[2]}: {trace.y[2]:.4f}" for trace in figures[0].data[:2]]
    assert any(each in label.first.text_content() for each in said)
