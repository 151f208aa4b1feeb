"""Texts from the hub, or from a folder in its layout, through the library that wrote it; no code of others is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench import paths
from workbench.choices import Options, Range, Text, knob
from workbench.datasets.base import Data, Dataset
from workbench.datasets.columns import columns_of
from workbench.datasets.images import BALANCES
from workbench.datasets.layout import PARTS
from workbench.datasets.sheet import Row, Sheet
from workbench.datasets.texts import Rows, data_of
from workbench.errors import BadData

ANSWERS = 5.0  # seconds in which the hub has to answer before only what is on this disk is looked at
OTHERS = {"Image": "pictures: put them into a folder for each class, and take wb.Images",
          "Audio": "recordings: put them into a folder for each class, and take wb.Audio"}  # fmt: skip


@dataclass(frozen=True)
class Hub(Dataset):
    """Texts of a data set on the Hugging Face hub (owner/name), or of a folder in the hub's layout."""

    name = "hub"
    domain = "language"
    own = True
    path: str = knob("", Text("hub"), "owner/name on the hub, or a folder in its layout (parquet, CSV, JSON lines).")
    config: str = knob("", Text("config"), "Which of its configurations; empty: the only one.")
    text: str = knob("", Text("column"), "The column of texts; empty: guessed, and told.")
    label: str = knob("", Text("column"), "The column of labels; empty: guessed, and told.")
    size: int = knob(128, Range(16, 512), "Tokens of a text that a model may see; more shows more, costs more.",
                     limits=(4, 8192))  # fmt: skip
    per_class: int | None = knob(None, Range(1, 1000), "Training texts a class; empty means all.",
                                 limits=(1, 10**9), optional=True)  # fmt: skip
    label_noise: float = knob(0.0, Range(0.0, 0.6), "Share of the training labels made wrong.", limits=(0, 1))
    balance: str = knob("as is", Options(BALANCES), "Rare classes: as they are, weighing more, or drawn more often.")
    broken: str = knob("refuse", Options(("refuse", "leave out")), "What to do where a row has no text or no label.")
    second: str = knob("", Text("column"), "A column of second texts, for pairs; '-': none.", more=True)
    group: str = knob("", Text("column"), "A column whose equal cells stay in one part (author, ticket); '-': none.",
                      more=True)  # fmt: skip
    revision: str = knob("", Text("revision"), "A commit of the data set on the hub; empty: the newest.", more=True)
    corrections: str = knob("", Text("file"), "A file of corrected labels, as the mending panel writes it.", more=True)
    seed: int = knob(0, Range(0, 2**31 - 1), "Decides the split and the wrong labels.", more=True)

    def load(self) -> Data:
        rows, said, place = Rows(), [], Path(self.path or "hub")
        named = {role: getattr(self, role) for role in ("text", "label", "second", "group")} | {"time": "-"}
        for part, sheet in self._splits():
            columns = columns_of(sheet, self.name, **named)
            if _unlabelled(sheet, columns.label):
                said.append(f"The split {part!r} has no labels, and is left out.")
                continue
            said += [*sheet.said, columns.said()]
            rows.read(part, sheet, columns)
        return data_of(rows, self.name, f"data set {place.name}", self.values(), [*dict.fromkeys(said)])

    def _splits(self) -> Iterator[tuple[str, _Split]]:
        """Each split with the part that its name says; of one split alone the parts are cut by hash."""
        if not self.path:
            raise BadData("hub.path must be owner/name on the hub, or a folder in its layout; it is empty.")
        found = _loaded(self.path, self.config, self.revision)
        named = {name: PARTS.get(name.lower(), "") for name in found}
        if len(found) > 1 and "train" not in named.values():
            raise BadData(f"{self.path} has the splits {', '.join(found)}, and none is called train.")
        for name, split in found.items():
            if named[name] or len(found) == 1:
                yield named[name] if len(found) > 1 else "", _Split(self.path, split)


class _Split(Sheet):
    """A split as a table of text: names of classes instead of their numbers."""

    def __init__(self, path: str, split: Any):
        self.path, self.split = Path(path), split
        kinds = {name: type(feature).__name__ for name, feature in split.features.items()}
        self.columns = tuple(name for name, kind in kinds.items() if kind in ("Value", "ClassLabel"))
        self.names = {name: split.features[name].names for name, kind in kinds.items() if kind == "ClassLabel"}
        if other := next((kind for kind in kinds.values() if kind in OTHERS), ""):
            raise BadData(f"{path} holds {OTHERS[other]}. From the hub only texts are read.")
        nested = [name for name in kinds if name not in self.columns]
        self.said = (f"Columns of lists or structures are not read: {', '.join(nested)}.",) if nested else ()

    def rows(self, wanted: Sequence[str]) -> Iterator[Row]:
        chosen, number = self.split.select_columns([*dict.fromkeys(wanted)]), 0
        for batch in chosen.iter(1000):
            for cells in zip(*(batch[name] for name in wanted), strict=True):
                number += 1
                yield Row(number, [self._text(name, cell) for name, cell in zip(wanted, cells, strict=True)])

    def _text(self, name: str, cell: Any) -> str:
        if name in self.names:
            return self.names[name][cell] if cell is not None and cell >= 0 else ""
        if isinstance(cell, float) and cell.is_integer():
            return str(int(cell))
        return "" if cell is None or cell != cell else str(cell)


def _unlabelled(sheet: Sheet, label: str) -> bool:
    """Whether no row has a label, as in the test splits of contests."""
    return not any(row.cells[0].strip() for row in sheet.rows([label]))


def _loaded(path: str, config: str, revision: str) -> Mapping[str, Any]:
    """The splits by name. A folder is read here; of the hub's, what is on this disk where the hub does not answer."""
    here = Path(path).expanduser()
    folder = here.is_dir()
    given: dict[str, Any] = {"path": str(here) if folder else path, "name": config or None}
    given |= {"cache_dir": str(paths.cache() / "hub")} if folder else {"revision": revision or None}
    try:
        with _quiet(), _alone(folder or not _reached(path)):
            return _read(given)
    except Exception as error:  # whatever the library raises, and those that it calls
        why = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        if folder:
            raise BadData(f"{path} cannot be read as a data set of the hub: {why}") from error
        raise BadData(
            f"the data set {path!r} is neither on this disk nor to be had from the hub: {why} Look at its name (a "
            f"folder of yours must be there), or at the network; a file of yours is wb.Table(path=...)."
        ) from error


def _read(given: dict[str, Any]) -> Mapping[str, Any]:
    """Read by the library. It would take the labels "NA" and "007" of a CSV for nothing and 7: both are text."""
    import datasets

    builder = datasets.load_dataset_builder(**given)
    if builder.name == "csv" and not builder.info.features:
        first = datasets.load_dataset(**given, streaming=True)
        names = [*next(iter(next(iter(first.values()))))]
        as_text = datasets.Features({name: datasets.Value("string") for name in names})
        given = given | {"features": as_text, "keep_default_na": False}
    return dict(datasets.load_dataset(**given))


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
