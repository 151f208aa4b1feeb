"""A table to look through: sorted by a click, filtered by words, rows ticked, notes written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets


class Grid(anywidget.AnyWidget):
    """Rows of plain values. Every text reaches the page as text, and never as HTML.

    `columns`: for each `key` and `title`; where wanted `help` (a tooltip), `number` (stands right), `shown` (the key of
    the text to show, while `key` is what is sorted by), `editable`. `rows`: dicts with a `key` of their own and the
    columns' values: text, a number, or None. `ticked`: keys of rows, in the order of the ticks. `edited`: the newest
    edit: `row`, `column`, `text`, and a running `number`.
    """

    _esm = Path(__file__).with_name("grid.js")
    _css = Path(__file__).with_name("grid.css")
    columns = traitlets.List(traitlets.Dict()).tag(sync=True)
    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    ticks = traitlets.Bool(True).tag(sync=True)
    ticked = traitlets.List(traitlets.Unicode()).tag(sync=True)
    words = traitlets.Unicode("").tag(sync=True)
    sorted_by = traitlets.Unicode("").tag(sync=True)
    descending = traitlets.Bool(False).tag(sync=True)
    edited = traitlets.Dict().tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)
    none = traitlets.Unicode("Nothing is there yet.").tag(sync=True)

    def fill(self, rows: list[dict[str, Any]]) -> None:
        """Show these rows; ticks of rows that are gone go with them."""
        there = {row["key"] for row in rows}
        with self.hold_sync():
            self.rows = rows
            self.ticked = [key for key in self.ticked if key in there]
