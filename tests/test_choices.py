"""Knobs, choices, menus."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

import workbench as wb
from workbench.choices import FLAG, MENUS, Choice, Options, Range, Text, entries, entries_of, entry, knob, menu_base
from workbench.errors import BadChoice, BadKnob


class Spice(Choice):
    """A menu of the tests' own."""


@dataclass(frozen=True)
class Pepper(Spice):
    """Makes it hot."""

    name = "pepper"
    amount: float = knob(0.5, Range(0.1, 1.0), "How hot.", limits=(0, 2))
    corns: int = knob(3, Range(1, 9), "How many.")
    kind: str = knob("black", Options(("black", "white")), "Which.")
    ground: bool = knob(False, FLAG, "Ground or whole.")
    note: str = knob("", Text(), "Anything.")
    age: int | None = knob(None, Range(1, 9), "Years.", optional=True)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"amount": 3}, r"pepper.amount must be in \[0, 2\], got 3."),
        ({"amount": float("nan")}, r"pepper.amount must be in \[0, 2\], got nan."),
        ({"amount": "much"}, r"pepper.amount must be in \[0, 2\], got 'much'."),
        ({"amount": True}, r"pepper.amount must be in \[0, 2\], got True."),
        ({"corns": 2.5}, r"pepper.corns must be a whole number in \[1, 9\], got 2.5."),
        ({"corns": None}, "pepper.corns must not be None."),
        ({"kind": "blak"}, "pepper.kind must be one of 'black', 'white', got 'blak'. Did you mean 'black'?"),
        ({"ground": 1}, "pepper.ground must be one of False, True, got 1."),
    ],
)
def test_a_bad_value_names_the_rule_and_the_value(knobs, message):
    with pytest.raises(BadKnob, match=message):
        Pepper(**knobs)


def test_numbers_take_the_knobs_own_type():
    assert isinstance(Pepper(amount=1).amount, float)
    assert Pepper(amount=1) == Pepper(amount=1.0)
    assert isinstance(Pepper(corns=2.0).corns, int)


def test_a_name_a_spelled_form_a_class_and_an_entry_mean_the_same():
    assert entry(Spice, "pepper") == entry(Spice, "pepper()") == entry(Spice, Pepper) == entry(Spice, Pepper())
    assert entry(Spice, "pepper(amount=0.2, kind='white')") == Pepper(amount=0.2, kind="white")


def test_a_wrong_name_comes_with_the_nearest_match_and_the_list():
    with pytest.raises(BadChoice, match=r"no spice called 'peper'. Did you mean 'pepper'. There are: .*pepper.*cell"):
        entry(Spice, "peper")
    with pytest.raises(BadChoice, match=r"pepper has no knob 'amont'. Did you mean 'amount'"):
        entry(Spice, "pepper(amont=1)")
    with pytest.raises(BadChoice, match="a choice is written"):
        entry(Spice, "pepper(amount=open('x'))")
    with pytest.raises(BadChoice, match="a spice is one of ours or its name, got 7"):
        entry(Spice, 7)
    with pytest.raises(BadChoice, match="pepper stands 2 times"):
        entries_of(Spice, "pepper, pepper")
    with pytest.raises(BadChoice, match=r"spices are a list, or a text such as 'name, name\(knob=0.1\)', got 0.1\."):
        entries_of(Spice, 0.1)
    assert entries_of(Spice, Pepper) == (Pepper(),)


def test_a_class_made_again_counts_and_equals_its_earlier_self():
    def cell():
        @dataclass(frozen=True)
        class Salt(Spice):
            """From a cell."""

            name = "salt"
            amount: float = knob(0.5, Range(0.1, 1.0), "How much.")

        return Salt

    first, second = cell(), cell()
    assert first is not second and first() == second() and hash(first()) == hash(second())
    assert entries(Spice)["salt"] is second


@given(st.floats(0, 2), st.integers(1, 9), st.booleans(), st.text(), st.none() | st.integers(1, 9))
def test_spelled_and_read_back(amount, corns, ground, note, age):
    made = Pepper(amount=amount, corns=corns, ground=ground, note=note, age=age)
    assert entries_of(Spice, f"{made.spelled()}") == (made,)
    assert entry(Spice, made.spelled(full=False)) == made


@pytest.mark.parametrize("name", [name for name in MENUS if name != "backbones"])
def test_every_entry_of_every_menu_has_words_and_sound_knobs(name):
    base = menu_base(name)
    assert entries(base)
    for found in entries(base).values():
        assert len(found.about()) > 10
        made = entry(base, found)
        assert entry(base, made.spelled()) == made
        for each in found.knobs():
            assert each.help.endswith(".")
    table = wb.menu(name)
    assert sorted(table["name"]) == sorted(entries(base))


def test_help_tells_of_every_knob_and_of_those_above():
    @dataclass(frozen=True)
    class Long(Pepper):
        """Of another kind."""

        name = "long"
        amount: float = knob(0.7, Range(0.1, 1.0), "How hot it is.")
        grains: int = knob(2, Range(1, 9), "How many grains.")

    about, _, knobs = Long.__doc__.partition("\n\nKnobs:\n")
    assert about == "Of another kind." == Long.about() and Pepper.about() == "Makes it hot."
    assert knobs.splitlines()[::6] == [
        "    amount: How hot it is. Default: 0.7.",
        "    grains: How many grains. Default: 2.",
    ]
    assert "    kind: Which. Default: 'black'." in knobs and "    folder: " in wb.Images.__doc__


def test_ranges_refuse_nonsense():
    with pytest.raises(BadKnob, match="low < high"):
        Range(1, 0)
    with pytest.raises(BadKnob, match="0 < low"):
        Range(0, 1, log=True)


def test_a_wrong_name_of_a_knob_comes_with_the_nearest_and_a_folder_with_the_way_to_it(tmp_path):
    with pytest.raises(BadChoice, match=r"Recipe has no knob 'epoch'\. Did you mean 'epochs'\?"):
        wb.Recipe(epoch=2)
    with pytest.raises(BadChoice, match=r"l2 has no knob 'strenght'\. Did you mean 'strength'\?"):
        wb.L2(strenght=2)
    with pytest.raises(BadChoice, match=r"A folder of your own is wb\.Images\(folder="):
        wb.Recipe(str(tmp_path))
    with pytest.raises(BadChoice, match="fine_tune takes a recipe"):
        wb.fine_tune("digits")
