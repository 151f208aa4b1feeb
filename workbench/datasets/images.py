"""A person's own pictures: a folder for each class, a zip of them, or a table of paths and labels."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.choices import Options, Range, Text, knob
from workbench.datasets import copies, layout, tables
from workbench.datasets.augmentation import AUGMENTATIONS, NONE
from workbench.datasets.base import Data, Dataset, finish
from workbench.datasets.broken import listed
from workbench.datasets.corrections import mended
from workbench.datasets.parting import parted
from workbench.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from workbench.datasets.files import Source
    from workbench.datasets.layout import Layout

SAMPLE = 16  # files that are tried to tell how long all take
BALANCES = ("as is", "weighted", "resampled")


@dataclass(frozen=True)
class Images(Dataset):
    """Your own pictures: a folder (or a zip) that holds a folder for each class, or a table of paths and labels."""

    name = "images"
    own = True
    folder: str = knob("", Text("folder"), "The folder, or the zip; its sub-folders' names are the classes.")
    size: int = knob(96, Range(32, 384), "Side in pixels that pictures are brought to; larger shows more, costs more.",
                     limits=(8, 1024))  # fmt: skip
    per_class: int | None = knob(None, Range(1, 1000), "Training pictures a class; empty means all.",
                                 limits=(1, 10**9), optional=True)  # fmt: skip
    label_noise: float = knob(0.0, Range(0.0, 0.6), "Share of the training labels made wrong.", limits=(0, 1))
    augment: str = knob(NONE, Options(AUGMENTATIONS), "Change training pictures at random: crop and mirror; or more.")
    balance: str = knob("as is", Options(BALANCES), "Rare classes: as they are, weighing more, or drawn more often.")
    broken: str = knob("refuse", Options(("refuse", "leave out")), "What to do where a file cannot be read.")
    table: str = knob("", Text("file"), "A CSV or parquet file of paths (in the folder) and labels; empty: folders.",
                      more=True)  # fmt: skip
    path_column: str = knob("", Text("column"), "The table's column of paths; empty: the one called as usual.",
                            more=True)  # fmt: skip
    label_column: str = knob("", Text("column"), "The table's column of labels; empty: the one called as usual.",
                             more=True)  # fmt: skip
    group: str = knob("", Text("group"), "What stays in one part: a column, or a pattern such as '(.+)_[0-9]+'.",
                      more=True)  # fmt: skip
    corrections: str = knob("", Text("file"), "A file of corrected labels, as the mending panel writes it.", more=True)
    seed: int = knob(0, Range(0, 2**31 - 1), "Decides the split and the wrong labels.", more=True)

    def load(self) -> Data:
        import numpy as np
        import torch

        from workbench.datasets.pictures import decoded

        source, found = self.laid_out()
        _room_for(len(found.names), self.size)
        read = decoded(source, found.names, self.size)
        broken = self._left_out(found, read.broken)
        whole = [at for at in range(len(found.names)) if at not in read.broken]
        classes = sorted({found.labels[at] for at in whole})
        names, hashes = [found.names[at] for at in whole], [read.hashes[at] for at in whole]
        labels = np.array([classes.index(found.labels[at]) for at in whole], dtype=np.int64)
        given = np.array([found.parts[at] for at in whole], dtype=object)
        same = copies.together(hashes, [found.groups[at] for at in whole])
        parts, said = parted(given, same, self.seed, "pictures", "folder")
        pictures = read.pictures[torch.tensor(whole)] if read.broken else read.pictures
        near = copies.near(pictures, hashes, [read.looks[at] for at in whole])
        said = found.said + said + copies.twice(hashes, labels, names) + _alike(near, parts, names)
        keys = [name.removeprefix(f"{found.top}/") for name in names]  # a zip's are those of the folder in it
        decided, more = mended(self.corrections, "images", keys, classes, "pictures")
        said += more + [f"Left out: {each}." for each in [*found.left_out, *broken]]
        return finish(
            pictures,
            labels,
            classes,
            parts,
            per_class=self.per_class,
            label_noise=self.label_noise,
            seed=self.seed,
            notes=said,
            keys=keys,
            mended=decided,
            groups=same,
            near=near,
            content=hashlib.sha256(f"{self.size}|{'|'.join(hashes)}".encode()).digest(),
        )

    def extent(self) -> tuple[int, int]:
        return len(self.laid_out()[1].names), self.size

    def parts(self) -> tuple[int, int, int]:
        found = self.laid_out()[1]
        many, own = Counter(found.labels), Counter(found.parts)
        train = (own["train"] + own[""]) / len(found.names) * (1 if any(found.parts) else 0.6)
        cut = sum(min(share * train, self.per_class or math.inf) for share in many.values())
        valid = own["valid"] or (0.25 * own["train"] if any(found.parts) else 0.2 * len(found.names))
        return max(1, round(cut)), max(1, round(valid)), len(many)

    def reading(self) -> tuple[float, int]:
        import os
        import time

        from workbench.datasets import pictures

        source, found = self.laid_out()
        unread = pictures.unread(source, found.names, self.size)
        sample = unread[:: max(1, len(unread) // SAMPLE)][:SAMPLE]
        started = time.perf_counter()
        for name in sample:
            pictures.tried(source, name, self.size)
        took = time.perf_counter() - started
        return took / max(1, len(sample)) * len(unread) / (os.cpu_count() or 1), len(unread)

    def laid_out(self) -> tuple[Source, Layout]:
        """Where the pictures lie, and label, part and group of each; no picture is read yet."""
        from workbench.datasets.files import source

        if self.table:
            path = Path(self.table).expanduser()
            place = source(self.folder or str(path.parent))
            found = tables.by_table(place, path, self.path_column, self.label_column, self.group)
            found.left_out += place.left_out
            columns = [str(each) for each in tables.read_table(path).columns]
        else:
            place, columns = source(self.folder), []
            found = layout.two_classes(place, layout.by_folders(place))
        layout.grouped(found, self.group, columns)
        return place, found

    def _left_out(self, found: Layout, unread: Mapping[int, str]) -> list[str]:
        """Sentences on what cannot be read; an error unless it may be left out, and no class goes with it."""
        broken = [f"{found.names[at]}: {reason}" for at, reason in unread.items()] + found.broken
        if broken and self.broken == "refuse":
            raise BadData(_refusal(broken, len(found.names) + len(found.broken)))
        there = {label for at, label in enumerate(found.labels) if at not in unread}
        lost = sorted({*found.labels, *found.lost} - there)
        if lost:  # what is learned would be another task
            raise BadData(
                f"no file of {', '.join(lost)} can be read, so leaving them out leaves out the class: mend one at "
                f"least, or take the class out of the data yourself.{listed(broken)}"
            )
        return broken


def _room_for(files: int, side: int) -> None:
    import psutil

    needed, free = files * 3 * side * side, psutil.virtual_memory().available
    if needed > free / 2:
        raise BadData(
            f"{files:,} pictures of {side} px take {needed / 2**30:.1f} GB, and {free / 2**30:.1f} GB are free: "
            f"choose a smaller images.size."
        )


def _refusal(broken: Sequence[str], files: int) -> str:
    return (
        f"{len(broken)} of {files} files cannot be read; mend them, or set images.broken='leave out':{listed(broken)}"
    )


def _alike(near: list[tuple[int, int]], parts: Sequence[np.ndarray], names: Sequence[str]) -> list[str]:
    """A sentence on pictures that look alike, and one on those of which only one was trained on."""
    if not near:
        return []
    part = {int(at): name for name, members in zip(("train", "valid", "test"), parts, strict=True) for at in members}
    across = [(a, b) for a, b in near if part[a] != part[b]]
    said = [f"{len(near)} pairs of pictures look alike though their files differ."]
    if len(near) >= copies.MOST:
        said = [f"Very many pictures look alike: the {copies.MOST:,} pairs that are most alike are told of, no more."]
    if across:
        a, b = across[0]
        said.append(
            f"{len(across)} of these pairs lie in two parts, so figures may flatter: {names[a]} ({part[a]}) and "
            f"{names[b]} ({part[b]}), for one. Look at them, and drop one of each, or name a group."
        )
    return said
