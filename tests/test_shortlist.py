"""Backbones for a person's own data: a list that fits it, and none chosen in silence."""

from __future__ import annotations

import pytest

import workbench as wb
from workbench import cost
from workbench.backbones import shortlist
from workbench.backbones.listing import listing
from workbench.errors import BadChoice


@pytest.fixture
def quick(monkeypatch):
    """A probe that takes no time; tests/test_cost.py has the real one."""
    monkeypatch.setattr(cost, "forward_seconds", lambda backbone, side: 0.01 * side / 32)
    monkeypatch.setattr(cost, "held_bytes", lambda backbone, side: 1000.0 * side)


@pytest.fixture
def own(tmp_path):
    from PIL import Image

    for name in ("a", "b"):
        (tmp_path / "own" / name).mkdir(parents=True)
        for at in range(20):
            Image.new("RGB", (32, 32), (at * 10, 0, 90)).save(tmp_path / "own" / name / f"{at}.png")
    return wb.Images(str(tmp_path / "own"), size=64)


def test_every_name_is_published_and_none_forbids_commercial_use():
    there = {row["name"]: row for row in listing()}
    for name in shortlist.PHOTOGRAPHS:
        assert there[name]["where"] == "hub" and there[name]["licence"].lower() in ("apache-2.0", "mit"), name


@pytest.mark.usefixtures("quick")
def test_photographs_first_then_the_bundled_with_what_they_are_for(own):
    found = wb.shortlist(own)
    assert [*found["name"][:1]] == ["mobilenetv4_conv_small.e2400_r224_in1k"] and len(found) == 10
    bundled = found[found["where"] == "bundled"]
    assert [*bundled["name"]] == ["glyph-convnext", "glyph-resnet", "glyph-vit"] == [*found["name"][-3:]]
    assert all("of photographs it has seen none" in why for why in bundled["for"])
    assert (
        [*found["head_seconds"]] == [0.8] * 10
        and [*found["all_seconds"]] == [1.8] * 10
        and found["parameters"].min() > 250_000
    )


@pytest.mark.usefixtures("quick")
def test_what_does_not_fit_is_said_and_stands_last(own, monkeypatch):
    monkeypatch.setattr(shortlist, "room", lambda: 12e6 * shortlist.BYTES)  # for 11 million weights, and few pictures
    found = wb.shortlist(own)
    assert [*found["fits"]] == sorted(found["fits"], reverse=True) and 0 < found["fits"].sum() < 10
    row = found.iloc[-1]
    assert row["parameters"] > 12e6 and "not all of it trains in this memory" in shortlist.in_a_line(row)
    assert found.set_index("name")["fits"]["resnet18.a1_in1k"]
    monkeypatch.setattr(cost, "held_bytes", lambda backbone, side: 1e6 if side > 32 else 0.0)
    assert not wb.shortlist(own).set_index("name")["fits"]["resnet18.a1_in1k"]  # its pictures do not
    assert wb.shortlist(own.replace(size=32)).set_index("name")["fits"]["resnet18.a1_in1k"]


def test_the_memory_that_counts_is_that_of_the_device(monkeypatch):
    import psutil
    import torch

    assert 0 < shortlist.room() < psutil.virtual_memory().total
    monkeypatch.setattr("workbench.learners.plan.device", lambda: torch.device("cuda:1"))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda where: (10e9, 24e9))
    assert shortlist.room() == 9e9


@pytest.mark.usefixtures("quick")
def test_weights_on_this_disk_come_before_those_of_the_hub(own, monkeypatch):
    from workbench.backbones import listing as lists
    from workbench.backbones import vision

    for module in (vision, lists):
        monkeypatch.setattr(module, "cached_names", lambda: ["resnet18.a1_in1k"])
    found = wb.shortlist(own)
    assert found["name"][0] == "resnet18.a1_in1k" and found["where"][0] == "on this disk" and len(found) == 10


def test_a_row_in_a_line():
    row = {
        "parameters": 11_176_512,
        "head_seconds": 9.7,
        "all_seconds": 213,
        "fits": True,
        "where": "hub",
        "licence": "apache-2.0",
    }
    said = (
        "11.2 M parameters · head 10 s, all weights 3 min 33 s an epoch · to be downloaded · apache-2.0 · photographs"
    )
    assert shortlist.in_a_line(row | {"for": "photographs"}) == said


def test_for_own_data_no_backbone_is_chosen_in_silence(own):
    recipe = wb.Recipe(own)
    assert recipe.backbone.architecture == "" and wb.Recipe.from_dict(recipe.to_dict()) == recipe
    for run in (wb.fine_tune, wb.start, lambda recipe: next(iter(wb.train(recipe)))):
        with pytest.raises(BadChoice, match=r"no backbone is chosen.*wb.shortlist\(data\)"):
            run(recipe)
    assert not len(wb.runs())
    assert wb.Recipe("digits").backbone.architecture == "glyph-resnet"
    assert recipe.replace(data="digits").backbone.architecture == "glyph-resnet"
    assert wb.Recipe(own, "resnet18").replace(data="digits").backbone.architecture == "resnet18"
