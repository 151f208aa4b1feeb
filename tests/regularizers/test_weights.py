"""Regularizers on the weights, against independent computations."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

import workbench as wb
from workbench.regularizers import Now
from workbench.regularizers.weights import _length


def two_trials():
    return [torch.randn(2, 5, 3, dtype=torch.float64), torch.randn(2, 3, 4, dtype=torch.float64)]


def now(**knobs):
    return Now(lr=torch.tensor([0.1, 0.2], dtype=torch.float64), **knobs)


STRENGTH = torch.tensor([0.5, 2.0], dtype=torch.float64)


def test_l1_and_l2_by_hand():
    weights = two_trials()
    for made, power in ((wb.L1(), 1), (wb.L2(), 2)):
        by_hand = [s * sum(float((w[t].abs() ** power).sum()) for w in weights) for t, s in enumerate((0.5, 2.0))]
        assert made.penalty(weights, now(strength=STRENGTH)).tolist() == pytest.approx(by_hand)


def test_elastic_net_by_hand():
    weights, share = two_trials(), torch.tensor([0.25, 1.0], dtype=torch.float64)
    by_hand = [
        s * sum(float(r * w[t].abs().sum() + 0.5 * (1 - r) * (w[t] ** 2).sum()) for w in weights)
        for t, (s, r) in enumerate(((0.5, 0.25), (2.0, 1.0)))
    ]
    assert wb.ElasticNet().penalty(weights, now(strength=STRENGTH, share=share)).tolist() == pytest.approx(by_hand)


def test_l2_sp_measures_the_way_from_where_it_began_in_the_backbone_alone():
    body, norm, own = torch.randn(1, 4, 3), torch.randn(1, 4), torch.randn(1, 3, 2)
    every = {"body.conv.weight": body, "body.norm.weight": norm, "head.0.weight": own}
    at = Now(memory={}, learner=SimpleNamespace(every=lambda: every), strength=torch.tensor([0.3]))
    wb.L2SP().prepare(at.learner, at)
    start = body.clone()
    assert float(wb.L2SP().penalty([body, own], at)) == 0 and set(at.memory) == {"body.conv.weight"}
    body += torch.randn(1, 4, 3)
    wb.L2SP().prepare(at.learner, at)  # again, when its knob was turned: it began where it began
    own += 1
    assert float(wb.L2SP().penalty([body, own], at)) == pytest.approx(
        0.3 * float(((body - start) ** 2).sum()), rel=1e-5
    )


def test_l2_sp_keeps_a_backbone_near_its_pretrained_weights():
    recipe = wb.Recipe(wb.Digits(per_class=5), scope="blocks(last=2)", epochs=10, lr=3e-3, precision="float32")
    free, held = (
        moved_from_pretrained(wb.fine_tune(recipe.replace(regularizers=r))) for r in ("", "l2-sp(strength=1)")
    )
    assert held < 0.5 * free


def moved_from_pretrained(run):
    from workbench.backbones.building import build

    start = dict(build(run.recipe.backbone, side=32, seed=0).body.named_parameters())
    tensors = run.files.load(run.files.steps()[-1])[0]
    names = [name for name in tensors if name.startswith("body.") and tensors[name].dim() > 1]
    return sum(float((tensors[name] - start[name.removeprefix("body.")]).square().sum()) for name in names) ** 0.5


def test_group_lasso_ends_where_the_conditions_of_an_optimum_hold():
    """Softmax regression with plain SGD: zero groups are pulled less than the force, the others just as much."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(200, 12, generator=draw, dtype=torch.float64)
    y = (x[:, :3] + 0.5 * torch.randn(200, 3, generator=draw, dtype=torch.float64)).argmax(1)
    w = torch.zeros(1, 12, 3, dtype=torch.float64, requires_grad=True)
    at = Now(lr=torch.tensor([0.5], dtype=torch.float64), strength=torch.tensor([0.03], dtype=torch.float64))
    for _ in range(4000):
        (grad,) = torch.autograd.grad(torch.nn.functional.cross_entropy(x @ w[0], y), w)
        with torch.no_grad():
            w -= 0.5 * grad
            wb.GroupLasso().after_step([w], at)
    (grad,) = torch.autograd.grad(torch.nn.functional.cross_entropy(x @ w[0], y), w)
    force, lengths = 0.03 * 3**0.5, _length(w.detach()).flatten()
    assert 3 <= int((lengths > 0).sum()) < 12 and (lengths[:3] > 0).all()
    for group in range(12):
        pull, own = grad[0, group], w.detach()[0, group]
        if lengths[group] == 0:
            assert (own == 0).all() and float(pull.norm()) <= force + 1e-9
        else:
            torch.testing.assert_close(pull, -force * own / own.norm(), rtol=1e-6, atol=1e-8)


def test_group_lasso_tells_its_penalty_and_gives_no_gradient():
    weights = [w.requires_grad_() for w in two_trials()]
    found = wb.GroupLasso().penalty(weights, now(strength=STRENGTH))
    by_hand = [
        s * sum(w.shape[2] ** 0.5 * float(w[t].detach().norm(dim=1).sum()) for w in weights)
        for t, s in enumerate((0.5, 2.0))
    ]
    assert found.tolist() == pytest.approx(by_hand) and not found.requires_grad


def test_max_norm_is_torchs_renorm_of_what_comes_into_a_unit():
    own, conv, norm = torch.randn(2, 5, 3), torch.randn(1, 4, 2, 3, 3), torch.randn(1, 4) + 9
    most = torch.tensor([0.5, 1.5])
    wanted = [torch.renorm(own[t], 2, 1, float(most[t])) for t in range(2)]
    at = Now(learner=SimpleNamespace(every=lambda: {"head.0.weight": own}), most=most)
    wb.MaxNorm().after_step([own], at)
    torch.testing.assert_close(own, torch.stack(wanted))
    before, filters = norm.clone(), torch.renorm(conv[0], 2, 0, 0.5)
    every = {"body.conv.weight": conv, "body.norm.weight": norm}
    at = Now(learner=SimpleNamespace(every=lambda: every), most=torch.tensor([0.5]))
    wb.MaxNorm().after_step([conv], at)
    torch.testing.assert_close(conv[0], filters)
    assert torch.equal(norm, before)


def test_weight_decay_is_that_of_torchs_adamw():
    weights = two_trials()
    expected = [torch.stack([w[0] * (1 - 0.1 * 0.5), w[1] * (1 - 0.2 * 2.0)]) for w in weights]
    wb.WeightDecay().on_gradients(weights, now(strength=STRENGTH))
    for got, wanted in zip(weights, expected, strict=True):
        torch.testing.assert_close(got, wanted)


def test_weight_decay_takes_no_more_than_all_of_a_weight():
    weights = two_trials()
    wb.WeightDecay().on_gradients(weights, now(strength=torch.tensor([100.0, 0.0], dtype=torch.float64)))
    assert all((w[0] == 0).all() and (w[1] != 0).all() for w in weights)


def weights_of(run):
    return run.files.load(run.files.steps()[-1])[0]["head.0.weight"]


def test_they_do_what_they_say(tiny):
    plain = wb.Recipe(wb.Digits(per_class=5), tiny, epochs=20, lr=1e-2)

    def size(regularizers):
        return float(weights_of(wb.fine_tune(plain.replace(regularizers=regularizers))).abs().sum())

    free = size("")
    for strong in ("l1(strength=0.05)", "l2(strength=0.3)", "weight-decay(strength=10)", "elastic-net(strength=0.1)",
                   "group-lasso(strength=1)", "max-norm(most=0.1)"):  # fmt: skip
        assert size(strong) < 0.7 * free


def test_l1_pulls_where_the_loss_does_not_reach():
    w = torch.tensor([[[0.1, 0.0]]], dtype=torch.float64, requires_grad=True)
    wb.L1().on_gradients([w], now(strength=torch.tensor([0.5], dtype=torch.float64)))
    assert w.grad.tolist() == [[[0.5, 0.0]]]


def stepped(weight, gradient, step, strength=0.5):
    """One weight a trial after one step of L1's, its gradient the rest of the loss's."""
    w = torch.tensor([[[weight]]], dtype=torch.float64, requires_grad=True)
    made, at = wb.L1(), now(strength=torch.tensor([strength], dtype=torch.float64))
    (made.penalty([w], at).sum() + gradient * w.sum()).backward()
    with torch.no_grad():
        made.on_gradients([w], at)
        w += step
        made.after_step([w], at)
    return float(w.detach()), float(w.grad)


def test_l1_holds_at_zero_what_does_not_pull_harder():
    assert stepped(0.1, 0.0, -0.2) == (0.0, 0.5)  # across zero: it rests there
    assert stepped(0.1, 0.0, -0.05)[0] == pytest.approx(0.05)
    assert stepped(0.1, 0.7, -0.2) == (pytest.approx(-0.1), pytest.approx(1.2))  # the rest pulls on, to the other side
    assert stepped(0.0, 0.4, -0.1) == (0.0, 0.0)  # weaker than the force: held, whatever momentum says
    assert stepped(0.0, -0.7, 0.1) == (0.1, pytest.approx(-0.2))  # what is left beyond the force
    assert stepped(0.0, -0.7, -0.1)[0] == 0.0  # momentum, against the slope
    assert stepped(0.1, 0.0, -0.2, strength=0.0) == (pytest.approx(-0.1), 0.0)  # no force: as if it were not there
    assert stepped(0.1, float("nan"), 0.0)[0] == 0.1  # a trial that diverged keeps its last finite weights


@pytest.mark.parametrize("scope", ["head", "blocks"])
def test_l1s_zeros_are_exact(scope, tiny):
    recipe = wb.Recipe(wb.Digits(per_class=5), tiny, scope=scope, epochs=3, lr=1e-2, precision="float32")
    weights = weights_of(wb.fine_tune(recipe.replace(regularizers="l1(strength=1)")))
    assert (weights == 0).float().mean() > 0.5
    weights = weights_of(wb.fine_tune(recipe.replace(regularizers="elastic-net(strength=1)")))
    assert (weights == 0).float().mean() > 0.5
    weights = weights_of(wb.fine_tune(recipe.replace(regularizers="l1(strength=1), sam, clipping(most=0.5)")))
    assert (weights == 0).float().mean() > 0.5  # SAM asks beside the weights, where none is at zero
    assert (weights_of(wb.fine_tune(recipe.replace(regularizers="l2(strength=1)"))) == 0).sum() == 0
