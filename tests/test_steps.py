"""Optimizers with a trial axis against torch's own, and schedules."""

from __future__ import annotations

import pytest
import torch

from workbench.choices import entries
from workbench.learners.schedules import Constant, Cosine, OneCycle, Schedule
from workbench.learners.steps import SGD, AdamW, load_tensors, tensors_of


@pytest.mark.parametrize(
    "optimizer", [AdamW(), AdamW(beta1=0.5, beta2=0.9), SGD(), SGD(nesterov=True), SGD(momentum=0.0)]
)
def test_fifty_steps_equal_torchs_own(optimizer):
    rates = torch.tensor([0.1, 0.01, 0.003], dtype=torch.float64)
    stacked = {"w": torch.randn(3, 4, 2, dtype=torch.float64)}
    alone = [stacked["w"][t].clone().requires_grad_() for t in range(3)]
    state, alive = optimizer.start(stacked), torch.ones(3, dtype=torch.bool)
    rivals = []
    for w, rate in zip(alone, rates, strict=True):
        rival = optimizer.torch([w])
        rival.param_groups[0]["lr"] = float(rate)
        rivals.append(rival)
    for _ in range(50):
        grads = torch.randn(3, 4, 2, dtype=torch.float64)
        stacked["w"].grad = grads.clone()
        optimizer.step(stacked, state, rates, alive)
        for w, grad, rival in zip(alone, grads, rivals, strict=True):
            w.grad = grad.clone()
            rival.step()
    for trial in range(3):
        torch.testing.assert_close(stacked["w"][trial], alone[trial].detach(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("optimizer", [AdamW(), SGD()])
def test_a_dead_trial_does_not_move_and_moves_nobody(optimizer):
    stacked = {"w": torch.ones(2, 3, 1)}
    state = optimizer.start(stacked)
    stacked["w"].grad = torch.tensor([1.0, float("nan")]).view(2, 1, 1).expand(2, 3, 1).clone()
    optimizer.step(stacked, state, torch.tensor([0.1, 0.1]), torch.tensor([True, False]))
    assert torch.isfinite(stacked["w"]).all() and (stacked["w"][1] == 1).all() and (stacked["w"][0] < 1).all()


def test_one_cycle_is_torchs():
    w = torch.zeros(1, requires_grad=True)
    rival = torch.optim.SGD([w], lr=1.0)
    clock = torch.optim.lr_scheduler.OneCycleLR(rival, max_lr=1.0, total_steps=50)
    for step in range(49):
        assert OneCycle().factor(step, 50) == pytest.approx(rival.param_groups[0]["lr"], abs=1e-9)
        rival.step()
        clock.step()


def test_warm_up_and_cosine():
    assert Constant().factor(0, 10) == Constant().factor(9, 10) == 1
    assert [Constant(warmup=0.3).factor(s, 10) for s in (0, 1, 2, 3)] == pytest.approx([0.25, 0.5, 0.75, 1])
    assert Cosine(warmup=0).factor(0, 10) == 1 and Cosine(warmup=0).factor(5, 10) == pytest.approx(0.5)
    assert Cosine(warmup=0, last=0.2).factor(10, 10) == pytest.approx(0.2)


@pytest.mark.parametrize("name", entries(Schedule))
@pytest.mark.parametrize("steps", [1, 2, 50])
def test_every_schedule_stays_in_range(name, steps):
    found = [entries(Schedule)[name]().factor(step, steps) for step in range(steps)]
    assert all(0 <= each <= 1 for each in found)


def test_the_state_of_torchs_optimizer_is_named_right_where_a_weight_never_had_a_gradient():
    weights = {name: torch.ones(3, requires_grad=True) for name in ("first", "unused", "last")}
    optimizer = AdamW().torch(list(weights.values()))
    (weights["first"].sum() + 5 * weights["last"].sum()).backward()
    optimizer.step()
    found = tensors_of(optimizer, list(weights))
    assert {key.split(".")[1] for key in found} == {"first", "last"}
    assert torch.allclose(found["exp_avg.first"], torch.full((3,), 0.1))
    assert torch.allclose(found["exp_avg.last"], torch.full((3,), 0.5))
    again = AdamW().torch([w.detach().clone().requires_grad_(True) for w in weights.values()])
    load_tensors(again, weights, found)
    assert set(again.state_dict()["state"]) == {0, 2}
