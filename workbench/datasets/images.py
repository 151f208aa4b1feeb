"""A person's own pictures: a folder for each class, with or without the parts above them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.choices import Options, Range, Text, knob
from workbench.datasets.base import Data, Dataset, finish, positions, split
from workbench.errors import BadData

if TYPE_CHECKING:
    import numpy as np

PARTS = {"train": "train", "training": "train", "valid": "valid", "val": "valid", "validation": "valid", "test": "test"}
SHOWN = 10  # broken files named in an error; the notes of a run name them all


@dataclass(frozen=True)
class Images(Dataset):
    """Your own pictures: a folder that holds a folder for each class, or train, valid and test folders that do."""

    name = "images"
    folder: str = knob("", Text("folder"), "The folder; its sub-folders' names are the classes.")
    size: int = knob(96, Range(32, 384), "Side in pixels that pictures are brought to; larger shows more, costs more.",
                     limits=(8, 1024))  # fmt: skip
    per_class: int | None = knob(None, Range(1, 1000), "Training pictures a class; empty means all.",
                                 limits=(1, 10**9), optional=True)  # fmt: skip
    label_noise: float = knob(0.0, Range(0.0, 0.6), "Share of the training labels made wrong.", limits=(0, 1))
    broken: str = knob("refuse", Options(("refuse", "leave out")), "What to do where a file cannot be read.")
    seed: int = knob(0, Range(0, 2**31 - 1), "Decides the split and the wrong labels.")

    def load(self) -> Data:
        import numpy as np
        import torch

        from workbench.datasets.files import decoded, found

        folder = _there(self.folder)
        files, left_out = found(folder)
        placed, astray = _placed(folder, files)
        files = list(placed)
        _room_for(len(files), self.size)
        pictures, hashes, why = decoded(files, self.size)
        names = [path.relative_to(folder).as_posix() for path in files]
        broken = [f"{names[at]}: {reason}" for at, reason in why.items()]
        if broken and self.broken == "refuse":
            raise BadData(_refusal(broken, len(files)))
        whole = [at for at in range(len(files)) if at not in why]
        classes = sorted({label for _, label in placed.values()})
        labels = np.array([classes.index(placed[files[at]][1]) for at in whole], dtype=np.int64)
        given = np.array([placed[files[at]][0] for at in whole], dtype=object)
        same = np.array([bytes.fromhex(hashes[at]) for at in whole], dtype=object)
        parts, said = _parts(given, same, self.seed)
        said += _twice(same, labels, [names[at] for at in whole])
        said += [f"Left out: {each}." for each in [*left_out, *astray, *broken]]
        return finish(
            pictures[torch.tensor(whole)] if broken else pictures,
            labels,
            classes,
            parts,
            per_class=self.per_class,
            label_noise=self.label_noise,
            seed=self.seed,
            notes=said,
            keys=[names[at] for at in whole],
        )


def _there(folder: str) -> Path:
    path = Path(folder).expanduser()
    if not folder.strip():
        raise BadData("images.folder must name a folder with a sub-folder for each class; it is empty.")
    if not path.is_dir():
        what = "a file" if path.is_file() else "not there"
        raise BadData(f"images.folder must be a folder with a sub-folder for each class; {folder!r} is {what}.")
    return path


def _placed(folder: Path, files: list[Path]) -> tuple[dict[Path, tuple[str, str]], list[str]]:
    """Part ("" where there are none) and class of each file, and a sentence on each that lies in no class's folder."""
    depth, placed, astray = (2 if _parted(folder) else 1), {}, []
    for path in files:
        within = path.relative_to(folder).parts
        part = PARTS.get(within[0].lower(), "") if depth == 2 else ""
        if len(within) <= depth or (depth == 2 and not part):
            astray.append(f"{path.relative_to(folder)}: it lies in no class's folder")
        else:
            placed[path] = (part, within[depth - 1])
    if not placed:
        raise BadData(
            f"{folder} holds no pictures in sub-folders: put the pictures of each class into a folder with its name."
        )
    _no_empty_class(folder, depth, placed)
    return placed, astray


def _parted(folder: Path) -> bool:
    """Whether a train folder holds folders; where it holds pictures, it is a class (of vehicles, say)."""
    trains = [path for path in folder.iterdir() if PARTS.get(path.name.lower()) == "train" and path.is_dir()]
    return any(inner.is_dir() for train in trains for inner in train.iterdir())


def _no_empty_class(folder: Path, depth: int, placed: dict[Path, tuple[str, str]]) -> None:
    """A class without one picture would shift nothing here, but it is hardly meant."""
    there = {path.name for path in folder.glob("*" if depth == 1 else "*/*") if path.is_dir()}
    empty = sorted(name for name in there - {label for _, label in placed.values()} if not name.startswith("."))
    if empty:
        raise BadData(f"no pictures are in the folder of {', '.join(empty)}: add some, or remove the folder.")


def _room_for(files: int, side: int) -> None:
    import psutil

    needed, free = files * 3 * side * side, psutil.virtual_memory().available
    if needed > free / 2:
        raise BadData(
            f"{files:,} pictures of {side} px take {needed / 2**30:.1f} GB, and {free / 2**30:.1f} GB are free: "
            f"choose a smaller images.size."
        )


def _refusal(broken: list[str], files: int) -> str:
    shown = "".join(f"\n  {each}" for each in broken[:SHOWN])
    more = f"\n  and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
    return f"{len(broken)} of {files} files cannot be read; mend them, or set images.broken='leave out':{shown}{more}"


def _parts(
    given: np.ndarray, same: np.ndarray, seed: int
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], list[str]]:
    """Positions of the three parts: the folder's own where it has some, by hash what is missing.

    `given`: part of each picture, "" for none; `same`: equal for equal files, which end up in one part.
    """
    import numpy as np

    places = positions(same, seed)
    if not given.any():
        return split(places), []
    part, said = given.copy(), []
    first = {each: part[at] for at, each in reversed(list(enumerate(same))) if part[at]}
    for name in ("test", "valid", "train"):  # a picture that is trained on is in no other part
        first |= {each: name for each, own in zip(same, part, strict=True) if own == name}
    moved = [at for at, each in enumerate(same) if first[each] != part[at]]
    part[moved] = [first[same[at]] for at in moved]
    if moved:
        said.append(f"{len(moved)} pictures stood in two parts: their copies are in one part now.")
    if not (part == "valid").any():
        part[(part == "train") & (places < 0.25)] = "valid"
        said.append("The folder has no validation part: a quarter of the training part, by hash, is it.")
    if not (part == "test").any():
        part[(part == "valid") & (positions(same, seed + 1) < 0.5)] = "test"
        said.append("The folder has no test part: half of the validation part, by hash, is it.")
    order = np.argsort(places, kind="stable")  # so that a cut a class takes no run of neighbouring shots
    train, valid, test = (order[part[order] == name] for name in ("train", "valid", "test"))
    return (train, valid, test), said


def _twice(same: np.ndarray, labels: np.ndarray, names: list[str]) -> list[str]:
    """Sentences on pictures that are there more than once, those under two labels by name."""
    held: dict[bytes, list[int]] = {}
    for at, each in enumerate(same):
        held.setdefault(each, []).append(at)
    copies = [group for group in held.values() if len(group) > 1]
    said = [f"{sum(map(len, copies)) - len(copies)} pictures are exact copies of others."] if copies else []
    torn = [group for group in copies if len(Counter(labels[group])) > 1]
    return said + [f"The same picture under two labels: {' and '.join(names[at] for at in group)}." for group in torn]
