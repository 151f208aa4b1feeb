"""Which weights each scope trains, for networks of every kind."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

import workbench as wb
from workbench.backbones.building import build
from workbench.errors import BadChoice, BadKnob
from workbench.scopes import blocks_of

pytestmark = pytest.mark.usefixtures("one_thread")
LAST = {  # the last block, and how many there are: the stem is the first
    "test_resnet": (("layer4.0.",), 5),
    "test_vit": (("blocks.5.", "norm."), 7),
    "test_convnext": (("stages.3.blocks.1.", "head.norm."), 10),
    "glyph-resnet": (("layer4.0.",), 5),
    "glyph-vit": (("blocks.5.", "fc_norm."), 7),
    "glyph-convnext": (("stages.3.", "head.norm."), 5),
}


@pytest.fixture(scope="module")
def bodies():
    return {name: build(wb.backbone(name, "random"), side=32, seed=0).body for name in LAST}


def names(body):
    return [name for name, _ in body.named_parameters()]


@pytest.mark.parametrize("name", LAST)
def test_head_trains_nothing_of_the_body_and_all_trains_everything(name, bodies):
    assert wb.Head(layers=2).chosen(bodies[name]) == []
    assert wb.All().chosen(bodies[name]) == names(bodies[name])
    assert wb.All.trains_statistics and not any(s.trains_statistics for s in (wb.Head, wb.Blocks, wb.Norms))


@pytest.mark.parametrize("name", LAST)
def test_norms_are_those_of_torchs_norm_classes_and_every_bias(name, bodies):
    body, kinds = bodies[name], (nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)
    of_norms = {id(p) for part in body.modules() if isinstance(part, kinds) for p in part.parameters(recurse=False)}
    biases = {id(p) for part in body.modules() for key, p in part.named_parameters(recurse=False) if key == "bias"}
    wanted = {key for key, p in body.named_parameters() if id(p) in of_norms | biases}
    found = wb.Norms().chosen(body)
    assert set(found) == wanted and len(found) == len(wanted) > 10
    assert all(body.get_parameter(key).dim() == 1 for key in found)
    assert not any("gamma" in key and "norm" not in key for key in found)  # a layer's scale is no norm


@pytest.mark.parametrize("name", LAST)
def test_the_last_block_is_the_last_that_the_forward_pass_reaches(name, bodies):
    prefixes, _ = LAST[name]
    assert set(wb.Blocks(last=1).chosen(bodies[name])) == {n for n in names(bodies[name]) if n.startswith(prefixes)}


@pytest.mark.parametrize("name", LAST)
def test_blocks_are_nested_up_to_the_whole_network(name, bodies):
    body, (_, count) = bodies[name], LAST[name]
    chosen = [wb.Blocks(last=n).chosen(body) for n in range(1, count + 1)]
    for smaller, larger in pairwise(chosen):
        assert set(smaller) < set(larger) and larger[-len(smaller) :] == smaller
    assert sorted(chosen[-1]) == sorted(names(body)) and len(blocks_of(body)) == count
    assert all(any(body.get_parameter(key).dim() > 1 for key in block) for block in blocks_of(body))


@pytest.mark.parametrize("name", LAST)
def test_more_blocks_than_there_are_is_an_error(name, bodies):
    count = LAST[name][1]
    with pytest.raises(BadKnob, match=rf"blocks.last must be in \[1, {count}\] for this backbone, got {count + 1}\."):
        wb.Blocks(last=count + 1).chosen(bodies[name])


def test_gradients_reach_the_chosen_weights_and_no_others(bodies):
    body = bodies["test_vit"].requires_grad_(False)
    chosen = set(wb.Blocks(last=2).chosen(body))
    for name, weight in body.named_parameters():
        weight.requires_grad_(name in chosen)
    body(torch.zeros(2, 3, 32, 32)).sum().backward()
    assert {name for name, weight in body.named_parameters() if weight.grad is not None} == chosen


def test_a_network_whose_blocks_timm_does_not_tell_apart_says_so():
    with torch.device("meta"):
        import timm

        body = timm.create_model("poolformer_s12", num_classes=0)
    with pytest.raises(
        BadChoice, match="does not say what the blocks of MetaFormer are: choose the scope head, norms or"
    ):
        wb.Blocks().chosen(body)
    assert len(wb.Norms().chosen(body)) > 10 and wb.All().chosen(body) == names(body)


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        ("blocks(last=0)", r"blocks.last must be a whole number in \[1, 1000\], got 0"),
        ("head(layers=9)", r"head.layers must be a whole number in \[0, 8\], got 9"),
        ("head(activation='rellu')", "must be one of 'relu', 'gelu', 'tanh', got 'rellu'. Did you mean 'relu'"),
    ],
)
def test_knobs_out_of_their_rule(scope, message):
    with pytest.raises(BadKnob, match=message):
        wb.Recipe(scope=scope)
