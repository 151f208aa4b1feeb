"""Heads with a trial axis: alone or among others, the same run."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench.learners import head
from workbench.learners.heads import Heads
from workbench.regularizers.layers import dropped
from workbench.trainer import cross_entropy


def data():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(60, 8, generator=generator, dtype=torch.float64)
    return features, torch.randint(0, 3, (60,), generator=generator)


def trained(recipes, tiny, rates, drops, steps=50, spoil=None):
    """Weights after `steps` steps of the recipes' heads, each with its own rate and dropout, on shared batches."""
    features, labels = data()
    learner = Heads(recipes, features, labels, 3, torch.float64)
    learner.ready()
    alive = torch.ones(len(recipes), dtype=torch.bool)
    for step in range(steps):
        generator = torch.Generator().manual_seed(step)
        positions = torch.randperm(60, generator=generator)[:20].unsqueeze(0)
        draws = torch.rand(1, 20, 8, generator=generator, dtype=torch.float64)
        logits = learner.logits(learner.inputs(positions), lambda x, _, d=draws: dropped(x, drops, d))
        loss = cross_entropy(logits, labels[positions])
        if spoil is not None and step == 3:
            loss = loss * torch.where(torch.arange(len(recipes)) == spoil, float("nan"), 1.0)
        loss.sum().backward()
        alive = alive & learner.finite(loss)
        learner.step(rates, alive)
    return learner.weights_all["head.0.weight"].detach(), alive


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_trial_among_others_is_the_trial_alone(tiny, optimizer):
    recipes = [wb.Recipe("digits", tiny, seed=s, optimizer=optimizer) for s in (0, 1, 0)]
    rates = torch.tensor([0.1, 0.01, 0.03], dtype=torch.float64)
    drops = torch.tensor([0.0, 0.5, 0.2], dtype=torch.float64)
    fused, _ = trained(recipes, tiny, rates, drops)
    for at in range(3):
        alone, _ = trained(recipes[at : at + 1], tiny, rates[at : at + 1], drops[at : at + 1])
        torch.testing.assert_close(fused[at], alone[0], rtol=0, atol=1e-10)


@pytest.mark.parametrize("folds", [1, 3])
def test_all_that_a_step_touches_is_on_the_device_it_was_given(tiny, folds):
    away = torch.device("meta")  # without numbers; an operation with tensors that are elsewhere fails
    features, labels = data()
    standard = torch.zeros(folds, 8, dtype=torch.float64), torch.ones(folds, 8, dtype=torch.float64)
    recipes = [wb.Recipe("digits", tiny)] * 6
    learner = Heads(recipes, features, labels, 3, torch.float64, [features], standard, away)
    learner.ready()
    learner.vary(0, 0)
    positions = torch.zeros(1 if folds == 1 else 6, 20, dtype=torch.long, device=away)
    logits = learner.logits(learner.inputs(positions))
    cross_entropy(logits, learner.labels[positions]).sum().backward()
    learner.step(torch.full((6,), 0.1, device=away, dtype=torch.float64), torch.ones(6, dtype=torch.bool))
    made = [*learner.weights_all.values(), *learner.standard, *learner.views, learner.features, learner.fold_of, logits]
    made += [w for name, w in learner.moments.items() if name != "steps"]
    assert learner.device == away and {w.device for w in made} == {away}


def test_one_trials_nan_stays_its_own(tiny):
    recipes = [wb.Recipe("digits", tiny, seed=0)] * 3
    rates, drops = torch.full((3,), 0.1, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    clean, _ = trained(recipes, tiny, rates, drops)
    spoilt, alive = trained(recipes, tiny, rates, drops, spoil=1)
    assert alive.tolist() == [True, False, True]
    torch.testing.assert_close(spoilt[[0, 2]], clean[[0, 2]], rtol=0, atol=1e-10)
    assert torch.isfinite(spoilt).all()


def test_a_head_alone_is_torchs_linear_with_torchs_adamw(tiny):
    features, labels = data()
    weights = head.start(wb.Head(), 8, 3, [0], torch.float64)
    rival = torch.nn.Linear(8, 3).double()
    with torch.no_grad():
        rival.weight.copy_(weights["head.0.weight"][0].T)
        rival.bias.copy_(weights["head.0.bias"][0, 0])
    optimizer = torch.optim.AdamW(rival.parameters(), lr=0.1, weight_decay=0)
    for step in range(50):
        at = torch.randperm(60, generator=torch.Generator().manual_seed(step))[:20]
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(rival(features[at]), labels[at]).backward()
        optimizer.step()
    ours, _ = trained(
        [wb.Recipe("digits", tiny)], tiny, torch.tensor([0.1], dtype=torch.float64), torch.zeros(1).double()
    )
    torch.testing.assert_close(ours[0].T, rival.weight.detach(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("scope", ["head(layers=2, width=16, activation='gelu')", "head(layers=1, activation='tanh')"])
def test_hidden_layers_train(tiny, scope):
    run = wb.fine_tune(wb.Recipe(wb.Digits(per_class=5), tiny, scope=scope, epochs=10, lr=1e-2))
    assert run.rows[-1]["train_accuracy"] > run.rows[0]["train_accuracy"] + 0.2


def test_dropout_keeps_the_mean_and_zeroes_the_share():
    x, draws = torch.ones(1, 200, 50), torch.rand(1, 200, 50, generator=torch.Generator().manual_seed(0))
    found = dropped(x, torch.tensor([0.0, 0.4]), draws)
    assert (found[0] == 1).all() and float((found[1] == 0).float().mean()) == pytest.approx(0.4, abs=0.02)
    assert float(found[1].mean()) == pytest.approx(1, abs=0.03)
