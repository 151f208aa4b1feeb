"""The seal on the test set: every look at it is counted, over all runs."""

from __future__ import annotations

import json
import time
from pathlib import Path

from filelock import FileLock

from workbench import paths
from workbench.folder import write_json


def unsealed(sealed_as: str, run: Path) -> int:
    """Note that `run` looked at the test set of this data, and return how many looks there were in all."""
    book = paths.runs() / "unsealed.json"
    book.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(book.with_suffix(".lock"), timeout=30):
        looks = json.loads(book.read_text()) if book.is_file() else {}
        looks.setdefault(sealed_as, []).append({"run": run.name, "at": time.time()})
        write_json(book, looks)
    return len(looks[sealed_as])
