"""Figures one after the other."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest
from panels.by_hand import said

import workbench as wb
from workbench.errors import BadChoice
from workbench.page import PLOTLY


def title(panel):
    [output] = panel.shown.outputs
    return output["data"][PLOTLY]["layout"]["title"]["text"]


def test_buttons_go_on_and_back_and_end_where_the_figures_end():
    panel = wb.StepsPanel([go.Figure(layout={"title": {"text": name}}) for name in "abc"], "Next trial")
    assert title(panel) == "a" and panel.back.disabled and panel.next.description == "Next trial"
    assert said(panel.said) == "step 1 of 3"
    panel.next.click()
    panel.next.click()
    assert title(panel) == "c" and panel.next.disabled and not panel.back.disabled
    panel.next.click()
    assert title(panel) == "c" and said(panel.said) == "step 3 of 3"
    panel.back.click()
    assert title(panel) == "b" and not panel.next.disabled


def test_no_figure_is_refused():
    with pytest.raises(BadChoice, match="takes one figure at least, got none"):
        wb.StepsPanel([])
