"""What each regularizer brings: the arms of an ablation, and its figure."""

from __future__ import annotations

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadKnob

pytestmark = pytest.mark.usefixtures("one_thread")
NOISY = wb.Recipe(wb.Digits(per_class=10, label_noise=0.4), lr=1e-2, batch_size=25, epochs=60)


def test_what_helps_is_what_is_missed():
    found = wb.labs.ablation(NOISY.replace(regularizers="l2(strength=0.1), clipping(most=10), early-stopping"), seeds=4)
    assert found["without"].tolist() == ["nothing", "l2", "clipping", "all of them"]
    row = found.set_index("without")
    assert row.loc["l2", "ahead_high"] < 0 and not row.loc["l2", "level"] and row.loc["clipping", "level"]
    assert row.loc["nothing", "ahead"] == 0 and row.loc["all of them", "gap"] > row.loc["nothing", "gap"]
    alone = [wb.fine_tune(NOISY.replace(seed=seed)).rows[-1]["valid_accuracy"] for seed in range(4)]
    assert row.loc["all of them", "accuracy"] == pytest.approx(sum(alone) / 4, abs=1e-6)
    figure = wb.plots.ablation(found)
    assert (
        list(figure.data[0].x) == found["ahead"].tolist()[1:] and "Most is lost without l2" in figure.layout.title.text
    )


def test_the_title_says_what_is_beyond_chance():
    about = {"without": ["nothing", "l2", "dropout"], "accuracy": 0.8, "gap": 0.1, "ahead_low": -0.1, "ahead_high": 0.1}
    table = pd.DataFrame(about | {"level": [True, False, True], "ahead": [0.0, -0.03, -0.04]})
    assert "Most is lost without l2: -0.030." in wb.plots.ablation(table).layout.title.text  # and not the grey bar
    better = wb.plots.ablation(table.assign(ahead=[0.0, 0.02, -0.04]))
    assert "Nothing is lost; better without l2: +0.020." in better.layout.title.text
    assert "may change nothing" in wb.plots.ablation(table.assign(level=True)).layout.title.text


def test_whole_networks_are_ablated_one_after_another(tiny):
    recipe = wb.Recipe(wb.Digits(per_class=5), tiny, scope="blocks(last=1)", epochs=2, regularizers="drop-path, l2-sp")
    found = wb.labs.ablation(recipe, seeds=2)
    assert found["without"].tolist() == ["nothing", "drop-path", "l2-sp", "all of them"]


def test_without_a_regularizer_there_is_nothing_to_leave_out():
    with pytest.raises(BadKnob, match="leaves out each regularizer in turn, and the recipe has none that acts"):
        wb.labs.ablation(NOISY.replace(regularizers="early-stopping"))
