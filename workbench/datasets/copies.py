"""Pictures that are there more than once: byte for byte, or alike to the eye."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

NEAR = 10  # of 64 bits by which two looks may differ
ALIKE = 0.95  # correlation of two thumbnails from which on they show the same
NEAREST = 3  # the same where there are too many to compare every two
MANY = 10_000
BLOCK = 2048


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


def twice(same: Sequence[str], labels: np.ndarray, names: Sequence[str]) -> list[str]:
    """Sentences on files that are there more than once, those under two labels by name."""
    held: dict[str, list[int]] = {}
    for at, each in enumerate(same):
        held.setdefault(each, []).append(at)
    copies = [group for group in held.values() if len(group) > 1]
    said = [f"{sum(map(len, copies)) - len(copies)} pictures are exact copies of others."] if copies else []
    torn = [group for group in copies if len(Counter(labels[group].tolist())) > 1]
    return said + [f"The same picture under two labels: {' and '.join(names[at] for at in group)}." for group in torn]


def near(pictures: Tensor, hashes: Sequence[str], looks: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of positions whose pictures are alike though their files are not, the most alike first.

    Candidates differ in at most 10 of 64 bits of `looks` (imagehash.phash), in at most 3 where there are more than
    10,000 pictures; of them, those count whose grey thumbnails (16 x 16) correlate by 0.95 or more: plain backgrounds
    alone bring many looks close together.
    """
    import numpy as np

    bits = np.array([int(each or "0", 16) for each in looks], dtype=np.uint64)
    found = _every_pair(bits) if len(bits) <= MANY else _in_bands(bits)
    pairs = [(a, b) for a, b in found if looks[a] and looks[b] and hashes[a] != hashes[b]]
    if not pairs:
        return []
    alike = correlation(pictures, np.array(pairs))
    return [pairs[at] for at in np.argsort(-alike, kind="stable").tolist() if alike[at] >= ALIKE]


def _every_pair(bits: np.ndarray) -> list[tuple[int, int]]:
    import numpy as np

    found: list[tuple[int, int]] = []
    for start in range(0, len(bits), BLOCK):
        block = bits[start : start + BLOCK]
        for other in range(start, len(bits), BLOCK):
            apart = np.bitwise_count(block[:, None] ^ bits[None, other : other + BLOCK])
            one, two = np.nonzero(apart <= NEAR)
            found += [(a, b) for a, b in zip((one + start).tolist(), (two + other).tolist(), strict=True) if a < b]
    return found


def _in_bands(bits: np.ndarray) -> list[tuple[int, int]]:
    """Pairs at most 3 bits apart: of four bands of 16 bits one at least is the same, so only such are compared."""
    import numpy as np

    found: set[tuple[int, int]] = set()
    for shift in range(0, 64, 16):
        band = (bits >> np.uint64(shift)) & np.uint64(0xFFFF)
        order = np.argsort(band, kind="stable")
        edges = np.flatnonzero(np.diff(band[order])) + 1
        for members in np.split(order, edges):
            for first in range(0, len(members) - 1, BLOCK):  # a bucket may hold very many, of empty pictures say
                block = np.sort(members)[first : first + BLOCK]
                apart = np.bitwise_count(bits[block][:, None] ^ bits[block][None])
                one, two = np.nonzero(apart <= NEAREST)
                found |= {(int(block[a]), int(block[b])) for a, b in zip(one, two, strict=True) if a < b}
    return sorted(found)


def correlation(pictures: Tensor, pairs: np.ndarray) -> np.ndarray:
    """How alike two pictures are, from -1 to 1: of grey thumbnails of 16 x 16. `pairs`: (pairs, 2) positions."""
    import numpy as np
    import torch
    from torch.nn import functional as F

    needed, at = np.unique(pairs, return_inverse=True)
    grey = torch.stack([pictures[int(each)].float().mean(0) for each in needed]).unsqueeze(1)
    small = F.interpolate(grey, (16, 16), mode="bilinear", antialias=True).flatten(1).double()
    small = small - small.mean(1, keepdim=True)
    small = small / small.norm(dim=1, keepdim=True).clamp_min(1e-9)
    one, two = (
        small[torch.from_numpy(at.reshape(pairs.shape)[:, 0])],
        small[torch.from_numpy(at.reshape(pairs.shape)[:, 1])],
    )
    return np.asarray((one * two).sum(1).numpy())
