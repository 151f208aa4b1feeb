"""Schedules against torch's own, and in a run."""

from __future__ import annotations

import pytest
import torch
from torch.optim import lr_scheduler

import workbench as wb
from workbench.learners.schedules import Constant, Cosine, OneCycle, warm

pytestmark = pytest.mark.usefixtures("one_thread")


def torchs(made, steps):
    """The learning rate at each of `steps` steps by one of torch's schedulers, from 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    clock, rates = made(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        clock.step()
    return rates


def ours(schedule, steps):
    return [schedule.factor(step, steps) for step in range(steps)]


@pytest.mark.parametrize("steps", [1, 2, 13, 200])
@pytest.mark.parametrize("last", [0.0, 0.1, 1.0])
def test_cosine_is_torchs(steps, last):
    wanted = torchs(lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=steps, eta_min=last), steps)
    assert ours(Cosine(warmup=0, last=last), steps) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize(("warmup", "first"), [(0.05, 2), (0.25, 10), (0.5, 20)])
def test_cosine_after_a_warm_up_is_torchs_linear_and_then_its_cosine(warmup, first):
    def made(optimizer):
        rise = lr_scheduler.LinearLR(optimizer, start_factor=1 / (first + 1), total_iters=first)
        fall = lr_scheduler.CosineAnnealingLR(optimizer, T_max=40 - first, eta_min=0.1)
        return lr_scheduler.SequentialLR(optimizer, [rise, fall], milestones=[first])

    assert ours(Cosine(warmup=warmup, last=0.1), 40) == pytest.approx(torchs(made, 40), abs=1e-9)


@pytest.mark.parametrize(("warmup", "steps"), [(0.05, 200), (0.1, 21), (0.3, 7), (0.3, 4), (0.5, 50)])
def test_one_cycle_is_torchs_with_any_warm_up(warmup, steps):
    wanted = torchs(lambda o: lr_scheduler.OneCycleLR(o, max_lr=1.0, total_steps=steps, pct_start=warmup), steps)
    assert ours(OneCycle(warmup=warmup), steps) == pytest.approx(wanted, abs=1e-9)


def test_one_cycle_of_too_few_steps_to_rise_starts_at_the_top():
    assert ours(OneCycle(), 1) == [1.0]
    assert ours(OneCycle(), 2) == pytest.approx([1, 1 / 250_000])


def test_the_rise_is_a_straight_line_that_never_starts_at_nothing():
    assert [warm(step, 20, 0.2) for step in range(6)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])
    assert ours(Constant(warmup=1.0), 4) == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert ours(Constant(), 3) == [1, 1, 1]


@pytest.mark.parametrize("name", ["constant(warmup=0.5)", "cosine", "one-cycle"])
def test_a_runs_rows_tell_the_rate_of_their_last_step(name, tiny):
    recipe = wb.Recipe(wb.Digits(per_class=5), tiny, schedule=name, epochs=4, batch_size=10, lr=0.02)
    rows = wb.fine_tune(recipe).rows  # 50 digits: five steps an epoch
    wanted = [0.02 * recipe.schedule.factor(5 * epoch - 1, 20) for epoch in range(1, 5)]
    assert rows[0]["lr"] is None and [row["lr"] for row in rows[1:]] == pytest.approx(wanted, rel=1e-6)
