"""Long work is heard by who listens, not too often, and the listener can end it."""

from __future__ import annotations

import pytest

from workbench import progress


def test_only_a_listener_hears_and_only_within_its_block():
    told = []
    progress.tell("files", 1, 2)
    with progress.told_to(lambda *said: told.append(said)):
        progress.tell("files", 2, 2)
    progress.tell("files", 2, 2)
    assert told == [("files", 2, 2)]


def test_words_come_seldom_but_the_last_always():
    told = []
    with progress.told_to(lambda what, done, total: told.append(done)):
        for done in range(1, 10_001):
            progress.tell("files", done, 10_000)
    assert told[-1] == 10_000 and len(told) < 10


def test_a_listener_that_raises_ends_the_work():
    def stop(*_):
        raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"), progress.told_to(stop):
        progress.tell("files", 3, 3)
