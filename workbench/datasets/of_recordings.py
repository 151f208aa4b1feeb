"""What all data sets of recordings have in common: whoever says where they lie has all the rest."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from typing import TYPE_CHECKING

from workbench.datasets import copies
from workbench.datasets.base import Data, Dataset, finish
from workbench.datasets.broken import listed
from workbench.datasets.corrections import mended
from workbench.datasets.parting import parted, positions
from workbench.datasets.ragged import Ragged
from workbench.errors import BadData

if TYPE_CHECKING:
    from workbench.datasets.clips import About, Heard
    from workbench.datasets.files import Source
    from workbench.datasets.layout import Layout

RATE = 16_000
SAMPLE = 16  # files that are tried to tell how long all take
NAMED = 20  # files with nothing to hear that are named in the notes, each


class OfRecordings(Dataset):
    """A person's own recordings, wherever they lie: heard, compared, cut in parts. A subclass has `laid_out`."""

    domain = "speech"
    own = True
    broken: str  # knobs that each of them has beside those of every data set
    corrections: str
    seconds: float

    @abstractmethod
    def laid_out(self) -> tuple[Source, Layout]:
        """Where the recordings lie, and label, part and group of each; none is read yet."""

    @property
    def size(self) -> int:  # type: ignore[override]
        """Samples that a model hears."""
        return round(self.seconds * RATE)

    def load(self) -> Data:
        import numpy as np

        from workbench.datasets.clips import heard

        source, found = self.laid_out()
        _room_for(len(found.names), self.size, self.name)
        read = heard(source, found.names, self.size)
        broken = self._left_out(found, read.about)
        whole = [at for at, each in enumerate(read.about) if each.length]
        classes = sorted({found.labels[at] for at in whole})
        names, about = [found.names[at] for at in whole], [read.about[at] for at in whole]
        labels = np.array([classes.index(found.labels[at]) for at in whole], dtype=np.int64)
        given = np.array([found.parts[at] for at in whole], dtype=object)
        own = _equal(about)
        same = copies.together(own, [found.groups[at] for at in whole])
        (train, valid, test), said = parted(given, same, self.seed, "recordings", found.place)
        mixed = positions(np.array([each.encode() for each in own], dtype=object), self.seed)
        train = train[np.argsort(mixed[train], kind="stable")]  # so that a cut a class takes from every group
        keys = [name.removeprefix(f"{found.top}/") for name in names]  # a zip's are those of the folder in it
        decided, more = mended(self.corrections, self.name, keys, classes, "recordings")
        said = found.said + said + copies.twice(own, labels, names, "recording") + self._heard(found, read) + more
        return finish(
            _without_gaps(read.clips, whole),
            labels,
            classes,
            (train, valid, test),
            per_class=self.per_class,
            label_noise=self.label_noise,
            seed=self.seed,
            notes=said + [f"Left out: {each}." for each in [*found.left_out, *broken]],
            keys=keys,
            mended=decided,
            groups=same,
            content=hashlib.sha256(f"{self.size}|{'|'.join(each.heard for each in about)}".encode()).digest(),
        )

    def extent(self) -> tuple[int, int]:
        return len(self.laid_out()[1].names), self.size

    def parts(self) -> tuple[int, int, int]:
        return self.laid_out()[1].counts(self.per_class)

    def reading(self) -> tuple[float, int]:
        import os
        import time

        from workbench.datasets import clips

        source, found = self.laid_out()
        unread = clips.unread(source, found.names, self.size)
        sample = unread[:: max(1, len(unread) // SAMPLE)][:SAMPLE]
        for name in sample[:1]:  # the first one loads what it takes to listen
            clips.listen(source, name, source.stamp(name), self.size)
        started = time.perf_counter()
        for name in sample:
            clips.listen(source, name, source.stamp(name), self.size)
        took = time.perf_counter() - started
        return took / max(1, len(sample)) * len(unread) / (os.cpu_count() or 1), len(unread)

    def _left_out(self, found: Layout, about: list[About]) -> list[str]:
        """Sentences on what cannot be read; an error unless it may be left out, and no class goes with it."""
        broken = [f"{name}: {each.broken}" for name, each in zip(found.names, about, strict=True) if each.broken]
        broken += found.broken
        if broken and self.broken == "refuse":
            raise BadData(
                f"{len(broken)} of {len(found.names) + len(found.broken)} files cannot be read; mend them, or set "
                f"broken='leave out' ({self.name}.broken):{listed(broken)}"
            )
        lost = sorted({*found.labels, *found.lost} - {found.labels[at] for at, each in enumerate(about) if each.length})
        if lost:  # what is learned would be another task
            why = broken + [f"{name}: {each.nothing}" for name, each in zip(found.names, about, strict=True)
                            if each.nothing]  # fmt: skip
            raise BadData(
                f"no file of {', '.join(lost)} can be heard, so leaving them out leaves out the class: mend one at "
                f"least, or take the class out of the data yourself.{listed(why)}"
            )
        return broken

    def _heard(self, found: Layout, read: Heard) -> list[str]:
        """Sentences on recordings with nothing to hear, by name, and on those that are cut."""
        silent = [f"{name}: {each.nothing}" for name, each in zip(found.names, read.about, strict=True) if each.nothing]
        more = f"; and {len(silent) - NAMED} more" if len(silent) > NAMED else ""
        said = [f"{len(silent)} recordings hold nothing to hear and are left out: {'; '.join(silent[:NAMED])}{more}."]
        cut, there = sum(each.cut for each in read.about), sum(each.length > 0 for each in read.about)
        long = [f"{cut} of {there} recordings are longer than {self.seconds:g} s: a model hears their beginning."]
        return said * bool(silent) + long * bool(cut)


def _room_for(files: int, longest: int, owner: str) -> None:
    import psutil

    needed, free = files * 2 * longest, psutil.virtual_memory().available
    if needed > free:
        raise BadData(
            f"{files:,} recordings of up to {longest / RATE:g} s take up to {needed / 2**30:.1f} GB, and "
            f"{free / 2**30:.1f} GB are free: choose a smaller {owner}.seconds."
        )


def _equal(about: list[About]) -> list[str]:
    """A hash for each recording, equal where they sound the same: the smallest of their files' own."""
    first: dict[str, str] = {}
    for each in about:
        first[each.heard] = min(each.own, first.get(each.heard, each.own))
    return [first[each.heard] for each in about]


def _without_gaps(clips: Ragged, whole: list[int]) -> Ragged:
    """The rows that hold something; what holds nothing takes no place, so no sample is moved."""
    import torch

    ends = clips.starts[torch.tensor(whole) + 1]
    return Ragged(clips.values, torch.cat([torch.zeros(1, dtype=torch.long), ends]), clips.longest)
