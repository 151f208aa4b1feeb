"""A table that prints all its columns, over as many lines as it takes."""

from __future__ import annotations

import pandas as pd


class WholeTable(pd.DataFrame):
    """A DataFrame like any other, shown with all its columns and all of its texts, where pandas would cut them."""

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
                max_colwidth=None,
                float_format="{:.4g}".format,
            )
        )

    def _repr_html_(self) -> str | None:
        with pd.option_context("display.max_columns", None, "display.max_colwidth", None):
            return super()._repr_html_()  # type: ignore[misc, no-any-return]
