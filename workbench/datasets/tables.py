"""A table of paths and labels, CSV or parquet: read as text, and laid out as examples."""

from __future__ import annotations

import csv
import io
import posixpath
from collections.abc import Container, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from workbench.checks import nearest
from workbench.choices import Text
from workbench.datasets import layout
from workbench.datasets.files import PICTURES, Kind, Source, source
from workbench.datasets.layout import PARTS, Layout, beside, composed
from workbench.errors import BadData

if TYPE_CHECKING:
    import pandas as pd

    from workbench.datasets.audio import Audio
    from workbench.datasets.images import Images

PATHS = (
    *("path", "file", "filename", "file_name", "filepath"),
    *("image", "image_path", "audio", "audio_path", "clip", "recording"),
)
LABELS = ("label", "class", "category", "target", "labels")
SPLITS = ("part", "split", "subset")
DELIMITERS = ",;\t|"
FILES = Text("file", (".csv", ".tsv", ".txt", ".parquet", ".pq"))  # what a knob that names such a table takes
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how .xlsx and .ods begin, and .xls


def laid_out(own: Images | Audio, kind: Kind) -> tuple[Source, Layout]:
    """Where a person's own files lie, and label, part and group of each, by folders or a table; none is read yet."""
    if own.table:
        path = Path(own.table).expanduser()
        place = source(own.folder or str(path.parent), kind)
        found = by_table(place, path, own.path_column, own.label_column, own.group)
        found.left_out += place.left_out
        columns = [str(each) for each in read_table(path, kind).columns]
    else:
        place, columns = source(own.folder, kind), []
        found = layout.two_classes(place, layout.by_folders(place))
    layout.grouped(found, own.group, columns, kind)
    return place, found


def by_table(source: Source, path: Path, path_column: str, label_column: str, group_column: str) -> Layout:
    """The lines of a CSV or parquet file; paths in it are relative to the source."""
    kind = source.kind
    table = read_table(path, kind)
    columns = [str(each) for each in table.columns]
    file_at, label_at = (
        _column(path_column, PATHS, "path", columns, path, kind),
        _column(label_column, LABELS, "label", columns, path, kind),
    )
    parts = _given_parts(table, columns, path)
    group = table[group_column].tolist() if group_column in columns else [""] * len(table)
    found, there, seen = Layout(said=[*source.said], place="table"), _by_name(source.names), {}  # type: ignore[var-annotated]
    for row, (written, label) in enumerate(zip(table[file_at], table[label_at], strict=True), 2):
        name, label = _found(written, there), composed(label.strip())
        reason = _unusable(name, label, there, seen, row, kind)
        if reason:
            found.broken.append(f"line {row} of {path.name}: {reason}")
            found.lost |= {label} - {""}
            continue
        seen[name] = row
        found.add(name, label, parts[row - 2], str(group[row - 2]).strip())
    unnamed = len(source.names) - len(seen)
    if unnamed:
        found.said.append(f"{unnamed:,} {kind.many} of {source.path} are not in {path.name}, and are no examples.")
    if not found.names:
        first = f" The first: {found.broken[0]}." if found.broken else ""
        raise BadData(
            f"{path} names no {kind.one} of {source.path}: paths in it are relative to that folder.{beside(source)}"
            f"{first}"
        )
    return found


def _by_name(names: Sequence[str]) -> dict[str, str]:
    """The names as they are, each also by its NFC, under which a table from another system may know it.

    Where all lie below one folder, each also without it: a zip of `recordings/1.wav` is described as `1.wav`.
    """
    within = posixpath.commonpath([posixpath.dirname(name) for name in names]) if names else ""
    short = {posixpath.relpath(name, within): name for name in names} if within else {}
    return short | {composed(name): name for name in names} | {name: name for name in names}


def _found(written: str, there: dict[str, str]) -> str:
    """The name of the file that is meant, as written where there is none."""
    name = str(PurePosixPath(written.strip().replace("\\", "/"))) if written.strip() else ""
    return there.get(name) or there.get(composed(name)) or name


def _given_parts(table: pd.DataFrame, columns: Sequence[str], path: Path) -> list[str]:
    """The part of each line, "" where its cell is empty."""
    column = next((each for each in columns if each.lower() in SPLITS), None)
    if column is None:
        return [""] * len(table)
    return parts_of(table[column].tolist(), range(2, len(table) + 2), column, path)


def parts_of(cells: Sequence[str], lines: Sequence[int], column: str, path: Path) -> list[str]:
    """The part that each cell of the column names, "" where it is empty; any other word is no part."""
    said = [cell.strip() for cell in cells]
    unknown = [(line, cell) for line, cell in zip(lines, said, strict=True) if cell and cell.lower() not in PARTS]
    if unknown:
        line, cell = unknown[0]
        words = ", ".join([*dict.fromkeys(each for _, each in unknown)][:5])
        raise BadData(
            f"column {column!r} of {path.name} must hold {', '.join(PARTS)}, or nothing; line {line} holds {cell!r}."
            f"{nearest(cell.lower(), PARTS)} So it is with {len(unknown)} lines ({words}): mend them, or give the "
            f"column another name if it says something else."
        )
    return [PARTS.get(cell.lower(), "") for cell in said]


def _unusable(name: str, label: str, there: Container[str], seen: dict[str, int], row: int, kind: Kind) -> str:
    if not name:
        return "no path"
    if not label:
        return f"no label for {name}"
    if name in seen:
        return f"{name} stands in line {seen[name]} already"
    if name not in there:
        known = name.lower().endswith(kind.endings)
        return f"{name} is not there" if known else f"{name} is no {kind.one} file"
    return ""


def _column(named: str, usual: tuple[str, ...], what: str, columns: list[str], path: Path, kind: Kind) -> str:
    if named:
        if named in columns:
            return named
        raise BadData(f"{path.name} has no column {named!r}.{nearest(named, columns)} There are: {', '.join(columns)}.")
    found = [each for each in columns if each.lower() in usual]
    if len(found) == 1:
        return found[0]
    said = "There are several that may be it" if found else f"None is called {', '.join(usual[:4])} or the like"
    raise BadData(
        f"which column of {path.name} holds each {kind.one}'s {what}? {said}: set {kind.owner}.{what}_column to one of "
        f"{', '.join(columns)}."
    )


def read_table(path: Path, kind: Kind = PICTURES) -> pd.DataFrame:
    """A CSV (any usual delimiter, UTF-8 or UTF-16 with its mark) or a parquet file, every cell as text, "NA" too."""
    import pandas as pd

    if not path.is_file():
        raise BadData(
            f"{kind.owner}.table must be a CSV or parquet file of paths and labels; {str(path)!r} is not there."
        )
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            found = _whole(pd.read_parquet(path, dtype_backend="numpy_nullable"))
            found = found.astype(object).where(found.notna(), "").astype(str)
        else:
            text = _decoded(path)
            first = text.split("\n", 1)[0]
            delimiter = max(DELIMITERS, key=first.count)
            named = next(csv.reader([first], delimiter=delimiter), [])
            if twice := next((name for name in named if named.count(name) > 1), ""):
                raise BadData(f"{path.name} has the column {twice!r} twice.")
            found = pd.read_csv(io.StringIO(text), sep=delimiter, dtype=str, keep_default_na=False)
    except BadData:
        raise
    except Exception as error:  # whatever pandas and pyarrow raise at a damaged file
        raise BadData(f"{path} cannot be read as a table: {str(error).splitlines()[0][:200]}") from error
    return found


def _whole(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers that are whole, as such: beside an empty cell many programs write 1 as 1.0."""
    floats = table.select_dtypes("Float64")
    return table.astype({name: "Int64" for name in floats if (floats[name].dropna() % 1 == 0).all()})


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    if content.startswith(WORKBOOKS):
        raise BadData(f"{path.name} is a workbook of a spreadsheet: save its sheet as CSV (UTF-8), and name that file.")
    coding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(coding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadData(
            f"{path} is not UTF-8 (line {line}); save it as UTF-8. It may be Windows-1252 or Windows-1251 now."
        ) from error
