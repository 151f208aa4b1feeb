"""Where the real photographs lie that some cases measure on: in a folder that `WORKBENCH_TEST_DATA` names."""

from __future__ import annotations

import os
from pathlib import Path

CIFAR = "vision_cifar10/cifar10_sample.zip"  # train and test, in each a folder of JPEG files for each class
HYMENOPTERA = "vision_hymenoptera/hymenoptera_160.zip"  # photographs of ants and bees


def photographs(name: str = CIFAR) -> Path:
    """The zip of that name; without it the benchmark ends with a sentence, and no traceback."""
    named = os.environ.get("WORKBENCH_TEST_DATA", "")
    place = Path(named).expanduser() / name
    if not named or not place.is_file():
        raise SystemExit(
            f"this case reads real photographs: set WORKBENCH_TEST_DATA to a folder that holds {name} (in the zip are "
            f"parts, and in each a folder for each class); it is {named!r}."
        )
    return place
