"""A folder of pictures with faults on purpose, for who has none of their own at hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from workbench import paths

CLASSES, EACH, WRONG, COPIES, NEAR, BROKEN = 5, 60, 12, 4, 6, 3
BOOK = ".planted.json"  # hidden, so that it is no example


def sample_folder(place: str | Path | None = None) -> Path:
    """Draw 300 handwritten digits of five classes as PNG files, and plant faults; returns the folder.

    Twelve lie in another class's folder, four are exact copies of others, six are others saved anew as JPEG, and three
    files are broken. `place`: left out, a folder among what can be made again; what lies there is replaced.
    """
    import numpy as np
    from PIL import Image

    from workbench.datasets.digits import Digits

    folder = Path(place) if place else paths.cache() / "sample-folder"
    if place and folder.exists() and any(folder.iterdir()) and not (folder / BOOK).is_file():
        raise FileExistsError(f"{folder} holds other files: name an empty folder.")
    shutil.rmtree(folder, ignore_errors=True)
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
    for path in wrong:
        right = path.parent.name
        other = folder / str((int(right) + 1) % CLASSES)
        path.rename(other / path.name)
        planted[f"{other.name}/{path.name}"] = right
    (folder / BOOK).write_text(json.dumps(planted))


def planted(keys: Iterable[str], folder: str | Path | None = None) -> Iterator[tuple[str, str, str]]:
    """Those of `keys` that `sample_folder` put into a wrong class: key, right label, label as given."""
    book = json.loads(((Path(folder) if folder else paths.cache() / "sample-folder") / BOOK).read_text())
    return ((key, book[key], key.split("/")[0]) for key in keys if key in book)
