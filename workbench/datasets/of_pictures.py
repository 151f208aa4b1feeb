"""What all data sets of picture files have in common: whoever says where they lie has all the rest."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from typing import TYPE_CHECKING

from workbench.datasets import copies
from workbench.datasets.base import Data, Dataset, finish
from workbench.datasets.broken import listed
from workbench.datasets.corrections import mended
from workbench.datasets.parting import parted
from workbench.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.datasets.files import Source
    from workbench.datasets.layout import Layout

SAMPLE = 16  # files that are tried to tell how long all take


class OfPictures(Dataset):
    """A person's own pictures, wherever they lie: read, compared, cut in parts. A subclass has `laid_out`."""

    own = True
    broken: str  # knobs that each of them has beside those of every data set
    corrections: str

    @abstractmethod
    def laid_out(self) -> tuple[Source, Layout]:
        """Where the pictures lie, and label, part and group of each; no picture is read yet."""

    def load(self) -> Data:
        import numpy as np
        import torch

        from workbench.datasets.pictures import decoded

        source, found = self.laid_out()
        _room_for(len(found.names), self.size, self.name)
        read = decoded(source, found.names, self.size)
        broken = self._left_out(found, read.broken)
        whole = [at for at in range(len(found.names)) if at not in read.broken]
        classes = sorted({found.labels[at] for at in whole})
        names, hashes = [found.names[at] for at in whole], [read.hashes[at] for at in whole]
        labels = np.array([classes.index(found.labels[at]) for at in whole], dtype=np.int64)
        given = np.array([found.parts[at] for at in whole], dtype=object)
        same = copies.together(hashes, [found.groups[at] for at in whole])
        parts, said = parted(given, same, self.seed, "pictures", found.place)
        pictures = read.pictures[torch.tensor(whole)] if read.broken else read.pictures
        near = copies.near(pictures, hashes, [read.looks[at] for at in whole])
        said = found.said + said + copies.twice(hashes, labels, names) + copies.told(near, parts, names)
        keys = [name.removeprefix(f"{found.top}/") for name in names]  # a zip's are those of the folder in it
        decided, more = mended(self.corrections, self.name, keys, classes, "pictures")
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
        return self.laid_out()[1].counts(self.per_class)

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

    def _left_out(self, found: Layout, unread: Mapping[int, str]) -> list[str]:
        """Sentences on what cannot be read; an error unless it may be left out, and no class goes with it."""
        broken = [f"{found.names[at]}: {reason}" for at, reason in unread.items()] + found.broken
        if broken and self.broken == "refuse":
            raise BadData(_refusal(broken, len(found.names) + len(found.broken), self.name))
        there = {label for at, label in enumerate(found.labels) if at not in unread}
        lost = sorted({*found.labels, *found.lost} - there)
        if lost:  # what is learned would be another task
            raise BadData(
                f"no file of {', '.join(lost)} can be read, so leaving them out leaves out the class: mend one at "
                f"least, or take the class out of the data yourself.{listed(broken)}"
            )
        return broken


def _room_for(files: int, side: int, owner: str) -> None:
    import psutil

    needed, free = files * 3 * side * side, psutil.virtual_memory().available
    if needed > free / 2:
        raise BadData(
            f"{files:,} pictures of {side} px take {needed / 2**30:.1f} GB, and {free / 2**30:.1f} GB are free: "
            f"choose a smaller {owner}.size."
        )


def _refusal(broken: Sequence[str], files: int, owner: str) -> str:
    said = f"{len(broken)} of {files} files cannot be read; mend them, or set broken='leave out' ({owner}.broken):"
    return f"{said}{listed(broken)}"
