"""How docs-bert was pretrained: without labels, on modules that no test part holds; what the shipped one reaches."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from transformers import BertConfig, BertModel

import workbench as wb
from workbench import baseline, paths
from workbench.backbones import docs
from workbench.backbones.building import build
from workbench.backbones.cards import cards
from workbench.backbones.pretraining import pretrain
from workbench.datasets.docstrings import part_of, sample
from workbench.datasets.ragged import Texts


@pytest.fixture
def few(monkeypatch):
    """What is learned from: the training part of the data set alone, which is read in a moment."""
    by_module = {}
    for each in sample():
        if part_of(each.module) == "train":
            by_module.setdefault(each.module, []).append(tuple(each.text.split("\n")))
    texts = [found for found in by_module.values() if len(found) > 1][:150]
    monkeypatch.setattr(docs, "gathered", lambda: texts)
    return texts


def test_a_few_steps_write_a_folder_and_a_card_that_build_loads(few, tmp_path, monkeypatch):
    path = pretrain("docs-bert", tmp_path, seed=3, steps=2, draws=1)
    card = json.loads((tmp_path / "docs-bert.json").read_text())
    assert path == tmp_path / "docs-bert" and card["domain"] == "language" and card["recipe"]["steps"] == 2
    assert card["command"] == "python -m workbench pretrain docs-bert --seed 3 --steps 2"
    assert {each.name for each in path.iterdir()} == {"config.json", "model.safetensors", "tokenizer.json"}
    assert set(card) == set(json.loads((paths.weights() / "docs-bert.json").read_text()))
    monkeypatch.setattr(paths, "weights", lambda: tmp_path)
    assert set(cards()) == {"docs-bert"}
    built = build(wb.backbone("docs-bert"), side=32, seed=0)
    assert built.width == 128 and sum(p.numel() for p in built.body.parameters()) == card["parameters"]
    tokens = built.encode(Texts(("Returns the sorted values.",), longest=32))
    assert built.body(built.prepare(tokens)).shape == (1, 128)


def test_it_is_a_function_of_the_seed_alone(few):
    recipe = docs.Reading(steps=2, pairs=8, layers=1)
    words = docs.vocabulary([text for module in few for text in module], recipe)
    torch.manual_seed(5)
    before = torch.rand(1)
    torch.manual_seed(5)
    one, same, other = (docs.trained(recipe, few, words, seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.rand(1), before)  # what the caller draws next stays what it would have been
    name = "encoder.layer.0.output.dense.weight"
    assert torch.equal(one[name], same[name]) and not torch.equal(one[name], other[name])


def test_the_shipped_weights_reach_what_their_card_says():
    card = cards()["docs-bert"]
    assert sum(path.stat().st_size for path in (paths.weights() / "docs-bert").iterdir()) < 8e6
    found = docs.reached(paths.weights() / "docs-bert", [0])
    for name in ("10 a library", "50 a library"):
        assert found[name]["mean"] == pytest.approx(card["reaches"][name]["mean"], abs=0.06)
    assert found["all"]["mean"] == pytest.approx(card["reaches"]["all"]["mean"], abs=0.02)


def test_with_few_labels_it_is_far_ahead_of_words_and_of_its_own_architecture_from_random_weights(tmp_path):
    shipped, few = paths.weights() / "docs-bert", {"60": 10, "300": 50}
    torch.manual_seed(0)
    BertModel(BertConfig.from_pretrained(shipped)).save_pretrained(tmp_path / "random")
    shutil.copy(shipped / "tokenizer.json", tmp_path / "random")
    ours, random = (docs.reached(folder, [0], few) for folder in (shipped, tmp_path / "random"))
    for labels, floor in (("60", 0.58), ("300", 0.65)):
        data = wb.Docstrings(per_class=few[labels], seed=0).load()
        words = baseline.fitted(data).score(baseline.rows(data.inputs[data.test]), data.labels[data.test].numpy())
        assert ours[labels]["mean"] > max(floor, random[labels]["mean"] + 0.15, words + 0.1)
        assert labels == "300" or ours[labels]["mean"] > words + 0.15
