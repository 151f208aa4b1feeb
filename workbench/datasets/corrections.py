"""Corrections of labels: a small file of decisions, one a line, that only grows; the data is never touched."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from workbench.errors import BadData

DROPPED = ""  # what an example is now that is left out


class Corrections:
    """The decisions in `path`: `now` says what each example is instead, "" where it is dropped.

    `path@12` reads the first twelve lines alone, so that a recipe that says so means the same for ever. A later
    decision on an example replaces an earlier one; a line that says null takes it back.
    """

    def __init__(self, named: str | Path):
        place, most = re.fullmatch(r"(.*?)(?:@(\d+))?", str(named), re.DOTALL).groups()  # type: ignore[union-attr]
        self.path = Path(place).expanduser()
        self.lines: list[dict[str, Any]] = []
        content = self.path.read_bytes() if self.path.is_file() else b""
        whole, _, self._torn = content.rpartition(b"\n")
        for number, line in enumerate(whole.split(b"\n") if whole else [], 1):
            self.lines.append(_decision(line, f"line {number} of {self.path}"))
        if most is not None:
            if int(most) > len(self.lines):
                raise BadData(f"{self.path} holds {len(self.lines)} corrections, and the recipe names {most} of them.")
            self.lines = self.lines[: int(most)]

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
        """What each corrected example was before the first decision on it."""
        found: dict[str, str] = {}
        for line in self.lines:
            found.setdefault(line["key"], line["was"])
        return {key: found[key] for key in self.now}

    @property
    def spelled(self) -> str:
        """As a recipe names it: the file, and how many of its lines count; "" while nothing was decided."""
        return f"{self.path}@{len(self.lines)}" if self.lines else ""

    def relabel(self, key: str, label: str, was: str) -> None:
        """From now on the example `key`, which was a `was`, is a `label`."""
        self._decide(key, label, was)

    def drop(self, key: str, was: str) -> None:
        """From now on the example `key` is left out."""
        self._decide(key, DROPPED, was)

    def as_given(self, key: str) -> None:
        """From now on the example `key` is again what the data says."""
        if key in self.now:
            self._append({"key": key, "was": self._first(key), "now": None})

    def undo(self) -> str | None:
        """Take back the last decision that stands, and return the example's key; None where there is none."""
        stack: list[tuple[str, str | None]] = []  # what each decision replaced
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
        if not stack:
            return None
        key, before = stack[-1]
        self._append({"key": key, "was": self._first(key), "now": before, "undo": True})
        return key

    def _first(self, key: str) -> str:
        return next(str(line["was"]) for line in self.lines if line["key"] == key)

    def _decide(self, key: str, now: str, was: str) -> None:
        if self.now.get(key) != now:
            self._append({"key": key, "was": was, "now": now})

    def _append(self, line: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
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
    raise BadData(f"{where} is no correction; it reads {line[:80].decode('utf-8', 'replace')!r}. Remove that line.")
