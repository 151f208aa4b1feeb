"""Metrics against scikit-learn, intervals against theory."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from workbench import evaluation

DRAW = np.random.default_rng(0)
LABELS, ANSWERS = DRAW.integers(0, 5, 300), DRAW.integers(0, 5, 300)


def test_scores_are_scikit_learns():
    found = evaluation.summary(LABELS, ANSWERS, 5)
    kwargs = {"average": "macro", "zero_division": 0}
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(LABELS, ANSWERS))
    assert found["precision"] == pytest.approx(metrics.precision_score(LABELS, ANSWERS, **kwargs))
    assert found["recall"] == pytest.approx(metrics.recall_score(LABELS, ANSWERS, **kwargs))
    assert found["f1"] == pytest.approx(metrics.f1_score(LABELS, ANSWERS, **kwargs))
    assert (evaluation.confusion(LABELS, ANSWERS, 5) == metrics.confusion_matrix(LABELS, ANSWERS)).all()


def test_losses_are_scikit_learns_and_stay_finite():
    logits = DRAW.normal(size=(300, 5)) * 3
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert evaluation.losses(logits, LABELS).mean() == pytest.approx(metrics.log_loss(LABELS, chances))
    assert np.isfinite(evaluation.losses(np.array([[1e5, -1e5]]), np.array([1]))).all()


def test_the_interval_covers_the_truth_as_often_as_it_says():
    draw, inside = np.random.default_rng(1), 0
    for _ in range(300):
        low, high = evaluation.interval((draw.random(200) < 0.8).astype(float), (draw.random(150) < 0.7).astype(float))
        inside += low <= 0.1 <= high
    assert 0.90 <= inside / 300 <= 0.99


def test_an_interval_over_draws_and_examples_covers_the_truth_as_often_as_it_says():
    draw, hits = np.random.default_rng(0), 0
    for _ in range(200):  # each draw and each example with an effect of its own
        values = 0.3 + draw.normal(0, 0.2, (8, 1)) + draw.normal(0, 0.5, (1, 60)) + draw.normal(0, 0.3, (8, 60))
        low, high = evaluation.interval_over(values)
        hits += low <= 0.3 <= high
    assert 180 <= hits <= 199
    one = draw.integers(0, 2, (1, 300)).astype(float)
    assert evaluation.interval_over(one) == pytest.approx(evaluation.interval(one[0]), abs=1e-6)


def test_a_class_that_is_not_there_is_not_counted():
    found = evaluation.report(np.eye(3)[[0, 1, 0]], np.array([0, 1, 1]), ("a", "b", "c"))
    assert found["classes"][2]["recall"] is None and found["classes"][2]["support"] == 0
    assert found["recall"] == pytest.approx((1 + 0.5) / 2)


def test_the_gap_points_the_right_way():
    good = {"loss": np.full((1, 50), 0.1), "right": np.ones((1, 50))}
    bad = {"loss": np.full((1, 40), 1.1), "right": np.zeros((1, 40))}
    found = {name: value.item() for name, value in evaluation.compared(good, bad).items()}
    assert (
        found["gap_loss"] == pytest.approx(1.0) and found["gap_accuracy"] == 1.0 and found["low"] == found["high"] == 1
    )


def test_many_trials_are_measured_as_each_alone():
    draw = np.random.default_rng(0)
    labels, answers = draw.integers(0, 3, 40), draw.integers(0, 4, (5, 40))  # class 3 is answered and never there
    together = evaluation.summary(labels, answers, 4)
    right = (answers == labels).astype(float)
    low, high = evaluation.intervals(right, right[::-1])
    for at in range(5):
        alone = evaluation.summary(labels, answers[at], 4)
        assert {key: value[at] for key, value in together.items()} == pytest.approx(
            {k: float(v) for k, v in alone.items()}
        )
        assert (low[at], high[at]) == pytest.approx(evaluation.interval(right[at], right[4 - at]), abs=2e-6)
    right[2, 0] = np.nan
    low, high = evaluation.intervals(right)
    assert np.isnan(low).tolist() == np.isnan(high).tolist() == [False, False, True, False, False]
