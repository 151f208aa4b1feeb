"""What a person gives, checked: the rule, the value, what is near."""

from __future__ import annotations

import pytest

from workbench.checks import known, nearest, whole
from workbench.errors import BadChoice, BadKnob


@pytest.mark.parametrize("value", [0, 1001, 2.0, "2", True, None])
def test_what_is_no_whole_number_within_the_bounds_is_refused_with_the_rule(value):
    assert whole("seeds", 1, 1, 1000) == 1 and whole("seeds", 1000, 1, 1000) == 1000
    with pytest.raises(BadKnob) as caught:
        whole("seeds", value, 1, 1000)
    assert str(caught.value) == f"seeds must be a whole number in [1, 1,000], got {value!r}."


def test_what_is_near_is_asked_for_and_nothing_else():
    assert nearest("dropuot", ["l2", "dropout"]) == " Did you mean 'dropout'?"
    assert nearest("zzz", ["l2", "dropout"]) == nearest("l2", []) == ""


def test_a_name_that_is_not_known_comes_with_the_list_and_the_way_out(tmp_path):
    known("l2", ["l2"], "there is no")
    with pytest.raises(BadChoice, match=r"^there is no 'drpout'\. Did you mean 'dropout'\? There are: l2, dropout\.$"):
        known("drpout", ["l2", "dropout"], "there is no")
    with pytest.raises(BadChoice, match=r"There are: none\. If a notebook cell defines it, run that cell first\.$"):
        known("mine", [], "there is no", cell=True)
    with pytest.raises(BadChoice, match=r"A folder of your own is wb\.Images\(folder="):
        known(str(tmp_path), [], "there is no", cell=True)
