"""Tables as rows of text, read bit by bit: CSV and its kin, JSON lines, parquet. "NA" and "007" stay what they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from workbench.datasets.encodings import encoding_of
from workbench.datasets.separated import Separated
from workbench.datasets.sheet import PEEKED, Row, Sheet
from workbench.errors import BadData

PARQUET, LINES = (".parquet", ".pq"), (".jsonl", ".ndjson", ".json")
TABLES = (".csv", ".tsv", ".tab", *LINES, *PARQUET)


def is_table(named: str | Path) -> bool:
    """Whether this names a table that is there; a text rarely ends so."""
    return str(named).lower().endswith(TABLES) and len(str(named)) < 1000 and Path(named).expanduser().is_file()


def sheet(path: Path, encoding: str = "", owner: str = "table", alone: Sequence[str] = ()) -> Sheet:
    """The table in this file, by the file's name; `owner` is the choice whose knobs messages name.

    `alone`: names that one column by itself may have, where that is enough.
    """
    if not path.is_file():
        raise BadData(f"{owner}.path must be a CSV, TSV, JSON lines or parquet file; {str(path)!r} is not there.")
    if not path.stat().st_size:
        raise BadData(f"{path.name} is empty.")
    if path.suffix.lower() in PARQUET:
        return Parquet(path)
    coding = encoding_of(path, encoding, owner)
    return Lines(path, coding) if path.suffix.lower() in LINES else Separated(path, coding, alone)


class Lines(Sheet):
    """An object a line, or one list of objects."""

    def __init__(self, path: Path, encoding: str):
        self.path, self.encoding = path, encoding
        self.columns = tuple(dict.fromkeys(key for _, found in islice(self._read(), PEEKED) for key in found or ()))
        if not self.columns:
            raise BadData(f"{path.name} holds no JSON objects: each line must be one, such as " + '{"text": "..."}.')

    def rows(self, wanted: Sequence[str]) -> Iterator[Row]:
        for number, found in self._read():
            if found is None:
                yield Row(number, [], "this is no JSON object")
            else:
                yield Row(number, [_text(found.get(name)) for name in wanted])

    def _read(self) -> Iterator[tuple[int, dict[str, Any] | None]]:
        with open(self.path, encoding=self.encoding, newline="\n") as file:
            if file.read(1) == "[":
                file.seek(0)
                found = _parsed(file.read())
                if not isinstance(found, list):
                    raise BadData(f"{self.path.name} is not JSON: it begins as a list, and is none to its end.")
                yield from ((at, each if isinstance(each, dict) else None) for at, each in enumerate(found, 1))
                return
            file.seek(0)
            for number, line in enumerate(file, 1):
                if line.strip():
                    found = _parsed(line)
                    yield number, found if isinstance(found, dict) else None


def _parsed(text: str) -> Any:
    """What the JSON says, numbers as they are written; None where it is none."""
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


class Parquet(Sheet):
    """Read by row groups; whole numbers as such, since beside an empty cell many programs write 1 as 1.0."""

    def __init__(self, path: Path):
        self.path = path
        fields = self._opened().schema_arrow
        self.columns = tuple(each.name for each in fields if not each.type.num_fields)
        nested = [each.name for each in fields if each.type.num_fields]
        self.said = (f"Columns of lists or structures are not read: {', '.join(nested)}.",) if nested else ()

    def rows(self, wanted: Sequence[str]) -> Iterator[Row]:
        from pyarrow import ArrowException

        file, number, columns = self._opened(), 0, [*dict.fromkeys(wanted)]
        try:
            for batch in file.iter_batches(batch_size=1024, columns=columns):
                held = {name: batch.column(name).to_pylist() for name in columns}
                for at in range(batch.num_rows):
                    number += 1
                    yield Row(number, [_cell(held[name][at]) for name in wanted])
        except (ArrowException, OSError, UnicodeError) as error:
            raise BadData(f"{self.path.name} is damaged after row {number}: {_first(error)}") from error

    def _opened(self) -> Any:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile

        try:
            return ParquetFile(self.path)
        except (ArrowException, OSError, UnicodeError) as error:
            raise BadData(f"{self.path.name} cannot be read as parquet: {_first(error)}") from error


def _first(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:200]


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
