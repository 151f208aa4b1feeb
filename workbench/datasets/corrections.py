"""Corrections of labels: a small file of decisions, one a line, that only grows; the data is never touched."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from workbench.checks import nearest
from workbench.errors import BadData

DROPPED = ""  # what an example is now that is left out
SHOWN = 12  # classes that an error names
PATIENCE = 10.0  # seconds that a decision waits for another's


class Corrections:
    """The decisions in `path`: `now` says what each example is instead, "" where it is dropped.

    `path@12` reads the first twelve lines alone, so that a recipe that says so means the same for ever. A later
    decision on an example replaces an earlier one; a line that says null takes it back. Several may write into one
    file, a panel and a notebook's cell say: each decision is made on what the file says by then.
    """

    def __init__(self, named: str | Path):
        place, most = re.fullmatch(r"(.*?)(?:@(\d+))?", str(named), re.DOTALL).groups()  # type: ignore[union-attr]
        self.path = Path(place).expanduser()
        self._most = None if most is None else int(most)
        self.lines: list[dict[str, Any]] = []
        self.read()

    def read(self) -> None:
        """Read the file again: another may have written into it."""
        content = self.path.read_bytes() if self.path.is_file() else b""
        whole, _, self._torn = content.rpartition(b"\n")
        numbered = enumerate(whole.split(b"\n") if whole else [], 1)
        lines = [_decision(line, f"line {number} of {self.path}") for number, line in numbered]
        if self._most is not None and self._most > len(lines):
            raise BadData(f"{self.path} holds {len(lines)} corrections, and the recipe names {self._most} of them.")
        self.lines = lines[: self._most]

    @property
    def now(self) -> dict[str, str]:
        """What each corrected example is by the last decision on it; "" where it is dropped."""
        found: dict[str, str] = {}
        for line in self.lines:
            found.pop(line["key"], None)
            if line["now"] is not None:
                found[line["key"]] = line["now"]
        return found

    @property
    def was(self) -> dict[str, str]:
        """What each example was before the first decision on it, also where none stands any more."""
        found: dict[str, str] = {}
        for line in self.lines:
            found.setdefault(line["key"], line["was"])
        return found

    @property
    def spelled(self) -> str:
        """As a recipe names it: the file, and how many of its lines count by now; "" while nothing was decided."""
        self.read()
        return f"{self.path}@{len(self.lines)}" if self.lines else ""

    def relabel(self, key: str, label: str, was: str) -> None:
        """From now on the example `key`, which was a `was`, is a `label`."""
        self._decide(key, label, was)

    def drop(self, key: str, was: str) -> None:
        """From now on the example `key` is left out."""
        self._decide(key, DROPPED, was)

    def as_given(self, key: str) -> None:
        """From now on the example `key` is again what the data says."""
        with self._alone():
            if key in self.now:
                self._append({"key": key, "was": self.was[key], "now": None})

    def undo(self) -> str | None:
        """Take back the last decision that stands, and return the example's key; None where there is none."""
        with self._alone():
            stack = self._standing()
            if not stack:
                return None
            key, before = stack[-1]
            self._append({"key": key, "was": self.was[key], "now": before, "undo": True})
            return key

    def _standing(self) -> list[tuple[str, str | None]]:
        """The decisions that were not taken back: of each the example, and what stood before."""
        stack: list[tuple[str, str | None]] = []
        held: dict[str, str] = {}
        for line in self.lines:
            if line.get("undo"):
                key, before = stack.pop()
            else:
                key, before = line["key"], line["now"]
                stack.append((key, held.get(key)))
            held.pop(key, None)
            if before is not None:
                held[key] = before
        return stack

    def _decide(self, key: str, now: str, was: str) -> None:
        with self._alone():
            if self.now.get(key) != now:
                self._append({"key": key, "was": was, "now": now})

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other writes in this block, and `lines` are what the file holds."""
        if self._most is not None:
            raise BadData(
                f"{self.path}@{self._most} stands for its first {self._most} lines and never changes: decide in "
                f"Corrections({str(self.path)!r})."
            )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(f"{self.path}.lock", timeout=PATIENCE):
                self.read()
                yield
        except Timeout:
            raise BadData(
                f"another process has held {self.path} for {PATIENCE:g} s: end it, then decide again."
            ) from None

    def _append(self, line: dict[str, Any]) -> None:
        written = json.dumps(line | {"at": round(time.time(), 3)}, ensure_ascii=True).encode() + b"\n"
        with open(self.path, "r+b" if self.path.exists() else "wb") as file:
            file.seek(-len(self._torn) if self._torn else 0, 2)  # half a line that a kill left is written over
            file.truncate()
            file.write(written)
        self._torn = b""
        self.lines.append(line)


def _decision(line: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
        good = isinstance(found["key"], str) and isinstance(found["was"], str)
        if good and (found["now"] is None or isinstance(found["now"], str)):
            return dict(found)
    except (ValueError, KeyError, TypeError):
        pass
    raise BadData(
        f"{where} is no correction; it reads {line[:80].decode('utf-8', 'replace')!r}. A line reads "
        f'{{"key": ..., "was": ..., "now": ...}}, and wb.Corrections(path).relabel(key, label, was) writes it; remove '
        f"that line."
    )


def _must_be_there(file: Corrections, labels: dict[str, str]) -> None:
    """Refuse decisions on rows whose label, as the data has it, is another one now."""
    was, now = file.was, file.now
    moved = [key for key, label in labels.items() if label not in (was[key], now[key])]
    if moved:
        first = moved[0]
        raise BadData(
            f"{file.path} corrects row {first}, which was a {was[first]!r} then and is a {labels[first]!r} now (of "
            f"{len(labels)} corrected rows {len(moved)} are so): the table's rows moved. Put them back in their order, "
            f"or begin a new file of corrections."
        )


def mended(
    named: str, owner: str, keys: Sequence[str], classes: Sequence[str], what: str, labels: Sequence[str] = ()
) -> tuple[dict[int, int | None], list[str]]:
    """By position the class that a correction gives, None where it drops the example; and sentences on them.

    `labels`: each example's, where a key is a row's number, which names another example once rows were put in between:
    an example that is neither what it was when it was corrected nor what it became is no longer that one.
    `named`: the file, as the knob `corrections` of the choice `owner` has it, "" for none; `what` the examples are.
    """
    if not named:
        return {}, []
    file = Corrections(named)
    if not file.path.is_file():
        raise BadData(f"{owner}.corrections names {str(file.path)!r}, and there is no such file.")
    now, at = file.now, {name: position for position, name in enumerate(keys)}
    for key, label in now.items():
        if label and label not in classes:
            there = ", ".join(map(repr, classes[:SHOWN])) + (" ..." if len(classes) > SHOWN else "")
            raise BadData(
                f"{file.path} makes {key} a {label!r}, and there is no such class.{nearest(label, classes)} There are: "
                f"{there}. wb.Corrections({str(file.path)!r}).undo() takes the last decision back."
            )
    if labels:
        _must_be_there(file, {key: labels[at[key]] for key in now if key in at})
    found = {at[key]: classes.index(label) if label else None for key, label in now.items() if key in at}
    dropped = sum(label is None for label in found.values())
    labels, examples = (
        f"{n} {word}{'s' if n != 1 else ''}" for n, word in ((len(found) - dropped, "label"), (dropped, "example"))
    )
    said = [f"Corrected: {labels}, and {examples} left out ({file.path.name})."]
    if len(found) < len(now):
        said.append(f"{len(now) - len(found)} corrections are of {what} that are not there any more.")
    return found, said
