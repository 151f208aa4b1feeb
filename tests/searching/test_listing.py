"""One study that cannot be read hides no other, and closes nothing."""

from __future__ import annotations

import json

import pytest
from panels.by_hand import said

import workbench as wb
from workbench.panels.search_panel import SearchPanel
from workbench.searching.listing import listed

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(
    params=[
        ("study.db", b"no database" * 100, "does not answer"),
        ("study.json", b'{"recipe": {', "study.json cannot be read"),
        ("study.json", b"[1, 2]", ""),
        ("study.json", json.dumps({"storage": ""}).encode(), ""),
    ],
    ids=["junk", "half", "list", "empty"],
)
def broken(request):
    """Two studies, one of them damaged; what is said of it."""
    name, content, reason = request.param
    recipe = wb.Recipe(wb.Digits(per_class=5), epochs=1)
    for each in ("good", "bad"):
        folder = wb.search(recipe, "random(trials=2)", name=each).folder
    (folder / name).write_bytes(content)
    return reason


def test_a_study_that_cannot_be_read_is_listed_with_the_reason(broken):
    table = wb.studies().set_index("name")
    assert {*table.index} == {"good", "bad"} and table.loc["good", "trials"] == 2 and table.loc["good", "reason"] == ""
    assert broken in table.loc["bad", "reason"] and table.loc["bad", "reason"]
    reasons = dict(listed(50))
    assert not reasons["good"] and reasons["bad"] and broken in reasons["bad"]


def test_the_bench_opens_beside_it_and_says_so(broken):
    bench = wb.Workbench(wb.Recipe(wb.Digits(per_class=5)))
    assert said(bench.search.error).startswith("The study bad cannot be read: ") and broken in said(bench.search.error)
    bench.search.picker.value = "bad"
    assert said(bench.search.error)
    bench.search.picker.value = "good"
    assert not said(bench.search.error) and len(bench.search.grid.rows) == 2
    bench.close()
    panel = SearchPanel(wb.Recipe(), study=wb.Study(wb.open_study("good").folder.parent / "bad"), now=False)
    assert said(panel.error)
    panel.close()


def test_a_bench_that_could_not_be_built_is_closed_all_the_same():
    half = wb.Workbench.__new__(wb.Workbench)
    half.close()
