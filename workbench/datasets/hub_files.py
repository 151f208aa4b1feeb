"""Pictures and recordings of the hub, or of a folder in its layout: its rows as files, decoded as all others are."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

from workbench import paths
from workbench.checks import nearest
from workbench.datasets.columns import MARKED
from workbench.datasets.files import MOST_BYTES, Archive, Folder, Kind
from workbench.datasets.hub_splits import ZIPPED, Loaded, is_folder, splits, text_of
from workbench.datasets.layout import Layout, composed, grouped
from workbench.errors import BadData

if TYPE_CHECKING:
    import pyarrow as pa

USUAL = {"Image": ("image", "img", "picture", "photo"), "Audio": ("audio", "recording", "speech", "file")}


@dataclass(frozen=True)
class Wanted:
    """Which data set, and which of its columns: `feature` is the library's kind of the column with the files."""

    path: str
    config: str
    revision: str
    feature: str
    files: str
    label: str
    group: str


@dataclass
class Cells:
    """The files in a data set's rows, as a place that holds them. What lies outside of `roots` is not opened."""

    path: Path
    kind: Kind
    roots: list[Path]
    names: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    said: list[str] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)
    _rows: dict[str, tuple[pa.ChunkedArray, int, list[int]]] = field(default_factory=dict)  # bytes, which, a stamp
    _paths: dict[str, Path] = field(default_factory=dict)
    _zips: dict[Path, Archive] = field(default_factory=dict)
    _inside: dict[Path, set[str]] = field(default_factory=dict)  # the names in each

    def add(self, name: str, held: pa.ChunkedArray, at: int, stamp: list[int]) -> str:
        """A file whose bytes are in row `at` of `held`; returns why it is none, "" where it is."""
        return self._new(name) or self._put(self._rows, name, (held, at, stamp))

    def add_path(self, written: str) -> tuple[str, str]:
        """A file by its path, or its place in a zip: its name, and why it is none, "" where it is."""
        inside, _, container = written.removeprefix(ZIPPED).partition("::")
        path = Path(container or written)
        root = next((each for each in self.roots if path.resolve().is_relative_to(each)), None)
        if root is None:
            return path.name, f"{path.name} lies outside of the data set"
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
        if not path.is_file():
            return name, f"{name} is not there"
        if container:
            name = f"{name}/{inside}"
            if path not in self._zips:
                self._zips[path] = Archive(path, self.kind)
                self._inside[path] = {*self._zips[path].names}
            if inside not in self._inside[path]:
                return name, f"{inside} cannot be had from {path.name}"
        return name, self._new(name) or self._put(self._paths, name, path)

    def _new(self, name: str) -> str:
        return f"{name} is there already" if name in self._rows or name in self._paths else ""

    def _put(self, held: dict[str, Any], name: str, what: Any) -> str:
        held[name] = what
        self.names.append(name)
        return ""

    def stamp(self, name: str) -> list[int]:
        """What changes when the file does: its size first, then its time; else the data set's own mark and the row."""
        if name in self._rows:
            return self._rows[name][2]
        if archive := self._zips.get(self._paths[name]):
            return archive.stamp(self._within(name))
        found = os.stat(self._paths[name])
        return [found.st_size, found.st_mtime_ns]

    def read(self, name: str) -> bytes:
        """The file's bytes, `MOST_BYTES` at most."""
        if name in self._rows:
            held, at, _ = self._rows[name]
            return bytes(held[at].as_py()[:MOST_BYTES])
        if archive := self._zips.get(self._paths[name]):
            return archive.read(self._within(name))
        with open(self._paths[name], "rb") as file:
            return file.read(MOST_BYTES)

    def opened(self, name: str) -> BinaryIO:
        """The file to read from."""
        if name in self._paths and self._paths[name] not in self._zips:
            return open(self._paths[name], "rb")
        return io.BytesIO(self.read(name))

    def _within(self, name: str) -> str:
        return name.partition(f"{self._paths[name].name}/")[2]


def laid_out(wanted: Wanted, kind: Kind) -> tuple[Cells, Layout]:
    """The files of a data set, and label, part and group of each; none is read yet."""
    there, loaded = splits(wanted.path, wanted.config, wanted.revision, kind.owner)
    place, found, columns = _place(wanted, kind), Layout(place="data set"), list[str]()
    for part, name, split in there:
        files, label = _columns(wanted, split.features, kind)
        others = [each for each in split.features if each not in (files, label)]
        columns += [each for each in others if each not in columns]
        labels = _texts(split, label, files, loaded)
        if not any(labels):
            found.said.append(f"The split {name!r} has no labels, and is left out.")
            continue
        groups = _texts(split, wanted.group, files, loaded) if wanted.group in others else [""] * len(labels)
        found.said.append(_said(files, label, others, wanted, kind))
        _add(place, found, split, files, (part, labels, groups))
    found.said = [*dict.fromkeys(found.said)]
    if loaded.by_files and is_folder(wanted.path):
        unnamed = len({*Folder(Path(wanted.path).expanduser(), kind).names} - {*place.names})
        found.said += [f"{unnamed:,} {kind.many} of {wanted.path} are no examples: no row names them."] * bool(unnamed)
    if not found.names:
        first = f" The first: {found.broken[0]}." if found.broken else ""
        raise BadData(f"{wanted.path} holds no {kind.one} with a label.{first}")
    grouped(found, wanted.group, columns, kind)
    return place, found


def _place(wanted: Wanted, kind: Kind) -> Cells:
    import datasets.config
    from huggingface_hub.constants import HF_HUB_CACHE

    if is_folder(wanted.path):
        folder = Path(wanted.path).expanduser().resolve()
        return Cells(folder / wanted.config, kind, [folder])
    kept = paths.cache() / "hub" / wanted.path / wanted.config
    return Cells(kept, kind, [Path(each).resolve() for each in (HF_HUB_CACHE, datasets.config.HF_DATASETS_CACHE)])


def _add(place: Cells, found: Layout, split: Any, files: str, about: tuple[str, Sequence[str], Sequence[str]]) -> None:
    """The rows of one split; the library decodes nothing: its table holds bytes, or a path."""
    import datasets
    import pyarrow.compute as pc

    plain = datasets.Image(decode=False) if place.kind.one == "picture" else datasets.Audio(decode=False)
    column = split.cast_column(files, plain).select_columns([files]).with_format("arrow")[:][files]
    held, written = (pc.struct_field(column, key) for key in ("bytes", "path"))
    mark, (part, labels, groups) = int(split._fingerprint[:13], 16), about
    sizes = pc.binary_length(held).to_pylist()  # None where there are no bytes
    for at, path in enumerate(written.to_pylist()):
        name, label = f"{part}:{at + 1}" if part else str(at + 1), composed(labels[at].strip())
        if sizes[at] is not None:
            name += f"/{PurePosixPath(path).name}" if path else ""
            why = "" if label else f"no label for {name}"
            why = why or place.add(name, held, at, [sizes[at], mark, at])
        elif not path or not label:
            why = f"no label for {path or name}" if path else f"no {place.kind.one}"
        else:
            name, why = place.add_path(path)
        if why:
            found.broken.append(f"row {f'{part}:' if part else ''}{at + 1}: {why}")
            found.lost |= {label} - {""}
        else:
            found.add(name, label, part, groups[at].strip())


def _texts(split: Any, name: str, files: str, loaded: Loaded) -> list[str]:
    """A column's cells as text, as a folder's own table has them where there is one."""
    feature = split.features[name]
    cells = [text_of(feature, cell) for batch in split.select_columns([name]).iter(1000) for cell in batch[name]]
    if not loaded.written:
        return cells
    column = split.select_columns([files]).with_format("arrow")[:][files]
    rows = [loaded.written.get(str(each["path"]), {}) for each in column.to_pylist()]
    return [row.get(name, cell) for row, cell in zip(rows, cells, strict=True)]


def _columns(wanted: Wanted, features: Any, kind: Kind) -> tuple[str, str]:
    """The column of the files and that of the labels, as named, else as they are usually called, else the only one."""
    kinds = {name: type(feature).__name__ for name, feature in features.items()}
    held = [name for name, each in kinds.items() if each == wanted.feature]
    if not held:
        what = {"Image": "pictures: wb.HubImages", "Audio": "recordings: wb.HubAudio"}
        other = next((what[each] for each in kinds.values() if each in what), "texts: wb.Hub")
        raise BadData(
            f"{wanted.path} holds no column of {kind.many} ({', '.join(kinds)}). It may be of {other}(path=...)."
        )
    plain = [name for name, each in kinds.items() if each in ("Value", "ClassLabel")]
    marked = [name for name in plain if kinds[name] == "ClassLabel"]
    files = _one(wanted, "files", kind.one, wanted.files, held, USUAL[wanted.feature], held, kind)
    return files, _one(wanted, "label", "label", wanted.label, plain, MARKED, marked or plain, kind)


def _one(
    wanted: Wanted, knob: str, what: str, named: str, there: list[str], usual: Sequence[str], few: list[str], kind: Kind
) -> str:
    if named:
        if named in there:
            return named
        listed = ", ".join(there) or "none"
        raise BadData(
            f"{wanted.path} has no such column {named!r} ({kind.owner}.{knob}).{nearest(named, there)} There are: "
            f"{listed}."
        )
    called = {name.lower(): name for name in reversed(there)}
    if hit := next((called[each] for each in usual if each in called), few[0] if len(few) == 1 else ""):
        return hit
    if not there:
        raise BadData(
            f"{wanted.path} has no column of labels, and its {kind.many} lie in no folders of classes: add one "
            f"(metadata.csv with file_name and label)."
        )
    raise BadData(f"which column of {wanted.path} holds the {what}? Set {kind.owner}.{knob} to one of "
                  f"{', '.join(there)}.")  # fmt: skip


def _said(files: str, label: str, others: list[str], wanted: Wanted, kind: Kind) -> str:
    """`Columns: picture 'image' (guessed), label 'kind', group 'speaker'; not read: age.`"""
    taken = ((kind.one, files, wanted.files), ("label", label, wanted.label))
    shown = ", ".join(f"{role} {name!r}{' (guessed)' * (not named)}" for role, name, named in taken)
    shown += f", group {wanted.group!r}" * (wanted.group in others)
    others = [each for each in others if each != wanted.group]
    return f"Columns: {shown}{'; not read: ' * bool(others)}{', '.join(others)}."
