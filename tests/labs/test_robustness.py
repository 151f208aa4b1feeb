"""Who holds up when units go, inputs are corrupted and outliers come in."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench.datasets.ragged import Ragged, Texts
from workbench.errors import BadKnob
from workbench.labs.robustness import corrupted

pytestmark = pytest.mark.usefixtures("one_thread")


def test_accuracy_falls_with_each_test_and_regularizers_differ():
    recipe = wb.Recipe(wb.Digits(per_class=20), lr=1e-2, epochs=40)
    found = wb.labs.robustness(recipe, ("", "l2(strength=0.1)", "dropout(rate=0.5)"), seeds=2)
    assert found.groupby(["regularizer", "test"]).size().unique().tolist() == [4, 3]
    start = found[found["level"] == 0]
    assert (start["lost"] == 0).all() and start.groupby("regularizer")["accuracy"].nunique().eq(1).all()
    last = found[found["level"] == 0.75].set_index(["test", "regularizer"])
    assert (last["lost"] > 0.05).all()
    deleted = last.loc["units deleted"]["accuracy"]
    assert deleted["dropout(rate=0.5)"] > deleted["none"]  # what is known is known twice
    best = wb.labs.hardest(found, "units deleted")
    assert deleted.idxmax() in best and "none" not in best
    figure = wb.plots.robustness(found)
    assert len(figure.data) == 3 * 3 * 2 and figure.layout.title.text.startswith("Who holds up best at the most: units")


def test_inputs_are_corrupted_by_as_much_as_is_said():
    pictures = torch.randint(0, 256, (4, 1, 32, 32), dtype=torch.uint8)
    calm, loud = (corrupted(pictures, level, 0).float() - pictures.float() for level in (0.1, 0.5))
    assert (
        float(calm.std()) == pytest.approx(0.1 * float(pictures.float().std()), rel=0.15)
        and loud.std() > 3 * calm.std()
    )
    clips = Ragged.of([torch.randint(-1000, 1000, (n,), dtype=torch.int16) for n in (800, 400)], 600)
    noisy = corrupted(clips, 1.0, 0)
    assert noisy.lengths.tolist() == [800, 400] and noisy.longest == 600 and not torch.equal(noisy.values, clips.values)
    texts = Texts(("one two three four five six seven eight nine ten",), ("a",), 9)
    fewer = corrupted(texts, 0.5, 0)
    assert set(fewer.first[0].split()) < set(texts.first[0].split()) and fewer.second == ("a",) and fewer.longest == 9


def test_whole_networks_are_refused():
    with pytest.raises(BadKnob, match="robustness is of heads"):
        wb.labs.robustness(wb.Recipe("digits", scope="all"))
