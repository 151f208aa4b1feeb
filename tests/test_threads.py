"""Threads: as many as are wanted while something is computed, and as before afterwards."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench import features, lessons, threads


@pytest.fixture
def two(monkeypatch):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_in_a_block_and_as_before_afterwards_an_error_or_not(two, monkeypatch):
    with threads.on(1):
        assert torch.get_num_threads() == 1
    with pytest.raises(ZeroDivisionError), threads.on(1):
        1 / 0  # noqa: B018
    assert torch.get_num_threads() == 2 and threads.wanted() == 1  # as the tests have it
    monkeypatch.delenv("WORKBENCH_THREADS")
    assert threads.wanted() == 2


def test_features_are_computed_on_as_many(two, tiny, monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))  # where none are kept yet
    used = []
    real = features._at_once
    monkeypatch.setattr(features, "_at_once", lambda *given: used.append(torch.get_num_threads()) or real(*given))
    next(wb.train(wb.Recipe(wb.Digits(per_class=2), tiny, epochs=1)))
    assert used and set(used) == {1} and torch.get_num_threads() == 2


def test_a_lesson_takes_one_unless_it_is_told_otherwise(monkeypatch):
    monkeypatch.delenv("WORKBENCH_THREADS")
    monkeypatch.setenv("WORKBENCH_DEVICE", "cpu:0")
    lessons.on_one_thread()
    assert threads.wanted() == 1 and lessons.os.environ["WORKBENCH_DEVICE"] == "cpu:0"
