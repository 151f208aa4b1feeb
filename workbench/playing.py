"""A head that trains in this process while somebody plays with it: paused, turned, and seen everywhere in its plane."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from workbench.trainer import Watch, train

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workbench.job import Job
    from workbench.recipe import Recipe
    from workbench.regularizers import Row

    Seen = Callable[[list[Row], NDArray[np.float32]], None]

LOOK = 0.02  # seconds between two looks at whether it may go on


class Play(Watch):
    """A run that can be paused, paced, turned and ended from another thread; nothing of it is kept on the disk.

    `places`: points, (places, 2) in [0, 1], for which `seen(rows, chances)` is told the probabilities of each class
    after each epoch, (places, classes): in the thread that trains.
    """

    def __init__(self, recipe: Recipe, places: NDArray[np.float32], seen: Seen, pace: float = 0.0):
        self.recipe, self.pace = recipe, pace
        self._places, self._seen = places, seen
        self._turns: queue.SimpleQueue[tuple[str, float]] = queue.SimpleQueue()
        self._free, self._over = threading.Event(), threading.Event()
        self._free.set()
        self._next = 0.0

    # -- from outside -------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Hold at the next step."""
        self._free.clear()

    def resume(self) -> None:
        """Go on."""
        self._free.set()

    def stop(self) -> None:
        """End at the next step."""
        self._over.set()
        self._free.set()

    @property
    def paused(self) -> bool:
        """Whether it holds."""
        return not self._free.is_set()

    def turn(self, path: str, value: float) -> None:
        """Give a knob another value from the next step on; refused at once where that cannot be."""
        self.recipe.turning(path, value)
        self._turns.put((path, value))

    # -- the run ------------------------------------------------------------------------------------------------------

    def run(self) -> list[Row]:
        """Train to the end, or until it is stopped; the rows."""
        from workbench.job import Job
        from workbench.learners.plan import plan

        job = Job(plan(self.recipe))
        for _ in train(job, self):
            pass
        return job.rows

    def go_on(self, job: Job) -> bool:
        self._free.wait()
        with contextlib.suppress(queue.Empty):
            while True:
                job.turn(*self._turns.get_nowait())
        return not self._over.is_set()

    def on_rows(self, job: Job, rows: Sequence[Row]) -> None:
        self._seen([*job.rows], self.everywhere(job))
        self._wait()

    def everywhere(self, job: Job) -> NDArray[np.float32]:
        """The probabilities of each class at each of the places, (places, classes)."""
        import torch

        from workbench.learners import head

        learner: Any = job.learner
        mean, std = learner.standard
        picture = torch.from_numpy((self._places * 255).round()).to(torch.uint8)[:, None, None, :]
        with torch.no_grad():
            features = job.plan.built.body(job.plan.built.prepare(picture)).float()
            rows = ((features - mean[0].cpu()) / std[0].cpu()).to(learner.dtype).to(learner.device)
            with job.moments.answering():
                logits = head.apply(learner.weights_all, rows[None], learner.scope.activation)[0]
        found: NDArray[np.float32] = logits.float().softmax(-1).cpu().numpy()
        return found

    def _wait(self) -> None:
        """Until the next epoch is due by the pace, or somebody ends it."""
        now = time.monotonic()
        due = max(self._next, now - 1.0) + 1 / self.pace if self.pace else now
        while self._free.is_set() and not self._over.is_set() and (left := due - time.monotonic()) > 0:
            time.sleep(min(LOOK, left))
        self._next = due


def turned(before: Recipe, after: Recipe) -> dict[str, float] | None:
    """The knobs that tell the two apart, by path, where a run under way can be turned from one to the other; else None.

    The learning rate and the numbers of regularizers that both have.
    """
    from workbench.choices import Range

    old, new = before.places(), after.places()
    if old.keys() != new.keys():
        return None
    own = {each.name for each in after.regularizers}
    plain = {path: value for path, (_, value) in new.items() if isinstance(value, bool | int | float | str | None)}
    moved = {path: value for path, value in plain.items() if value != old[path][1]}
    free = all(isinstance(new[p][0].domain, Range) and (p == "lr" or p.partition(".")[0] in own) for p in moved)
    return moved if free else None  # type: ignore[return-value]
