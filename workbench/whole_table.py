"""A table that prints all its columns, over as many lines as it takes."""

from __future__ import annotations

import pandas as pd


class WholeTable(pd.DataFrame):
    """A DataFrame like any other, whose text leaves out no column: pandas would elide those that do not fit a line."""

    @property
    def _constructor(self) -> type[WholeTable]:
        return WholeTable  # so that `.tail(3)` of it prints whole too

    def __repr__(self) -> str:
        option = pd.get_option
        many = len(self) > option("display.max_rows")
        return str(
            self.to_string(
                max_rows=option("display.max_rows"),
                min_rows=option("display.min_rows") if many else None,
                line_width=option("display.width"),
                show_dimensions=many,
            )
        )
