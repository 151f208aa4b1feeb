"""Texts that are nearly the same though not equal: found by MinHash, in time that grows with their number alone.

Broder (1997), "On the resemblance and containment of documents"; the threshold is that of Lee et al. (2022),
"Deduplicating training data makes language models better".
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from workbench import paths
from workbench.datasets.copies import MOST

if TYPE_CHECKING:
    import numpy as np

ALIKE = 0.8  # of all runs of five letters that two texts hold, the share that both hold
LETTERS = 200  # of a text that are compared
FEWEST = 20  # letters below which all texts look alike
BANDS, ROWS = 12, 4  # a pair at 0.8 meets in one band at least, but for one in 500
MANY = 20_000  # pairs from which on no more are looked for
NEXT = 20  # in a band, each is compared with so many that follow: thousands may be made from one template
AT_ONCE = 4096
MOST_TEXTS = 50_000  # of more none are compared: each second more would be waited for by every run


def near(texts: Sequence[str], same: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of positions of texts that are nearly the same, the most alike first, 10,000 at most; kept on disk.

    `same`: a hash of each text, equal for equal ones, of which the first alone is compared. Of more than 50,000 texts
    none are.
    """
    if len(texts) > MOST_TEXTS:
        return []
    first = {each: at for at, each in reversed([*enumerate(same)])}
    rows = sorted(at for at in first.values() if len(texts[at]) >= FEWEST)
    digest = hashlib.sha256("|".join([*same]).encode()).hexdigest()[:24]
    kept = paths.cache() / "near" / f"{digest}-1.json"
    with suppress(OSError, ValueError, TypeError):
        return [(int(a), int(b)) for a, b in json.loads(kept.read_text())]
    found = _pairs([texts[at][:LETTERS] for at in rows])
    pairs = [(rows[a], rows[b]) for a, b in found]
    aside = kept.with_name(f".{os.getpid()}-{kept.name}")
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps(pairs))
        os.replace(aside, kept)
    return pairs


def _pairs(texts: list[str]) -> list[tuple[int, int]]:
    alike = {pair: _likeness(texts[pair[0]], texts[pair[1]]) for pair in sorted(_candidates(texts))}
    close = [pair for pair, share in alike.items() if share >= ALIKE]
    return sorted(close, key=lambda pair: -alike[pair])[:MOST]


def _likeness(one: str, two: str) -> float:
    """Jaccard's index of the two texts' runs of five letters."""
    first, second = _runs(one), _runs(two)
    return len(first & second) / max(1, len(first | second))


def _runs(text: str) -> set[str]:
    plain = " ".join(text.casefold().split())
    return {plain[at : at + 5] for at in range(max(1, len(plain) - 4))}


def _candidates(texts: list[str]) -> set[tuple[int, int]]:
    """Pairs whose MinHash signatures agree in all rows of one band, and in most others."""
    import numpy as np

    found: set[tuple[int, int]] = set()
    if len(texts) < 2:
        return found
    signs = np.concatenate([_signatures(texts[at : at + AT_ONCE]) for at in range(0, len(texts), AT_ONCE)])
    for band in range(BANDS):
        part = np.ascontiguousarray(signs[:, band * ROWS : (band + 1) * ROWS]).view(f"V{4 * ROWS}").ravel()
        order = np.argsort(part, kind="stable")
        for step in range(1, min(NEXT, len(texts) - 1) + 1):
            meet = part[order[:-step]] == part[order[step:]]
            one, two = order[:-step][meet], order[step:][meet]
            if not len(one):
                break
            close = (signs[one] == signs[two]).mean(1) > ALIKE - 0.2
            found.update((min(pair), max(pair)) for pair in zip(one[close].tolist(), two[close].tolist(), strict=True))
            if len(found) > MANY:
                return found
    return found


def _signatures(texts: list[str]) -> np.ndarray:
    """(texts, bands x rows), uint32: the smallest of each text's runs under as many random hashes."""
    import numpy as np
    from sklearn.feature_extraction.text import HashingVectorizer

    counted = HashingVectorizer(
        analyzer=_runs, n_features=2**20, binary=True, norm=None, alternate_sign=False, dtype=np.float32
    )
    table = counted.transform(texts)
    draw = np.random.default_rng(0)
    factors = draw.integers(0, 2**63, (2, BANDS * ROWS), dtype=np.uint64) | np.uint64(1)
    held = table.indices.astype(np.uint64)
    found = [np.minimum.reduceat((held * a + b) >> np.uint64(32), table.indptr[:-1]) for a, b in factors.T]
    return np.stack(found, 1).astype(np.uint32)
