"""What every table on disk is: columns, and rows of text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

PEEKED = 1000  # rows that show which columns there are, and what they hold


class Row(NamedTuple):
    """One row: its number, as a spreadsheet shows it; the cells that were asked for, or why it has none."""

    number: int
    cells: list[str]
    reason: str = ""


class Sheet(ABC):
    """A table on disk. `columns`: their names; `said`: sentences on how it is read."""

    path: Path
    columns: tuple[str, ...]
    said: tuple[str, ...] = ()

    @abstractmethod
    def rows(self, wanted: Sequence[str]) -> Iterator[Row]:
        """Each row's cells of these columns, as text; "" where there is none."""

    def peeked(self) -> dict[str, list[str]]:
        """The first cells of each column."""
        rows = [row.cells for row in islice(self.rows(self.columns), PEEKED) if not row.reason]
        return {name: [cells[at] for cells in rows] for at, name in enumerate(self.columns)}
