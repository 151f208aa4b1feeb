"""Remedies held against none: more data and early stopping among them."""

from __future__ import annotations

import pytest

import workbench as wb
from workbench.errors import BadKnob

pytestmark = pytest.mark.usefixtures("one_thread")
NOISY = wb.Recipe(wb.Digits(per_class=10, label_noise=0.4), lr=1e-2, batch_size=25, epochs=60)
MORE = NOISY.replace(data=NOISY.data.replace(per_class=40), epochs=15)  # as many pictures are seen


@pytest.fixture(scope="module")
def found():
    arms = {"nothing": NOISY, "early": NOISY.replace(regularizers="early-stopping"), "more": MORE}
    return wb.labs.remedies(arms | {"L2": NOISY.replace(regularizers="l2(strength=0.1)")}, seeds=2)


def test_each_is_what_its_runs_are(found):
    row = found.set_index("remedy")
    assert [*row.index] == ["nothing", "early", "more", "L2"]
    for name, recipe in (("nothing", NOISY), ("more", MORE)):
        alone = [[*wb.train(recipe.replace(seed=seed))][-1]["valid_accuracy"] for seed in range(2)]
        assert row.loc[name, "accuracy"] == pytest.approx(sum(alone) / 2, abs=1e-6)


def test_early_stopping_keeps_the_best_epoch_until_it_stops(found, tmp_path):
    early = NOISY.replace(regularizers="early-stopping")
    runs = [wb.fine_tune(early.replace(seed=seed), tmp_path / str(seed)) for seed in range(2)]
    assert all(run.rows[-1]["epoch"] < 60 for run in runs)
    row = found.set_index("remedy").loc["early"]
    for column, key in (("accuracy", "valid_accuracy"), ("valid_loss", "valid_loss"), ("gap", "gap_accuracy")):
        assert row[column] == pytest.approx(sum(run.best[key] for run in runs) / 2, abs=1e-6)


def test_where_an_average_answers_its_answers_count():
    mean = NOISY.replace(epochs=20, regularizers="ema(decay=0.98)")
    found = wb.labs.remedies({"nothing": NOISY.replace(epochs=20), "ema": mean}, seeds=2).set_index("remedy")
    alone = [[*wb.train(mean.replace(seed=seed))][-1] for seed in range(2)]
    for column, key in (("accuracy", "valid_accuracy"), ("train_accuracy", "train_accuracy")):
        assert found.loc["ema", column] == pytest.approx(sum(row[key] for row in alone) / 2, abs=1e-6)
    assert found.loc["ema", "ahead"] != 0  # training is the same: only the answers are others


def test_the_title_says_what_is_beyond_chance(found):
    worse = found.assign(level=[True, False, True, True], ahead=[0.0, -0.02, 0.03, 0.01])
    assert "None helps; most is lost by early: " in wb.plots.remedies(worse).layout.title.text
    mixed = found.assign(level=[True, False, True, False], ahead=[0.0, 0.02, 0.03, 0.01])
    assert "Most is brought by early: " in wb.plots.remedies(mixed).layout.title.text


def test_what_helps_is_ahead_beyond_chance(found):
    row = found.set_index("remedy")
    assert row.loc["nothing", "ahead"] == 0 and row.loc["nothing", "level"]
    assert (row.loc[["early", "more", "L2"], "ahead_low"] > 0).all()
    figure = wb.plots.remedies(found)
    assert [*figure.data[0].x] == found["accuracy"].tolist()
    best = found.loc[found["ahead"].idxmax(), "remedy"]
    assert f"Most is brought by {best}: " in figure.layout.title.text
    assert "No remedy can be told from none." in wb.plots.remedies(found.assign(level=True)).layout.title.text


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(BadKnob, match="name two or more, got 1"):
        wb.labs.remedies({"nothing": NOISY})
    other = NOISY.replace(data=NOISY.data.replace(seed=1))
    with pytest.raises(BadKnob, match="the same validation examples: 'other' has others than 'nothing'"):
        wb.labs.remedies({"nothing": NOISY.replace(epochs=1), "other": other.replace(epochs=1)}, seeds=1)
