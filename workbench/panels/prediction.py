"""A prediction asked before the figure is shown, and locked in."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from workbench.lessons import Prediction
from workbench.panels.text import line, spoken, style_sheet


class PredictionPanel(widgets.VBox):  # type: ignore[misc]
    """Asks for `prediction`: one of its options, and why. The file beside the lesson's output is the truth."""

    def __init__(self, prediction: Prediction):
        self.prediction = prediction
        self.options = widgets.RadioButtons(options=prediction.options, layout=widgets.Layout(width="auto"))
        self.reason = widgets.Textarea(
            placeholder="Why? In your own words (you may leave it empty).",
            layout=widgets.Layout(width="100%", max_width="520px", height="60px"),
        )
        self.lock = self._button("That is my prediction", "Lock it in; it is graded below", self._lock)
        self.again = self._button("Predict again", "Open it once more", self._again)
        self.lock.button_style = "primary"
        self.said, self.error = line(kind="strong"), line(kind="error")
        buttons = widgets.HBox([self.lock, self.again])
        question = line(prediction.question, "strong")
        super().__init__([style_sheet(), question, self.options, self.reason, buttons, self.said, self.error])
        self.layout.padding = "4px 8px"
        self.refresh()

    def refresh(self) -> None:
        """Show what is kept."""
        theirs = self.prediction.theirs
        self.options.value = self.prediction.answer if theirs else None
        if theirs:
            self.reason.value = self.prediction.reason
        for each in (self.options, self.reason, self.lock):
            each.disabled = theirs
        self.again.layout.display = "" if theirs else "none"
        said = f"Locked in: {self.prediction.answer}. Now run the cells below." if theirs else ""
        self.said.value = spoken(said, "strong", "status")

    def _lock(self) -> None:
        if self.options.value is None:
            raise ValueError("Choose one first.")
        self.prediction.keep(self.options.value, self.reason.value)

    def _again(self) -> None:
        self.prediction.forget()

    def _button(self, name: str, help: str, act: Any) -> Any:
        def pressed(_: Any) -> None:
            self.error.value = ""
            try:
                act()
            except Exception as error:  # a callback's error is swallowed
                self.error.value = spoken(str(error) or type(error).__name__, "error")
            else:
                self.refresh()

        button = widgets.Button(description=name, tooltip=help, layout=widgets.Layout(width="auto"))
        button.on_click(pressed)
        return button
