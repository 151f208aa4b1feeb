"""Clipping and SAM, a trial at a time, against torch's and the paper's."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

import workbench as wb
from workbench.job import Job
from workbench.learners.plan import plan
from workbench.regularizers import Now


def test_clipping_is_torchs_a_trial_at_a_time():
    weights = {"a": torch.randn(2, 5, 3).double(), "b": torch.randn(2, 1, 3).double()}
    grads = {name: torch.randn_like(w) for name, w in weights.items()}
    wanted = []
    for trial, most in enumerate((0.5, 100.0)):
        alone = [torch.nn.Parameter(w[trial].clone()) for w in weights.values()]
        for p, g in zip(alone, grads.values(), strict=True):
            p.grad = g[trial].clone()
        torch.nn.utils.clip_grad_norm_(alone, most)
        wanted.append([p.grad for p in alone])
    learner = SimpleNamespace(gradients=lambda: grads)
    wb.Clipping().on_gradients([], Now(learner=learner, most=torch.tensor([0.5, 100.0]).double()))
    for at, g in enumerate(grads.values()):
        torch.testing.assert_close(g, torch.stack([wanted[0][at], wanted[1][at]]))


@pytest.mark.parametrize("scope", ["head", "all"])
def test_sam_steps_by_the_gradient_at_the_worst_place_near_by(scope, tiny):
    recipe = wb.Recipe(wb.Digits(per_class=5), tiny, scope=scope, precision="float64", regularizers="sam(radius=0.3)")
    job = Job(plan(recipe))
    learner, (positions, _) = job.learner, job.batches(0)[0]
    loss_of = torch.nn.functional.cross_entropy

    def compute():
        loss = loss_of(learner.logits(learner.inputs(positions))[0], learner.labels[positions][0])
        loss.backward()
        return [(loss.detach()[None], 0.0, positions)]

    if scope == "all":
        learner.training()
    start = {name: w.detach().clone() for name, w in learner.every().items()}
    statistics = [b.clone() for b in learner.floating]
    first = compute()[0][0]
    plain = {name: g.clone() for name, g in learner.gradients().items()}
    after_one = [b.clone() for b in learner.floating]
    norm = sum(float((g**2).sum()) for g in plain.values()) ** 0.5
    with torch.no_grad():
        for name, g in plain.items():
            learner.every()[name].add_(0.3 / norm * g)
    learner.clear()
    compute()
    wanted = {name: g.clone() for name, g in learner.gradients().items()}
    with torch.no_grad():
        for name, w in learner.every().items():
            w.copy_(start[name])
        for buffer, before in zip(learner.floating, statistics, strict=True):
            buffer.copy_(before)
    learner.clear()
    found = wb.SAM().around_step(compute, job.now["sam"])
    torch.testing.assert_close(found[0][0], first)
    for name, g in learner.gradients().items():
        torch.testing.assert_close(g, wanted[name], rtol=1e-6, atol=1e-10)
    assert any(not torch.allclose(wanted[name], plain[name], rtol=1e-3) for name in plain)
    assert all(torch.equal(w.detach(), start[name]) for name, w in learner.every().items())
    assert all(torch.equal(a, b) for a, b in zip(learner.floating, after_one, strict=True))
