"""Drawn characters, how our own backbones were pretrained on them, and whether the shipped ones are what they say."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import workbench as wb
from workbench import paths
from workbench.backbones import glyphs
from workbench.backbones.building import build
from workbench.backbones.cards import cards
from workbench.backbones.pretraining import OTHERS, RECIPES, pretrain, reached, trained
from workbench.errors import BadChoice

OURS = sorted(RECIPES)
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def drawn():
    return glyphs.atlas()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_atlas_has_no_empty_character_and_no_box_in_the_place_of_one(drawn):
    assert drawn.shape == (len(glyphs.CHARACTERS), len(glyphs.FONTS), 48, 48)
    assert drawn.min() == 0 and drawn.max() == 1
    assert (drawn.amax((2, 3)) > 0.9).all() and (drawn.mean((2, 3)) > 0.02).all()
    for font in drawn.transpose(0, 1):  # what a font lacks would look as the other things that it lacks
        assert len(torch.unique(font.flatten(1), dim=0)) == len(glyphs.CHARACTERS)
    assert len(set(glyphs.CHARACTERS)) == len(glyphs.CHARACTERS)


def test_every_character_fills_the_inner_three_quarters(drawn):
    for rows_or_columns in ((drawn > 0).any(2), (drawn > 0).any(3)):
        assert not rows_or_columns[..., :6].any() and not rows_or_columns[..., 42:].any()
    boxes = [Image.fromarray((each.numpy() > 0).astype("uint8")).getbbox() for each in drawn.flatten(0, 1)]
    assert {max(right - left, down - up) for left, up, right, down in boxes} == {36}


def test_equal_generators_give_equal_batches(drawn):
    pictures, labels = glyphs.batch(drawn, 300, generator())
    again, same = glyphs.batch(drawn, 300, generator())
    other, _ = glyphs.batch(drawn, 300, generator(1))
    assert torch.equal(pictures, again) and torch.equal(labels, same) and not torch.equal(pictures, other)
    assert pictures.shape == (300, 1, 32, 32) and pictures.dtype == torch.float32
    assert pictures.min() >= 0 and pictures.max() <= 1 and torch.isfinite(pictures).all()
    assert labels.dtype == torch.int64 and set(labels.tolist()) <= set(range(len(drawn)))
    assert len(set(labels.tolist())) > 0.9 * len(drawn)


def test_a_deformed_character_is_still_there_and_differs_each_time(drawn):
    same = drawn[:1, 0].expand(200, -1, -1).unsqueeze(1)
    found = glyphs.deformed(same, generator())
    assert (found.std((1, 2, 3)) > 0.05).all()  # noise alone has at most 0.15 around zero, cut off below: 0.09
    assert len(torch.unique(found.flatten(1), dim=0)) == 200


def test_a_few_steps_write_weights_and_a_card_that_build_loads(tmp_path, monkeypatch):
    path = pretrain("glyph-resnet", tmp_path / "new", seed=3, steps=2, draws=1)
    card = json.loads((tmp_path / "new" / "glyph-resnet.json").read_text(), parse_constant=pytest.fail)
    assert path == tmp_path / "new" / "glyph-resnet.safetensors"
    assert {each.name for each in path.parent.iterdir()} == {"glyph-resnet.json", "glyph-resnet.safetensors"}
    assert set(card) | {"domain"} == set(cards()["glyph-resnet"]) and card["recipe"]["steps"] == 2
    assert card["command"] == "python -m workbench pretrain glyph-resnet --seed 3 --steps 2" and card["seed"] == 3
    for place in ("centred", "scattered"):
        assert 0.1 < card["reaches"][place]["mean"] < 1 and card["reaches"][place]["spread"] == 0
    monkeypatch.setattr(paths, "weights", lambda: tmp_path / "new")
    held, body = load_file(path), build(wb.backbone("glyph-resnet"), side=32, seed=0).body
    assert set(cards()) == {"glyph-resnet"} and set(held) == set(body.state_dict())
    assert all(torch.equal(held[name], tensor) for name, tensor in body.state_dict().items())
    # running statistics have moved by the two steps that were taken, and by no more
    assert int(held["bn1.num_batches_tracked"]) == 2


@pytest.mark.parametrize("name", OURS)
def test_pretraining_is_a_function_of_the_seed_alone_and_leaves_no_weight_where_it_was(name):
    recipe, found = replace(RECIPES[name], batch=16), []
    for seed in (3, 3, 4):
        callers = torch.get_rng_state()
        found.append(trained(recipe, seed, 2).state_dict())
        assert torch.equal(torch.get_rng_state(), callers)
        torch.rand(1)  # what the caller draws meanwhile makes no difference
    first, again, other = found
    before = build(wb.backbone(name, "random"), side=32, seed=3).body
    assert set(first) == set(before.state_dict())
    for each, weight in before.named_parameters():
        assert torch.equal(first[each], again[each])
        assert not torch.equal(first[each], weight) and not torch.equal(first[each], other[each])


def test_an_unknown_recipe_comes_with_the_nearest(tmp_path):
    with pytest.raises(BadChoice, match=r"no recipe to pretrain 'glyph-rasnet'. Did you mean 'glyph-resnet'\? There"):
        pretrain("glyph-rasnet", tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_shipped_ones_are_those_that_have_a_recipe():
    assert sorted(cards()) == sorted([*OURS, *OTHERS])
    files = {f"{name}.{ending}" for name in [*OURS, "formant-encoder"] for ending in ("json", "safetensors")}
    assert {path.name for path in paths.weights().iterdir()} == files | {"docs-bert.json", "docs-bert"}


@pytest.mark.parametrize("name", OURS)
def test_the_shipped_weights_are_small_and_their_card_is_true(name):
    card, recipe, path = cards()[name], RECIPES[name], paths.weights() / f"{name}.safetensors"
    built = build(wb.backbone(name), side=32, seed=0)
    numbers = sum(
        tensor.numel() for key, tensor in load_file(path).items() if key in dict(built.body.named_parameters())
    )
    assert card["parameters"] == numbers == sum(p.numel() for p in built.body.parameters())
    assert numbers <= 1_000_000 and path.stat().st_size <= 4_000_000
    assert (card["name"], card["architecture"], card["arguments"]) == (name, recipe.architecture, recipe.arguments)
    assert {key: card["recipe"][key] for key in ("steps", "batch", "lr")} == {
        "steps": recipe.steps, "batch": recipe.batch, "lr": recipe.lr}  # fmt: skip
    assert card["command"] == f"python -m workbench pretrain {name}" and card["seed"] == 0 and card["seconds"] > 0
    assert (card["channels"], card["input_size"]) == (built.front.channels, built.front.size) == (1, 32)
    assert card["licence"] == "Apache-2.0" and "matplotlib" in card["source"]
    assert all(re.fullmatch(r"\d+(\.\d+)+", card["versions"][each]) for each in ("torch", "timm", "matplotlib"))
    for place in ("centred", "scattered"):
        assert 0.7 < card["reaches"][place]["mean"] < 1 and 0 < card["reaches"][place]["spread"] < 0.05


@pytest.mark.parametrize("placement", ["centred", "scattered"])
@pytest.mark.parametrize("name", OURS)
def test_the_shipped_weights_reach_what_their_card_says(name, placement):
    said = cards()[name]["reaches"][placement]
    found = reached(build(wb.backbone(name), side=32, seed=0).body, placement, range(1))
    assert found["mean"] == pytest.approx(said["mean"], abs=3 * said["spread"])


def test_what_is_reached_by_a_body_that_knows_all_and_by_one_that_knows_nothing():
    labels = wb.Digits().load().labels

    class Knows(torch.nn.Module):
        def forward(self, pictures):
            return torch.nn.functional.one_hot(labels, 10).float()

    class KnowsNothing(torch.nn.Module):
        def forward(self, pictures):
            return torch.zeros(len(pictures), 3)

    assert reached(Knows(), "centred", [0]) == {"mean": 1.0, "spread": 0.0}
    data = wb.Digits(seed=0).load()
    shares = data.labels[data.test].bincount() / len(data.test)
    assert reached(KnowsNothing(), "centred", [0])["mean"] == pytest.approx(float(shares.max()), abs=0.05)
