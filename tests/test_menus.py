"""Menus and parameters as tables."""

from __future__ import annotations

import pytest
import timm

import workbench as wb
from workbench import menus
from workbench.backbones.building import build
from workbench.choices import MENUS, entries, menu_base
from workbench.errors import BadChoice

pytestmark = pytest.mark.usefixtures("one_thread")
NAMED = [name for name in MENUS if name != "backbones"]


def test_the_menu_of_menus_counts_their_entries():
    table = wb.menu()
    assert table["menu"].tolist() == list(MENUS)
    counted = dict(zip(table["menu"], table["entries"], strict=True))
    assert {name: counted[name] for name in NAMED} == {name: len(entries(menu_base(name))) for name in NAMED}
    assert counted["backbones"] == len(wb.menu("backbones"))


@pytest.mark.parametrize("name", NAMED)
def test_every_entry_stands_with_its_words_and_all_its_knobs(name):
    table, found = wb.menu(name), entries(menu_base(name))
    helps = ["when it helps"] * (name == "regularizers")
    assert list(table.columns) == ["name", "what it does", *helps, "knobs"] and {*table["name"]} == {*found}
    if helps:  # those in sight first
        assert [found[each].in_sight for each in table["name"]] == [True] * 5 + [False] * (len(found) - 5)
    for _, line in table.iterrows():
        kind = found[line["name"]]
        assert line["what it does"] == kind.__doc__.split("\n")[0]
        assert all(f"{knob.name}={knob.default!r}" in line["knobs"] for knob in kind.knobs())
        assert bool(line["knobs"]) == bool(kind.knobs())


def test_knobs_are_shown_with_their_range_or_options():
    shown = wb.menu("regularizers").set_index("name")["knobs"]
    assert shown["l2"] == "strength=0.03 [0.0001 to 0.3, log]"
    assert (
        shown["early-stopping"]
        == "watch='loss' [loss, accuracy, f1, gap], patience=5 [1 to 50], at_least=0.0 [0 to 0.1]"
    )
    assert "placement='centred' [centred, scattered]" in wb.menu("datasets").set_index("name")["knobs"]["digits"]
    assert wb.menu("scopes").set_index("name")["knobs"]["norms"] == ""


def test_an_unknown_menu_comes_with_the_nearest():
    with pytest.raises(
        BadChoice, match=r"there is no menu 'regularisers'\. Did you mean 'regularizers'\? There are: data"
    ):
        wb.menu("regularisers")


def whole(tiny):
    return sum(p.numel() for p in timm.create_model("test_resnet", num_classes=0).parameters())


@pytest.mark.parametrize("scope", ["head", "head(layers=2, width=16)", "blocks(last=2)", "norms", "all"])
def test_parameters_add_up_to_the_networks_own(scope, tiny):
    recipe = wb.Recipe(backbone=tiny, scope=scope)
    table = wb.parameters(recipe)
    assert list(table.columns) == ["kind", "name", "value", "set by"]
    weights = table[table["kind"] != "hyperparameter"]
    head, trained, frozen = (int(value.replace(",", "")) for value in weights["value"])
    assert weights["name"].tolist() == ["head", "test_resnet", "test_resnet"]
    assert weights["kind"].tolist() == ["parameter, trained", "parameter, trained", "parameter, frozen"]
    assert trained + frozen == whole(tiny)
    body = build(tiny, side=32, seed=0).body
    moves = set(recipe.scope.chosen(body))
    assert trained == sum(p.numel() for name, p in body.named_parameters() if name in moves)
    two_layers = 96 * 16 + 16 + 16 * 16 + 16 + 16 * 10 + 10
    assert head == (two_layers if "layers" in scope else 96 * 10 + 10)
    assert menus.counts(recipe, 10, 32) == {"body trained": trained, "body frozen": frozen, "head trained": head}


def test_counts_by_hand(tiny):
    """The last block of test_resnet by its shapes, the norms by their channels."""
    last = menus.counts(wb.Recipe(backbone=tiny, scope="blocks(last=1)"), 3, 32)
    layer4 = timm.create_model("test_resnet").layer4
    assert last["body trained"] == sum(p.numel() for p in layer4.parameters())
    assert last["head trained"] == 96 * 3 + 3
    norms = menus.counts(wb.Recipe(backbone=tiny, scope="norms"), 3, 32)["body trained"]
    channels = [m.num_features for m in timm.create_model("test_resnet").modules() if hasattr(m, "num_features")]
    assert norms == 2 * sum(n for n in channels if isinstance(n, int)) - 2 * 96  # the network itself has that name too


def test_every_hyperparameter_of_the_recipe_is_there_with_its_value():
    recipe = wb.Recipe(
        wb.Digits(per_class=20), scope="head(width=64)", regularizers="l2(strength=0.5), dropout", lr=0.02
    )
    table = wb.parameters(recipe)
    hyper = table[table["kind"] == "hyperparameter"]
    assert sorted(hyper["name"]) == sorted(recipe.places()) and set(hyper["set by"]) == {"you, or a search"}
    said = hyper.set_index("name")["value"]
    assert said["data"] == "digits" and said["scope"] == "head" and said["regularizers"] == "l2, dropout"
    assert said["backbone"] == said["backbone.architecture"] == "glyph-resnet"
    assert (said["lr"], said["l2.strength"], said["scope.width"], said["data.per_class"]) == ("0.02", "0.5", "64", "20")
    assert wb.parameters(recipe.replace(regularizers="")).set_index("name")["value"]["regularizers"] == "none"
    assert table["set by"].tolist()[:3] == ["gradient steps (head)", "gradient steps (head)", "pretraining"]


def test_several_recipes_stand_side_by_side(tiny):
    first = wb.Recipe("digits", tiny, regularizers="l2", lr=0.02)
    table = wb.parameters([first, wb.Recipe("vowels", scope="all")])
    assert list(table.columns) == ["kind", "name", "digits", "vowels", "set by"]
    assert table["name"].tolist()[:3] == ["head", "backbone", "backbone"]
    alone = wb.parameters(first)
    assert [each for each in table["digits"] if each] == [each for each in alone["value"] if each]
    said = table.set_index(["kind", "name"])
    assert said.loc[("hyperparameter", "l2.strength"), ["digits", "vowels"]].tolist() == ["0.03", ""]
    assert said.loc[("hyperparameter", "data.noise"), ["digits", "vowels"]].tolist() == ["", "0.1"]
    assert said.loc[("hyperparameter", "lr"), ["digits", "vowels"]].tolist() == ["0.02", "0.001"]
    assert not table[["kind", "name"]].duplicated().any()


def test_columns_of_one_name_say_more_of_their_data():
    two = [wb.Recipe("digits"), wb.Recipe(wb.Digits(per_class=5))]
    assert list(wb.parameters(two).columns)[2:4] == ["digits", "digits(per_class=5)"]
    with pytest.raises(BadChoice, match="each recipe must have data of its own here, got digits, digits"):
        wb.parameters([two[0], two[0]])
    for wrong in ([], ["digits"]):
        with pytest.raises(BadChoice, match=r"recipes are compared, such as wb\.Recipe\('digits'\), got \["):
            wb.parameters(wrong)
