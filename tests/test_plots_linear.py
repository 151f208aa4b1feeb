"""The weights of a linear head: before and after, and how they add up to its answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadChoice, BadKnob
from workbench.plots.linear import rows, votes_of

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    recipe = wb.Recipe(wb.Digits(per_class=5), lr=1e-2, epochs=3, seed=4)
    return wb.fine_tune(recipe, tmp_path_factory.mktemp("linear") / "run")


def test_a_row_a_number_as_drawn_and_as_learned(run):
    found = rows(run)
    head = run.model().head
    assert len(found) == 970 == sum(p.numel() for p in head.parameters())
    assert {row["class"] for row in found} == {*"0123456789"} and [r["feature"] for r in found[:97]][-2:] == [
        95,
        "bias",
    ]
    third = [row for row in found if row["class"] == "3"]
    assert [row["after"] for row in third[:-1]] == head["head_0_weight"][0, :, 3].tolist()
    assert third[-1]["after"] == head["head_0_bias"][0, 0, 3].item()
    assert max(abs(row["before"]) for row in found) < 1 / 96**0.5  # evenly within it, as torch draws them
    assert np.mean([row["before"] != row["after"] for row in found]) > 0.9


def test_the_start_is_that_of_the_recipes_seed(run, tmp_path):
    other = wb.fine_tune(run.recipe.replace(seed=5, epochs=1), tmp_path / "other")
    same = wb.fine_tune(run.recipe.replace(lr=1e-4, epochs=1), tmp_path / "same")
    first, second, third = ([row["before"] for row in rows(each)] for each in (run, other, same))
    assert first == third != second


def test_the_figure_shows_both_on_one_scale(run):
    figure = wb.plots.weights(run)
    before, after = figure.data
    assert np.shape(before.z) == np.shape(after.z) == (10, 96)
    assert (before.zmin, before.zmax) == (after.zmin, after.zmax) and before.zmin == -before.zmax
    largest = np.abs(after.z).max(0)
    assert (np.diff(largest) <= 0).all() and np.abs(before.z).mean() < np.abs(after.z).mean()
    assert figure.layout.title.text.startswith(
        "960 weights and 10 biases: training took the mean size of a weight from 0.0"
    )


def test_the_votes_add_up_to_the_models_own_logits(run):
    data, model = run.load_data(), run.model()
    for at in (0, 7):
        found = votes_of(run, at)
        picture = data.inputs[data.valid[at : at + 1]]
        with torch.no_grad():
            logits = model(run.restored().built.prepare(picture))[0]
        assert found["scores"].tolist() == pytest.approx(logits.tolist(), abs=1e-4)
        assert found["votes"].shape == (96, 10) and found["answer"] == found["names"][int(logits.argmax())]
        assert found["label"] == data.classes[data.labels[data.valid[at]]]


def test_the_figure_of_votes_marks_the_answer(run):
    found, figure = votes_of(run, 1), wb.plots.votes(run, 1)
    heat, bars = figure.data
    assert np.shape(heat.z) == (10, 96) and list(bars.x) == pytest.approx(found["scores"].tolist())
    marked = [colour for colour in bars.marker.color if bars.marker.color.count(colour) == 1]
    assert bars.marker.color.index(marked[0]) == int(found["scores"].argmax())
    said = figure.layout.title.text
    assert said.startswith(f"“{found['answer']}” gets the highest sum, ") and said.endswith(f"“{found['label']}”.")


def test_what_has_no_such_weights_or_example_is_refused(run, tmp_path):
    hidden = wb.fine_tune(run.recipe.replace(scope="head(layers=1)", epochs=1), tmp_path / "hidden")
    with pytest.raises(BadChoice, match=r"a linear head are shown, got head\(layers=1\): head\(layers=0\) is linear"):
        wb.plots.weights(hidden)
    with pytest.raises(BadKnob, match=r"the validation example must be a whole number in \[0, 333\], got 334"):
        wb.plots.votes(run, 334)
