"""So many labels a class: drawn alike in each class, the larger holding the smaller; the best of some ways counts."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import BadKnob
from workbench.labs.sizes import draw, measured

LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 0])


def test_a_draw_takes_as_many_of_each_class_and_a_larger_one_holds_a_smaller():
    small, large = draw(LABELS, 1, 4, 3), draw(LABELS, 3, 4, 3)
    assert small.shape == (4, 3) and large.shape == (4, 9)
    for few, many in zip(small, large, strict=True):
        assert sorted(LABELS[few]) == [0, 1, 2] and np.bincount(LABELS[many]).tolist() == [3, 3, 3]
        assert {*few} < {*many} and sorted(many) == [*many]
    assert len({tuple(each) for each in large}) > 1  # by chance
    assert (draw(LABELS, 3, 2, 3) == large[:2]).all()


def test_all_are_taken_once():
    assert draw(LABELS, None, 7, 3).tolist() == [[*range(12)]]


def test_more_than_the_rarest_class_has_are_refused():
    with pytest.raises(BadKnob, match=r"labels a class must be a whole number in \[1, 3\], got 4"):
        draw(LABELS, 4, 2, 3)


@pytest.fixture(scope="module")
def data():
    return wb.Digits(per_class=6).load()


def test_a_row_a_size_and_the_way_that_is_right_most_often_counts(data):
    asked = []

    def answered(drawn):
        asked.append(drawn.shape)
        ways = np.zeros((3, len(drawn), 8))
        ways[1, :, :6], ways[2, 0] = 1, 1
        return ways

    rows = measured(data, [2, None], 2, answered)
    assert asked == [(2, 20), (1, 60)]
    assert [(row["per_class"], row["labels"], row["draws"]) for row in rows] == [(2, 20, 2), (6, 60, 1)]
    assert rows[0]["accuracy"] == 0.75 and rows[0]["low"] < 0.75 < rows[0]["high"]
    assert (rows[1]["accuracy"], rows[1]["low"], rows[1]["high"]) == (1, 1, 1)


def test_what_is_no_size_is_refused(data):
    with pytest.raises(BadKnob, match=r"draws must be a whole number in \[1, 1,000\], got 0"):
        measured(data, [1], 0, len)
    with pytest.raises(BadKnob, match="name one number of labels a class or more, None for all, got none"):
        measured(data, [], 2, len)
    with pytest.raises(BadKnob, match=r"labels a class must be a whole number in \[1, 6\], got 0"):
        measured(data, [0], 2, len)
