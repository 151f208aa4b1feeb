"""Data sets of the hub, or of a folder in its layout, read by the library that wrote them; no code of others is run."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from workbench import paths, progress
from workbench.datasets.files import MOST_BYTES
from workbench.datasets.layout import PARTS
from workbench.errors import BadData

ANSWERS = 5.0  # seconds in which the hub has to answer before only what is on this disk is looked at
FOLDERS = ("imagefolder", "audiofolder")  # of the library's readers those whose examples are files
METADATA = "metadata.csv"
ZIPPED = "zip://"  # how the library writes a file in a zip: zip://in/it.png::/where/it/lies.zip


class Loaded(NamedTuple):
    """The library's own splits by name; and what a folder's metadata.csv says of each file, as it stands there."""

    splits: Mapping[str, Any]
    written: Mapping[str, Mapping[str, str]]
    by_files: bool = False  # whether the examples are files in folders


def splits(path: str, config: str, revision: str, owner: str) -> tuple[list[tuple[str, str, Any]], Loaded]:
    """Each split as its part, its name, and the library's data set; of one split alone the parts are cut by hash."""
    if not path:
        raise BadData(f"{owner}.path must be owner/name on the hub, or a folder in its layout; it is empty.")
    found = loaded(path, config, revision)
    named = {name: PARTS.get(name.lower(), "") for name in found.splits}
    if len(named) > 1 and "train" not in named.values():
        raise BadData(f"{path} has the splits {', '.join(named)}, and none is called train.")
    whole = len(named) == 1
    return [("" if whole else named[name], name, each) for name, each in found.splits.items()
            if whole or named[name]], found  # fmt: skip


def loaded(path: str, config: str, revision: str) -> Loaded:
    """A folder is read here; of the hub's, what is on this disk where the hub does not answer. Once while it stays."""
    return _loaded(path, config, revision, _stamp(Path(path).expanduser()))


def is_folder(path: str) -> bool:
    """Whether it is one of a person's own, and no name on the hub."""
    return Path(path).expanduser().is_dir()


def text_of(feature: Any, cell: Any) -> str:
    """A cell as text: the name of a class instead of its number, whole numbers as such, "" where there is none."""
    if type(feature).__name__ == "ClassLabel":
        return str(feature.names[cell]) if cell is not None and cell >= 0 else ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None or cell != cell else str(cell)


def _stamp(folder: Path) -> str:
    """What changes when a file in the folder does; "" where there is no folder."""
    about = hashlib.sha256()
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            found = os.lstat(os.path.join(place, name))
            about.update(f"{place}|{name}|{found.st_size}|{found.st_mtime_ns}".encode("utf-8", "backslashreplace"))
    return about.hexdigest() if folder.is_dir() else ""


@lru_cache(maxsize=4)
def _loaded(path: str, config: str, revision: str, stamp: str) -> Loaded:
    here = Path(path).expanduser()
    folder = here.is_dir()
    given: dict[str, Any] = {"path": str(here.resolve()) if folder else path, "name": config or None}
    given |= {"cache_dir": str(paths.cache() / "hub")} if folder else {"revision": revision or None}
    if not folder:
        progress.tell(f"asking the hub for {path}", 0, 1)
    try:
        with _quiet(), _alone(folder or not _reached(path)):
            return _read(given)
    except Exception as error:  # whatever the library raises, and those that it calls
        first = error
        while first.__cause__ is not None:  # the library wraps what was wrong in a sentence that does not say it
            first = first.__cause__  # type: ignore[assignment]
        why = (str(first).strip().splitlines() or [type(first).__name__])[0][:300]
        if folder:
            raise BadData(f"{path} cannot be read as a data set of the hub: {why}") from error
        raise BadData(
            f"the data set {path!r} is neither on this disk nor to be had from the hub: {why} Look at its name (a "
            f"folder of yours must be there), or at the network; files of yours are wb.Table(path=...), "
            f"wb.Images(folder=...) or wb.Audio(folder=...)."
        ) from error


def _read(given: dict[str, Any]) -> Loaded:
    """Read by the library. It would take the labels "NA" and "007" of a CSV for nothing and 7: both are text."""
    import datasets

    builder = datasets.load_dataset_builder(**given)
    if builder.name == "csv" and not builder.info.features:
        first = datasets.load_dataset(**given, streaming=True)
        names = [*next(iter(next(iter(first.values()))))]
        as_text = datasets.Features({name: datasets.Value("string") for name in names})
        given = given | {"features": as_text, "keep_default_na": False}
        builder = datasets.load_dataset_builder(**given)
    if builder.name == "audiofolder":
        builder.BASE_FEATURE = _plain_audio()
    builder.download_and_prepare()
    return Loaded(dict(builder.as_dataset()), _as_written(builder), builder.name in FOLDERS)


def _plain_audio() -> Any:
    """The library's kind of audio cells, which asks for torchcodec where it is given no more than a path."""
    import datasets

    class Audio(datasets.Audio):  # type: ignore[misc]  # the name by which the library, and we, know the kind
        def encode_example(self, value: Any) -> dict[str, Any]:
            return {"bytes": None, "path": str(value)}

    return Audio


def _as_written(builder: Any) -> dict[str, dict[str, str]]:
    """What each line of a folder's metadata.csv says, by the path of its file, as text; of those in zips too."""
    import datasets

    from workbench.datasets.tables import read_table

    found = dict[str, dict[str, str]]()
    if builder.name not in FOLDERS:
        return found
    files = {str(path) for paths in (builder.config.data_files or {}).values() for path in paths}
    wanted = sorted(path for path in files if os.path.basename(path) == METADATA or path.lower().endswith(".zip"))
    with TemporaryDirectory() as aside:
        for path in datasets.DownloadManager().download(wanted) if wanted else []:
            for place, folder, end in _tables(path, aside):
                for row in read_table(place).to_dict("records"):
                    if "file_name" in row:
                        own = os.path.normpath(os.path.join(folder, row.pop("file_name"))).replace("\\", "/")
                        found[ZIPPED + own + end if end else own] = {str(name): cell for name, cell in row.items()}
    return found


def _tables(path: str, aside: str) -> Iterator[tuple[Path, str, str]]:
    """The table at `path`, or those in this zip: where each lies, its folder, and how paths of that zip end."""
    if not zipfile.is_zipfile(path):
        yield Path(path), os.path.dirname(path), ""
        return
    with zipfile.ZipFile(path) as packed:
        for entry in packed.infolist():
            if os.path.basename(entry.filename) == METADATA and entry.file_size <= MOST_BYTES:
                place = Path(aside) / METADATA
                place.write_bytes(packed.read(entry))
                yield place, os.path.dirname(entry.filename), f"::{path}"


def _reached(path: str) -> bool:
    """Whether the hub answers at all, so that a machine without a network does not wait for five tries."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        HfApi().dataset_info(path, timeout=ANSWERS)
    except HfHubHTTPError:
        return True
    except Exception:  # no name service, no route, no answer in time; or no name that the hub could have
        return False
    return True


@contextmanager
def _alone(offline: bool) -> Iterator[None]:
    """Nothing is asked of the network in this block, where `offline`."""
    import datasets.config
    from huggingface_hub import constants

    before = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    if offline:
        datasets.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's own bars: they would be widgets in a notebook's cell."""
    import datasets

    shown = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if not shown:
            datasets.enable_progress_bars()
