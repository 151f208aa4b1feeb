"""What panels with buttons share: an error of what was asked for is shown where the buttons are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from workbench.panels.text import spoken


class Pressing:
    """A panel with an `error` line and buttons."""

    error: Any

    def button(self, name: str, help: str, act: Callable[[], Any]) -> Any:
        """A button that does `act`."""
        button = widgets.Button(description=name, tooltip=help, layout=widgets.Layout(width="auto"))
        button.on_click(lambda _: self.attempt(act))
        return button

    def attempt(self, act: Callable[[], Any]) -> None:
        """Do what was asked for; its error is shown, since a callback's error is swallowed."""
        self.error.value = ""
        try:
            act()
            self.after()
        except Exception as error:
            self.error.value = wrong(error)

    def forget_error(self) -> None:
        """What was asked for is no longer what is chosen."""
        self.error.value = ""

    def after(self) -> None:
        """What follows where it went well."""


def wrong(error: Exception) -> str:
    """An error as HTML: what it says, or what it is."""
    return spoken(str(error) or type(error).__name__, "error")
