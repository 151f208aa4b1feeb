"""Slow work off the loop, and what came of it on the loop."""

from __future__ import annotations

import asyncio
import threading

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
