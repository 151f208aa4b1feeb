"""Texts from the hub, or from a folder in its layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.choices import COLUMN, Options, Range, Text, knob
from workbench.datasets.base import BALANCES, Data, Dataset
from workbench.datasets.columns import columns_of
from workbench.datasets.hub_splits import splits, text_of
from workbench.datasets.sheet import Row, Sheet
from workbench.datasets.texts import Rows, data_of
from workbench.errors import BadData

OTHERS = {"Image": ("pictures", "wb.HubImages"), "Audio": ("recordings", "wb.HubAudio")}


@dataclass(frozen=True)
class Hub(Dataset):
    """Texts of a data set on the Hugging Face hub (owner/name), or of a folder in the hub's layout."""

    name = "hub"
    domain = "language"
    own = True
    path: str = knob(
        "", Text("folder", folders=True), "owner/name on the hub, or a folder in its layout (parquet, CSV, JSON lines)."
    )
    config: str = knob("", Text("config"), "Which of its configurations; empty: the only one.")
    text: str = knob("", COLUMN, "The column of texts; empty: guessed, and told.")
    label: str = knob("", COLUMN, "The column of labels; empty: guessed, and told.")
    size: int = knob(128, Range(16, 512), "Tokens of a text that a model may see; more shows more, costs more.",
                     limits=(4, 8192))  # fmt: skip
    per_class: int | None = knob(None, Range(1, 1000), "Training texts a class; empty means all.",
                                 limits=(1, 10**9), optional=True)  # fmt: skip
    label_noise: float = knob(0.0, Range(0.0, 0.6), "Share of the training labels made wrong.", limits=(0, 1))
    balance: str = knob("as is", Options(BALANCES), "Rare classes: as they are, weighing more, or drawn more often.")
    broken: str = knob("refuse", Options(("refuse", "leave out")), "What to do where a row has no text or no label.")
    second: str = knob("", COLUMN, "A column of second texts, for pairs; '-': none.", more=True)
    group: str = knob("", COLUMN, "A column whose equal cells stay in one part (author, ticket); '-': none.",
                      more=True)  # fmt: skip
    revision: str = knob("", Text("revision"), "A commit of the data set on the hub; empty: the newest.", more=True)
    corrections: str = knob(
        "", Text("file", (".jsonl",)), "A file of corrected labels, as the mending panel writes it.", more=True
    )
    seed: int = knob(0, Range(0, 2**31 - 1), "Decides the split and the wrong labels.", more=True)

    def load(self) -> Data:
        rows, said, place = Rows(), [], Path(self.path or "hub")
        named = {role: getattr(self, role) for role in ("text", "label", "second", "group")} | {"time": "-"}
        for part, name, split in splits(self.path, self.config, self.revision, self.name)[0]:
            sheet = _Split(self.path, split, bool(self.text))
            columns = columns_of(sheet, self.name, **named)
            if _unlabelled(sheet, columns.label):
                said.append(f"The split {name!r} has no labels, and is left out.")
                continue
            said += [*sheet.said, columns.said()]
            rows.read(part, sheet, columns)
        return data_of(rows, self.name, f"data set {place.name}", self.values(), [*dict.fromkeys(said)])


class _Split(Sheet):
    """A split as a table of text. Pictures or recordings are refused, unless a column of texts was `named`."""

    def __init__(self, path: str, split: Any, named: bool):
        self.path, self.split = Path(path), split
        kinds = {name: type(feature).__name__ for name, feature in split.features.items()}
        self.columns = tuple(name for name, kind in kinds.items() if kind in ("Value", "ClassLabel"))
        if not named and (kind := next((kind for kind in kinds.values() if kind in OTHERS), "")):
            what, choice = OTHERS[kind]
            raise BadData(f"{path} holds {what}: take {choice}(path={path!r}), or name the column of texts: hub.text.")
        unread = [name for name in kinds if name not in self.columns]
        self.said = (f"Columns of other kinds than text are not read: {', '.join(unread)}.",) if unread else ()

    def rows(self, wanted: Sequence[str]) -> Iterator[Row]:
        chosen, number = self.split.select_columns([*dict.fromkeys(wanted)]), 0
        for batch in chosen.iter(1000):
            for cells in zip(*(batch[name] for name in wanted), strict=True):
                number += 1
                found = zip(wanted, cells, strict=True)
                yield Row(number, [text_of(self.split.features[name], cell) for name, cell in found])


def _unlabelled(sheet: Sheet, label: str) -> bool:
    """Whether no row has a label, as in the test splits of contests."""
    return not any(row.cells[0].strip() for row in sheet.rows([label]))
