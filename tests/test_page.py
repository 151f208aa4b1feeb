"""Pages: one file, charts alive with plotly's code in it once, nothing fetched, no script but our own."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
from helpers import bundle, executed

from workbench.page import write_page

HOSTILE = (
    '<script>document.title = "taken"</script><img src="http://evil.example/x" onerror="document.title = \'taken\'">'
)
FETCHES = ("src", "srcset", "href", "data", "poster", "background", "action", "formaction", "manifest")


class Parsed(HTMLParser):
    """What a browser would see: scripts, the text outside of them, addresses that are fetched, handlers."""

    def __init__(self, text):
        super().__init__()
        self.scripts, self.text, self.addresses, self.handlers, self.policy = [], "", [], [], ""
        self.inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.inside = tag
        for name, value in attributes:
            if name in FETCHES and not (tag == "a" and name == "href"):
                self.addresses.append(value or "")
            if name.startswith("on"):
                self.handlers.append(value)
        if ("http-equiv", "Content-Security-Policy") in attributes:
            self.policy = dict(attributes)["content"]

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts.append(data)
        elif self.inside != "style":
            self.text += data


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page of two charts (one with its numbers as bytes), hostile text wherever text goes, and a widget."""
    folder = tmp_path_factory.mktemp("page")
    plain = go.Figure(go.Scatter(x=[0, 1], y=[2, 3], name=HOSTILE, text=[HOSTILE, "</script>"]), {"title": HOSTILE})
    packed = go.Figure(go.Scatter(x=np.arange(50), y=np.random.default_rng(0).normal(size=50)), {"title": "packed"})
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}, "text/plain": "LivePanel(children=…"}
    error = {"text/plain": HOSTILE, "text/html": "<table><tr><td>cell</td></tr></table>"}
    source = executed(
        folder / "a b.ipynb", bundle(plain), bundle(packed), HOSTILE, {"text/plain": HOSTILE}, error, widget
    )
    path = write_page(source, folder / "a b.html")
    return path.read_text(encoding="utf-8"), path


def test_one_page_of_less_than_six_megabytes_with_plotly_in_it_once(page):
    text, path = page
    assert sorted(each.name for each in path.parent.iterdir()) == ["a b.html", "a b.ipynb"]
    assert path.stat().st_size < 6e6
    assert text.count("* plotly.js v") == 1 and text.count("Plotly.newPlot(") >= 2
    assert "<title>a b</title>" in text


def test_nothing_is_fetched(page):
    parsed = Parsed(page[0])
    assert all(address.startswith(("data:", "#")) for address in parsed.addresses), parsed.addresses
    styles = "".join(re.findall(r"<style[^>]*>(.*?)</style>", page[0], re.S))
    assert "@import" not in styles
    assert all(re.match(r"[\"']?(data:|#)", each) for each in re.findall(r"url\(([^)]*)\)", styles))


def test_the_policy_lets_our_own_scripts_run_and_nothing_be_fetched(page):
    parsed = Parsed(page[0])
    rules = {rule.split()[0]: rule.split()[1:] for rule in parsed.policy.split("; ")}
    assert rules["default-src"] == ["'none'"] and rules["base-uri"] == rules["form-action"] == ["'none'"]
    hashes = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in parsed.scripts]
    assert sorted(rules["script-src"]) == sorted(f"'sha256-{each}'" for each in hashes)
    assert page[0].index("Content-Security-Policy") < page[0].index("<script")
    assert not [source for name, found in rules.items() for source in found if "http" in source or "*" in source]


def test_hostile_text_is_shown_as_text(page):
    parsed = Parsed(page[0])
    assert len(parsed.scripts) == 4  # plotly's setting, plotly, two charts
    assert not parsed.handlers
    assert parsed.text.count(HOSTILE) == 2  # the stream and the text; the third stands behind a table
    assert not any(
        "<script>" in each or "</script" in each for each in parsed.scripts if "Plotly.newPlot(" in each[:2000]
    )
    assert "cell" in parsed.text and "LivePanel" not in parsed.text


def test_html_that_brings_scripts_is_left_without_them(tmp_path):
    source = executed(tmp_path / "a.ipynb", {"text/html": f"<b>kept</b>{HOSTILE}"}, {"application/javascript": "x = 1"})
    text = write_page(source, tmp_path / "a.html").read_text()
    parsed = Parsed(text)
    assert not parsed.scripts and "kept" in parsed.text
    assert "script-src 'none'" in parsed.policy


def test_a_page_is_whole_or_as_it_was(tmp_path, monkeypatch):
    source, page = executed(tmp_path / "a.ipynb", "first"), tmp_path / "a.html"
    write_page(source, page)
    before = page.read_text()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_page(executed(tmp_path / "a.ipynb", "second"), page)
    assert page.read_text() == before and len(list(tmp_path.iterdir())) == 2
