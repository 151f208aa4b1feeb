"""How many threads torch computes with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


def wanted() -> int:
    """`WORKBENCH_THREADS` (a class on one server wants 1), or what torch takes by itself."""
    import torch

    return int(os.environ.get("WORKBENCH_THREADS") or torch.get_num_threads())


@contextmanager
def on(number: int) -> Iterator[None]:
    """So many in this block, and as many as before afterwards."""
    import torch

    before = torch.get_num_threads()
    if before != number:  # setting it anew, even to the same, made small networks up to a third slower
        torch.set_num_threads(number)
    try:
        yield
    finally:
        if before != number:
            torch.set_num_threads(before)
