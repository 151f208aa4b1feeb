"""Recipes: names and objects, equality, scalars and back."""

from __future__ import annotations

import json

import pytest
import yaml

import workbench as wb
from workbench.errors import BadChoice, BadKnob


def some(tiny):
    return wb.Recipe(
        wb.Digits(per_class=20, placement="scattered"), tiny, scope=wb.Head(layers=1),
        regularizers=[wb.L2(strength=0.1), "dropout(rate=0.3)", "early-stopping"], lr=0.01, seed=7,
    )  # fmt: skip


def test_names_work_wherever_objects_do(tiny):
    by_name = wb.Recipe("digits", "test_resnet(weights='random')", scope="head", regularizers="l2, dropout")
    by_object = wb.Recipe(wb.Digits(), tiny, scope=wb.Head(), regularizers=[wb.L2(), wb.Dropout()])
    assert by_name == by_object and by_name.id == by_object.id and hash(by_name) == hash(by_object)


def test_there_and_back_through_json_and_yaml(tiny):
    recipe = some(tiny)
    assert all(isinstance(v, str | int | float | bool) for v in recipe.to_dict().values())
    assert wb.Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    assert wb.Recipe.from_dict(yaml.safe_load(yaml.safe_dump(recipe.to_dict()))) == recipe


def test_the_code_that_it_prints_makes_it_again(tiny):
    recipe = some(tiny)
    assert eval(recipe.as_code(), {"wb": wb}) == recipe
    assert eval(wb.Recipe().as_code(), {"wb": wb}) == wb.Recipe()


def test_ids_differ_with_any_knob(tiny):
    recipe = some(tiny)
    others = [recipe.replace(seed=8), recipe.turned({"l2.strength": 0.2}), recipe.turned({"data.per_class": 19})]
    assert len({each.id for each in [recipe, *others]}) == 4 and all(len(each.id) == 8 for each in others)


def test_turned_reaches_every_place(tiny):
    recipe = some(tiny).turned({"lr": 0.5, "l2.strength": 0.2, "scope.layers": 2, "data.label_noise": 0.1})
    assert (recipe.lr, recipe.regularizers[0].strength, recipe.scope.layers, recipe.data.label_noise) == (
        0.5,
        0.2,
        2,
        0.1,
    )
    with pytest.raises(BadChoice, match=r"the recipe has no knob 'l2.strenght'. Did you mean 'l2.strength'"):
        recipe.turned({"l2.strenght": 1})


def test_changes_are_read_and_refused():
    recipe = wb.Recipe(changes="40: l2.strength=0.1; 8: lr=0.5", regularizers="l2")
    assert recipe.turns() == [(8, "lr", 0.5), (40, "l2.strength", 0.1)]
    for soon in ("soon", "20 lr=1", "3: lr", "3: lr=much", "-3: lr=1"):
        with pytest.raises(BadChoice, match=r"a change is written `step: path=value`, such as `40: lr=0.01`, got '"):
            wb.Recipe(changes=soon)


def test_what_does_nothing_on_the_way_cannot_be_turned():
    stack = "l2, early-stopping"
    for path in ("epochs", "scope.layers", "data.per_class", "early-stopping.watch", "dropout.rate", "batch_size"):
        with pytest.raises(BadChoice, match=rf"under way has no knob '{path}'.* There are: l2.strength, early-.* lr"):
            wb.Recipe(regularizers=stack, changes=f"10: {path}=2")
    with pytest.raises(BadChoice, match=r"no knob 'l2.strenght'. Did you mean 'l2.strength'"):
        wb.Recipe(regularizers=stack, changes="20: l2.strenght=0.1")
    with pytest.raises(BadKnob, match=r"early-stopping.patience must be a whole number in \[1, 100000\], got 0.5"):
        wb.Recipe(regularizers=stack, changes="20: lr=0.1; 30: early-stopping.patience=0.5")


def test_errors_say_what_is_wrong():
    with pytest.raises(BadKnob, match=r"epochs must be a whole number in \[1, 100000\], got 0"):
        wb.Recipe(epochs=0)
    with pytest.raises(BadChoice, match=r"there is no dataset called 'digts'. Did you mean 'digits'"):
        wb.Recipe("digts")
    with pytest.raises(BadChoice, match=r"no backbone called 'resnet81'. Did you mean 'resnet18'"):
        wb.Recipe(backbone="resnet81")
    with pytest.raises(BadChoice, match=r"a recipe has no knob 'epoch'. Did you mean 'epochs'"):
        wb.Recipe.from_dict({"epoch": 1})
