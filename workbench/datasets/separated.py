"""CSV and its kin: which delimiter, which quotes, whether there is a header; then read line by line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from workbench.datasets.sheet import Row, Sheet
from workbench.errors import BadData

DELIMITERS = ",;\t|"
NO_DELIMITER = "\x1f"  # stands in no text that a person wrote
CELL = 1 << 26  # letters of one cell; a quote that is never closed makes the rest of the file one
SAMPLE = 1 << 18  # letters by which a delimiter is found
QUOTED: dict[str, Any] = {}
PLAIN: dict[str, Any] = {"quoting": csv.QUOTE_NONE}
ESCAPED: dict[str, Any] = {"escapechar": "\\", "doublequote": False}
USUAL = frozenset({"text", "label", "class", "category", "target", "sentence", "message", "id", "index", "split"})


class Separated(Sheet):
    """Cells with a delimiter between them: the one that gives most rows the same number of cells.

    `alone`: names that one column by itself may have, where that is enough; any other first row of it is a text.
    """

    def __init__(self, path: Path, encoding: str, alone: Sequence[str] = ()):
        self.path, self.encoding = path, encoding
        with self._opened() as file:
            sample = file.read(SAMPLE)
        self.delimiter = _delimiter(sample, path, alone)
        stamp = path.stat()
        self.dialect, why = _dialect(path, encoding, self.delimiter, stamp.st_mtime_ns, stamp.st_size)
        first = [[cell.strip() for cell in row] for row in islice(self._read(), 100) if any(row)]
        self.header = _is_header(first) if self.delimiter != NO_DELIMITER else first[0][0].lower() in alone
        width = len(first[0])
        names = first[0] if self.header else [""] * width
        self.columns = tuple(name or f"column {at}" for at, name in enumerate(names, 1))
        if twice := next((name for name in self.columns if self.columns.count(name) > 1), ""):
            raise BadData(f"{path.name} has the column {twice!r} twice.")
        self.said = () if self.header else (f"{path.name} has no header: its columns are numbered.",)
        self.said += (why,) if why else ()

    def rows(self, wanted: Sequence[str]) -> Iterator[Row]:
        at, width = [self.columns.index(name) for name in wanted], len(self.columns)
        number, header = 0, self.header
        for cells in self._read():
            number += 1
            if not any(cells):
                continue
            if header:  # the first line that is not empty
                header = False
                continue
            extra = [cell for cell in cells[width:] if cell.strip()]
            if len(cells) < width or extra:
                yield Row(number, [], f"{len(cells)} cells, and there are {width} columns")
            else:
                yield Row(number, [cells[each] for each in at])

    def _read(self) -> Iterator[list[str]]:
        with self._opened() as file:
            yield from _cells(file, self.delimiter, self.dialect, self.path)

    def _opened(self) -> io.TextIOWrapper:
        return open(self.path, encoding=self.encoding, newline="")


def _cells(file: Iterable[str], delimiter: str, dialect: dict[str, Any], path: Path) -> Iterator[list[str]]:
    csv.field_size_limit(max(CELL, csv.field_size_limit()))
    reader = csv.reader(file, delimiter=delimiter, strict=True, **dialect)
    try:
        yield from reader
    except csv.Error as error:
        if "limit" in str(error):
            error = csv.Error(f"a cell is longer than {CELL:,} letters; is a quote missing?")
        raise BadData(f"{path.name} cannot be read as a table, line {reader.line_num}: {error}") from error


def _delimiter(sample: str, path: Path, alone: Sequence[str]) -> str:
    """The delimiter by which most rows are as wide as the first; of equals, the file's own, then the widest.

    `alone`: names that one column by itself may have, if it may. There is one where no delimiter parts such a name from
    others, nor gives nine of ten rows the same number of cells.
    """
    found: list[tuple[float, bool, int, str]] = []
    whole = sample if len(sample) < SAMPLE else sample[: sample.rfind("\n") + 1 or None]
    for delimiter in DELIMITERS:
        csv.field_size_limit(max(CELL, csv.field_size_limit()))
        rows = [row for row in csv.reader(io.StringIO(whole, newline=""), delimiter=delimiter) if row]
        width = len(rows[0]) if rows else 0
        if width > 1:
            alike = sum(len(row) == width for row in rows) / len(rows)
            found.append((alike, delimiter == "\t" and path.suffix.lower() in (".tsv", ".tab"), width, delimiter))
    if alone and (not found or max(found)[0] < 0.9):
        named = [each for *_, each in found if {*_lowered(whole.split("\n")[0].split(each))} & {*alone}]
        return named[0] if named else NO_DELIMITER
    if not found:
        line = whole.strip().split("\n")[0][:60]
        raise BadData(
            f"{path.name} has one column only (it begins {line!r}): a table needs texts and labels, with commas, "
            f"semicolons, tabs or bars between them."
        )
    return max(found)[-1]


def _lowered(cells: Iterable[str]) -> list[str]:
    return [cell.strip(' "\r').lower() for cell in cells]


@lru_cache(maxsize=64)
def _dialect(path: Path, encoding: str, delimiter: str, mtime: int, size: int) -> tuple[dict[str, Any], str]:
    """How quotes are read: as CSV has it, else as letters, else escaped by backslashes; whichever fits the whole file.

    Where quotes pair by chance they swallow the rows between them: then reading them as letters gives more rows, each
    as wide as the first. Between tabs that is believed, since few programs write quotes there.
    """
    proper, why = _fits(path, encoding, delimiter, QUOTED)
    if proper.quotes == 0:
        return QUOTED, ""
    plain, _ = _fits(path, encoding, delimiter, PLAIN)
    if not plain.bad and (why or (delimiter == "\t" and plain.rows > proper.rows)):
        return PLAIN, f"Quotes in {path.name} are read as letters, since they do not pair{f' ({why})' if why else ''}."
    if not why:
        return QUOTED, ""
    escaped, wrong = _fits(path, encoding, delimiter, ESCAPED)
    if not wrong and escaped.bad <= plain.bad:
        return ESCAPED, f"Quotes in {path.name} are escaped by backslashes."
    return PLAIN, f"Quotes in {path.name} are read as letters, since they do not pair ({why})."


class _Fit(NamedTuple):
    rows: int
    bad: int  # of another width than the first
    quotes: int


def _fits(path: Path, encoding: str, delimiter: str, dialect: dict[str, Any]) -> tuple[_Fit, str]:
    """How a whole file reads, and at what it fails, "" where it reads to its end."""
    width = rows = bad = 0
    with open(path, encoding=encoding, newline="") as file:
        counted = _Counted(file)
        try:
            for cells in _cells(counted, delimiter, dialect, path):
                width = width or len(cells)
                rows, bad = rows + bool(cells), bad + (bool(cells) and len(cells) != width)
        except BadData as error:
            return _Fit(rows, bad, counted.quotes), str(error).rpartition(", ")[2].replace("\t", "tab")
    return _Fit(rows, bad, counted.quotes), ""


class _Counted:
    """The lines of a file, and how many quotes were in them."""

    def __init__(self, file: Iterable[str]):
        self.file, self.quotes = file, 0

    def __iter__(self) -> Iterator[str]:
        for line in self.file:
            self.quotes += '"' in line
            yield line


def _is_header(rows: list[list[str]]) -> bool:
    """Whether the first row names columns: by a usual name, else unless one of its short cells comes again below."""
    first, rest = rows[0], rows[1:]
    if any(cell.lower() in USUAL for cell in first):
        return True
    return not any(cell and len(row) > at and row[at] == cell for row in rest for at, cell in enumerate(first))
