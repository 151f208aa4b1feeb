"""What several tests compare with."""

from __future__ import annotations

import time


def plain(rows):
    """Rows without what differs between two runs of the same recipe: the seconds."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def until(so, seconds=60.0):
    """Wait until `so()` is true; an error after `seconds`."""
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end, f"waited {seconds} s in vain"
        time.sleep(0.03)
