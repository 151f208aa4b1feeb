"""Points in a plane: shapes, drawn ones, and the backbone that takes them as they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.datasets.points import SHAPES, fitted, read, spelled
from workbench.errors import BadChoice, BadData

pytestmark = pytest.mark.usefixtures("one_thread")
DRAWN = "\n".join(f"{at / 40}, {at % 5 / 5}, {'high' if at % 5 > 2 else 'low'}" for at in range(40))


@pytest.mark.parametrize("shape", [each for each in SHAPES if each != "drawn"])
def test_a_shape_lies_in_the_plane_and_is_a_function_of_its_seed(shape):
    data = wb.Points(shape=shape, count=80).load()
    assert data.inputs.shape == (160, 1, 1, 2) and data.inputs.dtype == torch.uint8 and data.domain == "points"
    assert data.classes == ("a", "b") and torch.bincount(data.labels).tolist() == [80, 80]
    assert 15 <= int(data.inputs.min()) < int(data.inputs.max()) <= 240
    assert len(data.train) > len(data.valid) >= 10 <= len(data.test)
    assert not {*data.train.tolist()} & {*data.valid.tolist(), *data.test.tolist()}
    again, other = wb.Points(shape=shape, count=80).load(), wb.Points(shape=shape, count=80, seed=1).load()
    assert again.fingerprint == data.fingerprint != other.fingerprint


@pytest.mark.parametrize("shape", ["circles", "clusters"])
def test_what_no_line_parts_a_hidden_layer_does(shape):
    recipe = wb.Recipe(wb.Points(shape=shape, count=100, noise=0.05), lr=0.03, batch_size=16, epochs=80)
    assert recipe.backbone.architecture == "plane"
    linear = wb.fine_tune(recipe)
    bent = wb.fine_tune(recipe.replace(scope="head(layers=2, width=32, activation='tanh')"))
    assert bent.best["valid_accuracy"] > 0.9 > linear.best["valid_accuracy"] + 0.1


def test_the_plain_baseline_is_a_line_and_any_point_is_answered():
    recipe = wb.Recipe(wb.Points(count=60), lr=0.05, epochs=20)
    run = wb.fine_tune(recipe)
    assert abs(run.baseline["accuracy"] - run.best["valid_accuracy"]) < 0.1  # a linear head is one, too
    corners = torch.tensor([[0, 255], [255, 0]], dtype=torch.uint8)[:, None, None, :]
    assert run.predict(corners)["answer"].tolist() == ["a", "b"]  # the upper moon, the lower one
    assert run.details()["accuracy"] == pytest.approx(run.best["valid_accuracy"])
    assert wb.batch(recipe, 3)[0]["picture"].shape == (1, 1, 2)


def test_drawn_points_are_read_and_spelled():
    found = read(DRAWN)
    assert len(found) == 40 and found[1] == (0.025, 0.2, "low") and read(spelled(found)) == found
    assert read("0.1 0.2 a b;" * 10)[0] == (0.1, 0.2, "a b") == read("0.1\t0.2\ta b\n" * 10)[0]
    data = wb.Points(shape="drawn", drawn=DRAWN).load()
    assert data.classes == ("high", "low") and len(data.labels) == 40


def test_pasted_points_on_any_scale_are_fitted_into_the_plane():
    text = "\n".join(f"{100 + at}, {-at}, a" for at in range(12))
    places = np.array([each[:2] for each in read(fitted(text))])
    assert places.min() == pytest.approx(0.08) and places.max() == pytest.approx(0.92)
    blank = "\n".join(f"{at} {at % 7} of a kind" for at in range(20))
    assert {name for *_, name in read(fitted(blank))} == {"of a kind"}
    assert fitted(DRAWN) == DRAWN and fitted("x, y, a") == "x, y, a"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0.1, 0.2, a\nx, 0.2, a", "point 2 must be 'x, y, class', such as '0.2, 0.7, a', got 'x, 0.2, a'"),
        ("0.1, 1.2, a", r"point 1 must lie in \[0, 1\] both ways, got 0\.1, 1\.2"),
        ("0.1, 0.2", "point 1 has no class: write"),
        ("nan, 0.2, a", "point 1 must lie in"),
        ("0.1, 0.2, a\n" * 9, "10 to 5,000 points are played with, got 9: draw or paste more"),
        ("", "got 0"),
    ],
)
def test_what_is_no_point_is_said(text, why):
    with pytest.raises(BadData, match=why):
        wb.Points(shape="drawn", drawn=text).load()


def test_points_and_pictures_are_not_taken_for_each_other():
    with pytest.raises(BadChoice, match="plane reads points in a plane, and the data are pictures"):
        wb.fine_tune(wb.Recipe("digits", "plane", epochs=1))
    with pytest.raises(BadChoice, match="glyph-resnet reads pictures, and the data are points in a plane"):
        wb.fine_tune(wb.Recipe(wb.Points(), "glyph-resnet", epochs=1))
    with pytest.raises(BadChoice, match="plane has no weights that could train: take scope='head'"):
        wb.fine_tune(wb.Recipe(wb.Points(), scope="all", epochs=1))
    with pytest.raises(BadChoice, match="rand-augment is for pictures, and the data are points in a plane"):
        wb.fine_tune(wb.Recipe(wb.Points(), regularizers="rand-augment", epochs=1))
    with pytest.raises(BadChoice, match="points in a plane have one backbone, 'plane'"):
        wb.shortlist(wb.Points())
