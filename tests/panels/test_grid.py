"""The table: its state, and that none of its texts is ever HTML. What it does in a page: tests/browser/test_runs.py."""

from __future__ import annotations

import re

from panels.by_hand import PAYLOAD

from workbench.panels.grid import Grid

COLUMNS = [{"key": "name", "title": PAYLOAD}, {"key": "note", "title": "note", "editable": True}]


def test_rows_columns_ticks_and_order_travel():
    grid = Grid(columns=COLUMNS, label="runs")
    grid.fill([{"key": "a", "name": PAYLOAD, "note": ""}, {"key": "b", "name": "b", "note": None}])
    state = grid.get_state()
    assert state["columns"] == COLUMNS and [row["key"] for row in state["rows"]] == ["a", "b"]
    grid.set_state({"ticked": ["b", "a"], "sorted_by": "name", "descending": True, "words": "x"})  # from the browser
    assert (grid.ticked, grid.sorted_by, grid.descending, grid.words) == (["b", "a"], "name", True, "x")


def test_ticks_go_with_their_rows_and_others_stay_in_the_order_in_which_they_were_set():
    grid, told = Grid(), []
    grid.fill([{"key": key} for key in "abc"])
    grid.ticked = ["c", "a", "b"]
    grid.observe(lambda change: told.append(change.new), "ticked")
    grid.fill([{"key": key} for key in "bcd"])
    assert grid.ticked == ["c", "b"] and told == [["c", "b"]]
    grid.fill([{"key": key} for key in "bcde"])
    assert told == [["c", "b"]]


def test_every_edit_is_told_though_it_says_the_same_as_before():
    grid, told = Grid(), []
    grid.observe(lambda change: told.append(change.new["text"]), "edited")
    for number in (1, 2):
        grid.set_state({"edited": {"row": "a", "column": "note", "text": "same", "number": number}})
    assert told == ["same", "same"]


def test_its_code_puts_text_into_the_page_as_text_alone():
    code = str(Grid()._esm)
    assert "textContent" in code
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|setHTML|DOMParser", code)
    assert "aria-sort" in code and "const MOST = 200" in code


def test_its_colours_are_the_themes():
    style = str(Grid()._css)
    colours = re.findall(r"(?:^|[ ;{])(?:color|background): ([^;]*);", style)
    assert colours and all("var(--jp-" in colour or colour == "transparent" for colour in colours)
