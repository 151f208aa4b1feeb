"""Pictures, texts and recordings with faults on purpose, for who has none of their own at hand."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import paths

if TYPE_CHECKING:
    from workbench.datasets.docstrings import Documented

CLASSES, EACH, WRONG, COPIES, NEAR, BROKEN = 5, 60, 12, 4, 6, 3
TEXTS, OF_MODULE = 100, 6  # of each library, and of one of its modules
SILENT, LONG = 2, 5  # recordings with nothing to hear; those that were not stopped in time
BOOK = ".planted.json"  # hidden, so that it is no example


def sample_folder(place: str | Path | None = None) -> Path:
    """Draw 300 handwritten digits of five classes as PNG files, and plant faults; returns the folder.

    Twelve lie in another class's folder, four are exact copies of others, six are others saved anew as JPEG, and three
    files are broken. `place`: left out, a folder among what can be made again; what lies there is replaced.
    """
    import numpy as np
    from PIL import Image

    from workbench.datasets.digits import Digits

    folder = _emptied(place, "sample-folder")
    data, draw = Digits().load(), np.random.default_rng(0)
    names: list[Path] = []
    for label in range(CLASSES):
        (folder / data.classes[label]).mkdir(parents=True)
        for at in (data.labels == label).nonzero().flatten()[:EACH].tolist():
            names.append(folder / data.classes[label] / f"digit-{at:04}.png")
            Image.fromarray(data.inputs[at, 0].numpy()).convert("RGB").save(names[-1])
    order = [names[at] for at in draw.permutation(len(names))]
    wrong, copied, anew = order[:WRONG], order[WRONG : WRONG + COPIES], order[WRONG + COPIES :][:NEAR]
    for path in copied:
        shutil.copy(path, path.with_name(f"copy-of-{path.name}"))
    for path in anew:
        with Image.open(path) as opened:
            opened.resize((28, 28)).save(path.with_name(f"from-a-chat-{path.stem}.jpg"), quality=70)
    for at, path in enumerate(order[-BROKEN:]):
        path.with_name(f"broken-{at}.png").write_bytes(path.read_bytes()[: 40 * at])
    _misplace(folder, wrong)
    return folder


def _misplace(folder: Path, wrong: list[Path]) -> None:
    planted = {}
    classes = sorted(path.name for path in folder.iterdir())
    for path in wrong:
        right = path.parent.name
        other = folder / classes[(classes.index(right) + 1) % len(classes)]
        path.rename(other / path.name)
        planted[f"{other.name}/{path.name}"] = (right, other.name)
    (folder / BOOK).write_text(json.dumps(planted))


def sample_table(place: str | Path | None = None) -> Path:
    """Write 600 descriptions of six libraries' functions as a CSV, and plant faults; returns the file.

    They are docstrings of modules that `docs-bert` never read. Twelve are under another library's name, four are there
    twice (in capitals the second time), and three rows are broken. `place`: a folder, as for `sample_folder`.
    """
    import csv

    import numpy as np

    from workbench.datasets.docstrings import LIBRARIES

    folder, classes, draw = _emptied(place, "sample-table"), [*LIBRARIES], np.random.default_rng(0)
    held = [each for library in classes for each in islice(_unread(library), TEXTS)]
    rows = [[" ".join(held[at].text.split()), held[at].library, held[at].module] for at in draw.permutation(len(held))]
    book = {}
    for at in draw.choice(len(rows), WRONG, replace=False).tolist():
        right = rows[at][1]
        rows[at][1] = classes[(classes.index(right) + 1) % len(classes)]
        book[str(at + 2)] = (right, rows[at][1])  # the row that a spreadsheet shows, below the names of the columns
    rows += [[text.upper(), library, module] for text, library, module in rows[:COPIES]]
    rows += [["", classes[0], "no.text"], ["What is it of?", "", "no.label"], ["One cell", "too", "many", "here"]]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "descriptions.csv").open("w", encoding="utf-8", newline="", errors="replace") as file:
        csv.writer(file).writerows([["description", "library", "module"], *rows])
    (folder / BOOK).write_text(json.dumps(book))
    return folder / "descriptions.csv"


def _unread(library: str) -> Iterator[Documented]:
    """A library's texts that `docs-bert` never read, few of each module: a part shall hold many modules."""
    from workbench.datasets.docstrings import part_of, sample

    seen: Counter[str] = Counter()
    for each in sample():
        if each.library == library and part_of(each.module) != "train" and seen[each.module] < OF_MODULE:
            seen[each.module] += 1
            yield each


def sample_recordings(place: str | Path | None = None) -> Path:
    """Write 400 spoken words of five classes, by forty made-up speakers, as WAV files, and plant faults; returns the
    folder.

    Twelve lie in another class's folder, four are exact copies of others, five go on after the word, two are silent and
    three files are broken. The speaker stands in each name: `clip-0042_man-03_1.wav`. `place`: as for `sample_folder`.
    """
    import numpy as np
    import soundfile

    from workbench.datasets.voices import RATE
    from workbench.datasets.vowels import Vowels

    folder, data, draw = _emptied(place, "sample-recordings"), Vowels().load(), np.random.default_rng(0)
    names: list[Path] = []
    for at, key in enumerate(data.keys):  # "man 03, heed 1"
        speaker, said = key.split(", ")
        kind, number = speaker.split()
        word, turn = said.split()
        if data.labels[at] % 2 == 0 and turn != "0":
            names.append(folder / word / f"clip-{at:04}_{kind}-{number}_{turn}.wav")
            names[-1].parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(names[-1], data.inputs.row(at).numpy(), RATE)
    order = [names[at] for at in draw.permutation(len(names))]
    wrong, copied, long = order[:WRONG], order[WRONG : WRONG + COPIES], order[WRONG + COPIES :][:LONG]
    for path in copied:
        shutil.copy(path, path.with_name(f"copy-of-{path.name}"))
    for path in long:
        clip, _ = soundfile.read(path, dtype="int16")
        soundfile.write(path, np.r_[clip, draw.integers(-40, 41, RATE).astype(np.int16)], RATE)
    for at, path in enumerate(order[-BROKEN - SILENT : -BROKEN]):
        soundfile.write(path.with_name(f"silent-{at}.wav"), np.zeros(RATE // 4, dtype=np.int16), RATE)
    for at, path in enumerate(order[-BROKEN:]):
        path.with_name(f"broken-{at}.wav").write_bytes(path.read_bytes()[: 12 * (at + 1)])
    _misplace(folder, wrong)
    return folder


def _emptied(place: str | Path | None, name: str) -> Path:
    """The folder, without what was drawn there before; `name`: of the one that is taken where none is named."""
    folder = Path(place) if place else paths.cache() / name
    if place and folder.exists() and any(folder.iterdir()) and not (folder / BOOK).is_file():
        raise FileExistsError(f"{folder} holds other files: name an empty folder.")
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def planted(keys: Iterable[str], place: str | Path | None = None) -> Iterator[tuple[str, str, str]]:
    """Those of `keys` that a sample has under a wrong label: key, right label, label as given.

    `place`: the folder, or the table, that the sample is; left out, that of the pictures.
    """
    folder = Path(place) if place else paths.cache() / "sample-folder"
    book = json.loads(((folder.parent if folder.is_file() else folder) / BOOK).read_text())
    return ((key, *book[key]) for key in keys if key in book)
