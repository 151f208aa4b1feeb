"""What the trials of a round share: the study, what is known of others, the data, and until when there is time."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import BadChoice, BadData, BadKnob, NoWeights, WorkbenchError
from workbench.waiting import LOOK

if TYPE_CHECKING:
    from workbench.datasets.base import Data
    from workbench.folder import RunFolder
    from workbench.history import Row
    from workbench.recipe import Recipe
    from workbench.searching.study import Study

About = dict[str, Any]
OVER = "the time is over"
EPOCHS = "epochs of a round"
OF_A_TRIAL = (BadKnob, BadChoice, BadData, NoWeights)  # what other settings may mend; the rest is the machine's


class Stopped(Exception):  # no error: somebody pressed Stop, or the time is over
    """The search was stopped between two steps."""


@dataclass(frozen=True)
class Work:
    """A round under way. `before` holds the rows of each trial that ended, and grows; `end` is in monotonic seconds."""

    study: Study
    folder: RunFolder
    before: dict[int, list[Row]]
    data: Data | None = None
    end: float = math.inf

    def asked(self) -> str:
        """What is asked of the search: running, paused or stopped."""
        return "stopped" if self.over else str(self.study.files.control()["state"])

    @property
    def over(self) -> bool:
        """Whether the minutes are over."""
        return time.monotonic() > self.end

    @property
    def left(self) -> float | None:
        """Seconds until they are; None where nobody counts them."""
        return None if self.end == math.inf else max(0.0, self.end - time.monotonic())

    def halt(self, asked: str) -> str | None:
        """Why nothing more is to be done, "" where somebody pressed Stop; None: go on. Held here while it is paused."""
        if asked == "paused":
            self.study.files.tell("paused")
            while (asked := self.asked()) == "paused":
                time.sleep(LOOK)
            self.study.files.tell("continued")
        if asked == "running":
            return None
        return OVER if self.over else ""

    def must_go_on(self) -> None:
        """Leave where nothing more is to be done."""
        if (why := self.halt(self.asked())) is not None:
            raise Stopped(why)

    def loaded(self, recipe: Recipe) -> Data | None:
        """The recipe's data where they are there already."""
        return self.data if not self.study.folds and recipe.data == self.study.recipe.data else None

    def is_of_a_trial(self, error: WorkbenchError) -> bool:
        """Whether only settings are wrong, so that others may train; data or weights that all need are not theirs."""
        moving = {path.split(".")[0] for path in self.study.space}
        shared = isinstance(error, BadData | NoWeights) and not moving & {"data", "backbone"}
        return isinstance(error, OF_A_TRIAL) and not shared


def failed(error: WorkbenchError) -> About:
    """How a trial went that could not be begun."""
    return {"state": "failed", "how": "not begun", "seconds": 0.0, "reason": str(error), "rows": []}
