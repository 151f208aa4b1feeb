"""Which class, part and group each picture has: from the folders it lies in, or from a table of paths and labels."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from workbench.choices import nearest
from workbench.datasets.files import ENDINGS, Source
from workbench.errors import BadData

if TYPE_CHECKING:
    import pandas as pd

PARTS = {"train": "train", "training": "train", "valid": "valid", "val": "valid", "validation": "valid", "test": "test"}
PATHS = ("path", "file", "filename", "file_name", "image", "image_path", "filepath")
LABELS = ("label", "class", "category", "target", "labels")
SPLITS = ("part", "split", "subset")
DELIMITERS = ",;\t|"


@dataclass
class Layout:
    """A line a picture: its name in the source, its label, its part ("" where none is given), its group ("" for none).

    `left_out`: sentences on what is no example; `broken`: sentences on lines of a table that cannot be used.
    """

    names: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    top: str = ""  # the folder that holds everything, where there is one

    def add(self, name: str, label: str, part: str, group: str = "") -> None:
        """One more picture."""
        for held, value in zip(
            (self.names, self.labels, self.parts, self.groups), (name, label, part, group), strict=True
        ):
            held.append(value)


# -- from folders ------------------------------------------------------------------------------------------------------


def by_folders(source: Source) -> Layout:
    """The class is the folder's name; train, valid and test folders above count as parts."""
    top = _top(source)
    found = Layout(left_out=[*source.left_out], top=top)
    depth = 2 if _parted(source, top) else 1
    if top:
        found.said.append(f"Everything lies in {top}: that is taken as the folder.")
    for name in source.names:
        within = PurePosixPath(name).parts[len(PurePosixPath(top).parts) if top else 0 :]
        part = PARTS.get(within[0].lower(), "") if depth == 2 else ""
        if len(within) <= depth or (depth == 2 and not part):
            found.left_out.append(f"{name}: it lies in no class's folder")
        else:
            found.add(name, within[depth - 1], part)
    if not found.names:
        raise BadData(
            f"{source.path} holds no pictures ({' '.join(each.removeprefix('.') for each in ENDINGS)}) in sub-folders: "
            f"put the pictures of each class into a folder with its name, or give a table of paths and labels."
        )
    _no_empty_class(source, top, depth, found)
    return found


def _top(source: Source) -> str:
    """The folder that holds all class folders, where everything lies below one: `photos` of `photos/cats/1.jpg`."""
    top: list[str] = []
    firsts = [PurePosixPath(name).parts for name in source.names]
    while firsts and all(len(parts) > len(top) + 2 for parts in firsts):
        names = {parts[len(top)] for parts in firsts}
        inside = {folder for folder in source.folders if PurePosixPath(folder).parts[:-1] == tuple(top)}
        if len(names) > 1 or len(inside) > 1 or next(iter(names)).lower() in PARTS:
            break
        top.append(names.pop())
    return "/".join(top)


def _parted(source: Source, top: str) -> bool:
    """Whether a train folder holds folders; where it holds pictures, it is a class (of vehicles, say)."""
    depth = len(PurePosixPath(top).parts) if top else 0
    below = (PurePosixPath(folder).parts[depth:] for folder in source.folders)
    return any(len(parts) == 2 and PARTS.get(parts[0].lower()) == "train" for parts in below)


def _no_empty_class(source: Source, top: str, depth: int, found: Layout) -> None:
    """A class without one picture would shift nothing here, but it is hardly meant."""
    start = len(PurePosixPath(top).parts) if top else 0
    all_parts = (PurePosixPath(folder).parts[start:] for folder in source.folders)
    there = {parts[-1] for parts in all_parts if len(parts) == depth}
    empty = sorted(there - set(found.labels))
    if empty:
        raise BadData(f"no pictures are in the folder of {', '.join(empty)}: add some, or remove the folder.")


# -- from a table ------------------------------------------------------------------------------------------------------


def by_table(source: Source, path: Path, path_column: str, label_column: str, group_column: str) -> Layout:
    """The lines of a CSV or parquet file; paths in it are relative to the source."""
    table = read_table(path)
    columns = [str(each) for each in table.columns]
    file_at, label_at = (
        _column(path_column, PATHS, "path", columns, path),
        _column(label_column, LABELS, "label", columns, path),
    )
    part_at = next((each for each in columns if each.lower() in SPLITS), None)
    group = table[group_column].tolist() if group_column in columns else [""] * len(table)
    parts = table[part_at].tolist() if part_at else [""] * len(table)
    found, there, seen = Layout(), set(source.names), {}  # type: ignore[var-annotated]
    for row, (name, label) in enumerate(zip(table[file_at], table[label_at], strict=True), 2):
        name = str(PurePosixPath(name.strip().replace("\\", "/"))) if name.strip() else ""
        reason = _unusable(name, label, there, seen, row)
        if reason:
            found.broken.append(f"line {row} of {path.name}: {reason}")
            continue
        seen[name] = row
        found.add(name, label, PARTS.get(str(parts[row - 2]).strip().lower(), ""), str(group[row - 2]).strip())
    unnamed = len(there - set(seen))
    if unnamed:
        found.said.append(f"{unnamed:,} pictures of {source.path} are not in {path.name}, and are no examples.")
    if not found.names:
        first = f" The first: {found.broken[0]}." if found.broken else ""
        raise BadData(f"{path} names no picture of {source.path}: paths in it are relative to that folder.{first}")
    return found


def _unusable(name: str, label: str, there: set[str], seen: dict[str, int], row: int) -> str:
    if not name:
        return "no path"
    if not label.strip():
        return f"no label for {name}"
    if name in seen:
        return f"{name} stands in line {seen[name]} already"
    if name not in there:
        known = name.lower().endswith(ENDINGS)
        return f"{name} is not there" if known else f"{name} is no picture file"
    return ""


def _column(named: str, usual: tuple[str, ...], what: str, columns: list[str], path: Path) -> str:
    if named:
        if named in columns:
            return named
        raise BadData(f"{path.name} has no column {named!r}.{nearest(named, columns)} There are: {', '.join(columns)}.")
    found = [each for each in columns if each.lower() in usual]
    if len(found) == 1:
        return found[0]
    said = "several that may be" if found else "none that is called as one usually is"
    raise BadData(
        f"which column of {path.name} holds each picture's {what}? There is {said} it: set images.{what}_column to one "
        f"of {', '.join(columns)}."
    )


def read_table(path: Path) -> pd.DataFrame:
    """A CSV (any usual delimiter, UTF-8 or UTF-16 with its mark) or a parquet file, every cell as text, "NA" too."""
    import pandas as pd

    if not path.is_file():
        raise BadData(f"images.table must be a CSV or parquet file of paths and labels; {str(path)!r} is not there.")
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            found = pd.read_parquet(path)
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


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    coding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(coding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadData(
            f"{path} is not UTF-8 (line {line}); save it as UTF-8. It may be Windows-1252 or Windows-1251 now."
        ) from error


# -- groups ------------------------------------------------------------------------------------------------------------


def grouped(found: Layout, group: str, columns: list[str]) -> None:
    """Fill in the groups: from the table's column of that name (done already), or by a pattern in each file's name."""
    if not group or group in columns:
        return
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise BadData(
            f"images.group must be a pattern (a regular expression) or a column: {group!r}: {error}."
        ) from None
    if pattern.groups != 1:
        has = f"{pattern.groups} groups in brackets"
        listed = f" Columns: {', '.join(columns)}." if columns else ""
        raise BadData(
            f"images.group must hold one group in brackets, such as '(.+)_[0-9]+', that names what belongs together; "
            f"{group!r} has {has}.{listed}"
        )
    hits = [pattern.search(PurePosixPath(name).name) for name in found.names]
    if not any(hits):
        raise BadData(
            f"images.group {group!r} is found in no file's name; the first is {PurePosixPath(found.names[0]).name!r}."
        )
    found.groups = [(hit.group(1) or "") if hit else "" for hit in hits]
    missed = sum(hit is None for hit in hits)
    if missed:
        found.said.append(f"{missed} of {len(hits)} file names do not match the pattern of groups; each is on its own.")
