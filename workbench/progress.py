"""Long work says how far it is; who wants to know listens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, int, int], None]  # what is done, how many are done, of how many
EVERY = 0.2  # seconds between two words

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
    listener, now = _listener.get(), time.monotonic()
    if listener and (done == total or now - _told_at.get() >= EVERY):
        _told_at.set(now)
        listener(what, done, total)
