"""A person's own texts: a table with a column of texts and one of labels."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.choices import COLUMN, Options, Range, Text, knob
from workbench.datasets.base import BALANCES, Data, Dataset
from workbench.datasets.columns import Columns, columns_of
from workbench.datasets.layout import PARTS
from workbench.datasets.sheet import Row, Sheet
from workbench.datasets.sheets import LINES, PARQUET, sheet
from workbench.datasets.texts import Rows, data_of
from workbench.errors import BadData

SEPARATED = (".csv", ".tsv", ".tab", ".txt")


@dataclass(frozen=True)
class Table(Dataset):
    """Your own texts: a CSV, TSV, JSON lines or parquet file with a column of texts and a column of labels."""

    name = "table"
    domain = "language"
    own = True
    path: str = knob(
        "",
        Text("file", (*SEPARATED, *LINES, *PARQUET), folders=True),
        "The file; or a folder with train, valid and test files.",
    )
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
    time: str = knob("", COLUMN, "A column that says when a text was written; '-': none.", more=True)
    encoding: str = knob("", Text("encoding"), "How letters are coded, 'cp1251' say; empty: UTF-8, or as marked.",
                         more=True)  # fmt: skip
    corrections: str = knob(
        "", Text("file", (".jsonl",)), "A file of corrected labels, as the mending panel writes it.", more=True
    )
    seed: int = knob(0, Range(0, 2**31 - 1), "Decides the split and the wrong labels.", more=True)

    def load(self) -> Data:
        rows, said = Rows(), []
        for part, opened in self._sheets():
            columns = self._columns(opened)
            said += [*opened.said, columns.said()]
            rows.read(part, opened, columns)
        return data_of(rows, self.name, "table", self.values(), [*dict.fromkeys(said)])

    def extent(self) -> tuple[int, int]:
        return sum(self._counted().values()), self.size

    def parts(self) -> tuple[int, int, int]:
        counted = self._counted()
        many, own = Counter[str](), Counter[str]()
        for (label, part), count in counted.items():
            many[label] += count
            own[part] += count
        total, given = counted.total(), any(own[part] for part in ("train", "valid", "test"))
        train = (own["train"] + own[""]) / total * (1 if given else 0.6)
        cut = sum(min(share * train, self.per_class or math.inf) for share in many.values())
        valid = own["valid"] or (0.25 * own["train"] if given else 0.2 * total)
        return max(1, round(cut)), max(1, round(valid)), len(many)

    def columns(self) -> Columns:
        """The columns that are taken, named or guessed, and all that there are; of the file's first rows alone."""
        return self._columns(next(self._sheets())[1])

    def times(self) -> dict[str, str]:
        """When each text was written, by its key, as the column of times has it; empty where there is none."""
        rows = Rows()
        for part, opened in self._sheets():
            rows.read(part, opened, self._columns(opened))
        return dict(zip(rows.keys, rows.times, strict=True)) if any(rows.times) else {}

    def _columns(self, opened: Sheet) -> Columns:
        named = {role: getattr(self, role) for role in ("text", "label", "second", "group", "time")}
        return columns_of(opened, self.name, **named)

    def _sheets(self) -> Iterator[tuple[str, Sheet]]:
        """The file; or each of the folder's with the part that its name says."""
        if not self.path:
            raise BadData("table.path must name a CSV, TSV, JSON lines or parquet file; it is empty.")
        path = Path(self.path).expanduser()
        if not path.is_dir():
            yield "", sheet(path, self.encoding, self.name)
            return
        kinds = (*SEPARATED, *LINES, *PARQUET)
        named = {each: PARTS.get(each.stem.lower(), "") for each in sorted(path.iterdir())}
        found = {each: part for each, part in named.items() if part and each.suffix.lower() in kinds}
        if "train" not in found.values():
            raise BadData(f"{path} is a folder without a train file ({' '.join(kinds)}): name a file in it.")
        if twice := [each.name for each, part in found.items() if [*found.values()].count(part) > 1]:
            raise BadData(f"{path} holds {' and '.join(twice)}: one file of each part, or name one file.")
        for each, part in found.items():
            yield part, sheet(each, self.encoding, self.name)

    def _counted(self) -> Counter[tuple[str, str]]:
        """How many rows each label has in each part; texts are not kept."""
        found: Counter[tuple[str, str]] = Counter()
        for part, opened in self._sheets():
            columns = self._columns(opened)
            wanted = [columns.label, *([columns.split] if columns.split and not part else [])]
            found.update(_place(row, part) for row in opened.rows(wanted) if not row.reason)
        return Counter({key: many for key, many in found.items() if key[0]})


def _place(row: Row, part: str) -> tuple[str, str]:
    said = row.cells[1].strip().lower() if len(row.cells) > 1 else ""
    return row.cells[0].strip(), part or PARTS.get(said, "")
