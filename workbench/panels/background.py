"""Slow work off the kernel's loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from workbench.progress import Listener


class Stopped(InterruptedError):
    """What was asked to stop did."""


class Background:
    """One thread of a panel: `background(work, show)` does `work` there and gives `show` what came out, on the loop.

    `show(found, kind)`: what `work` returned and "faint", or the text of its error and "error".
    """

    def __init__(self, name: str):
        import pandas  # noqa: F401  # plotly looks into it wherever it is imported, be it half by this thread

        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed, self._stop = False, threading.Event()

    def __call__(self, work: Callable[[], Any], show: Callable[[Any, str], None]) -> bool:
        """Whether it will be done: without a kernel's loop nobody looks, and nothing is."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False

        self._loop = loop

        def done(future: Any) -> None:
            if not future.cancelled():
                error = future.exception()
                show(str(error) or type(error).__name__ if error else future.result(), "error" if error else "faint")

        def begin() -> None:
            with contextlib.suppress(RuntimeError):  # closed meanwhile
                loop.run_in_executor(self._thread, work).add_done_callback(done)

        loop.call_soon(begin)  # once the cell that asked is through: it would share its processor, and be seen late
        return True

    def on_loop(self, act: Callable[[], Any]) -> None:
        """Have what `work` wants shown meanwhile done on the loop, where widgets are."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it is closed
                self._loop.call_soon_threadsafe(act)

    def hear(self, say: Callable[[str], None]) -> Listener:
        """Who listens to `progress` for work that is done here: `say` gets it in words, on the loop.

        Once this is closed, or asked to `stop`, the work ends at its next word: at `Stopped`.
        """
        stop = self._stop = threading.Event()  # of this work alone

        def heard(what: str, done: int, total: int) -> None:
            if self._closed:
                raise InterruptedError("the panel was closed.")
            if stop.is_set():
                raise Stopped("stopped.")
            self.on_loop(lambda: say(f"{what}: {done:,} of {total:,}"))

        return heard

    def stop(self) -> None:
        """End what was begun last and tells how far it is, at its next word."""
        self._stop.set()

    def close(self) -> None:
        """Let the thread go; what has not begun is not done."""
        self._closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)
