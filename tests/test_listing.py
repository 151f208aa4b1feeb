"""Backbones as a list: what is on this disk first, each with what one chooses by."""

from __future__ import annotations

import pytest
import timm

import workbench as wb
from workbench.backbones import listing
from workbench.backbones.cards import cards
from workbench.errors import BadChoice


def cached(folder, name):
    """A model in the hub's cache layout; the file's content does not count for a list."""
    snapshot = folder / f"models--timm--{name}" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(b"")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_what_is_on_this_disk_stands_first(hub):
    cached(hub, "resnet18.a1_in1k")
    cached(hub, "of_another_library")
    rows = listing.listing()
    here = [row["name"] for row in rows if row["where"] in ("bundled", "on this disk")]
    assert here == [row["name"] for row in rows[: len(here)]] == [*cards(), "resnet18.a1_in1k", "plane"]
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names)) and {"resnet50.a1_in1k", "vit_base_patch16_224.dino"} <= set(names)
    assert {name.split(".")[0] for name in names if name not in (*cards(), "plane")} == set(timm.list_models())


def test_the_menu_shows_parameters_size_source_and_licence():
    table = wb.menu("backbones").set_index("name")
    ours = table.loc["glyph-resnet"]
    assert (ours["where"], ours["parameters"], ours["pixels"]) == ("bundled", 372_400, 32)
    assert ours["licence"] == "Apache-2.0" and "pretrain glyph-resnet" in ours["source"]
    assert table.loc["resnet18.a1_in1k", "source"] == "timm/resnet18.a1_in1k"
    assert table.loc["resnet18.fb_ssl_yfcc100m_ft_in1k", "licence"] == "cc-by-nc-4.0"


def test_a_search_holds_every_word_and_counts_no_parameters(hub, monkeypatch):
    monkeypatch.setattr(listing, "parameters", lambda name: pytest.fail("a second each, for ninety rows"))
    rows = listing.search("resnet18 cc-by-nc")
    assert rows and all("resnet18" in row["name"] and row["licence"] == "cc-by-nc-4.0" for row in rows)
    assert {row["parameters"] for row in rows} == {None} and "parameters" not in listing.line(rows[0])
    assert [row["name"] for row in listing.search("glyph-resnet")] == ["glyph-resnet"]
    assert len(listing.search("vit large")) > 90 and listing.search("no such thing") == []
    assert listing.search("") == listing.listing()


def test_names_that_begin_with_what_is_looked_for_stand_first(hub):
    large, fifty = ([row["name"] for row in listing.search(words)] for words in ("vit large", "resnet50"))
    assert all(name.startswith("vit_large") for name in large[:30]) and "flexivit_large.300ep_in1k" in large[60:]
    assert fifty[0].startswith("resnet50.") and fifty.index("resnet50d.ra2_in1k") < fifty.index(
        "wide_resnet50_2.tv_in1k"
    )
    exact = [name.startswith("resnet50.") for name in fifty]
    assert exact == sorted(exact, reverse=True)


def test_a_bare_name_is_on_this_disk_where_the_tag_that_it_stands_for_is(hub):
    assert listing.about("resnet18")["where"] == "hub"
    cached(hub, "resnet18.tv_in1k")
    assert listing.about("resnet18")["where"] == "hub"
    cached(hub, "resnet18.a1_in1k")
    assert listing.about("resnet18")["where"] == "on this disk" and "on this disk" in listing.described("resnet18")


def test_parameters_are_those_of_the_network():
    body = timm.create_model("test_vit", num_classes=0)
    assert listing.parameters("test_vit") == sum(p.numel() for p in body.parameters())


def test_one_line_says_what_there_is(hub):
    assert listing.described("glyph-resnet") == "372,400 parameters, 1.5 MB · 32 px · bundled · Apache-2.0"
    assert "to be downloaded: timm/resnet18.a1_in1k · apache-2.0" in listing.described("resnet18.a1_in1k")
    cached(hub, "resnet18.a1_in1k")
    assert "· on this disk ·" in listing.described("resnet18.a1_in1k")
    without = next(row["name"] for row in listing.listing() if row["where"] == "no weights")
    assert "no weights on the hub: random ones, or a path" in listing.described(without)
    with pytest.raises(BadChoice, match="resnet18"):
        listing.described("resnet1888")


def test_a_search_may_be_of_one_domain_and_then_knows_encoders_of_the_hub(hub):
    for domain, ours, theirs in (("language", "docs-bert", "distilbert/distilbert-base-uncased"),
                                 ("speech", "formant-encoder", "openai/whisper-tiny")):  # fmt: skip
        rows = listing.search("", domain)
        assert {row["domain"] for row in rows} == {domain} and rows[0]["name"] == ours
        assert theirs in [row["name"] for row in rows] and len(rows) < 20
        assert f"to be downloaded: {theirs}" in listing.line(next(row for row in rows if row["name"] == theirs))
    assert {row["domain"] for row in listing.search("resnet18", "vision")} == {"vision"}
    assert [row["name"] for row in listing.search("whisper", "speech")] == ["openai/whisper-tiny"]
