"""Sound files heard: each once, with progress, kept for the next time; a reason where one cannot be, or need not be."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import paths, progress
from workbench.datasets.hearing import Nothing, clip
from workbench.datasets.pictures import KEPT_BYTES, trim
from workbench.datasets.ragged import Ragged

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from workbench.datasets.files import Source

WHOLE = 64 << 20  # bytes up to which all of a file is hashed; of a larger one its size and its first 4 MB
PART = 4 << 20


@dataclass
class About:
    """What was found of one file. `own`: a hash of its bytes; `heard`: of its samples as a model hears them."""

    stamp: list[int]
    own: str = ""
    heard: str = ""
    length: int = 0  # samples
    cut: bool = False  # there is more than a model may hear
    broken: str = ""  # why it cannot be read
    nothing: str = ""  # why there is nothing to hear


@dataclass
class Heard:
    """What was read: a row a file, of no length where there is nothing, in memory or mapped from disk."""

    clips: Ragged
    about: list[About] = field(default_factory=list)


def heard(source: Source, names: list[str], longest: int) -> Heard:
    """Every clip of `names`, at most `longest` samples of each; what has not changed since comes from the disk."""
    shelf = _Shelf(source.path, longest)
    stamps, held = [source.stamp(name) for name in names], shelf.held()
    if held and held.names == names and [each.stamp for each in held.found.about] == stamps:
        shelf.touch()
        return held.found
    known = {name: at for at, name in enumerate(held.names)} if held else {}
    old = [
        known[name] if held and name in known and held.found.about[known[name]].stamp == stamp else None
        for name, stamp in zip(names, stamps, strict=True)
    ]
    writer, about = _Writer(shelf.folder, 2 * longest * len(names)), list[About]()
    try:
        for samples, said in _each(source, names, stamps, longest, old, held):
            writer.add(samples)
            about.append(said)
    finally:  # stopped: what was read is not read again
        raw = shelf.keep(writer, names[: len(about)], about)
    return Heard(_ragged(raw, about, longest), about)


def unread(source: Source, names: list[str], longest: int) -> list[str]:
    """Those of `names` that are not kept from before."""
    held = _Shelf(source.path, longest).held()
    kept = dict(zip(held.names, (each.stamp for each in held.found.about), strict=True)) if held else {}
    return [name for name in names if kept.get(name) != source.stamp(name)]


def listen(source: Source, name: str, stamp: list[int], longest: int) -> tuple[np.ndarray, About]:
    """One file's samples, int16, and what was found; no samples where it is broken or there is nothing to hear."""
    import numpy as np

    about, samples = About(stamp), np.zeros(0, dtype=np.int16)
    try:
        with source.opened(name) as file:
            samples, about.cut = clip(file, longest)
            file.seek(0)
            content = hashlib.sha256(str(stamp[0]).encode() if stamp[0] > WHOLE else b"")
            content.update(file.read(PART if stamp[0] > WHOLE else WHOLE))
            about.own, about.heard = content.hexdigest(), hashlib.sha256(samples.tobytes()).hexdigest()
    except Nothing as reason:
        about.nothing = str(reason)
    except (ValueError, OSError) as error:
        about.broken = str(error)
    about.length = len(samples)
    return samples, about


def _each(
    source: Source,
    names: list[str],
    stamps: list[list[int]],
    longest: int,
    old: list[int | None],
    held: _Held | None,
) -> Iterator[tuple[np.ndarray, About]]:
    """Each file in turn: from what is held where `old` says so, else read, on all cores."""
    todo = [at for at, before in enumerate(old) if before is None]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reading = pool.map(lambda at: listen(source, names[at], stamps[at], longest), todo)
        done = 0
        try:
            for before in old:
                if held and before is not None:
                    yield held.found.clips.row(before).numpy(), held.found.about[before]
                    continue
                yield next(reading)
                done += 1
                progress.tell("recordings read", done, len(todo))
        except BaseException:  # whoever listens ended it
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _ragged(raw: Tensor, about: list[About], longest: int) -> Ragged:
    import torch

    starts = torch.tensor([0, *(each.length for each in about)]).cumsum(0)
    return Ragged(raw, starts, longest)


@dataclass
class _Held:
    """What is on disk: names in their order, and what was found."""

    names: list[str]
    found: Heard


class _Writer:
    """Samples one after the other, into a file beside its place; in memory where the disk takes none."""

    def __init__(self, folder: Path, most: int):
        import shutil

        self.path: Path | None = folder / f".{os.getpid()}-{time.monotonic_ns()}.raw"
        self.rows: list[np.ndarray] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(folder).free < most + (1 << 28):
                raise OSError("too little room")
            self.file = open(self.path, "wb")  # noqa: SIM115  # closed where it is kept
        except OSError:
            self.path = None

    def add(self, samples: np.ndarray) -> None:
        """One more row."""
        if self.path:
            self.file.write(samples.tobytes())
        else:
            self.rows.append(samples)


class _Shelf:
    """Samples of one place's files on disk: `<key>.json` names the file of raw samples that belongs to it."""

    def __init__(self, place: Path, longest: int):
        about = f"{place.resolve()}|{longest}|1".encode("utf-8", "backslashreplace")
        self.folder, self.longest = paths.cache() / "clips", longest
        self.about = self.folder / f"{hashlib.sha256(about).hexdigest()[:24]}.json"

    def held(self) -> _Held | None:
        """What is kept, its samples mapped from disk; None where there is nothing whole."""
        try:
            said = json.loads(self.about.read_text())
            about = [About(**each) for each in said["about"]]
            raw = _mapped(self.folder / said["raw"], sum(each.length for each in about))
            if len(said["names"]) != len(about):
                return None
            return _Held(said["names"], Heard(_ragged(raw, about, self.longest), about))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError):
            return None

    def touch(self) -> None:
        """It was used now."""
        with suppress(OSError):
            os.utime(self.about)

    def keep(self, writer: _Writer, names: list[str], about: list[About]) -> Tensor:
        """Put what was written in its place and the earlier away; returns the samples."""
        import numpy as np
        import torch

        if writer.path is None:
            return torch.from_numpy(np.concatenate([np.zeros(0, dtype=np.int16), *writer.rows]))
        writer.file.close()
        raw, before = self.folder / f"{self.about.stem}-{time.time_ns():x}.raw", self._raw()
        note = writer.path.with_suffix(".json")
        os.replace(writer.path, raw)
        with suppress(OSError):
            note.write_text(json.dumps({"names": names, "about": [asdict(each) for each in about], "raw": raw.name}))
            os.replace(note, self.about)
            if before:
                (self.folder / before).unlink()
        mapped = _mapped(raw, sum(each.length for each in about))
        trim(self.folder, KEPT_BYTES, self.about)
        return mapped

    def _raw(self) -> str:
        with suppress(OSError, ValueError, KeyError, TypeError):
            return str(json.loads(self.about.read_text())["raw"])
        return ""


def _mapped(raw: Path, samples: int) -> Tensor:
    """The file as a tensor that takes memory as it is read; what is written into it never reaches the disk."""
    import torch

    if raw.stat().st_size != 2 * samples:
        raise ValueError(f"{raw} has another size than it should")
    if not samples:
        return torch.zeros(0, dtype=torch.int16)
    return torch.from_file(str(raw), shared=False, size=samples, dtype=torch.int16)
