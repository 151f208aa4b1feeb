"""A prediction asked before the figure is shown, and locked in."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from workbench.lessons import Prediction
from workbench.panels.text import escaped, line, spoken, style_sheet

EVERY = 2.0  # seconds between two looks at what the class predicted


class PredictionPanel(widgets.VBox):  # type: ignore[misc]
    """Asks for `prediction`: one of its options, and why. The file beside the lesson's output is the truth.

    Where a class shares a folder, what it predicted so far is shown and followed, once one's own is locked in.
    """

    def __init__(self, prediction: Prediction):
        self.prediction = prediction
        self.options = widgets.RadioButtons(options=prediction.options, layout=widgets.Layout(width="auto"))
        self.reason = widgets.Textarea(
            placeholder="Why? In your own words (you may leave it empty).",
            layout=widgets.Layout(width="100%", max_width="520px", height="60px"),
        )
        self.reason.observe(self._late, "value")
        self.lock = self._button("That is my prediction", "Lock it in; it is graded below", self._lock)
        self.again = self._button("Predict again", "Open it once more", self._again)
        self.lock.button_style = "primary"
        self.said, self.error = line(kind="strong"), line(kind="error")
        buttons = widgets.HBox([self.lock, self.again])
        question = line(prediction.question, "strong")
        self.pooled = widgets.HTML(layout=widgets.Layout(margin="0", max_width="520px"))
        below = [buttons, self.said, self.error, self.pooled]
        super().__init__([style_sheet(), question, self.options, self.reason, *below])
        self.layout.padding = "4px 8px"
        self.refresh()
        prediction.on_graded = self.refresh
        if prediction.classroom:
            self._follow()

    def refresh(self) -> None:
        """Show what is kept."""
        theirs = self.prediction.theirs
        self.options.value = self.prediction.answer if theirs else None
        if theirs:
            self.reason.value = self.prediction.reason
        for each in (self.options, self.reason, self.lock):
            each.disabled = theirs
        self.again.layout.display = "" if theirs else "none"
        locked = f"Locked in: {self.prediction.answer}. Now run the cells below."
        said = (self.prediction.grade or locked) if theirs else ""  # the cells below may have run already
        self.said.value = spoken(said, "strong", "status")
        self.look()

    def look(self) -> None:
        """Show what the class predicted so far, to whoever predicted too."""
        with contextlib.suppress(OSError):  # the shared folder is away just now
            shown = histogram(self.prediction.pooled()) if self.prediction.theirs else ""
            if shown != self.pooled.value:
                self.pooled.value = shown

    def _follow(self) -> None:
        """Look again now and then, as long as the panel is there and a loop runs."""
        held = weakref.ref(self)

        async def follow() -> None:
            while (panel := held()) and panel.comm is not None:
                panel.look()
                del panel
                await asyncio.sleep(EVERY)

        with contextlib.suppress(RuntimeError):  # no loop: a script
            self._task = asyncio.get_running_loop().create_task(follow())

    def _lock(self) -> None:
        if self.options.value is None:
            raise ValueError("Choose one first.")
        self.prediction.keep(self.options.value, self.reason.value)

    def _late(self, change: Any) -> None:
        """What was typed just before the button was pressed: the page sends it when the kernel has time."""
        if self.prediction.theirs and change.new.strip() and change.new.strip() != self.prediction.reason:
            self.prediction.keep(self.prediction.answer, change.new)
            self.refresh()
            self.reason.send_state("value")

    def _again(self) -> None:
        self.prediction.forget()

    def _button(self, name: str, help: str, act: Any) -> Any:
        def pressed(_: Any) -> None:
            self.error.value = ""
            try:
                act()
            except Exception as error:  # a callback's error is swallowed
                self.error.value = spoken(str(error) or type(error).__name__, "error")
            self.refresh()  # an error of the class's folder comes after the prediction is kept

        button = widgets.Button(description=name, tooltip=help, layout=widgets.Layout(width="auto"))
        button.on_click(pressed)
        return button


def histogram(counts: Mapping[str, int]) -> str:
    """How many chose what, as bars with numbers, in HTML; empty where nobody did."""
    total = sum(counts.values())
    if not total:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escaped(option)}</th><td>{count}</td><td style="width: 55%"><div style="height: 10px; '
        f'background: #0072B2; width: {100 * count / total:.0f}%"></div></td></tr>'
        for option, count in counts.items()
    )
    said = spoken(f"The class so far: {total} {'prediction' if total == 1 else 'predictions'}", "faint")
    return f'{said}<table class="wb-table">{rows}</table>'
