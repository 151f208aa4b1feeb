"""Text encoders: folders in transformers' layout, tokens, pooling, scopes; and runs on texts like those on pictures."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import plain
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

import workbench as wb
from workbench.backbones import language
from workbench.backbones.building import build, build_for
from workbench.datasets.base import finish
from workbench.datasets.parting import positions, split
from workbench.datasets.ragged import Texts
from workbench.errors import BadChoice, BrokenRun, NoWeights
from workbench.run import Run

pytestmark = pytest.mark.usefixtures("one_thread")
WORDS = ["red", "green", "blue", "apple", "sea", "sky", "grass", "the", "a", "is", "of", "and", "cold", "warm"]


@dataclass(frozen=True)
class Colours(wb.Dataset):
    """Made-up sentences of one to twelve words: which of three colours is in them?"""

    name = "colours"
    domain = "language"
    size = 12

    def load(self):
        draw = np.random.default_rng(0)
        said = [[WORDS[at] for at in draw.integers(3, len(WORDS), draw.integers(1, 12))] for _ in range(240)]
        labels = draw.integers(0, 3, len(said))
        for words, label in zip(said, labels, strict=True):
            words[draw.integers(len(words))] = WORDS[label]
        texts = tuple(f"{' '.join(words)} {at}" for at, words in enumerate(said))
        hashes = np.array([each.encode() for each in texts], dtype=object)
        return finish(Texts(texts, longest=self.size), labels, WORDS[:3], split(positions(hashes, 0)))


def tokenizer(folder):
    known = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3} | {word: at for at, word in enumerate(WORDS, 4)}
    made = Tokenizer(models.WordLevel(known, "[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    made.save(str(folder / "tokenizer.json"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A BERT of two layers in transformers' layout, with random weights."""
    from transformers import BertConfig, BertModel

    place = tmp_path_factory.mktemp("tiny-bert")
    torch.manual_seed(0)
    config = BertConfig(vocab_size=20, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    BertModel(config, add_pooling_layer=False).save_pretrained(place)
    tokenizer(place)
    return place


def test_features_are_those_of_the_library_and_do_not_depend_on_the_batch(folder):
    from transformers import AutoModel

    built = build(wb.backbone(str(folder)), side=12, seed=0)
    texts = Texts(("the red apple", "sky", "a cold blue sea and warm grass"), longest=12)
    tokens = built.encode(texts)
    assert tokens.lengths.tolist() == [5, 3, 9] and tokens.row(1).tolist() == [2, 4 + WORDS.index("sky"), 3]
    prepared = built.prepare(tokens)
    assert prepared.shape == (3, 9) and prepared[1].tolist()[3:] == [-1] * 6
    with torch.no_grad():
        together = built.body(prepared)
        alone = torch.cat([built.body(built.prepare(tokens[at : at + 1])) for at in range(3)])
        wanted = AutoModel.from_pretrained(folder)(tokens.row(0)[None]).last_hidden_state.mean(1)
    assert built.width == 32 and torch.allclose(together, alone, atol=1e-6)
    assert torch.allclose(together[:1], wanted, atol=1e-6)


def test_pairs_are_told_apart_and_long_texts_are_cut_and_counted(folder):
    front = build(wb.backbone(str(folder)), side=6, seed=0).front
    pair = front.encode(Texts(("red",), ("blue sea",), 6)).row(0)
    assert (pair >= language.SECOND).tolist() == [False, False, False, True, True, True]
    long = Texts(("red", "the sea is cold and the sky is blue"), longest=6)
    assert front.encode(long).lengths.tolist() == [3, 6]
    assert front.said(long) == ["1 of 2 texts are longer than 6 tokens: the rest is not seen."]
    assert front.unseen("the sea is cold and the sky is blue") == 5 and front.unseen("red") == 0
    assert front.pieces("red moon") == ["[CLS]", "red", "[UNK]", "[SEP]"]
    assert front.encode(Texts(("\ud800 red \x00",), longest=6)).lengths.tolist()[0] >= 3  # a lone surrogate


@pytest.mark.parametrize("scope", ["head", "head(layers=1)", "blocks(last=1)", "norms", "all"])
def test_a_run_on_texts_learns_and_gives_the_same_bits_again(folder, scope, tmp_path):
    backbone = wb.backbone(str(folder))
    recipe = wb.Recipe(Colours(), backbone, scope=scope, regularizers="l2, dropout", epochs=4, lr=1e-2, seed=3)
    first, again = (wb.fine_tune(recipe, tmp_path / name) for name in ("first", "again"))
    assert plain(first.rows) == plain(again.rows)
    assert first.rows[-1]["train_loss"] < first.rows[0]["train_loss"] < 1.5
    found = first.predict(["red grass", "the sea is blue"])
    assert [*found.columns] == ["answer", "red", "green", "blue"] and len(found) == 2
    valid = first.answers("valid")
    assert valid["right"].mean() == pytest.approx(first.best["valid_accuracy"])
    assert 0 <= first.test()["accuracy"] <= 1


def test_new_texts_are_answered_from_tables_too_and_called_by_name(folder, tmp_path):
    run = wb.fine_tune(wb.Recipe(Colours(), wb.backbone(str(folder)), epochs=1, lr=1e-2), tmp_path / "run")
    (tmp_path / "new.csv").write_text("id,comment\n1,red grass\n2,the sea is blue\n3,\n")
    plainly = run.predict(["red grass", "the sea is blue"])
    assert [*plainly.index] == ["red grass", "the sea is blue"]
    with pytest.raises(wb.errors.BadData, match=r"cannot be answered: 'new.csv:4': no text\. Go on without them by"):
        run.predict(str(tmp_path / "new.csv"))
    found = run.predict([tmp_path / "new.csv", "red grass"], broken="leave out")
    assert [*found.index] == ["new.csv:2", "new.csv:3", "red grass"] and found.attrs["broken"] == [
        "'new.csv:4': no text"
    ]
    assert found["red"].tolist()[:2] == pytest.approx(plainly["red"].tolist(), abs=1e-6)
    with pytest.raises(wb.errors.BadData, match=r"'lost.csv' is no table of texts that is there"):
        run.predict("lost.csv")


def test_new_texts_are_read_as_those_learned_from_and_a_column_is_a_list(folder, tmp_path):
    rows = [(f" the {WORDS[at % 3]} \x07 sea {at} ", WORDS[at % 3]) for at in range(60)]
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(tmp_path / "own.csv", index=False)
    run = wb.fine_tune(wb.Recipe(wb.Table(str(tmp_path / "own.csv"), size=12), wb.backbone(str(folder)), epochs=1))
    data, told = run.load_data(), run.answers("valid").iloc[0]
    at = int(data.valid[0])
    for texts in ([rows[at][0]], pd.Series([rows[at][0]])):
        found = run.predict(texts).iloc[0]
        assert found["answer"] == told["answer"] and found[told["answer"]] == pytest.approx(
            told["confidence"], abs=1e-6
        )


def test_another_tokenizer_is_no_tokenizer_to_answer_or_to_go_on_with(folder, tmp_path):
    own = shutil.copytree(folder, tmp_path / "own")
    recipe = wb.Recipe(Colours(), wb.backbone(str(own)), epochs=2)
    for row in wb.train(recipe, tmp_path / "run"):
        if row["epoch"] == 1:
            break
    run = wb.open_run(tmp_path / "run")
    assert len(run.predict(["the red sea"])) == 1
    made = Tokenizer.from_file(str(own / "tokenizer.json"))
    made.normalizer = normalizers.Strip()
    made.save(str(own / "tokenizer.json"))
    with pytest.raises(BrokenRun, match=r"the tokenizer, the feature extractor or the pooling of .* is not the one"):
        wb.open_run(tmp_path / "run").predict(["the red sea"])
    with pytest.raises(BrokenRun, match=r"changed since .* began; put its folder back as it was"):
        wb.fine_tune(recipe, tmp_path / "run")


@pytest.mark.parametrize(("head", "first"), [("Message", 2), ("text", 2), ("", 1)])
def test_a_list_of_new_texts_is_a_table_of_one_column(head, first, tmp_path):
    """Its first row is a header where it is called so; commas in texts part no columns."""
    from workbench.predicting import texts

    new = ["a sea, a sky", "the grass", "warm, red, cold"]
    path = tmp_path / "new.csv"
    path.write_text("\n".join([*([head] if head else []), *new]), encoding="cp1251")
    data = wb.Table(text="message", encoding="cp1251")
    names, found, wrong = texts([path], data)
    assert names == [f"new.csv:{first + at}" for at in range(3)] and found.first == tuple(new) and wrong == []
    path.write_text("id,message\n1,red\n2,blue,green\n")  # a cell too many makes two columns no list
    with pytest.raises(wb.errors.BadData, match=r"'new.csv:3': no text"):
        texts([path], data)
    with pytest.raises(wb.errors.BadData, match=r"lost.csv' is no table of texts that is there: name one \(.csv .tsv"):
        texts([tmp_path / "lost.csv"], data)
    for mistyped in ("lots.csv", "nofile.png", "a/letter.txt"):  # what can hardly be a text
        with pytest.raises(wb.errors.BadData, match=f"'{mistyped}' is no table of texts that is there"):
            texts([mistyped], data)
    assert texts(["see red.csv for more"], data)[0] == ["see red.csv for more"]
    (tmp_path / "letter.txt").write_text("red grass")
    with pytest.raises(wb.errors.BadData, match=r"letter.txt' is no table of texts that is there"):
        texts([str(tmp_path / "letter.txt")], data)


def test_columns_of_new_texts_are_those_learned_from(tmp_path):
    from workbench.datasets.columns import text_columns
    from workbench.datasets.sheets import sheet

    (tmp_path / "new.csv").write_text("id,question1,question2\n1,what is it?,and what is that?\n2,why?,how?\n")
    new = sheet(tmp_path / "new.csv")
    assert text_columns(new) == ["question1", "question2"] and text_columns(new, "id", "-") == ["id"]
    with pytest.raises(
        wb.errors.BadData, match=r"has no column 'text', which the texts learned from were in\. There are"
    ):
        text_columns(new, "text")


@pytest.mark.parametrize("scope", ["head", "all"])
def test_a_run_on_texts_that_is_stopped_goes_on_to_the_same_bits(folder, scope, tmp_path):
    recipe = wb.Recipe(Colours(), wb.backbone(str(folder)), scope=scope, epochs=4, lr=1e-2)
    whole = wb.fine_tune(recipe, tmp_path / "whole")
    for row in wb.train(recipe, tmp_path / "parted"):
        if row["epoch"] == 2:
            break
    parted = wb.fine_tune(recipe, tmp_path / "parted")
    assert plain(parted.rows) == plain(whole.rows)
    states = [Run(each.files).files.load(each.rows[-1]["step"])[0] for each in (whole, parted)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_scopes_count_what_trains(folder):
    counts = {scope: _trained(folder, scope) for scope in ("head", "norms", "blocks(last=1)", "all")}
    assert counts["head"] == 0 < counts["norms"] < counts["blocks(last=1)"] < counts["all"]
    with pytest.raises(wb.errors.BadKnob, match=r"blocks.last must be in \[1, 3\]"):
        _trained(folder, "blocks(last=9)")


def _trained(folder, scope):
    recipe = wb.Recipe(Colours(), wb.backbone(str(folder)), scope=scope)
    body = build(recipe.backbone, side=12, seed=0).body
    return sum(dict(body.named_parameters())[name].numel() for name in recipe.scope.chosen(body))


def test_a_backbone_of_another_kind_is_refused_with_one_that_fits(folder):
    with pytest.raises(BadChoice, match="glyph-resnet reads pictures, and the data are texts: take another backbone"):
        build_for(wb.backbone("glyph-resnet"), Colours().load(), 0)
    with pytest.raises(BadChoice, match="reads texts, and the data are pictures"):
        build_for(wb.backbone(str(folder)), wb.Digits(per_class=2).load(), 0)


def test_code_of_its_own_unknown_kinds_and_other_formats_are_refused(folder, tmp_path):
    import json
    import shutil

    def changed(name, **config):
        place = shutil.copytree(folder, tmp_path / name)
        held = json.loads((place / "config.json").read_text()) | config
        (place / "config.json").write_text(json.dumps(held))
        return place

    for name, config, said in (
        ("auto", {"auto_map": {"AutoModel": "evil.Model"}}, "names code of its own"),
        ("attention", {"_attn_implementation_internal": "evil/kernel"}, "names code of its own"),
        ("kind", {"model_type": "no-such"}, "knows no model of the kind 'no-such'"),
    ):
        with pytest.raises(BadChoice, match=said):
            build(wb.backbone(str(changed(name, **config))), side=12, seed=0)
    pickled = changed("pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(NoWeights, match="safetensors only"):
        build(wb.backbone(str(pickled)), side=12, seed=0)
    assert build(wb.backbone(str(pickled), "random"), side=12, seed=0).width == 32


def test_without_a_network_a_hub_name_says_what_is_here(monkeypatch):
    def refused(*_, **__):
        raise ConnectionError

    monkeypatch.setattr("huggingface_hub.snapshot_download", refused)
    with pytest.raises(NoWeights, match=r"'someone/some-bert' is not on this disk.*\(ConnectionError\)"):
        build(wb.backbone("someone/some-bert"), side=12, seed=0)


def test_many_heads_on_texts_train_in_one_pass_as_alone(folder, tmp_path):
    from workbench.learners.plan import fused

    recipes = [wb.Recipe(Colours(), wb.backbone(str(folder)), epochs=2, lr=lr) for lr in (1e-3, 1e-2)]
    assert fused(recipes) == [[0, 1]]
    study = wb.search(recipes[0], wb.Grid(), {"lr": [1e-3, 1e-2]}, name="texts")
    alone = wb.fine_tune(recipes[1], tmp_path / "alone")
    (trial,) = study.trials[study.trials["lr"] == 1e-2].to_dict("records")
    assert trial["value"] == pytest.approx(min(row["valid_loss"] for row in alone.rows), rel=1e-4)
