"""Examples that are there more than once: byte for byte, or, of pictures, alike to the eye."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

NEAR = 10  # of 64 bits by which two looks may differ
ALIKE = 0.95  # correlation of two thumbnails from which on they show the same
NEAREST = 3  # the same where there are too many to compare every two
MANY = 10_000
BLOCK = 2048
MOST = 10_000  # pairs that are kept


def together(hashes: Sequence[str], groups: Sequence[str]) -> np.ndarray:
    """A name for each example, equal for those that must be in one part: equal files, and all of one group.

    (examples,) of bytes: the smallest name of its cluster, so that an example keeps its own when unrelated ones come.
    """
    import numpy as np

    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while (above := parent.setdefault(name, name)) != name:
            parent[name] = name = parent[above]
        return name

    for own, group in zip(hashes, groups, strict=True):
        if group:
            first, second = sorted((root(f"h{own}"), root(f"g{group}")))
            parent[second] = first
    if not parent:
        return np.array([bytes.fromhex(own) for own in hashes], dtype=object)
    return np.array([root(f"h{own}").encode() for own in hashes], dtype=object)


def twice(same: Sequence[str], labels: np.ndarray, names: Sequence[str], what: str = "picture") -> list[str]:
    """Sentences on examples that are there more than once, those under two labels by name."""
    held: dict[str, list[int]] = {}
    for at, each in enumerate(same):
        held.setdefault(each, []).append(at)
    copies = [group for group in held.values() if len(group) > 1]
    many = sum(map(len, copies)) - len(copies)
    are = f"1 {what} is an exact copy of another." if many == 1 else f"{many} {what}s are exact copies of others."
    said = [are] if copies else []
    torn = [group for group in copies if len(Counter(labels[group].tolist())) > 1]
    return said + [f"The same {what} under two labels: {' and '.join(names[at] for at in group)}." for group in torn]


def told(
    near: Sequence[tuple[int, int]], parts: Sequence[np.ndarray], names: Sequence[str], what: str = "pictures"
) -> list[str]:
    """A sentence on examples that are alike, and one on those of which only one was trained on."""
    if not near:
        return []
    alike, equal = ("look alike", "their files differ") if what == "pictures" else ("are nearly the same", "not equal")
    part = {int(at): name for name, members in zip(("train", "valid", "test"), parts, strict=True) for at in members}
    across = [(a, b) for a, b in near if part[a] != part[b]]
    said = [f"{len(near)} pairs of {what} {alike} though {equal}."]
    if len(near) >= MOST:
        said = [f"Very many {what} {alike}: the {MOST:,} pairs that are most alike are told of, no more."]
    if across:
        a, b = across[0]
        said.append(
            f"{len(across)} of these pairs lie in two parts, so figures may flatter: {names[a]} ({part[a]}) and "
            f"{names[b]} ({part[b]}), for one. Look at them, and drop one of each, or name a group."
        )
    return said


def near(pictures: Tensor, hashes: Sequence[str], looks: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of positions whose pictures are alike though their files are not, the most alike first, `MOST` at most.

    Candidates differ in at most 10 of 64 bits of `looks` (imagehash.phash), in at most 3 where there are more than
    10,000 pictures; of them, those count whose grey thumbnails (16 x 16) correlate by 0.95 or more: plain backgrounds
    alone bring many looks close together. Block by block, since frames of one film are all alike: 3,000 make 4.5
    million pairs.
    """
    import numpy as np

    bits = np.array([int(each or "0", 16) for each in looks], dtype=np.uint64)
    there = np.array([bool(each) for each in looks])
    files = np.unique(np.array(hashes, dtype=str), return_inverse=True)[1]
    thumbnails, found = _Thumbnails(pictures), _Best(len(bits))
    for one, two, close in _every_pair(bits) if len(bits) <= MANY else _in_bands(bits):
        close &= (files[one][:, None] != files[two]) & there[one][:, None] & there[two]
        one, two, close = _needed(one, two, close)
        if close.size:
            found.add(one, two, np.where(close, thumbnails.correlation(one, two), -1))
    return found.pairs()


Block = tuple["np.ndarray", "np.ndarray", "np.ndarray"]  # positions (a,), others (b,), and which are candidates (a, b)


def _needed(one: np.ndarray, two: np.ndarray, close: np.ndarray) -> Block:
    """The same without positions that are in no pair."""
    rows, columns = close.any(1), close.any(0)
    return one[rows], two[columns], close[rows][:, columns]


def _every_pair(bits: np.ndarray) -> Iterator[Block]:
    import numpy as np

    blocks = np.split(np.arange(len(bits)), range(BLOCK, len(bits), BLOCK))
    for at, one in enumerate(blocks):
        for two in blocks[at:]:
            apart = np.bitwise_count(bits[one][:, None] ^ bits[two])
            yield one, two, (apart <= NEAR) & (one[:, None] < two)


def _in_bands(bits: np.ndarray) -> Iterator[Block]:
    """Pairs at most 3 bits apart: of four bands of 16 bits one at least is the same, so only such are compared."""
    import numpy as np

    for shift in range(0, 64, 16):
        band = (bits >> np.uint64(shift)) & np.uint64(0xFFFF)
        order = np.argsort(band, kind="stable")
        edges = np.flatnonzero(np.diff(band[order])) + 1
        for members in np.split(order, edges):
            for first in range(0, len(members) - 1, BLOCK):  # a bucket may hold very many, of empty pictures say
                block = np.sort(members)[first : first + BLOCK]
                apart = np.bitwise_count(bits[block][:, None] ^ bits[block])
                yield block, block, np.triu(apart <= NEAREST, 1)


class _Thumbnails:
    """Grey thumbnails of 16 x 16, of mean 0 and length 1, each made when it is first asked for."""

    def __init__(self, pictures: Tensor):
        import torch

        self.pictures = pictures
        self.small = torch.zeros(len(pictures), 256, dtype=torch.float64)
        self.made = torch.zeros(len(pictures), dtype=torch.bool)

    def correlation(self, one: np.ndarray, two: np.ndarray) -> np.ndarray:
        """How alike each of `one` is to each of `two`, from -1 to 1."""
        import numpy as np

        return np.asarray((self._of(one) @ self._of(two).T).numpy())

    def _of(self, positions: np.ndarray) -> Tensor:
        import torch
        from torch.nn import functional as F

        needed = torch.from_numpy(positions)
        for rows in needed[~self.made[needed]].split(64):  # few at a time: at full size they take memory
            grey = self.pictures[rows].float().mean(1, keepdim=True)
            small = F.interpolate(grey, (16, 16), mode="bilinear", antialias=True).flatten(1).double()
            small = small - small.mean(1, keepdim=True)
            self.small[rows] = small / small.norm(dim=1, keepdim=True).clamp_min(1e-9)
            self.made[rows] = True
        return self.small[needed]


class _Best:
    """The `MOST` pairs of `count` pictures that are most alike, of any number that come in blocks."""

    def __init__(self, count: int):
        import numpy as np

        self.count, self.codes, self.alike = count, np.zeros(0, dtype=np.int64), np.zeros(0)

    def add(self, one: np.ndarray, two: np.ndarray, alike: np.ndarray) -> None:
        """Those of a block that are alike. `alike`: (one, two), -1 where they are no pair."""
        import numpy as np

        rows, columns = np.nonzero(alike >= ALIKE)
        self.codes = np.concatenate([self.codes, one[rows] * self.count + two[columns]])
        self.alike = np.concatenate([self.alike, alike[rows, columns]])
        if len(self.codes) > 10 * MOST:
            self._trim()

    def _trim(self) -> None:
        import numpy as np

        codes, first = np.unique(self.codes, return_index=True)  # two bands may bring the same pair
        best = np.argsort(-self.alike[first], kind="stable")[:MOST]
        self.codes, self.alike = codes[best], self.alike[first][best]

    def pairs(self) -> list[tuple[int, int]]:
        """The most alike first."""
        self._trim()
        return [divmod(code, self.count) for code in self.codes.tolist()]
