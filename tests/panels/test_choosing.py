"""One entry of a menu, and several, with their knobs; without a panel around them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from panels.by_hand import PAYLOAD, another, holds, move

import workbench as wb
from workbench.choices import entries, menu_base
from workbench.panels.choosing import Knobs, OneOf, Several
from workbench.regularizers import Regularizer
from workbench.scopes import Head


class Proposals(list):
    """What was proposed: the values, or the errors of those that could not be made."""

    def __call__(self, make):
        try:
            self.append(make())
        except Exception as error:
            self.append(error)


@pytest.fixture
def made():
    return Proposals()


@pytest.fixture
def from_a_cell():
    """Make a regularizer as a notebook cell does; it is on no menu any more afterwards."""
    classes = []

    def define(name, default=1.0):
        @dataclass(frozen=True)
        class Made(Regularizer):
            """From a cell."""

            strength: float = wb.knob(default, wb.Range(0.1, 10.0), "How hard it pulls.")

        Made.name = name
        classes.append(Made)
        return Made

    yield define
    for kind in classes:
        kind.name = ""


def one(made, value=None):
    return OneOf("scopes", "Scope", "Which weights train.", value or wb.Head(), made)


def several(made, *value):
    return Several("regularizers", "What makes training generalise.", value, made)


def test_knobs_propose_the_choice_and_keep_a_draft_where_it_is_refused(made):
    knobs = Knobs(Head, wb.Head(layers=2).values(), made)
    move(knobs.controls["width"], 64)
    assert made == [wb.Head(layers=2, width=64)]
    move(knobs.controls["layers"], 99)
    assert str(made[-1]) == "head.layers must be a whole number in [0, 8], got 99."
    move(knobs.controls["activation"], "gelu")
    assert "got 99" in str(made[-1])  # the control says so still
    knobs.show(wb.Head().values())
    move(knobs.controls["activation"], "tanh")
    assert made[-1] == wb.Head(activation="tanh") and len(made) == 4


def test_a_dropdown_proposes_an_entry_with_its_defaults_and_shows_its_knobs(made):
    part = one(made)
    part.dropdown.value = "blocks"
    assert made == [wb.Blocks()] and [*part.knobs.controls] == ["last"]
    part.show(wb.Blocks())
    move(part.knobs.controls["last"], 3)
    assert made == [wb.Blocks(), wb.Blocks(last=3)]


def test_showing_an_entry_proposes_nothing_and_keeps_the_controls_of_the_same_class(made):
    part = one(made)
    before = part.knobs
    part.show(wb.Head(layers=2))
    assert part.knobs is before and holds(part.knobs.controls["layers"], 2)
    part.show(wb.Blocks(last=4))
    assert part.dropdown.value == "blocks" and holds(part.knobs.controls["last"], 4)
    assert part.box.children == (part.dropdown, part.knobs.box) and not made


def test_the_tooltip_says_what_the_knob_and_the_entry_are_for(made):
    part = one(made)
    assert part.dropdown.tooltip == f"Which weights train. {wb.Head.about()}"
    part.dropdown.value = "norms"
    assert part.dropdown.tooltip == f"Which weights train. {wb.Norms.about()}"


def test_entries_are_added_turned_and_removed(made):
    part = several(made, wb.L2(), wb.Dropout())
    part.adder.value = "l1"
    assert made[-1] == (wb.L2(), wb.Dropout(), wb.L1()) and part.adder.value == "+ add"
    part.show(made[-1])
    assert [*part.rows] == ["l2", "dropout", "l1"] and len(part.box.children) == 4
    move(part.rows["dropout"].controls["rate"], 0.5)
    assert made[-1] == (wb.L2(), wb.Dropout(rate=0.5), wb.L1())
    part.removers["l2"].click()
    assert made[-1] == (wb.Dropout(), wb.L1()) and len(made) == 3
    assert part.removers["l2"].tooltip == "Remove l2"


def test_rows_that_stay_keep_their_controls(made):
    part = several(made, wb.L2())
    row = part.rows["l2"]
    part.show((wb.L2(strength=0.1),))
    assert part.rows["l2"] is row and holds(row.controls["strength"], 0.1) and not made


def test_each_entry_is_offered_until_it_is_taken(made):
    names = [*entries(menu_base("regularizers"))]
    part = several(made)
    assert {*part.adder.options} - {"— more —"} == {"+ add", *names}
    for name in names:
        part.show((entries(menu_base("regularizers"))[name](),))
        assert name not in part.adder.options and len({*part.adder.options} - {"— more —"}) == len(names)


def test_what_a_beginner_does_not_need_stands_behind_a_line(made, from_a_cell):
    from_a_cell("rare").in_sight = False
    part = several(made)
    options = part.adder.options
    line = options.index("— more —")
    kinds = entries(menu_base("regularizers"))  # other tests' own classes may still be among them
    assert options[-1] == "rare" and "dropout" in options[1:line] and "sam" in options[line:]
    assert all(kinds[name].in_sight for name in options[1:line])
    assert not any(kinds[name].in_sight for name in options[line + 1 :])
    part.adder.value = "— more —"
    assert not made


def test_a_class_from_a_cell_that_is_run_later_is_offered(made, from_a_cell):
    part, alone = several(made, wb.L2()), OneOf("regularizers", "One", "One of them.", wb.L2(), made)
    kind = from_a_cell("towards")
    part.show((wb.L2(strength=0.1),))
    part.adder.value = "towards"
    alone.show(wb.L2(strength=0.1))
    alone.dropdown.value = "towards"
    assert made == [(wb.L2(strength=0.1), kind()), kind()]


def test_a_class_whose_default_is_refused_can_be_chosen_again_once_its_cell_is_mended(made, from_a_cell):
    from_a_cell("towards", default=99.0)
    part = several(made)
    part.adder.value = "towards"
    assert str(made[0]) == "towards.strength must be in [0.1, 10], got 99.0." and part.adder.value == "+ add"
    mended = from_a_cell("towards")
    part.adder.value = "towards"
    assert made[1] == (mended(),)


def test_a_cell_that_is_run_again_brings_its_new_class(made, from_a_cell):
    part = several(made, from_a_cell("towards")())
    newer = from_a_cell("towards", default=2.0)
    part.show((newer(),))
    assert part.rows["towards"].choice is newer
    move(part.rows["towards"].controls["strength"], 3.0)
    assert type(made[0][0]) is newer and made[0][0].strength == 3.0


def test_the_name_of_a_class_is_shown_letter_by_letter(made, from_a_cell):
    part = several(made, from_a_cell(PAYLOAD)())
    head = part.box.children[1].children[0].children[0]
    assert PAYLOAD not in head.value and "&lt;img" in head.value


@pytest.mark.parametrize("name", entries(menu_base("regularizers")))
def test_each_regularizer_says_what_it_does_and_its_knobs_turn(name, made):
    kind = entries(menu_base("regularizers"))[name]
    part = several(made, kind())
    assert part.box.children[1].children[0].children[0].tooltip == kind.about()
    for knob in kind.knobs():
        value = another(knob, knob.default)
        move(part.rows[name].controls[knob.name], value)
        assert made[-1] == (kind(**part.rows[name].draft),) and getattr(made[-1][0], knob.name) == value
