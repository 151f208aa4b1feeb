"""In which encoding a text file is: by its mark, or UTF-8; anything else is refused with a guess, never misread."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from workbench.errors import BadData

MARKS = (  # the longer first: UTF-32's begins as UTF-16's does
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how .xlsx and .ods begin, and .xls
PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
CHUNK = 1 << 20
SHOWN = 60  # letters of a line in a message


def encoding_of(path: Path, named: str = "", owner: str = "table") -> str:
    """The encoding that reads the whole file, `named` or found; `owner` is the choice whose knob says it.

    Raises BadData where none does: a file in an old encoding reads as nonsense in another, labels too, so it is for the
    person to say. The message has a guess and how a line reads by it.
    """
    with open(path, "rb") as file:
        head = file.read(1 << 16)
    if head.startswith(WORKBOOKS):
        raise BadData(f"{path.name} is a workbook of a spreadsheet: save its sheet as CSV (UTF-8), and name that file.")
    if head.startswith(PACKED):
        raise BadData(f"{path.name} is packed: unpack it, and name the file in it.")
    marked = next((name for mark, name in MARKS if head.startswith(mark)), "")
    if not marked and not named and (wide := _wide(head)):
        raise BadData(
            f"{path.name} looks like {wide} without its mark: set {owner}.encoding={wide!r}, or save it as UTF-8."
        )
    encoding = _known(named, owner) if named else marked or "utf-8-sig"
    at = _wrong(path, encoding)
    if at is None:
        return "utf-8-sig" if encoding == "utf-8" else encoding  # it reads both, with a mark and without
    line, number = _line(path, at)
    if named or marked:
        raise BadData(f"{path.name} is not {encoding} throughout: line {number} is not. Save it as UTF-8.")
    guess = guessed(line)
    shown = line.decode(guess, "replace").strip()[:SHOWN]
    raise BadData(
        f"{path.name} is not UTF-8 (line {number}). It may be {guess}: read so, that line is {shown!r}. If that is "
        f"right, set {owner}.encoding={guess!r}; else save the file as UTF-8."
    )


def guessed(line: bytes) -> str:
    """cp1251 where letters beyond ASCII come in runs, as in Cyrillic; else cp1252."""
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", line)]
    return "cp1251" if sum(runs) >= 2 * len(runs) and max(runs, default=0) > 2 else "cp1252"


def _known(named: str, owner: str) -> str:
    try:
        return codecs.lookup(named).name
    except (LookupError, ValueError):
        raise BadData(
            f"{owner}.encoding must be an encoding that Python knows, such as 'cp1251' or 'utf-16-le', got {named!r}."
        ) from None


def _wide(head: bytes) -> str:
    """UTF-16 without a mark, told by its zeros: every other byte of plain letters is one."""
    for name, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if len(zeros) > 1 and zeros.count(0) > 0.3 * len(zeros) and head.count(0) < 1.2 * zeros.count(0):
            return name
    return ""


def _wrong(path: Path, encoding: str) -> int | None:
    """Near which byte the file is not in this encoding; None where it is throughout."""
    decoder, at = codecs.getincrementaldecoder(encoding)(), 0
    with open(path, "rb") as file:
        while True:
            part = file.read(CHUNK)
            try:
                decoder.decode(part, final=not part)
            except UnicodeError as error:
                return max(0, at + (error.start if isinstance(error, UnicodeDecodeError) else 0))
            if not part:
                return None
            at += len(part)


def _line(path: Path, at: int) -> tuple[bytes, int]:
    """The line that the byte `at` lies in, and its number."""
    number, line = 0, b""
    with open(path, "rb") as file:
        while at >= 0 and (line := file.readline()):
            at, number = at - len(line), number + 1
    return line[: 1 << 16], number
