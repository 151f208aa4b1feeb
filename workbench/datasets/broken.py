"""What cannot be read, as a list in a message; of very many the rest is in a file that the message names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from workbench import paths

SHOWN = 200  # named in an error; more are in a list that it names


def listed(broken: Sequence[str]) -> str:
    """A line each; where they are very many, the others are in a file that the last line names."""
    shown = "".join(f"\n  {each}" for each in broken[:SHOWN])
    if len(broken) <= SHOWN:
        return shown
    text = "\n".join(broken).encode("utf-8", "backslashreplace")
    path = paths.cache() / f"broken-{hashlib.sha256(text).hexdigest()[:8]}.txt"
    more = f"\n  and {len(broken) - SHOWN} more"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text + b"\n")
    except OSError:  # a list is no reason to fail in another way
        return f"{shown}{more}"
    return f"{shown}{more}; all of them: {path}"
