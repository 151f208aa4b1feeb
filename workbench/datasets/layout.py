"""Which class, part and group each file has: from the folders that it lies in; groups from its name too."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from workbench.datasets.files import PICTURES, Kind, Source
from workbench.errors import BadData

PARTS = {
    "train": "train", "training": "train",
    "valid": "valid", "val": "valid", "validation": "valid", "dev": "valid",
    "test": "test", "testing": "test", "eval": "test",
}  # fmt: skip


@dataclass
class Layout:
    """A line an example: its name in the source, its label, its part ("" where none is given), its group ("" for none).

    `left_out`: sentences on what is no example; `broken`: sentences on folders that cannot be opened and on lines of a
    table that cannot be used, `lost` their labels.
    """

    names: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    said: list[str] = field(default_factory=list)
    top: str = ""  # the folder that holds everything, where there is one
    place: str = "folder"  # what says all this, in a word

    def add(self, name: str, label: str, part: str, group: str = "") -> None:
        """One more example."""
        for held, value in zip(
            (self.names, self.labels, self.parts, self.groups), (name, label, part, group), strict=True
        ):
            held.append(value)

    def counts(self, per_class: int | None) -> tuple[int, int, int]:
        """How many train, how many validate, and of how many classes, by what is known before any file is read."""
        many, own = Counter(self.labels), Counter(self.parts)
        train = (own["train"] + own[""]) / len(self.names) * (1 if any(self.parts) else 0.6)
        cut = sum(min(share * train, per_class or math.inf) for share in many.values())
        valid = own["valid"] or (0.25 * own["train"] if any(self.parts) else 0.2 * len(self.names))
        return max(1, round(cut)), max(1, round(valid)), len(many)


# -- from folders ------------------------------------------------------------------------------------------------------


def by_folders(source: Source) -> Layout:
    """The class is the folder's name; train, valid and test folders above count as parts."""
    top = _top(source)
    found = Layout(left_out=[*source.left_out], broken=[*source.broken], said=[*source.said], top=top)
    depth = 2 if _parted(source, top) else 1
    if top:
        found.said.append(f"Everything lies in {top}: that is taken as the folder.")
    for name in source.names:
        within = PurePosixPath(name).parts[len(PurePosixPath(top).parts) if top else 0 :]
        part = PARTS.get(within[0].lower(), "") if depth == 2 else ""
        if len(within) <= depth or (depth == 2 and not part):
            found.left_out.append(f"{name}: it lies in no class's folder")
        else:
            found.add(name, composed(within[depth - 1]), part)
    if source.others:
        found.said.append(_others(source))
    if not found.names:
        many = source.kind.many
        raise BadData(
            f"{source.path} holds no {many} ({source.kind.listed}) in sub-folders: put the {many} of each class into a "
            f"folder with its name, or give a table of paths and labels.{beside(source)}{_but(found)}"
        )
    _no_empty_class(source, top, depth, found)
    return found


def two_classes(source: Source, found: Layout) -> Layout:
    """The same; an error where all lies in one folder, since classes are told apart."""
    if len({*found.labels}) == 1 and not found.broken:
        raise BadData(
            f"at least two classes must be there to tell apart, got 1: {found.labels[0]}. A class is a folder's name; "
            f"where the classes stand in the files' names ({PurePosixPath(found.names[0]).name}), name a table of "
            f"paths and labels ({source.kind.owner}.table)."
        )
    return found


def composed(name: str) -> str:
    """The name in Unicode's NFC: the same letters may come as other code points, from a Mac's disk for one."""
    return unicodedata.normalize("NFC", name)


def _others(source: Source) -> str:
    counted = ", ".join(f"{many} {ending}" for ending, many in source.others.most_common(8))
    more, kind = ", and others" if len(source.others) > 8 else "", source.kind
    said = f"Files that are not read, by their endings: {counted}{more}."
    return f"{said} {kind.many.capitalize()} are those in {kind.listed}."


def beside(source: Source) -> str:
    """A sentence on a zip in a folder without examples; "" where there is none."""
    zips = sorted(path.name for path in source.path.glob("*.zip")) if source.path.is_dir() else []
    return f" {zips[0]} lies there: name it itself as {source.kind.owner}.folder." if zips else ""


def _but(found: Layout) -> str:
    """What there is instead of examples: the first file that was left out, or the endings of others."""
    why = [*found.broken, *found.left_out]
    first = f" Left out: {why[0]}{f', and {len(why) - 1} more' if len(why) > 1 else ''}." if why else ""
    return " ".join([first, *found.said]).rstrip()


def _top(source: Source) -> str:
    """The folder that holds all class folders, where everything lies below one: `photos` of `photos/cats/1.jpg`."""
    top: list[str] = []
    firsts = [PurePosixPath(name).parts for name in source.names]
    while firsts and all(len(parts) > len(top) + 2 for parts in firsts):
        names = {parts[len(top)] for parts in firsts}
        inside = {folder for folder in source.folders if PurePosixPath(folder).parts[:-1] == tuple(top)}
        if len(names) > 1 or len(inside) > 1 or PARTS.get(next(iter(names)).lower()) == "train":
            break
        top.append(names.pop())
    return "/".join(top)


def _parted(source: Source, top: str) -> bool:
    """Whether a train folder holds folders; where it holds pictures, it is a class (of vehicles, say)."""
    depth = len(PurePosixPath(top).parts) if top else 0
    below = (PurePosixPath(folder).parts[depth:] for folder in source.folders)
    return any(len(parts) == 2 and PARTS.get(parts[0].lower()) == "train" for parts in below)


def _no_empty_class(source: Source, top: str, depth: int, found: Layout) -> None:
    """A class without one example would shift nothing here, but it is hardly meant."""
    start = len(PurePosixPath(top).parts) if top else 0
    all_parts = (PurePosixPath(folder).parts[start:] for folder in source.folders)
    there = {composed(parts[-1]) for parts in all_parts if len(parts) == depth}
    empty = sorted(there - set(found.labels))
    if empty:
        raise BadData(
            f"no {source.kind.many} are in the folder of {', '.join(empty)}: add some, or remove the folder."
            f"{_but(found)}"
        )


# -- groups ------------------------------------------------------------------------------------------------------------


def grouped(found: Layout, group: str, columns: list[str], kind: Kind = PICTURES) -> None:
    """Fill in the groups: from the table's column of that name (done already), or by a pattern in each file's name."""
    if not group or group in columns:
        return
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise BadData(
            f"{kind.owner}.group must be a pattern (a regular expression) or a column: {group!r}: {error}."
        ) from None
    if pattern.groups != 1:
        has = f"{pattern.groups} groups in brackets"
        listed = f" Columns: {', '.join(columns)}." if columns else ""
        raise BadData(
            f"{kind.owner}.group must hold one group in brackets, such as '(.+)_[0-9]+', that names what belongs "
            f"together; {group!r} has {has}.{listed}"
        )
    hits = [pattern.search(PurePosixPath(name).name) for name in found.names]
    if not any(hits):
        raise BadData(
            f"{kind.owner}.group {group!r} is found in no file's name; "
            f"the first is {PurePosixPath(found.names[0]).name!r}."
        )
    found.groups = [(hit.group(1) or "") if hit else "" for hit in hits]
    missed = sum(hit is None for hit in hits)
    if missed:
        found.said.append(f"{missed} of {len(hits)} file names do not match the pattern of groups; each is on its own.")
