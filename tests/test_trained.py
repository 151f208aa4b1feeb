"""What a scope trains, counted and in a sentence, for backbones of three domains."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import workbench as wb
from workbench.backbones.building import build
from workbench.errors import BadChoice, BadKnob
from workbench.trained import counts, sentence

OURS = {
    "glyph-resnet": ("digits", 32, "the last layer's mean over the picture"),
    "glyph-vit": ("digits", 32, "the last layer's mean over the picture"),
    "docs-bert": ("docstrings", 64, "the mean of the last layer's tokens"),
    "formant-encoder": ("vowels", 12_800, "the last layer's mean and spread over a clip"),
}
WHOLE = {"digits": "network", "docstrings": "encoder", "vowels": "encoder"}


def shown(number):
    return f"{number:,}" if number < 1e6 else f"{number / 1e6:.1f} M"


@pytest.mark.parametrize("name", OURS)
def test_each_scope_says_what_it_trains_and_what_stays(name):
    data, side, pooled = OURS[name]
    recipe, whole = wb.Recipe(data, name), WHOLE[data]
    body = build(recipe.backbone, side=side, seed=0)
    sizes = {key: p.numel() for key, p in body.body.named_parameters()}
    total, head = sum(sizes.values()), 5 * (body.width + 1)
    if name == "glyph-vit" and getattr(body.body, "global_pool", "") == "token":
        pooled = "the class token of the last layer"
    expected = (
        f"head: trains {shown(head)} weights on {pooled}; the {whole}'s {shown(total)} stay as they were pretrained."
    )
    assert sentence(recipe, 5, side) == expected
    everything = recipe.replace(scope="all", backbone=wb.backbone(name, "random"))
    assert sentence(everything, 5, side) == (
        f"all: trains all of the {whole}'s {shown(total)} weights and the head's {shown(head)} on {pooled}; "
        f"nothing stays frozen."
    )
    for scope in ("norms", "blocks(last=1)"):
        chosen = sum(sizes[key] for key in recipe.replace(scope=scope).scope.chosen(body.body))
        said = sentence(recipe.replace(scope=scope), 5, side)
        assert f"({shown(chosen)} " in said and 0 < chosen < total
        assert said.endswith(f"; the {whole}'s other {shown(total - chosen)} stay as they were pretrained.")


@pytest.mark.parametrize("name", ["docs-bert", "formant-encoder"])
def test_a_transformers_last_block_is_its_last_layer_and_norms_are_its_norms(name):
    data, side, _ = OURS[name]
    recipe = wb.Recipe(data, name)
    body = build(recipe.backbone, side=side, seed=0).body
    sizes = {key: p.numel() for key, p in body.named_parameters()}
    layers = max(int(key.split("layer")[1].split(".")[1]) for key in sizes if ".layer." in key or ".layers." in key)
    last = [key for key in sizes if f".layer.{layers}." in key or f".layers.{layers}." in key]
    last += [key for key in sizes if key == "encoder.layer_norm.weight" or key == "encoder.layer_norm.bias"]
    norms = [key for key in sizes if key.endswith("bias") or "norm" in key.lower()]
    found = counts(recipe.replace(scope="blocks(last=1)"), 5, side)
    assert found["body trained"] == sum(sizes[key] for key in last)
    assert counts(recipe.replace(scope="norms"), 5, side)["body trained"] == sum(sizes[key] for key in norms)


def test_hidden_layers_and_weights_of_a_file_are_said(tmp_path):
    recipe = wb.Recipe("digits", wb.backbone("glyph-resnet", str(tmp_path / "own.safetensors")), scope="head(layers=1)")
    said = sentence(recipe, 10, 32)
    assert ", in 2 layers, on the last layer's mean" in said and said.endswith(" stay as their file has them.")


def test_a_scope_from_a_cell_has_a_sentence_too(tiny):
    @dataclass(frozen=True)
    class Biases(wb.Scope):
        """Train the biases alone."""

        name = "biases"

        def chosen(self, body):
            return [key for key, _ in body.named_parameters() if key.endswith("bias")]

    said = sentence(wb.Recipe("digits", tiny, scope=Biases()), 10, 32)
    assert said.startswith("biases: trains ") and " weights of the network and the head's 970 on " in said


def test_what_does_not_fit_is_refused_before_it_is_counted():
    with pytest.raises(BadChoice, match="glyph-resnet reads pictures, and the data are texts: take another backbone"):
        sentence(wb.Recipe("docstrings", "glyph-resnet"), 6, 64)
    with pytest.raises(BadKnob, match=r"blocks\.last must be in \[1, "):
        sentence(wb.Recipe("docstrings", scope="blocks(last=99)"), 6, 64)
