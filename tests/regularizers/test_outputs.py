"""Regularizers on what the network answers, against torch's own."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional as F

import workbench as wb
from workbench.regularizers import Now
from workbench.trainer import cross_entropy


def now(**knobs):
    return Now(**knobs)


def smoothed(targets, *amounts):
    """The targets that label smoothing asks for, a trial each."""
    return wb.LabelSmoothing().on_batch(None, targets, now(amount=torch.tensor(amounts).double(), classes=4))[1]


def test_label_smoothing_is_that_of_torch():
    logits, targets = torch.randn(2, 7, 4, dtype=torch.float64), torch.randint(0, 4, (1, 7))
    loss = cross_entropy(logits, smoothed(targets, 0.1, 0.3))
    for trial, amount in enumerate((0.1, 0.3)):
        wanted = F.cross_entropy(logits[trial], targets[0], label_smoothing=amount)
        assert float(loss[trial]) == pytest.approx(float(wanted))


def test_label_smoothing_of_mixed_targets_is_that_of_torch():
    logits, shares = torch.randn(1, 7, 4, dtype=torch.float64), torch.rand(1, 7, 4, dtype=torch.float64)
    shares /= shares.sum(-1, keepdim=True)
    wanted = F.cross_entropy(logits[0], shares[0], label_smoothing=0.3)
    assert float(cross_entropy(logits, smoothed(shares, 0.3))) == pytest.approx(float(wanted))


def test_label_smoothing_of_weighted_classes_is_that_of_torch_and_never_asks_against_a_label():
    logits, targets = torch.randn(1, 9, 4, dtype=torch.float64), torch.randint(0, 4, (1, 9))
    weights = torch.tensor([[0.05, 1.0, 2.0, 4.0]], dtype=torch.float64)
    wanted = F.cross_entropy(logits[0], targets[0], weights[0], label_smoothing=0.3, reduction="sum") / 9
    assert float(cross_entropy(logits, smoothed(targets, 0.3), weights)) == pytest.approx(float(wanted))
    assert (smoothed(targets, 0.3).argmax(-1) == targets).all()


def test_the_confidence_penalty_is_minus_the_entropy():
    logits, strength = torch.randn(2, 7, 4, dtype=torch.float64), torch.tensor([0.1, 2.0], dtype=torch.float64)
    entropy = torch.distributions.Categorical(logits=logits).entropy().mean(1)
    torch.testing.assert_close(
        wb.ConfidencePenalty().on_logits(logits, None, now(strength=strength)), -strength * entropy
    )


@pytest.mark.parametrize("axis", [0, 1])
def test_r_drop_is_the_divergence_of_two_answers_to_one_batch(axis):
    at = now(learner=SimpleNamespace(batch_axis=axis), strength=torch.tensor([0.5, 3.0], dtype=torch.float64))
    inputs, targets = torch.randn(1, 6, 2) if axis else torch.randn(6, 3, 2, 2), torch.randint(0, 4, (1, 6))
    doubled, asked = wb.RDrop().on_batch(inputs, targets, at)
    assert torch.equal(asked, targets.repeat(1, 2)) and torch.equal(doubled, torch.cat([inputs, inputs], axis))
    logits = torch.randn(2, 12, 4, dtype=torch.float64)
    p, q = logits.log_softmax(-1)[:, :6], logits.log_softmax(-1)[:, 6:]
    for trial, strength in enumerate((0.5, 3.0)):
        a, b = p[trial], q[trial]
        both = F.kl_div(a, b, log_target=True, reduction="batchmean") + F.kl_div(
            b, a, log_target=True, reduction="batchmean"
        )
        found = wb.RDrop().on_logits(logits, asked, at)[trial]
        assert float(found) == pytest.approx(strength / 4 * float(both))


def test_r_drop_goes_last_so_its_halves_are_the_same_examples():
    from workbench.job import Job
    from workbench.learners.plan import plan

    job = Job(plan(wb.Recipe(wb.Digits(per_class=5), regularizers="r-drop, mixup, dropout")))
    assert [r.name for r in job.regularizers] == ["mixup", "dropout", "r-drop"]


def test_distillation_is_the_way_features_went_and_nothing_at_the_start():
    taught = torch.randn(9, 4)
    at = now(learner=None, taught=taught, strength=torch.tensor([0.5]), positions=torch.tensor([[3, 1, 8]]))
    features = torch.randn(1, 3, 4)
    assert wb.Distillation().on_features(features, 0, at) is features
    wanted = 0.5 * ((features[0] - taught[[3, 1, 8]]) ** 2).mean()
    torch.testing.assert_close(wb.Distillation().on_logits(None, None, at)[0], wanted)
    wb.Distillation().on_features(torch.randn(1, 3, 7), 1, at)  # a hidden layer's input is no features
    torch.testing.assert_close(wb.Distillation().on_logits(None, None, at)[0], wanted)
    wb.Distillation().on_features(features.repeat(1, 2, 1), 0, at)  # R-Drop asks twice
    torch.testing.assert_close(wb.Distillation().on_logits(None, None, at)[0], wanted)


def test_distillation_keeps_what_the_backbone_sees():
    from workbench.job import Job
    from workbench.learners.plan import plan
    from workbench.trainer import Watch, train

    def moved(regularizers):
        recipe = wb.Recipe(wb.Digits(per_class=5), scope="blocks(last=2)", epochs=8, lr=3e-3, precision="float32",
                           regularizers=regularizers)  # fmt: skip
        job = Job(plan(recipe))
        before = job.learner.features()
        list(train(job, Watch()))
        return float((job.learner.features() - before).square().mean())

    assert moved("distillation(strength=10)") < 0.5 * moved("")
