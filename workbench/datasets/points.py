"""Points in a plane: drawn by hand, or in shapes that are easy to see and hard to cut apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.choices import Options, Range, Text, knob
from workbench.datasets.base import Data, Dataset, finish
from workbench.datasets.parting import positions
from workbench.errors import BadData

if TYPE_CHECKING:
    import numpy as np

    Point = tuple[float, float, str]

SHAPES = ("moons", "circles", "spirals", "clusters", "drawn")
STEPS = 255  # of each coordinate
LEAST, MOST = 10, 5000  # points that are drawn by hand
MARGIN = 0.08  # around a shape, as a share of the plane


@dataclass(frozen=True)
class Points(Dataset):
    """Points of two or more classes in a plane, in a shape or drawn by hand; for playing, and for seeing a decision.

    A point is kept as a picture of two pixels, how far right it lies and how far up, so that whatever reads pictures
    reads points: the backbone `plane` as they are.
    """

    name = "points"
    domain = "points"
    size = 2
    shape: str = knob("moons", Options(SHAPES), "What the points form; drawn: those of `drawn`.")
    count: int = knob(100, Range(10, 500), "Points of each class, over all three parts.", limits=(10, 5000))
    noise: float = knob(0.15, Range(0.0, 0.5), "How far points lie from their shape.", limits=(0, 5))
    label_noise: float = knob(0.0, Range(0.0, 0.6), "Share of the training labels made wrong.", limits=(0, 1))
    drawn: str = knob("", Text("points"), "Points as 'x, y, class' in [0, 1], parted by ';' or lines.")
    seed: int = knob(0, Range(0, 2**31 - 1), "Decides where points lie, the split and the wrong labels.")

    def load(self) -> Data:
        import numpy as np
        import torch

        points = read(self.drawn) if self.shape == "drawn" else shaped(self.shape, self.count, self.noise, self.seed)
        classes = sorted({name for _, _, name in points})
        places = np.array([[x, y] for x, y, _ in points]).clip(0, 1)
        pixels = np.rint(places * STEPS).astype("uint8")
        keys = [f"{at}: {x:.3f}, {y:.3f}" for at, (x, y) in enumerate(places)]
        labels = np.array([classes.index(name) for _, _, name in points])
        ranks = positions(np.array([each.tobytes() for each in pixels], dtype=object), self.seed)
        return finish(
            torch.from_numpy(pixels)[:, None, None, :],
            labels,
            classes,
            by_class(labels, ranks),
            label_noise=self.label_noise,
            seed=self.seed,
            keys=keys,
        )


def by_class(labels: np.ndarray, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Train, valid and test positions: of each class 60 / 20 / 20 by rank, so that no part lacks one of few points."""
    import numpy as np

    order = np.argsort(ranks, kind="stable")
    part = np.zeros(len(labels), dtype=np.int64)
    for each in np.unique(labels):
        own = order[labels[order] == each]
        held = max(1, round(0.2 * len(own)))
        part[own[: held * 2]] = 2
        part[own[:held]] = 1
    train, valid, test = (order[part[order] == which] for which in range(3))
    return train, valid, test


def shaped(shape: str, count: int, noise: float, seed: int) -> list[Point]:
    """`count` points a class of this shape, fitted into the plane, [0, 1] each way."""
    import numpy as np
    from sklearn.datasets import make_blobs, make_circles, make_moons

    draw = np.random.RandomState(seed)
    if shape == "moons":
        places, labels = make_moons((count, count), noise=noise, random_state=draw)
    elif shape == "circles":
        places, labels = make_circles((count, count), factor=0.45, noise=0.7 * noise, random_state=draw)
    elif shape == "clusters":
        centers = [[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]
        places, labels = make_blobs([count // 2, count - count // 2] * 2, centers=centers, cluster_std=0.05 + noise,
                                    random_state=draw)  # fmt: skip
        labels = labels // 2  # opposite corners are one class: no line parts them
    else:
        places, labels = _spirals(count, noise, draw)
    names, low, high = "ab", places.min(0), places.max(0)
    inside = MARGIN + (1 - 2 * MARGIN) * (places - low) / np.maximum(high - low, 1e-9)
    return [(float(x), float(y), names[label]) for (x, y), label in zip(inside, labels, strict=True)]


def _spirals(count: int, noise: float, draw: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """Two arms of one and a quarter turns."""
    import numpy as np

    way = np.sqrt(draw.uniform(0.02, 1, (2, count)))
    angle = way * 2.5 * np.pi + np.array([[0.0], [np.pi]])
    arms = np.stack([way * np.cos(angle), way * np.sin(angle)], -1) + draw.normal(0, 0.3 * noise, (2, count, 2))
    return arms.reshape(-1, 2), np.repeat([0, 1], count)


def read(text: str) -> list[Point]:
    """The points that a text names, a line each (or parted by ";"): x, y and a class, by commas, tabs or blanks."""
    found: list[Point] = []
    for number, line in enumerate(_lines(text), 1):
        cells = _cells(line)
        try:
            x, y = float(cells[0]), float(cells[1])
            name = ",".join(cells[2:]).strip()
        except (ValueError, IndexError):
            raise BadData(
                f"point {number} must be 'x, y, class', such as '0.2, 0.7, a', got {line.strip()!r}."
            ) from None
        if not (0 <= x <= 1 and 0 <= y <= 1) or not name:
            rule = "has no class" if not name else f"must lie in [0, 1] both ways, got {x:g}, {y:g}"
            raise BadData(f"point {number} {rule}: write 'x, y, class', such as '0.2, 0.7, a'.")
        found.append((x, y, name))
    if not LEAST <= len(found) <= MOST:
        raise BadData(
            f"{LEAST} to {MOST:,} points are played with, got {len(found)}: draw or paste more, or take a shape."
        )
    return found


def _lines(text: str) -> list[str]:
    return [line for line in text.replace(";", "\n").splitlines() if line.strip()]


def _cells(line: str) -> list[str]:
    """x, y and the class, which may hold commas or blanks itself."""
    return line.replace("\t", ",").split(",") if "," in line or "\t" in line else line.split(None, 2)


def fitted(text: str) -> str:
    """Points on any scale, as they may be pasted, moved and scaled into the plane."""
    import numpy as np

    rows = [_cells(line) for line in _lines(text)]
    try:
        places = np.array([[float(x), float(y)] for x, y, *_ in rows])
    except ValueError:
        return text  # `read` says which point is none
    if len(places) < 2 or ((places >= 0) & (places <= 1)).all():
        return text
    low, high = places.min(0), places.max(0)
    inside = MARGIN + (1 - 2 * MARGIN) * (places - low) / np.maximum(high - low, 1e-9)
    return spelled((float(x), float(y), ",".join(row[2:]).strip()) for (x, y), row in zip(inside, rows, strict=True))


def spelled(points: Iterable[Point] | Sequence[Sequence[object]]) -> str:
    """Points as the text that `read` reads."""
    return "; ".join(f"{float(x):.3f}, {float(y):.3f}, {name}" for x, y, name in points)  # type: ignore[arg-type]
