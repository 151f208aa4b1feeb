"""Predict, run, graded: what the lesson notebooks share."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path

from workbench.choices import known
from workbench.errors import BadChoice
from workbench.folder import write_json

FILE = "predictions.json"


class Prediction:
    """What somebody expects before they see it; kept in `folder`, beside what the lesson writes.

    `options`: what may come out. `recorded`: what stands in where nobody was asked: headless, or not yet. A
    `PredictionPanel` asks.
    """

    def __init__(self, name: str, question: str, options: Sequence[str], recorded: str, folder: str | Path):
        self.name, self.question, self.options, self.recorded = name, question, tuple(options), recorded
        self.file = Path(folder) / FILE
        known(recorded, self.options, f"the prediction {name} has no option")

    def __repr__(self) -> str:
        who = "Predicted" if self.theirs else "Nobody was asked; the recorded prediction"
        return f"{self.question}\n({' / '.join(self.options)})\n{who}: {self.answer}"

    @property
    def answer(self) -> str:
        """What was predicted, or what stands in for it."""
        return self._kept()[0] or self.recorded

    @property
    def reason(self) -> str:
        """Why, in their own words."""
        return self._kept()[1]

    @property
    def theirs(self) -> bool:
        """Whether somebody predicted it."""
        return bool(self._kept()[0])

    def keep(self, answer: str, reason: str = "") -> None:
        """Lock it in: a restarted kernel and a report find it again."""
        known(answer, self.options, f"the prediction {self.name} has no option")
        self._write({self.name: {"answer": answer, "reason": reason.strip()}})

    def forget(self) -> None:
        """Be asked again."""
        self._write({self.name: None})

    def graded(self, right: Sequence[str]) -> str:
        """A sentence that holds the prediction against what came out. `right`: the best, and those level with it."""
        if not right:
            raise BadChoice(f"the prediction {self.name} is graded by one right option at least, got none.")
        for each in right:
            known(each, self.options, f"the prediction {self.name} has no option")
        who = "You predicted" if self.theirs else "The recorded prediction was"
        level = " and ".join(f"“{each}”" for each in right)
        if self.answer not in right:
            said = f"{who} “{self.answer}”; it came out otherwise: {level}. Such predictions teach most."
        elif len(right) > 1:
            said = f"{who} “{self.answer}”, and that holds: {level} cannot be told apart here."
        else:
            said = f"{who} “{self.answer}”, and so it came."
        reason = f" Your reason was: “{self.reason}” Would you still give it?" if self.theirs and self.reason else ""
        return f"{said}{reason}"

    def _kept(self) -> tuple[str, str]:
        """Answer and reason; empty where there are none, or the options are others now."""
        kept = self._all().get(self.name)
        answer, reason = (kept.get(key) for key in ("answer", "reason")) if isinstance(kept, dict) else (None, None)
        return (str(answer), str(reason or "")) if answer in self.options else ("", "")

    def _all(self) -> dict[str, object]:
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(self.file.read_text(encoding="utf-8"))
            return found if isinstance(found, dict) else {}
        return {}

    def _write(self, new: dict[str, object]) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.file, self._all() | new)
