"""What several tests compare with."""

from __future__ import annotations

import os
import time

import pytest

IN_FULL = pytest.mark.skipif(os.environ.get("WORKBENCH_FULL") != "1", reason="walked in full (WORKBENCH_FULL=1)")
PATIENCE = 120.0  # seconds to wait for what comes by itself: on a busy machine everything takes several times as long


def plain(rows):
    """Rows without what differs between two runs of the same recipe: the seconds."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def until(so, seconds=PATIENCE):
    """Wait until `so()` is true; an error after `seconds`."""
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end, f"waited {seconds} s in vain"
        time.sleep(0.03)


def notebook(path, *cells, parameters="epochs: int = 5"):
    """Write a notebook of these code cells, or whole cells, below one that declares `parameters`; returns its path."""
    from nbformat import v4, write

    first = [v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})] if parameters else []
    made = [v4.new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    write(v4.new_notebook(cells=first + made, metadata={"kernelspec": kernel}), path)
    return path


def executed(path, *left):
    """Write a notebook whose cells left these: a text as a stream, else a bundle of MIME types; returns its path."""
    from nbformat import v4, write

    outputs = [
        v4.new_output("stream", text=each) if isinstance(each, str) else v4.new_output("display_data", data=each)
        for each in left
    ]
    cells = [v4.new_code_cell("shown", execution_count=at, outputs=[each]) for at, each in enumerate(outputs, 1)]
    write(v4.new_notebook(cells=cells), path)
    return path


def bundle(figure):
    """A plotly figure as a notebook holds it."""
    import json

    return {"application/vnd.plotly.v1+json": json.loads(figure.to_json())}


def noisy_folder(folder, classes=("a", "b"), each=20, side=32):
    """A folder of pictures, no two alike: `each` of every class, called 00.png and so on; returns the folder."""
    import numpy as np
    from PIL import Image

    draw = np.random.default_rng(0)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for at in range(each):
            pixels = draw.integers(0, 256, (side, side, 3)).astype("uint8")
            Image.fromarray(pixels).save(folder / name / f"{at:02}.png")
    return folder


def with_front(built, **values):
    """A backbone with another way for examples to come to it."""
    from dataclasses import replace

    return replace(built, front=replace(built.front, **values))
