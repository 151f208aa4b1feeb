"""A person's own recordings: a folder for each class, a zip of them, or a table of paths and labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.choices import COLUMN, Options, Range, Text, knob
from workbench.datasets import tables
from workbench.datasets.base import BALANCES
from workbench.datasets.files import RECORDINGS
from workbench.datasets.of_recordings import OfRecordings
from workbench.datasets.tables import FILES

if TYPE_CHECKING:
    from workbench.datasets.files import Source
    from workbench.datasets.layout import Layout


@dataclass(frozen=True)
class Audio(OfRecordings):
    """Your own recordings: a folder (or a zip) that holds a folder for each class, or a table of paths and labels."""

    name = "audio"
    folder: str = knob(
        "", Text("folder", (".zip",), folders=True), "The folder, or the zip; its sub-folders' names are the classes."
    )
    seconds: float = knob(2.0, Range(0.5, 10.0), "How much of a recording a model hears; longer ones are cut.",
                          limits=(0.1, 60.0))  # fmt: skip
    per_class: int | None = knob(None, Range(1, 1000), "Training recordings a class; empty means all.",
                                 limits=(1, 10**9), optional=True)  # fmt: skip
    label_noise: float = knob(0.0, Range(0.0, 0.6), "Share of the training labels made wrong.", limits=(0, 1))
    balance: str = knob("as is", Options(BALANCES), "Rare classes: as they are, weighing more, or drawn more often.")
    broken: str = knob("refuse", Options(("refuse", "leave out")), "What to do where a file cannot be read.")
    table: str = knob("", FILES, "A CSV or parquet file of paths (in the folder) and labels; empty: folders.",
                      more=True)  # fmt: skip
    path_column: str = knob("", COLUMN, "The table's column of paths; empty: the one called as usual.",
                            more=True)  # fmt: skip
    label_column: str = knob("", COLUMN, "The table's column of labels; empty: the one called as usual.",
                             more=True)  # fmt: skip
    group: str = knob("", Text("group"), "What stays in one part, a speaker say: a column, or a pattern: '_(.+)_'.",
                      more=True)  # fmt: skip
    corrections: str = knob(
        "", Text("file", (".jsonl",)), "A file of corrected labels, as the mending panel writes it.", more=True
    )
    seed: int = knob(0, Range(0, 2**31 - 1), "Decides the split and the wrong labels.", more=True)

    def laid_out(self) -> tuple[Source, Layout]:
        """Where the recordings lie, and label, part and group of each; none is read yet."""
        return tables.laid_out(self, RECORDINGS)
