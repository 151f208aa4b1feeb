"""A board on which points are drawn over what the model answers everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import anywidget
import numpy as np
import traitlets

from workbench.plots.style import COLOURS

if TYPE_CHECKING:
    from numpy.typing import NDArray

CELLS = 60  # of the surface, each way


class Board(anywidget.AnyWidget):
    """`points`: [x, y, class], x and y in [0, 1], up being up. `surface`: what stands behind them.

    `held`: places of the points that are held out, as `place` names them; those are hollow. `kind`: the class of the
    next point; `drawn`: how often a hand added one, or took one away. `said`: what a screen reader says of the board.
    """

    _esm = Path(__file__).with_name("board.js")
    _css = ".wb-board { width: 100%; max-width: 400px; aspect-ratio: 1; border: 1px solid #888; cursor: crosshair; }"
    points = traitlets.List(traitlets.List()).tag(sync=True)
    held = traitlets.List(traitlets.Unicode()).tag(sync=True)
    surface = traitlets.Bytes(b"").tag(sync=True)
    cells = traitlets.Int(CELLS).tag(sync=True)
    colours = traitlets.List(traitlets.Unicode(), list(COLOURS)).tag(sync=True)
    kind = traitlets.Int(0).tag(sync=True)
    drawn = traitlets.Int(0).tag(sync=True)
    said = traitlets.Unicode("").tag(sync=True)

    def show(self, chances: NDArray[np.float32]) -> None:
        """Colour each cell by the classes' probabilities there, (cells * cells, classes), the upper row first."""
        self.surface = mixed(chances).tobytes()


def place(x: float, y: float) -> str:
    """The name of a point's place, to a thousandth of the board."""
    return f"{round(x * 1000)} {round(y * 1000)}"


def mixed(chances: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The classes' colours mixed by their probabilities, half as strong as the points: (cells, 3), uint8."""
    rgb = np.array([[int(each[at : at + 2], 16) for at in (1, 3, 5)] for each in COLOURS], dtype=np.float32)
    own = rgb[np.arange(chances.shape[1]) % len(rgb)]
    return np.asarray((0.5 * (chances @ own) + 0.5 * 255).round().clip(0, 255).astype(np.uint8))


def spread(chances: NDArray[np.float32], columns: list[int], classes: int) -> NDArray[np.float32]:
    """Probabilities of some classes as those of all, (cells, classes): zero where no column is named."""
    found = np.zeros((len(chances), classes), chances.dtype)
    found[:, columns] = chances
    return found


def grid(cells: int = CELLS) -> NDArray[np.float32]:
    """The middles of the cells as points, (cells * cells, 2), the upper row first."""
    along = (np.arange(cells) + 0.5) / cells
    x, y = np.meshgrid(along, along[::-1])
    return np.stack([x.ravel(), y.ravel()], -1).astype(np.float32)
