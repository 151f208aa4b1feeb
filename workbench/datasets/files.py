"""Where a person's files lie, pictures or recordings: a folder or a zip, listed without being unpacked."""

from __future__ import annotations

import io
import os
import stat
import threading
import zipfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol

from workbench.errors import BadData

ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
HEARD = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff")
MOST_BYTES = 200_000_000  # of one file, as a zip declares it; no more is unpacked
UTF8 = 0x800  # the flag of a zip's entry whose name is UTF-8


@dataclass(frozen=True)
class Kind:
    """What a person's files are: the data set whose knobs messages name, how one and many are called, and endings."""

    owner: str
    one: str
    many: str
    endings: tuple[str, ...]

    @property
    def listed(self) -> str:
        """The endings in a sentence."""
        return " ".join(each.removeprefix(".") for each in self.endings)


PICTURES = Kind("images", "picture", "pictures", ENDINGS)
RECORDINGS = Kind("audio", "recording", "recordings", HEARD)


class Source(Protocol):
    """A place with files of a kind. `names`: of these, with `/`, in order; `left_out`: a sentence on each other one."""

    kind: Kind
    path: Path
    names: list[str]
    left_out: list[str]
    broken: list[str]  # sentences on folders that cannot be looked into
    others: Counter[str]  # how many files are of no such kind, by ending
    said: list[str]  # sentences on the place as a whole
    folders: set[str]  # those that are there, empty ones too

    def stamp(self, name: str) -> list[int]:
        """What changes when the file does: its size and time of change."""

    def read(self, name: str) -> bytes:
        """The file's bytes."""

    def opened(self, name: str) -> BinaryIO:
        """The file to read from, where it is too large to hold."""


class Folder:
    """All files of a kind below a folder. Links are followed to files inside it alone; hidden files are none."""

    def __init__(self, path: Path, kind: Kind = PICTURES):
        self.path, self.root, self.kind = path, path.resolve(), kind
        self.names: list[str] = []
        self.left_out: list[str] = []
        self.broken: list[str] = []
        self.others: Counter[str] = Counter()
        self.said: list[str] = []
        self.folders: set[str] = set()
        for at, folders, names in os.walk(path, onerror=self._shut):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            within = PurePosixPath(Path(at).relative_to(path).as_posix())
            above = f"{within}/" if within.parts else ""
            links = [name for name in folders if (Path(at) / name).is_symlink()]
            self.folders |= {str(within / name) for name in folders if name not in links}
            self.left_out += [f"{within / name}: a link to a folder, put the folder itself there" for name in links]
            for name in sorted(name for name in names if not name.startswith(".")):
                if name.lower().endswith(kind.endings):
                    self._add(f"{above}{name}", os.path.join(at, name))
                else:
                    self.others[_ending(name)] += 1

    def _shut(self, error: OSError) -> None:
        within = Path(error.filename).relative_to(self.path).as_posix()
        self.broken.append(f"{within}: the folder cannot be opened ({error.strerror})")

    def _add(self, name: str, path: str) -> None:
        if not os.path.isfile(path):
            self.left_out.append(f"{name}: no file")
        elif os.path.islink(path) and not Path(path).resolve().is_relative_to(self.root):
            self.left_out.append(f"{name}: a link that leaves the folder, put the file itself there")
        else:
            self.names.append(name)

    def stamp(self, name: str) -> list[int]:
        """Size in bytes and time of change in nanoseconds."""
        found = os.stat(self.path / name)
        return [found.st_size, found.st_mtime_ns]

    def read(self, name: str) -> bytes:
        """The file's bytes; of one that grows meanwhile no more than `MOST_BYTES`."""
        with open(self.path / name, "rb") as file:
            return file.read(MOST_BYTES)

    def opened(self, name: str) -> BinaryIO:
        """The file itself."""
        return open(self.path / name, "rb")


class Archive:
    """All files of a kind in a zip, read one by one and never unpacked to disk."""

    def __init__(self, path: Path, kind: Kind = PICTURES):
        self.path, self.left_out, self.broken, self.folders = path, [], [], set()  # type: ignore[var-annotated]
        self.kind = kind
        self.others: Counter[str] = Counter()
        self._guard = threading.Lock()
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise BadData(f"{path} cannot be read as a zip: {error}.") from error
        self._entries: dict[str, zipfile.ZipInfo] = {}
        self._guessed: list[str] = []
        for entry in self._zip.infolist():
            self._add(entry)
        self.names = sorted(self._entries)
        self.said = [_may_read_wrong(self._guessed, path, kind)] if self._guessed else []

    def _add(self, entry: zipfile.ZipInfo) -> None:
        name, guessed = _name(entry)
        parts = PurePosixPath(name).parts
        if any(part.startswith((".", "__MACOSX")) and part != ".." for part in parts):
            return
        if entry.is_dir():
            self.folders.add(name.rstrip("/"))
            return
        if not name.lower().endswith(self.kind.endings):
            self.others[_ending(name)] += 1
            return
        reason = _refused(entry, parts) or ("there twice" if name in self._entries else "")
        if reason:
            self.left_out.append(f"{name}: {reason}")
        else:
            self._entries[name] = entry
            self._guessed += [name] if guessed else []
            self.folders |= {str(parent) for parent in PurePosixPath(name).parents if str(parent) != "."}

    def stamp(self, name: str) -> list[int]:
        """Size and checksum as the zip has them."""
        return [self._entries[name].file_size, self._entries[name].CRC]

    def read(self, name: str) -> bytes:
        """The file's bytes: no more than the zip declares, and its checksum holds, else ValueError."""
        try:
            with self._guard:
                return self._zip.read(self._entries[name])
        except Exception as error:  # zipfile raises whatever its decompressors do
            raise ValueError(f"cannot be unpacked: {error}") from error

    def opened(self, name: str) -> BinaryIO:
        """All its bytes, from which one can read."""
        return io.BytesIO(self.read(name))


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower() or "without an ending"


def _name(entry: zipfile.ZipInfo) -> tuple[str, bool]:
    """The entry's name, and whether its letters are a guess: many programs write UTF-8 and do not set its flag."""
    name = entry.filename
    if entry.flag_bits & UTF8 or name.isascii():
        return name, False
    try:
        written = name.encode("cp437")  # as which zipfile reads what has no flag
    except UnicodeEncodeError:  # the name stood in the entry's field for Unicode
        return name, False
    with suppress(UnicodeDecodeError):
        return written.decode("utf-8"), False
    return name, True


def _may_read_wrong(names: Sequence[str], path: Path, kind: Kind) -> str:
    return (
        f"The names of {len(names)} {kind.many} in {path.name} may read wrong, {names[0]!r} for one: the zip does "
        f"not say in which letters they are written. Zip the folder anew with a program that writes UTF-8."
    )


def _refused(entry: zipfile.ZipInfo, parts: Sequence[str]) -> str:
    """Why an entry is not read, "" where it is; nothing is ever unpacked, so all of it is about what is odd."""
    if ".." in parts or entry.filename.startswith(("/", "\\")) or ":" in parts[0]:
        return "a name that leaves the zip"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "a link"
    if entry.flag_bits & 1:
        return "encrypted"
    return f"larger than {MOST_BYTES // 1_000_000} MB" if entry.file_size > MOST_BYTES else ""


def source(place: str, kind: Kind = PICTURES) -> Source:
    """The folder or the zip at `place`."""
    path, knob = Path(place).expanduser(), f"{kind.owner}.folder"
    if not place.strip():
        raise BadData(f"{knob} must name a folder (or a zip) with a sub-folder for each class; it is empty.")
    if path.is_dir():
        return Folder(path, kind)
    if path.is_file() and zipfile.is_zipfile(path):
        return Archive(path, kind)
    what = "a file, and no zip" if path.is_file() else "not there"
    raise BadData(f"{knob} must be a folder, or a zip, with a sub-folder for each class; {place!r} is {what}.")
