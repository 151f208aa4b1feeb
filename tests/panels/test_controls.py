"""Every knob of every menu has a control that shows it, proposes a new value, and says what turning it does."""

from __future__ import annotations

import math

import pytest
from panels.by_hand import another, holds, move

import workbench as wb
from workbench.choices import MENUS, Menu, Range, entries, menu_base
from workbench.panels.controls import Control

OWNERS = [wb.Recipe, *(kind for menu in MENUS for kind in entries(menu_base(menu)).values())]
KNOBS = {f"{o.name or 'recipe'}.{k.name}": k for o in OWNERS for k in o.knobs() if not isinstance(k.domain, Menu)}
SLIDERS = [n for n, k in KNOBS.items() if isinstance(k.domain, Range) and not k.domain.whole and not k.optional]


def made(name):
    """A knob's control at its default, and the list of what it proposes."""
    proposed = []
    return Control(KNOBS[name], KNOBS[name].default, proposed.append), proposed


@pytest.mark.parametrize("name", KNOBS)
def test_a_control_shows_and_proposes(name):
    control, proposed = made(name)
    assert holds(control, control.knob.default)
    value = another(control.knob, control.knob.default)
    control.show(value)
    assert holds(control, value) and not proposed
    back = another(control.knob, value)
    move(control, back)
    assert proposed == [back] and holds(control, back)
    assert control.knob.check(proposed[0], "") == back


@pytest.mark.parametrize("name", KNOBS)
def test_it_says_what_turning_it_does(name):
    control, _ = made(name)
    assert len(control.knob.help) > 10
    assert all(part.tooltip.startswith(control.knob.help) for part in control.parts)
    assert control.main.description == control.knob.name.replace("_", " ")


@pytest.mark.parametrize("name", SLIDERS)
def test_a_slider_reaches_both_ends_in_small_steps_and_proposes_valid_values_alone(name):
    control, proposed = made(name)
    slider, low, high = control.parts[1], control.knob.domain.low, control.knob.domain.high
    steps = round((slider.max - slider.min) / slider.step)
    for at in (0, *range(steps, -1, -1)):
        place = slider.min + (slider.max - slider.min) * at / steps
        slider.value = 10**place if control.knob.domain.log else place
        assert control.main.value == [control.knob.default, *proposed][-1]
    assert max(proposed) == high and min(proposed) == low
    assert len(set(proposed)) == steps + 1 >= 10
    assert [control.knob.check(value, "") for value in proposed] == proposed


def test_a_dragged_slider_is_left_alone_by_its_own_echo():
    control, proposed = made("recipe.lr")
    field, slider = control.parts
    slider.value = 0.0123456
    written = []
    slider.observe(written.append, "value")
    control.show(proposed[0])
    assert (field.value, slider.value, written) == (0.0123, 0.0123456, [])
    control.show(0.02)
    assert (field.value, slider.value, len(proposed)) == (0.02, 0.02, 1)


@pytest.mark.parametrize("name", SLIDERS)
def test_the_browsers_rounding_to_a_step_proposes_nothing(name):
    control, proposed = made(name)
    slider, log = control.parts[1], control.knob.domain.log
    place = math.log10(slider.value) if log else slider.value
    nearest = slider.min + round((place - slider.min) / slider.step) * slider.step
    slider.value = 10**nearest if log else nearest
    assert proposed == [] and control.main.value == control.knob.default
    control.show(control.knob.default)
    assert proposed == [] and control.main.value == control.knob.default
    further = nearest + (slider.step if nearest < (slider.min + slider.max) / 2 else -slider.step)
    slider.value = 10**further if log else further  # a person's smallest move
    assert len(proposed) == 1 and control.main.value == proposed[0] != control.knob.default


def test_a_value_beyond_the_slider_is_kept_exactly():
    control, proposed = made("recipe.lr")
    control.show(5.0)
    assert control.main.value == 5.0 and control.parts[1].value == pytest.approx(0.1)
    move(control, 0.0)
    assert proposed == [0.0] and control.parts[1].value == pytest.approx(1e-5)


def test_an_optional_number_may_be_empty_and_what_is_no_number_stays_for_the_error():
    control, proposed = made("digits.per_class")
    for text in ("5", "", "many", "2.5", " 7 "):
        control.main.value = text
    assert proposed == [5, None, "many", "2.5", 7]
    control.show(None)
    assert control.main.value == ""
