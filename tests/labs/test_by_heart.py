"""A head watched example by example: the same run as ever, and what it gives back."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import plain

import workbench as wb
from workbench.errors import BadKnob

pytestmark = pytest.mark.usefixtures("one_thread")
NOISY = wb.Recipe(wb.Digits(per_class=10, label_noise=0.4), lr=1e-2, batch_size=25, epochs=60)


@pytest.fixture(scope="module")
def found():
    return wb.labs.by_heart(NOISY)


def test_watching_changes_nothing(found):
    assert plain(found.rows) == plain([*wb.train(NOISY)]) and len(found.history) == 61


def test_the_rows_follow_from_what_was_kept(found):
    assert found.chances.shape == (61, 100, 10) and found.chances.sum(-1) == pytest.approx(1, abs=1e-5)
    assert found.wrong.sum() == 40 and len({*found.positions}) == 100
    right = (found.chances.argmax(-1) == found.labels).mean(-1)
    assert right == pytest.approx(found.history["train_accuracy"].to_numpy())  # the probe is the whole of so few
    assert np.array(found.repeated()) / 40 == pytest.approx(found.history["memorised"].to_numpy())


def test_where_an_average_answers_its_answers_are_kept():
    found = wb.labs.by_heart(NOISY.replace(epochs=10, regularizers="ema(decay=0.98)"))
    right = (found.chances.argmax(-1) == found.labels).mean(-1)
    assert right == pytest.approx(found.history["train_accuracy"].to_numpy())


def test_lies_are_learned_late(found):
    repeated = found.repeated()
    assert repeated[5] < 15 and repeated[60] > 35
    early = (found.chances[5].argmax(-1) == found.true_labels)[found.wrong].mean()
    assert early > 0.5  # of the wrongly labelled it says at first what they are


def test_a_table_tells_each_example(found):
    last, first = found.table(), found.table(0)
    assert len(last) == 100 and last["repeated"].sum() == found.repeated()[-1]
    assert (last["label"] != last["true"]).sum() == 40 and not first["confidence"].equals(last["confidence"])
    assert last[last["repeated"]]["answer"].equals(last[last["repeated"]]["label"])
    assert last["key"].is_unique


def test_what_cannot_be_watched_is_said(found):
    with pytest.raises(BadKnob, match=r"the epoch must be a whole number in \[0, 60\], got 61\."):
        found.table(61)
    with pytest.raises(BadKnob, match="give a recipe of scope 'head', got all"):
        wb.labs.by_heart(NOISY.replace(scope="all"))
