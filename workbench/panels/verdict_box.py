"""What kind of run it is so far: a sentence, its numbers, and the next step as a button."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as widgets

from workbench.diagnosis import NextStep, Verdict, diagnose
from workbench.panels.background import Background
from workbench.panels.run_words import UNDER_WAY
from workbench.panels.text import line, spoken, table
from workbench.run import Run

NEWS = 1.02  # times as many epochs as were judged: sooner there is nothing new, and a long run takes a while
SHOWN = {  # evidence in words
    "rise": "validation loss above its minimum (nats)",
    "luck": "of which a lucky minimum may make, where epochs scatter",
    "gap": "gap of accuracy, train - validation",
    "gap_slope": "change of the gap an epoch, of late",
    "noise": "what dropout, smoothing and the like add to the loss that the optimizer sees (nats)",
    "drift": "by how much surer than right it became since the best epoch",
    "memorised": "share of the wrong labels that it repeats",
    "baseline": "validation accuracy of the plain baseline",
    "twins": "share of the validation examples that are nearly among the training ones",
}


class VerdictBox:
    """`box` shows the verdict on a run; `take(run, step)` is called where its button is pressed.

    `go(run, step)`: for a step in another tab; None where there is none.
    """

    def __init__(self, take: Callable[[Run, NextStep], None], button: Callable[..., Any]):
        self.go: Callable[[Run, NextStep], None] | None = None
        self.run: Run | None = None
        self.verdict: Verdict | None = None
        self._seen: tuple[Any, ...] = ()
        self.said, self.numbers = line(), widgets.HTML()
        self.tested, self._work = line(), Background("verdict")
        self.step_button = button("", "Do what is proposed", lambda: self._take(take))
        self._fold = widgets.Accordion([self.numbers], titles=["The numbers behind it"], selected_index=None)
        self.box = widgets.VBox(
            [self.said, self.step_button, self.tested, self._fold], layout=widgets.Layout(padding="4px 0")
        )
        self.show(None, "")

    def _take(self, take: Callable[[Run, NextStep], None]) -> None:
        if self.run is None or self.verdict is None:
            return
        if self.verdict.next_step.unseal:
            self._unseal(self.run)
        elif self.verdict.next_step.elsewhere:
            if self.go:
                self.go(self.run, self.verdict.next_step)
        else:
            take(self.run, self.verdict.next_step)

    def _unseal(self, run: Run) -> None:
        """Ask once more; then measure it on the test set, off the kernel's loop."""
        if not self.step_button.button_style:
            self.step_button.button_style, self.step_button.description = "danger", "Really look at the test set?"
            return
        self.step_button.button_style, self.step_button.disabled = "", True
        self.tested.value = spoken("Answering the test set …", role="status")
        if not self._work(run.test, partial(self._tested, run)):
            self._tested(run, run.test(), "faint")

    def _tested(self, run: Run, found: Any, kind: str) -> None:
        if self.run is not None and run.folder == self.run.folder:
            said = found if kind == "error" else f"On the test set: {found}"
            self.tested.value = spoken(said, "error" if kind == "error" else "strong", "status")

    def close(self) -> None:
        """Let the thread go."""
        self._work.close()

    def show(self, run: Run | None, state: str) -> None:
        """Show the verdict on this run as it is now; nothing where there is none."""
        look = (run and str(run.folder), len(run.rows) if run else 0, state)
        same = look[::2] == self._seen[::2] and look[1] < self._seen[1] * NEWS
        if look == self._seen or same:
            return
        self.run, self._seen, self.verdict = run, look, _of(run) if run else None
        self.tested.value = self.step_button.button_style = ""
        self.box.layout.display = "" if self.verdict else "none"
        if self.verdict is None:
            return
        self.said.value = spoken(self.verdict.sentence, "strong", "status")
        step, ended = self.verdict.next_step, state not in UNDER_WAY
        able = bool(step) and (self.go is not None or not step.elsewhere)
        self.step_button.description = step.said if able else f"Next: {step.said}."
        self.step_button.disabled = not able or (bool(step.epochs or step.unseal) and not ended)
        self.numbers.value = table([[SHOWN[name], said] for name, said in self._numbers()], ["what", "number"])

    def _numbers(self) -> list[tuple[str, str]]:
        seen = self.verdict.evidence if self.verdict else {}
        found = []
        for name in SHOWN:
            value = seen.get(name, math.nan)
            if not math.isnan(value):
                low, high = seen.get(f"{name}_low"), seen.get(f"{name}_high")
                found.append((name, f"{value:.3f}" + (f" [{low:.3f}, {high:.3f}]" if low is not None else "")))
        return found


def _of(run: Run) -> Verdict | None:
    """The verdict on a run with epochs; None without, and on one whose rows are of an earlier version."""
    try:
        return diagnose(run) if len(run.rows) > 1 or run.state == "failed" else None
    except (KeyError, TypeError):
        return None
