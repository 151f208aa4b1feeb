"""How many wrong labels two rounds of the mending panel find: a script that plays the person who looks.

4,000 CIFAR-10 images with 5 % of the labels wrong (200); each round looks at the 300 worst training examples page by
page and sets right every label that is wrong. `WORKBENCH_TEST_DATA` names the folder with the real data.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from typing import Any

from benchmarks.photographs import photographs

ROUNDS, MODEL, EPOCHS = 2, "resnet18", 8


def rows(repeats: int = 1) -> list[dict[str, Any]]:
    """A row a round and seed: wrong labels shown and mended so far, and validation accuracy before that mending."""
    photographs()  # before anything is begun
    os.environ["WORKBENCH_RUNS"] = tempfile.mkdtemp()
    return [row for seed in range(repeats) for row in asyncio.run(played(seed))]


async def played(seed: int) -> list[dict[str, Any]]:
    """Both rounds of one seed."""
    import workbench as wb
    from workbench.looking import corrections_of

    data = wb.Images(folder=str(photographs()), size=32, per_class=400, label_noise=0.05, seed=seed)
    corrections_of(data).unlink(missing_ok=True)
    recipe = wb.Recipe(data, wb.backbone(MODEL, "random"), scope="all", batch_size=64, epochs=EPOCHS, seed=seed)
    found, mended = [], 0
    for turn in range(ROUNDS):
        started = time.perf_counter()
        run = wb.fine_tune(recipe)
        panel, wrong = await looked(run)
        shown, right = mend(panel)
        mended += right
        found.append(
            {
                "seed": seed,
                "round": turn + 1,
                "wrong labels": wrong,
                "shown": shown,
                "mended": right,
                "mended in all": mended,
                "seconds": round(time.perf_counter() - started, 1),
                "validation accuracy": round(run.best["valid_accuracy"], 3) if run.best else None,
            }
        )
        recipe = panel.recipe()
        panel.close()
    return found


async def looked(run: Any) -> tuple[Any, int]:
    """The panel on `run`, once it shows the worst training examples; and how many labels are wrong."""
    from workbench.panels import MendPanel

    panel = MendPanel(run)
    panel.part.value = "train"
    while not panel._rows or {row["part"] for row in panel._rows} != {"train"}:
        await asyncio.sleep(0.05)
    return panel, int((panel.data.labels != panel.data.true_labels).sum())


def mend(panel: Any) -> tuple[int, int]:
    """Go through the pages, and choose the right label on every card whose label is wrong."""
    shown = right = 0
    while True:
        for card in panel.cards[: len(panel.grid.children)]:
            at = panel._places[card.row["key"]]
            truth = panel.data.classes[panel.data.true_labels[at]]
            shown += 1
            if card.choice.value != truth:
                card.choice.value = truth
                right += 1
        if panel.on.disabled:
            return shown, right
        panel.on.click()
