"""The seal on the test set: every look is counted."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workbench import paths
from workbench.sealing import unsealed


def test_looks_are_counted_over_all_runs_and_apart_for_each_data_set():
    assert [unsealed("aaaa", Path(f"runs/r-{n}")) for n in (1, 2, 1)] == [1, 2, 3]
    assert unsealed("bbbb", Path("runs/r-1")) == 1
    assert unsealed("aaaa", Path("runs/r-3")) == 4


def test_the_book_names_who_looked_in_order():
    for name in ("first", "second", "first"):
        unsealed("aaaa", Path("anywhere") / name)
    book = json.loads((paths.runs() / "unsealed.json").read_text())
    assert [look["run"] for look in book["aaaa"]] == ["first", "second", "first"]
    times = [look["at"] for look in book["aaaa"]]
    assert times == sorted(times)


def test_no_look_is_lost_where_many_look_at_once():
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda n: unsealed("aaaa", Path(f"r-{n}")), range(40)))
    assert sorted(counts) == list(range(1, 41))


def test_the_folder_of_runs_is_made_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "not" / "there"))
    assert unsealed("aaaa", Path("r-1")) == 1 and unsealed("aaaa", Path("r-1")) == 2
