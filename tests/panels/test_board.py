"""The board: cells in the order of the picture, colours mixed by probability."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.panels.board import CELLS, Board, grid, mixed
from workbench.plots.style import COLOURS


def test_the_upper_row_comes_first():
    places = grid(3)
    assert places[0].tolist() == pytest.approx([1 / 6, 5 / 6]) and places[-1].tolist() == pytest.approx([5 / 6, 1 / 6])
    assert places[2].tolist() == pytest.approx([5 / 6, 5 / 6]) and len(grid()) == CELLS**2


def test_what_is_sure_has_the_classs_colour_and_what_is_not_a_mixture():
    sure, even = mixed(np.array([[1.0, 0.0], [0.5, 0.5]], dtype=np.float32))
    own = np.array([int(COLOURS[0][at : at + 2], 16) for at in (1, 3, 5)])
    assert sure == pytest.approx(own / 2 + 127.5, abs=1)
    other = mixed(np.array([[0.0, 1.0]], dtype=np.float32))[0]
    assert even == pytest.approx((sure.astype(int) + other) / 2, abs=1)


def test_a_surface_is_three_bytes_a_cell():
    board = Board()
    board.show(np.full((CELLS**2, 3), 1 / 3, dtype=np.float32))
    assert len(board.surface) == 3 * CELLS**2
