"""Long work says how far it is; who wants to know listens, and where nobody does a bar shows it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Listener = Callable[[str, int, int], None]  # what is done, how many are done, of how many
EVERY = 0.2  # seconds between two words
DELAY = 1.0  # seconds that work takes at least to be shown a bar

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)
_told_at: ContextVar[float] = ContextVar("told_at", default=0.0)


@contextmanager
def told_to(listener: Listener) -> Iterator[None]:
    """What is told in this block goes to `listener`, which may raise to end the work, and to who listens outside it."""
    outer = _listener.get()

    def both(what: str, done: int, total: int) -> None:
        if outer:
            outer(what, done, total)
        listener(what, done, total)

    token = _listener.set(both)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(what: str, done: int, total: int) -> None:
    """Say that `done` of `total` are done; heard at most every `EVERY` seconds, and at the end."""
    now = time.monotonic()
    if done < total and now - _told_at.get() < EVERY:
        return
    _told_at.set(now)
    listener = _listener.get() or _shown()
    if listener:
        listener(what, done, total)


def _shown() -> Listener | None:
    """A bar for what nobody listens to, where a person sits in front of it; none in a thread, a report or a pipe."""
    here = threading.current_thread() is threading.main_thread()
    return _bar if here and (sys.stderr.isatty() or _is_asked()) else None


def _is_asked() -> bool:
    """Whether this is a notebook's cell whose front end can ask a person: one that runs headless cannot."""
    kernel = getattr(sys.modules["IPython"].get_ipython(), "kernel", None) if "IPython" in sys.modules else None
    return bool(getattr(kernel, "_allow_stdin", False))


class _Bar:
    """One bar after the other, each only when its work takes longer than `DELAY`."""

    def __init__(self) -> None:
        self._what = ""
        self._bar: Any = None

    def __call__(self, what: str, done: int, total: int) -> None:
        from tqdm import tqdm

        bar = self._bar
        if bar is None or (what, total) != (self._what, bar.total) or done < bar.n:
            self._close()
            self._what = what
            self._bar = bar = tqdm(total=total, desc=what, delay=DELAY, file=sys.stderr)
        bar.update(done - bar.n)
        if done == total:
            self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None


_bar = _Bar()
