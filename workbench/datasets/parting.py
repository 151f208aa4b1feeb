"""Which example trains, which validates, which tests: by hash; fewer a class, and wrong labels on purpose."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def positions(hashes: np.ndarray, seed: int) -> np.ndarray:
    """Place each example in [0, 1) by its own hash and `seed`, whatever else the data set holds.

    `hashes`: (examples,) of bytes, equal for equal examples (or for a whole group). Returns float64 (examples,).
    """
    import numpy as np

    salt = str(seed).encode()
    digests = [hashlib.sha256(salt + each).digest()[:8] for each in hashes]
    return np.array([int.from_bytes(d, "big") / 2**64 for d in digests])


def split(places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Train, valid and test positions: 60 / 20 / 20 by place, each part in the order of its places."""
    import numpy as np

    order = np.argsort(places, kind="stable")
    sorted_places = places[order]
    return (
        order[sorted_places < 0.6],
        order[(sorted_places >= 0.6) & (sorted_places < 0.8)],
        order[sorted_places >= 0.8],
    )


def parted(
    given: np.ndarray, same: np.ndarray, seed: int, what: str, place: str
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], list[str]]:
    """Positions of the three parts, those that are given where there are some, by hash what is missing; and sentences.

    `given`: part of each example, "" for none; `same`: equal for those that must end up in one part; `what` the
    examples are ("pictures"), and `place` where they come from ("folder"), for the sentences.
    """
    import numpy as np

    places = positions(same, seed)
    if not given.any():
        return _cut_fairly(places)
    part, said = given.copy(), []
    first = {each: part[at] for at, each in reversed(list(enumerate(same))) if part[at]}
    for name in ("test", "valid", "train"):  # what is trained on is in no other part
        first |= {each: name for each, own in zip(same, part, strict=True) if own == name}
    moved = [at for at, each in enumerate(same) if part[at] and first[each] != part[at]]
    part[moved] = [first[same[at]] for at in moved]
    if moved:
        have = f"{len(moved)} {what} have a copy, or one of their group"
        have = have if len(moved) > 1 else f"1 {what.removesuffix('s')} has a copy, or one of its group"
        said.append(f"{have}, in another part: they are in one part now.")
    loose = np.array([not each for each in part])
    if loose.any():
        part[loose] = [first.get(each, "train") for each in same[loose]]
        said.append(f"{int(loose.sum())} {what} have no part of their own: they are in the training part.")
    if not (part == "valid").any():
        part[_share(part == "train", places, 0.25)] = "valid"
        said.append(
            f"{_lacking('validation', 'valid', given, what, place)}: a quarter of the training part, by hash, is it."
        )
    if not (part == "test").any():
        tested, how = _a_test_part(part, places, positions(same, seed + 1))
        part[tested] = "test"
        said.append(f"{_lacking('test', 'test', given, what, place)}: {how}, by hash, is it.")
    order = np.argsort(places, kind="stable")  # so that a cut a class takes no run of neighbouring shots
    train, valid, test = (order[part[order] == name] for name in ("train", "valid", "test"))
    return (train, valid, test), said


def _a_test_part(part: np.ndarray, places: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, str]:
    """Which examples it takes, by `others`, their second places, and of what they were; a lone group is not halved."""
    import numpy as np

    if len(np.unique(places[part == "valid"])) > 1:
        return _share(part == "valid", others, 0.5), "half of the validation part"
    return _share(part == "train", others, 0.25), "a quarter of the training part"


def _share(of: np.ndarray, places: np.ndarray, share: float) -> np.ndarray:
    """Which of the examples `of` (a truth each) have a place below `share`; of few groups, where that is none or all of
    them, those that come first: a group of a part at least is in it, and one is not."""
    import numpy as np

    chosen, groups = of & (places < share), np.unique(places[of])
    if len(groups) < 2 or 0 < chosen.sum() < of.sum():
        return np.asarray(chosen)
    return np.asarray(of & (places < groups[max(1, round(share * len(groups)))]))


def _cut_fairly(
    places: np.ndarray,
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], list[str]]:
    """60 / 20 / 20 by place; where few groups leave a part empty so, by the order of their places."""
    import numpy as np

    parts, groups = split(places), np.unique(places)
    if all(map(len, parts)) or len(groups) < 3:
        return parts, []
    share = max(1, round(0.2 * len(groups)))
    order = np.argsort(places, kind="stable")
    above = len(groups) - 1 - np.searchsorted(groups, places)[order]  # how many groups lie above an example's own
    parts = order[above >= 2 * share], order[(above < 2 * share) & (above >= share)], order[above < share]
    return parts, [f"There are only {len(groups)} groups: they are cut by rank, so that each part has some."]


def _lacking(called: str, name: str, given: np.ndarray, what: str, place: str) -> str:
    emptied = f"since each of its {what} has a copy, or one of its group, in another part"
    if (given == name).any():
        return f"Nothing is left in the {place}'s {called} part, {emptied}"
    return f"The {place} has no {called} part"


def cut(train: np.ndarray, labels: np.ndarray, per_class: int | None) -> np.ndarray:
    """The first `per_class` training examples of each class, in order, so that a larger cut holds a smaller."""
    import numpy as np

    if per_class is None:
        return train
    kept = [train[labels[train] == label][:per_class] for label in np.unique(labels[train])]
    chosen = np.zeros(len(labels), dtype=bool)
    chosen[np.concatenate(kept)] = True
    return np.asarray(train[chosen[train]])


def spoil(labels: np.ndarray, train: np.ndarray, share: float, classes: int, seed: int) -> np.ndarray:
    """Labels with exactly `round(share * len(train))` training ones wrong, each another class drawn evenly."""
    import numpy as np

    spoilt = labels.copy()
    draw = np.random.default_rng([seed, 0x5901])
    wrong = draw.permutation(train)[: round(share * len(train))]
    spoilt[wrong] = (labels[wrong] + draw.integers(1, classes, len(wrong))) % classes
    return spoilt
