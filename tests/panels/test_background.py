"""Slow work off the loop, and what came of it on the loop."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time

from workbench import progress
from workbench.panels.background import Background


def test_work_is_done_elsewhere_in_turn_and_shown_on_the_loop():
    shown = []

    def fail():
        raise ValueError("no such thing")

    async def asked():
        background, here = Background("a-panel"), threading.current_thread().name
        for work in (lambda: threading.current_thread().name, fail, lambda: 1 / 0, lambda: 7):
            assert background(work, lambda *told: shown.append((*told, threading.current_thread().name == here)))
        while len(shown) < 4:
            await asyncio.sleep(0.01)
        background.close()

    asyncio.run(asked())
    assert shown[0][0].startswith("a-panel") and shown[0][1:] == ("faint", True)
    assert shown[1:] == [("no such thing", "error", True), ("division by zero", "error", True), (7, "faint", True)]


def test_an_error_without_words_is_named_and_without_a_loop_nothing_is_done():
    shown = []

    def fail():
        raise KeyError

    async def asked():
        background = Background("a-panel")
        background(fail, lambda *told: shown.append(told))
        while not shown:
            await asyncio.sleep(0.01)
        background.close()

    asyncio.run(asked())
    assert shown == [("KeyError", "error")]
    assert not Background("another")(lambda: shown.append("done"), lambda *told: None) and len(shown) == 1


def test_what_work_tells_is_heard_on_the_loop_and_once_closed_the_work_ends_at_its_next_word():
    heard, shown, ended = [], [], threading.Event()

    async def asked():
        background, here = Background("a-panel"), threading.current_thread()

        def work():
            try:
                with progress.told_to(background.hear(lambda said: heard.append((said, threading.current_thread())))):
                    for at in itertools.count(1):
                        progress.tell("files read", at * 1000, at * 1000)
                        time.sleep(0.01)
            finally:
                ended.set()

        background(work, lambda *told: shown.append(told))
        while len(heard) < 2:
            await asyncio.sleep(0.01)
        background.close()
        await asyncio.to_thread(ended.wait, 10)
        assert heard[0] == ("files read: 1,000 of 1,000", here)

    asyncio.run(asked())
    assert ended.is_set() and shown in ([], [("the panel was closed.", "error")])


def test_what_is_asked_to_stop_ends_at_its_next_word_and_the_next_work_is_done():
    heard, shown = [], []

    async def asked():
        background = Background("a-panel")

        def work():
            with progress.told_to(background.hear(heard.append)):
                for at in itertools.count(1):
                    progress.tell("files read", at, at)
                    time.sleep(0.01)

        background(work, lambda *told: shown.append(told))
        while not heard:
            await asyncio.sleep(0.01)
        background.stop()
        background(lambda: 7, lambda *told: shown.append(told))  # waits for its turn, and is not what was stopped
        while len(shown) < 2:
            await asyncio.sleep(0.01)
        background.close()

    asyncio.run(asked())
    assert shown == [("stopped.", "error"), (7, "faint")]
