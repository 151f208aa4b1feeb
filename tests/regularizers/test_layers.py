"""Regularizers inside the network: what they hide, how much of it, and only in training steps."""

from __future__ import annotations

from copy import deepcopy

import pytest
import timm
import torch

import workbench as wb
from workbench.errors import BadChoice
from workbench.job import Job
from workbench.learners.plan import plan
from workbench.regularizers import Now
from workbench.regularizers.layers import _channels, _skipped, blocks


def test_gaussian_noise_has_the_spread_of_each_trial_and_one_draw_for_all():
    generator = torch.Generator().manual_seed(0)
    at = Now(
        amount=torch.tensor([0.0, 0.5, 2.0]), draws=lambda *shape, dtype: torch.rand(1, *shape, generator=generator)
    )
    x = torch.randn(1, 400, 50)
    added = wb.GaussianNoise().on_features(x, 0, at) - x
    assert added.shape == (3, 400, 50) and (added[0] == 0).all()
    torch.testing.assert_close(added[2], 4 * added[1], rtol=1e-4, atol=1e-5)
    assert float(added[1].std()) == pytest.approx(0.5, rel=0.02) and abs(float(added[1].mean())) < 0.01
    kurtosis = float((added[1] / 0.5).pow(4).mean())
    assert kurtosis == pytest.approx(3, rel=0.1)  # as of a normal distribution


def test_channels_go_as_a_whole_and_the_mean_stays():
    torch.manual_seed(0)
    maps, sequence = torch.ones(200, 30, 4, 4), torch.ones(200, 7, 30)
    for x, inside in ((maps, (2, 3)), (sequence, (1,))):
        found = _channels(x, x, 0.3)
        alike = found.amax(inside) == found.amin(inside)
        assert alike.all() and float((found == 0).float().mean()) == pytest.approx(0.3, abs=0.02)
        assert float(found.mean()) == pytest.approx(1, abs=0.03)


def test_drop_path_is_timms_on_what_a_block_adds():
    given, found = torch.randn(500, 4, 3), torch.randn(500, 4, 3)
    torch.manual_seed(0)
    ours = _skipped(given, found, 0.2)
    torch.manual_seed(0)
    skipped = (torch.rand(500, 1, 1) < 0.2).expand_as(given)
    torch.testing.assert_close(ours[skipped], given[skipped])
    torch.testing.assert_close(ours[~skipped], (given + (found - given) / 0.8)[~skipped], rtol=1e-4, atol=1e-5)
    theirs = timm.layers.drop_path(found - given, 0.2, training=True) + given
    shares = [float((each == given).all((1, 2)).float().mean()) for each in (ours, theirs)]
    assert shares[0] == pytest.approx(0.2, abs=0.05) == pytest.approx(shares[1], abs=0.08)
    assert torch.equal(_skipped(given, found[:, :2], 0.4), found[:, :2])  # another shape cannot be skipped


@pytest.mark.parametrize(
    ("name", "many"),
    [("test_resnet", 4), ("test_vit", 6), ("resnet18", 8), ("convnext_atto", 12), ("vit_tiny_patch16_224", 12)],
)
def test_blocks_are_the_residual_ones(name, many):
    with torch.device("meta"):
        body = timm.create_model(name, num_classes=0)
    found = blocks(body, {key for key, _ in body.named_parameters()})
    assert len(found) == many and "Block" in type(found[0]).__name__ and not blocks(body, set())


@pytest.mark.parametrize("name", ["body-dropout", "drop-path"])
@pytest.mark.parametrize("backbone", ["glyph-resnet", "glyph-vit"])
def test_only_blocks_that_train_are_changed_and_only_in_training_steps(name, backbone):
    recipe = wb.Recipe(wb.Digits(per_class=5), backbone, scope="blocks(last=1)", regularizers=f"{name}(rate=0.5)")
    job = Job(plan(recipe))
    learner, (only,) = job.learner, blocks(job.learner.body, set(job.learner.named))
    x = learner.inputs(torch.arange(20)[None])
    calm = learner.logits(x)
    assert torch.equal(learner.logits(x), calm) and len(only._forward_hooks) == (name == "body-dropout")
    learner.training()
    assert not torch.equal(learner.logits(x), calm)
    learner.answers(torch.arange(5)[None])
    assert torch.equal(learner.logits(x), calm)
    job.turn(f"{name}.rate", 0.0)  # prepared again: still one hook, and nothing is left out
    learner.training()
    assert torch.equal(learner.logits(x), calm) and len(only._forward_hooks) == (name == "body-dropout")
    copied = deepcopy(learner.body)  # without the learner and all that it holds
    assert torch.equal(copied.eval()(x), learner.body.eval()(x))


def test_of_a_resnet_whose_blocks_change_shape_the_added_part_is_skipped():
    recipe = wb.Recipe(wb.Digits(per_class=5), "glyph-resnet", scope="all", regularizers="drop-path(rate=0.8)")
    learner = Job(plan(recipe)).learner
    body = learner.body
    *_, last = blocks(body, set(learner.named))
    seen = []
    last.register_forward_hook(lambda block, given, found: seen.append((given[0], found)))
    learner.noisy = True
    body(learner.prepared[:40])
    given, found = seen[0]
    bare = torch.relu(last.downsample(given)) if last.downsample is not None else given
    share = float(torch.isclose(found, bare, atol=1e-5).all(1).all(1).all(1).float().mean())
    assert share == pytest.approx(0.8, abs=0.2) and given.shape != found.shape


def test_where_no_block_trains_it_is_said():
    recipe = wb.Recipe(wb.Digits(per_class=5), wb.backbone("mobilenetv4_conv_small", "random"), scope="blocks(last=1)")
    with pytest.raises(BadChoice, match=r"no block of .* trains, in which something could be left out"):
        Job(plan(recipe.replace(regularizers="drop-path")))
