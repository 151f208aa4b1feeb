"""A path: as its values alone, against scikit-learn's solutions, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadChoice, BadKnob, Diverged
from workbench.learners.plan import plan
from workbench.predicting import answering
from workbench.searching import walking
from workbench.searching.path import EPOCHS, knobs

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def recipe():
    return wb.Recipe(wb.Digits(per_class=5), epochs=3, lr=1e-2)


def test_a_path_is_as_its_values_alone(recipe, capsys):
    recipe = recipe.replace(regularizers="dropout, early-stopping(patience=1)", precision="float64")
    path = wb.path(recipe, "l2.strength", 4, settled=False)
    assert path.recipe.regularizers == (wb.Dropout(), wb.L2()) and path.recipe.epochs == 3
    assert path.values == pytest.approx(np.geomspace(1e-4, 3e-1, 4)) and path.log and not path.lost
    alone = wb.fine_tune(path.recipe_of(path.values[2]))
    row = path.rows()[2]
    for key in ("valid_loss", "train_accuracy", "gap_accuracy", "low", "high", "epoch"):
        assert row[key] == pytest.approx(alone.rows[-1][key], abs=2e-6)
        assert row[f"best_{key}"] == pytest.approx(min(alone.rows[1:], key=lambda r: r["valid_loss"])[key], abs=2e-6)
    held = alone.files.load(alone.files.steps()[-1])[0]["head.0.weight"][0]
    assert np.abs(path.weights(path.values[2]) - held.numpy()).max() < 1e-9
    assert row["zeros"] == 0 and row["size"] == pytest.approx(float(held.abs().mean()))
    assert path.best == min(path.rows(), key=lambda r: r["valid_loss"])["value"]
    assert "epochs" in capsys.readouterr().err  # of the bar
    assert repr(path) == f"Path('l2.strength', 4 values from 0.0001 to 0.3, best at {path.best:.3g})"


def test_settled_is_whole_batches_to_a_rate_of_zero(recipe):
    path = wb.path(recipe, "dropout.rate", [0.5, 0.0], epochs=4)
    about = path.recipe
    assert (about.batch_size, about.epochs, about.lr, about.schedule) == (50, 4, 0.1, wb.Cosine())
    assert path.values == (0.0, 0.5) and not path.log and path.recipe_of(0.4).regularizers == (wb.Dropout(rate=0.5),)
    rates = wb.path(recipe, "lr", wb.Range(1e-3, 1e-1, log=True))
    assert rates.recipe == recipe and len(rates.values) == 50 and rates.at(0.01) in (24, 25)
    with pytest.raises(BadKnob, match=r"lr must be in \[0\.001, 0\.1\] on this path, got 1\."):
        rates.weights(1.0)


def test_several_passes_come_to_the_same(recipe, monkeypatch):
    whole = wb.path(recipe, "l1.strength", np.geomspace(1e-3, 1e-1, 5), epochs=10)
    monkeypatch.setattr(walking, "in_one_pass", lambda plan: 2)
    parts = wb.path(recipe, "l1.strength", np.geomspace(1e-3, 1e-1, 5), epochs=10)
    assert np.abs(parts.heads["head.0.weight"] - whole.heads["head.0.weight"]).max() < 1e-5
    assert parts.values == whole.values


def test_where_an_average_answers_its_weights_are_those_of_the_path(recipe):
    own = recipe.replace(regularizers="ema(decay=0.9)", epochs=4)
    run, data = wb.fine_tune(own), own.data.load()
    ends = walking._trained([own, own.replace(lr=2 * own.lr)], data, 0, 1)
    held = answering(own, run.files.load(run.files.steps()[-1])[0])
    assert ends[0][2]["head.0.weight"] == pytest.approx(held["head.0.weight"][0].numpy(), rel=1e-4, abs=1e-6)


def of_sklearn(kind, strength, x, y):
    """Weights and biases of scikit-learn's solution; biases are not penalised there either."""
    from sklearn.linear_model import LogisticRegression

    how = {"C": 1 / (2 * strength * len(x)), "tol": 1e-8}
    if kind == "l1":
        how = {"C": 1 / (strength * len(x)), "l1_ratio": 1, "solver": "saga", "tol": 1e-5, "random_state": 0}
    found = LogisticRegression(max_iter=5000, **how).fit(x, y)
    return found.coef_.T, found.intercept_


def objective(kind, strength, x, y, weights, biases):
    logits = torch.from_numpy(x @ weights + biases)
    norm = np.abs(weights).sum() if kind == "l1" else (weights**2).sum()
    return float(torch.nn.functional.cross_entropy(logits, torch.from_numpy(y))) + strength * norm


@pytest.mark.parametrize(("kind", "strengths"), [("l2", (1e-3, 1e-2, 1e-1)), ("l1", (1e-2, 3e-2, 1e-1))])
def test_the_ends_are_scikit_learns_solutions(kind, strengths):
    recipe = wb.Recipe(wb.Digits(per_class=20, placement="scattered"), precision="float64")
    path = wb.path(recipe, f"{kind}.strength", strengths)
    assert path.ends[0]["epoch"] == EPOCHS
    learner, train = plan(recipe).learner, 200
    features, labels = learner.features.numpy(), learner.labels.numpy()
    x, y = features[:train], labels[:train]
    for at, strength in enumerate(strengths):
        ours = path.heads["head.0.weight"][at], path.heads["head.0.bias"][at, 0]
        theirs = of_sklearn(kind, strength, x, y)
        wanted = objective(kind, strength, x, y, *theirs)
        assert objective(kind, strength, x, y, *ours) == pytest.approx(wanted, rel=1e-6)
        answers, expected = ((features[train:] @ w + b).argmax(1) for w, b in (ours, theirs))
        assert (answers == expected).mean() >= 0.99
        assert abs((ours[0] == 0).mean() - (theirs[0] == 0).mean()) <= 0.005
        assert path.rows()[at]["valid_accuracy"] == pytest.approx((answers == labels[train:]).mean())
    assert (path.rows()[0]["zeros"] > 0.9) == (kind == "l1")


def test_values_at_which_training_diverges_are_told_and_left_out(recipe, capsys):
    wild = recipe.replace(optimizer="sgd", lr=0.5, epochs=20)
    path = wb.path(wild, "l2.strength", [1e-3, 1e-2, 900.0], settled=False)
    assert path.values == (1e-3, 1e-2) and [*path.lost] == [900.0] and len(path.rows()) == 2
    assert "l2.strength 900 is left out: its loss is no longer a finite number" in capsys.readouterr().err
    with pytest.raises(Diverged, match=r"training diverged at 2 of 2 values of l2\.strength; lower lr or its values\."):
        wb.path(wild, "l2.strength", [800.0, 900.0], settled=False)


def test_what_it_can_go_along():
    assert set(knobs()) >= {"l1.strength", "l2.strength", "dropout.rate", "label-smoothing.amount", "lr"}
    assert not any(name.startswith("early-stopping") for name in knobs())


@pytest.mark.parametrize(
    ("changed", "asked", "kind", "rule"),
    [
        ({"scope": "norms"}, {}, BadChoice, r"recipe\.replace\(scope='head'\), got the scope norms"),
        ({"regularizers": "l2", "changes": "4: l2.strength=1"}, {}, BadKnob, r"turns no knob on the way"),
        ({}, {"knob": "l2.strenght"}, BadChoice, r"not along 'l2\.strenght'\. Did you mean 'l2\.strength'"),
        ({}, {"knob": "scope"}, BadChoice, r"goes along one number .* There are: .*l1\.strength"),
        ({}, {"knob": "early-stopping.watch"}, BadChoice, r"goes along one number"),
        ({}, {"values": 1}, BadKnob, r"values must be a whole number in \[2, 500\], a Range or a list, got 1\."),
        ({}, {"values": True}, BadKnob, r"values must be .* got True"),
        ({}, {"values": [0.1, 0.1]}, BadKnob, r"a path takes 2 to 500 values of l2\.strength, got 1\."),
        ({}, {"values": []}, BadKnob, r"l2\.strength must be searched over a Range or a list of values"),
        ({}, {"values": "many"}, BadKnob, r"a Range or a list of values, got 'many'"),
        ({}, {"values": [0.1, -1]}, BadKnob, r"strength must be in \[0, 1000\], got -1"),
        ({}, {"epochs": 0}, BadKnob, r"epochs must be a whole number in \[1, 100000\], got 0"),
    ],
)
def test_what_is_refused(recipe, changed, asked, kind, rule):
    with pytest.raises(kind, match=rule):
        wb.path(recipe.replace(**changed), **asked)


def test_a_logarithmic_range_stays_above_zero_and_a_recipe_is_one(recipe):
    with pytest.raises(BadKnob, match="`0 < low` where `log`"):
        wb.path(recipe, values=wb.Range(0.0, 1.0, log=True))
    with pytest.raises(BadChoice, match=r"a path takes a recipe, such as wb\.Recipe\('digits'\), got 'digits'"):
        wb.path("digits")
