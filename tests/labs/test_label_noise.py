"""Wrong labels learnt by heart over the epochs, by regularizer."""

from __future__ import annotations

import pytest

import workbench as wb
from workbench.errors import BadKnob
from workbench.labs.label_noise import _given

pytestmark = pytest.mark.usefixtures("one_thread")
RECIPE = wb.Recipe(wb.Digits(per_class=10), lr=1e-2, batch_size=25, epochs=60)


def test_l2_holds_back_what_a_free_head_learns_by_heart():
    found = wb.labs.label_noise(RECIPE, (0.0, 0.4), ("", "l2(strength=0.1)"), seeds=4)
    assert len(found) == 2 * 2 * 61 and found["memorised"].isna().sum() == 2 * 61
    end = found[found["epoch"] == 60].set_index(["share", "regularizer"])
    free, held = end.loc[(0.4, "none")], end.loc[(0.4, "l2(strength=0.1)")]
    assert free["memorised"] > 0.9 and held["memorised"] < 0.7 and held["accuracy"] > free["accuracy"] + 0.05
    assert end.loc[(0.0, "none"), "accuracy"] > free["accuracy"] + 0.15
    figure = wb.plots.label_noise(found)
    assert [trace.name for trace in figure.data if trace.showlegend] == ["none", "l2(strength=0.1)"]
    assert figure.layout.title.text.startswith("With 40% wrong labels, at the end: ")


def test_each_seed_has_wrong_labels_of_its_own_and_the_first_those_of_the_data():
    data = wb.Digits(per_class=10)
    clean, wrong = data.load(), data.replace(label_noise=0.4).load()
    first, other = (_given(clean, 0.4, seed) for seed in (0, 1))
    assert first.equal(wrong.labels[wrong.train]) and not first.equal(other)
    assert (first != clean.labels[clean.train]).sum() == (other != clean.labels[clean.train]).sum() == 40


def test_no_share_is_no_experiment():
    with pytest.raises(BadKnob, match="name one share and one regularizer"):
        wb.labs.label_noise(RECIPE, ())
