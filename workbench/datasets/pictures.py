"""Picture files read: each once, with progress, kept for the next time; a reason where one cannot be decoded."""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import paths, progress
from workbench.datasets.decoding import picture

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from workbench.datasets.files import Source

KEPT_BYTES = 20 << 30  # of decoded pictures on disk; those that were used longest ago go first


@dataclass
class Decoded:
    """What was read. `pictures`: uint8 (files, 3, side, side), in memory or mapped from disk; zeros where broken.

    `hashes`: of each file's bytes; `looks`: 64 bits of how each looks (imagehash.phash); `broken`: why, by position.
    """

    pictures: Tensor
    hashes: list[str]
    looks: list[str]
    broken: dict[int, str] = field(default_factory=dict)


def decoded(source: Source, names: list[str], side: int) -> Decoded:
    """Every picture of `names`; what was read before and has not changed since is taken from the disk."""
    import torch

    shelf = _Shelf(source.path, side)
    stamps = {name: source.stamp(name) for name in names}
    held = shelf.held()
    if held and held["names"] == names and held["stamps"] == [stamps[name] for name in names]:
        shelf.touch()
        return Decoded(
            held["pictures"], held["hashes"], held["looks"], {int(at): why for at, why in held["broken"].items()}
        )
    pictures, aside = shelf.room(len(names))
    found = Decoded(pictures, [""] * len(names), [""] * len(names))
    old = {name: at for at, name in enumerate(held["names"])} if held else {}
    known = {name: at for name, at in old.items() if held["stamps"][at] == stamps.get(name)} if held else {}
    wanted = []
    for at, name in enumerate(names):
        if held and name in known:
            _take_over(found, at, held, known[name])
        else:
            wanted.append(at)
    done = [True] * len(names)
    try:
        _read(source, names, side, wanted, found)
    except BaseException:  # stopped: what was read is not read again
        done = [bool(found.hashes[at]) or at in found.broken for at in range(len(names))]
        raise
    finally:
        found.broken = dict(sorted(found.broken.items()))
        kept = [stamps[name] if whole else None for name, whole in zip(names, done, strict=True)]
        about = {"names": names, "stamps": kept, "hashes": found.hashes, "looks": found.looks, "broken": found.broken}
        mapped = shelf.keep(aside, about, (len(names), 3, side, side))
    found.pictures = torch.as_tensor(found.pictures) if mapped is None else mapped
    return found


def unread(source: Source, names: list[str], side: int) -> list[str]:
    """Those of `names` that are not kept from before."""
    held = _Shelf(source.path, side).held()
    kept = dict(zip(held["names"], held["stamps"], strict=True)) if held else {}
    return [name for name in names if kept.get(name) != source.stamp(name)]


def tried(source: Source, name: str, side: int) -> str:
    """Read one file as all are read, and keep nothing; returns why it cannot be read, "" where it can."""
    try:
        look(picture(source.read(name), side))
    except (ValueError, OSError) as error:
        return str(error)
    return ""


def _take_over(found: Decoded, at: int, held: dict[str, Any], old: int) -> None:
    found.pictures[at] = held["pictures"][old]
    found.hashes[at], found.looks[at] = held["hashes"][old], held["looks"][old]
    if str(old) in held["broken"]:
        found.broken[at] = held["broken"][str(old)]


def _read(source: Source, names: list[str], side: int, wanted: list[int], found: Decoded) -> None:
    """Decode those at `wanted` into `found`, on all cores."""
    import torch

    def read(at: int) -> None:
        try:
            content = source.read(names[at])
            shown = picture(content, side)
        except (ValueError, OSError) as error:
            found.broken[at] = str(error)
            return
        found.pictures[at] = torch.from_numpy(shown.copy())
        found.hashes[at], found.looks[at] = hashlib.sha256(content).hexdigest(), look(shown)

    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.simplefilter("ignore")  # of oddities in EXIF; what cannot be decoded raises
        try:
            for done, _ in enumerate(pool.map(read, wanted), 1):
                progress.tell("pictures read", done, len(wanted))
        except BaseException:  # whoever listens ended it
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def look(shown: np.ndarray) -> str:
    """16 hex digits that hardly change when a picture (3, side, side) is resized or saved anew: imagehash's phash."""
    import imagehash
    from PIL import Image

    return str(imagehash.phash(Image.fromarray(shown.transpose(1, 2, 0))))


class _Shelf:
    """Decoded pictures of one place and side on disk: `<key>.json` names the file of raw bytes that belongs to it."""

    def __init__(self, place: Path, side: int):
        about = f"{place.resolve()}|{side}|4".encode("utf-8", "backslashreplace")
        self.folder = paths.cache() / "pictures"
        self.about = self.folder / f"{hashlib.sha256(about).hexdigest()[:24]}.json"
        self.side = side

    def held(self) -> dict[str, Any] | None:
        """What is kept, with `pictures` mapped from disk; None where there is nothing whole."""
        try:
            about: dict[str, Any] = json.loads(self.about.read_text())
            raw = self.folder / about["raw"]
            shape = (len(about["names"]), 3, self.side, self.side)
            return about | {"pictures": _mapped(raw, shape)}
        except (OSError, ValueError, KeyError, TypeError, RuntimeError):
            return None

    def touch(self) -> None:
        """It was used now."""
        with suppress(OSError):
            os.utime(self.about)

    def room(self, files: int) -> tuple[Tensor, Path | None]:
        """Zeros for so many pictures: in a file beside its place, in memory where the disk takes none."""
        import shutil

        import torch

        size = files * 3 * self.side**2
        aside = self.folder / f".{os.getpid()}-{time.monotonic_ns()}.raw"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(self.folder).free < size + (1 << 28):
                raise OSError("too little room")
            with open(aside, "wb") as file:
                file.truncate(size)
            return torch.from_file(str(aside), shared=True, size=size, dtype=torch.uint8).view(
                files, 3, self.side, self.side
            ), aside
        except (OSError, RuntimeError):
            with suppress(OSError):
                aside.unlink()
            return torch.zeros(files, 3, self.side, self.side, dtype=torch.uint8), None

    def keep(self, aside: Path | None, about: dict[str, Any], shape: tuple[int, ...]) -> Tensor | None:
        """Put what was read in its place and the earlier away; returns it mapped, None where it stays in memory."""
        if aside is None:
            return None
        raw = self.folder / f"{self.about.stem}-{time.time_ns():x}.raw"
        before, note = self.held(), aside.with_suffix(".json")
        try:
            os.replace(aside, raw)
            note.write_text(json.dumps(about | {"raw": raw.name}))
            os.replace(note, self.about)
        except OSError:
            with suppress(OSError):
                note.unlink()
        if before:
            with suppress(OSError):
                (self.folder / before["raw"]).unlink()
        mapped = _mapped(raw if raw.exists() else aside, shape)
        trim(self.folder, KEPT_BYTES, self.about)
        return mapped


def _mapped(raw: Path, shape: tuple[int, ...]) -> Tensor:
    """Raw bytes as a tensor that takes memory as it is read; what is written into it never reaches the disk."""
    import math

    import torch

    size = math.prod(shape)
    if raw.stat().st_size != size:
        raise ValueError(f"{raw} has another size than it should")
    if not size:
        return torch.zeros(shape, dtype=torch.uint8)
    return torch.from_file(str(raw), shared=False, size=size, dtype=torch.uint8).view(shape)


def trim(folder: Path, most: int, keep: Path) -> None:
    """Remove what was used longest ago until no more than `most` bytes are kept, and what nobody names any more."""
    held: list[tuple[float, Path, Path]] = []
    for about in folder.glob("*.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            held.append((about.stat().st_mtime, about, folder / json.loads(about.read_text())["raw"]))
    total = sum(_size([raw]) for _, _, raw in held)
    for _, about, raw in sorted(held):
        if total <= most:
            break
        if about != keep:
            total -= _size([raw])
            for path in (about, raw):
                path.unlink(missing_ok=True)
    named, now = {raw for _, _, raw in held}, time.time()
    for raw in folder.glob("*.raw"):
        with suppress(OSError):
            if raw not in named and now - raw.stat().st_mtime > 86400:
                raw.unlink()


def _size(files: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in files if path.exists())
