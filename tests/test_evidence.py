"""The numbers that a verdict goes by, from rows whose answers are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

import workbench as wb
from workbench.evidence import evidence, luck, wilson

pytestmark = pytest.mark.usefixtures("one_thread")
LOSSES = [2.0, 1.0, 0.6, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]  # of the validation part, epoch by epoch: the third is the best


def row(epoch, loss, **more):
    """As an epoch leaves it: the gap of accuracy grows by 0.02 an epoch."""
    gap = 0.02 * epoch
    found = {"epoch": epoch, "valid_loss": loss, "train_loss": 2.0 / (epoch + 1), "objective": 2.0, "penalty": 0.25}
    found |= {"gap_loss": 0.1, "gap_loss_low": 0.0, "gap_loss_high": 0.2, "gap_accuracy": gap}
    found |= {"low": gap - 0.05, "high": gap + 0.05, "valid_accuracy": 0.7, "valid_high": 0.75, "train_accuracy": 0.9}
    return found | {"rise": loss - min(LOSSES), "rise_low": 0.01, "rise_high": 0.9, "valid_confidence": 0.8} | more


def test_each_number_is_what_its_name_says():
    rows = [row(epoch, loss) for epoch, loss in enumerate(LOSSES)]
    rows[-1] |= {"valid_confidence": 0.95, "memorised": 0.6}
    seen = evidence(rows)
    assert (seen["epoch"], seen["best_epoch"], seen["best_accuracy"], seen["best_high"]) == (8, 3, 0.7, 0.75)
    assert (seen["rise"], seen["rise_low"], seen["rise_high"]) == (0.5, 0.01, 0.9)
    assert (seen["gap"], seen["gap_low"], seen["gap_high"]) == pytest.approx((0.16, 0.11, 0.21))
    assert seen["gap_slope"] == pytest.approx(0.02) and seen["drift"] == pytest.approx(0.15)
    assert seen["noise"] == pytest.approx(2.0 - 0.25 - (2 / 8 - 2 / 9) / math.log(9 / 8))  # neither penalty nor loss
    assert seen["memorised"] == 0.6 and math.isnan(seen["memorised_before"])
    assert seen["falling"] == pytest.approx((0.8 - 1.0) / 1.5)  # over the last quarter it rose
    assert (seen["train_loss_before"], seen["train_loss_best"]) == (2.0, 0.5)


def test_luck_is_what_the_least_of_scattering_epochs_makes_and_a_smooth_curve_has_none():
    draws = np.random.default_rng(0).normal(1.0, 0.1, (2000, 50))
    expected = 1.0 - draws.min(-1).mean()  # the least of fifty lies so far below
    assert expected < np.mean([luck(row) for row in draws]) < 1.4 * expected
    epochs = np.arange(50)
    assert luck(np.exp(-epochs / 5) + 0.01 * epochs) < 0.01  # falls, then rises by 0.4: overfitting, and no scatter
    assert luck(LOSSES) < 0.05 and luck([1.0, math.inf, 0.5, 0.2]) == 0 == luck([])
    assert luck([1.2, 0.7, 0.5, 0.52, 0.6]) < 0.08  # bent, and smooth: what it rose by is not luck


def test_with_wrong_labels_accuracy_is_that_on_the_right_ones():
    rows = [row(epoch, loss, clean_train_accuracy=0.97) for epoch, loss in enumerate(LOSSES)]
    assert evidence(rows)["train_accuracy"] == 0.97


def test_what_dropout_adds_to_the_loss_that_the_optimizer_sees_is_a_number_of_its_own():
    data = wb.Digits(per_class=10)
    calm, noisy = (
        wb.diagnose(wb.fine_tune(wb.Recipe(data, lr=1e-2, epochs=20, regularizers=r))).evidence["noise"]
        for r in ("l2(strength=0.01)", "l2(strength=0.01), dropout(rate=0.5)")
    )
    assert noisy > 0.03 > 3 * abs(calm)


def test_the_interval_of_a_share_is_scipys_and_of_no_end_of_examples_the_share():
    for right, many in ((5, 10), (16, 16), (0, 7), (300, 334)):
        known = binomtest(right, many).proportion_ci(method="wilson")
        assert wilson(right / many, many) == pytest.approx((known.low, known.high), abs=1e-6)
    assert wilson(0.7, math.inf) == pytest.approx((0.7, 0.7))
