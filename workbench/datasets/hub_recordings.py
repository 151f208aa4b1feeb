"""Recordings of a data set on the hub, or of a folder in its layout."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workbench.choices import COLUMN, Options, Range, Text, knob
from workbench.datasets.base import BALANCES
from workbench.datasets.of_recordings import OfRecordings

if TYPE_CHECKING:
    from workbench.datasets.files import Source
    from workbench.datasets.layout import Layout


@dataclass(frozen=True)
class HubAudio(OfRecordings):
    """Recordings of a data set on the Hugging Face hub (owner/name), or of a folder in the hub's layout."""

    name = "hub-audio"
    path: str = knob(
        "", Text("folder", folders=True), "owner/name on the hub, or a folder in its layout (parquet, metadata.csv)."
    )
    config: str = knob("", Text("config"), "Which of its configurations; empty: the only one.")
    files: str = knob("", COLUMN, "The column of recordings; empty: guessed, and told.")
    label: str = knob("", COLUMN, "The column of labels; empty: guessed, and told.")
    seconds: float = knob(2.0, Range(0.5, 10.0), "How much of a recording a model hears; longer ones are cut.",
                          limits=(0.1, 60.0))  # fmt: skip
    per_class: int | None = knob(None, Range(1, 1000), "Training recordings a class; empty means all.",
                                 limits=(1, 10**9), optional=True)  # fmt: skip
    label_noise: float = knob(0.0, Range(0.0, 0.6), "Share of the training labels made wrong.", limits=(0, 1))
    balance: str = knob("as is", Options(BALANCES), "Rare classes: as they are, weighing more, or drawn more often.")
    broken: str = knob("refuse", Options(("refuse", "leave out")), "What to do where a recording cannot be read.")
    group: str = knob("", Text("group"), "What stays in one part, a speaker say: a column, or a pattern: '_(.+)_'.",
                      more=True)  # fmt: skip
    revision: str = knob("", Text("revision"), "A commit of the data set on the hub; empty: the newest.", more=True)
    corrections: str = knob(
        "", Text("file", (".jsonl",)), "A file of corrected labels, as the mending panel writes it.", more=True
    )
    seed: int = knob(0, Range(0, 2**31 - 1), "Decides the split and the wrong labels.", more=True)

    def laid_out(self) -> tuple[Source, Layout]:
        from workbench.datasets.files import RECORDINGS
        from workbench.datasets.hub_files import Wanted, laid_out

        named = (self.path, self.config, self.revision, "Audio", self.files, self.label, self.group)
        return laid_out(Wanted(*named), replace(RECORDINGS, owner=self.name))
