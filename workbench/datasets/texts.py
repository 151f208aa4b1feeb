"""Rows of texts and labels, from a table or the hub, on their way to a data set: cleaned, compared, cut in parts."""

from __future__ import annotations

import hashlib
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.datasets import copies
from workbench.datasets.base import Data, finish
from workbench.datasets.broken import listed
from workbench.datasets.columns import Columns
from workbench.datasets.corrections import mended
from workbench.datasets.filling import filled
from workbench.datasets.layout import composed
from workbench.datasets.near_texts import MOST_TEXTS, near
from workbench.datasets.parting import parted
from workbench.datasets.ragged import Texts
from workbench.datasets.sheet import Sheet
from workbench.datasets.tables import parts_of
from workbench.errors import BadData

LETTERS = 100_000  # of a text that are kept: a model sees far fewer
TORN = 10  # texts under two labels that are named
HALVES = re.compile("[\ud800-\udfff]")  # of characters that take two code units; no tokenizer takes one alone
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def cleaned(text: str) -> str:
    """A text as a model may read it, when it learns and when it answers."""
    text = text[:LETTERS]
    return CONTROLS.sub(" ", text if text.isascii() else HALVES.sub("\N{REPLACEMENT CHARACTER}", text)).strip()


@dataclass
class Rows:
    """A line an example: its key, its text and second text, its label, part and group ("" where there is none).

    `broken`: sentences on what is no example, `lost` their labels; `changed`: how many texts were cut or cleaned.
    """

    keys: list[str] = field(default_factory=list)
    first: list[str] = field(default_factory=list)
    second: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    changed: Counter[str] = field(default_factory=Counter)
    paired: bool = False

    def add(self, key: str, cells: Mapping[str, str]) -> None:
        """One more row: its cells by role ("text", "label", "second", "group", "time", "split")."""
        label = composed(cells["label"].strip())
        first, second = self._cleaned(cells["text"]), self._cleaned(cells.get("second", ""))
        if reason := _unusable(first, label):
            self.broken.append(f"row {key}: {reason}")
            self.lost |= {label} - {""}
            return
        self.keys.append(key)
        self.first.append(first)
        if self.paired:
            self.second.append(second)
        for held, role in ((self.parts, "split"), (self.groups, "group"), (self.times, "time")):
            held.append(sys.intern(cells.get(role, "").strip()))
        self.labels.append(sys.intern(label))

    def read(self, part: str, sheet: Sheet, columns: Columns) -> None:
        """Add all rows of a table. Keys are the numbers that a spreadsheet shows, after `part` where it is of one."""
        taken, start = columns.taken(), len(self.keys)
        self.paired |= "second" in taken
        for row in sheet.rows([*taken.values()]):
            key = f"{part}:{row.number}" if part else str(row.number)
            if row.reason:
                self.broken.append(f"row {key}: {row.reason}")
            else:
                self.add(key, dict(zip(taken, row.cells, strict=True)))
        numbers = [int(key.rpartition(":")[2]) for key in self.keys[start:]]
        cells = [part] * len(numbers) if part else self.parts[start:]
        self.parts[start:] = parts_of(cells, numbers, columns.split, sheet.path)

    def _cleaned(self, text: str) -> str:
        """The text without what no model can read, and no longer than `LETTERS`."""
        if len(text) > LETTERS:
            self.changed[f"longer than {LETTERS:,} letters: they are cut"] += 1
        text = text[:LETTERS]
        if not text.isascii() and HALVES.search(text):
            self.changed["with half a character (a lone surrogate): \N{REPLACEMENT CHARACTER} stands for it"] += 1
        if CONTROLS.search(text):
            self.changed["with control characters: spaces stand for them"] += 1
        return cleaned(text)

    def said(self) -> list[str]:
        """Sentences on texts that were changed."""
        more = [f"More than {MOST_TEXTS:,} texts: those that are nearly the same are not looked for."]
        return [f"{many} texts are {how}." for how, many in self.changed.items()] + more * (len(self.keys) > MOST_TEXTS)

    def whole(self) -> list[str]:
        """Each example's text, of pairs both."""
        return [f"{one} {two}" for one, two in zip(self.first, self.second, strict=True)] if self.second else self.first


def _unusable(text: str, label: str) -> str:
    if not text:
        return "no text"
    if not label:
        return "no label"
    return "its label holds half a character (a lone surrogate)" if HALVES.search(label) else ""


def data_of(rows: Rows, owner: str, place: str, knobs: Mapping[str, Any], said: list[str]) -> Data:
    """The data set that these rows are. `knobs`: those of the choice `owner`; `place`: what they come from.

    Equal texts (but for case and white space) and all of one group are in one part.
    """
    import numpy as np

    left_out = _left_out(rows, owner, knobs.get("broken", "refuse"))
    classes = sorted({*rows.labels})
    _enough(rows, classes, owner, place)
    numbers = {name: at for at, name in enumerate(classes)}
    labels = np.array([numbers[each] for each in rows.labels], dtype=np.int64)
    hashes = [_looks(*pair) for pair in zip(rows.first, rows.second or [""] * len(labels), strict=True)]
    same = copies.together(hashes, rows.groups)
    parts, more = parted(np.array(rows.parts, dtype=object), same, knobs["seed"], "texts", place)
    twice = copies.twice(hashes, labels, rows.keys, "text")
    torn = [f"Of {len(twice) - 1} texts under two labels the first {TORN} are named."] if len(twice) > TORN + 1 else []
    parts, moved = filled(parts, labels, same, classes)
    given = () if knobs["label_noise"] else rows.labels  # a label made wrong is another one by the seed
    decided, corrected = mended(knobs.get("corrections", ""), owner, rows.keys, classes, "texts", given)
    alike = near(rows.whole(), hashes)
    said = [*said, *rows.said(), *more, *moved, *twice[: TORN + 1], *torn]
    told = [*said, *copies.told(alike, parts, rows.keys, "texts"), *corrected]
    return finish(
        Texts(tuple(rows.first), tuple(rows.second), knobs["size"]),
        labels,
        classes,
        parts,
        per_class=knobs["per_class"],
        label_noise=knobs["label_noise"],
        seed=knobs["seed"],
        notes=told + left_out,
        keys=rows.keys,
        mended=decided,
        groups=same,
        near=alike,
    )


def _looks(first: str, second: str) -> str:
    """A hash that equal texts share, whatever their case and white space."""
    plain = " ".join(first.casefold().split()), " ".join(second.casefold().split())
    return hashlib.sha256("\0".join(plain).encode("utf-8", "surrogatepass")).hexdigest()


def _left_out(rows: Rows, owner: str, broken: str) -> list[str]:
    """Sentences on rows that cannot be used; an error unless they may be left out, and no class goes with them."""
    if not rows.broken:
        return []
    if broken == "refuse":
        raise BadData(
            f"{len(rows.broken)} of {len(rows.broken) + len(rows.keys)} rows cannot be used; mend them, or set "
            f"broken='leave out' ({owner}.broken):{listed(rows.broken)}"
        )
    if lost := sorted(rows.lost - {*rows.labels}):
        raise BadData(
            f"no row of {', '.join(lost)} can be used, so leaving them out leaves out the class: mend one at least, or "
            f"take the class out of the data yourself.{listed(rows.broken)}"
        )
    return [f"Left out: {each}." for each in rows.broken]


def _enough(rows: Rows, classes: Sequence[str], owner: str, place: str) -> None:
    if len(rows.keys) < 10:
        raise BadData(f"the {place} must hold 10 texts at least, to train, validate and test on; got {len(rows.keys)}.")
    if len(classes) < 2:
        raise BadData(f"at least two labels must be there to tell apart, got {', '.join(map(repr, classes))} alone.")
    if len(classes) > max(10, len(rows.keys) // 2):
        raise BadData(
            f"{len(classes):,} different labels in {len(rows.keys):,} rows ({', '.join(map(repr, classes[:3]))}, ...): "
            f"that is hardly a class. Set {owner}.label to the column that names classes."
        )
