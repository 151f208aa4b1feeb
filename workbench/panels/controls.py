"""A knob's control: a standard widget that shows one value and proposes another."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from workbench.choices import COLUMN, FLAG, Knob, Options, Range, Text
from workbench.panels.file_chooser import FileChooser

WIDE = {"description_width": "96px"}
Propose = Callable[[Any], None]


class Control:
    """One knob's control. `propose` is called with what the user chose, and not with what `show` put there.

    `value`: what it says now. `box`: the widget to place; `parts`: the widgets in it that take input, the first one the
    most exact.
    """

    def __init__(self, knob: Knob, value: Any, propose: Propose):
        self.knob, self.value, self._propose, self._showing = knob, value, propose, False
        self.parts = _parts(knob)
        layout = widgets.Layout(width="auto", align_items="center")
        self.box = self.parts[0] if len(self.parts) == 1 else widgets.HBox(self.parts, layout=layout)
        self.chooser: FileChooser | None = None
        if isinstance(knob.domain, Text) and (knob.domain.files or knob.domain.folders):
            self.chooser, self.box = browsed(self.main, knob.domain)
        self.show(value)
        for part in self.parts:
            part.observe(self._moved, "value")

    @property
    def main(self) -> Any:
        """The widget that holds the exact value."""
        return self.parts[0]

    def offer(self, options: Sequence[str], hint: str) -> None:
        """Where a column is named: those that there are, and what holds while none is."""
        self.main.options, self.main.placeholder = [*options], hint

    def show(self, value: Any) -> None:
        """Put `value` into the control, without proposing it; a part that says it already is left as it is.

        It may be being dragged: written back, its rounded value would pull a slider from under the hand.
        """
        self._showing = True
        try:
            for part in self.parts:
                if not self._says(part, value):
                    part.value = _shown(part, self.knob, value)
        finally:
            self._showing = False
        self.value = value

    def _says(self, part: Any, value: Any) -> bool:
        """Whether the part stands at `value`: a slider where none of its steps is nearer.

        The browser moves a slider to its nearest step by itself, as soon as it is drawn; nobody chose that.
        """
        if not isinstance(part, widgets.FloatLogSlider | widgets.FloatSlider):
            return bool(_read(part, self.knob) == value)
        stands, meant = part.value, _shown(part, self.knob, value)
        if isinstance(part, widgets.FloatLogSlider):
            stands, meant = math.log10(stands), math.log10(meant)
        return bool(abs(stands - meant) <= part.step / 2 * (1 + 1e-6))

    def _moved(self, change: Any) -> None:
        slides = isinstance(change.owner, widgets.FloatLogSlider | widgets.FloatSlider)
        if self._showing or (slides and self._says(change.owner, self.value)):
            return
        self.value = value = _read(change.owner, self.knob)
        self._showing = True
        try:
            for part in self.parts:
                if part is not change.owner:
                    part.value = _shown(part, self.knob, value)
        finally:
            self._showing = False
        self._propose(value)


def _parts(knob: Knob) -> list[Any]:
    """The widgets that suit the knob's domain."""
    about: dict[str, Any] = {"description": knob.name.replace("_", " "), "tooltip": knob.help}
    about |= {"style": WIDE, "layout": widgets.Layout(width="auto")}
    domain = knob.domain
    if domain == FLAG:
        return [widgets.Checkbox(indent=False, **about)]
    if isinstance(domain, Options):
        return [widgets.Dropdown(options=[(str(value), value) for value in domain.values], **about)]
    if not isinstance(domain, Range) or knob.optional:
        hint = "empty: all" if knob.optional else ""
        if domain == COLUMN:
            return [widgets.Combobox(continuous_update=False, **about)]
        return [widgets.Text(continuous_update=False, placeholder=hint, **about)]
    if domain.whole:
        return [widgets.IntText(continuous_update=False, **about)]
    about["layout"] = widgets.Layout(flex="1 1 190px", width="auto", min_width="170px")
    return [widgets.FloatText(continuous_update=False, step=None, **about), _slider(knob, domain)]


def browsed(field: Any, domain: Text) -> tuple[FileChooser, Any]:
    """A text field with a button beside it that browses for a path; and the box that holds both, the list below."""
    chooser = FileChooser(domain, lambda path: setattr(field, "value", path), lambda: field.value)
    field.layout = widgets.Layout(flex="1 1 0", width="0", min_width="0")  # it gives way, the button does not
    beside = widgets.HBox([field, chooser.opener], layout=widgets.Layout(width="auto", align_items="center"))
    return chooser, widgets.VBox([beside, chooser.box], layout=widgets.Layout(width="auto"))


def _slider(knob: Knob, domain: Range) -> Any:
    """A slider over the range that is offered, beside the field; on a log scale where equal ratios count."""
    layout = widgets.Layout(flex="1 1 80px", width="auto", min_width="60px")
    about = {"readout": False, "layout": layout, "tooltip": f"{knob.help} {domain.low:g} to {domain.high:g}."}
    if domain.log:
        low, high = math.log10(domain.low), math.log10(domain.high)
        return widgets.FloatLogSlider(value=domain.low, min=low, max=high, step=(high - low) / 60, **about)
    wide = domain.high - domain.low
    step = 0.05 if wide > 0.4 and wide * 20 % 1 < 1e-9 else wide / 60
    return widgets.FloatSlider(value=domain.low, min=domain.low, max=domain.high, step=step, **about)


def _shown(part: Any, knob: Knob, value: Any) -> Any:
    """`value` as this widget takes it."""
    if isinstance(part, widgets.FloatLogSlider | widgets.FloatSlider):
        low, high = (knob.domain.low, knob.domain.high) if isinstance(knob.domain, Range) else (0.0, 1.0)
        return min(max(float(value), low), high) if math.isfinite(float(value)) else low
    if isinstance(part, widgets.Text):
        return "" if value is None else str(value)
    return value


def _read(part: Any, knob: Knob) -> Any:
    """What the widget holds, as the knob would take it; what cannot be read stays text, for the error to name."""
    if isinstance(part, widgets.FloatLogSlider | widgets.FloatSlider) and isinstance(knob.domain, Range):
        return min(max(_rounded(part), knob.domain.low), knob.domain.high)
    if not isinstance(part, widgets.Text) or not isinstance(knob.domain, Range):
        return part.value
    text = part.value.strip()
    if not text:
        return None
    try:
        return int(text) if knob.domain.whole else float(text)
    except ValueError:
        return text


def _rounded(slider: Any) -> float:
    """A slider's value to three digits, or to a tenth of its step where that is what counts."""
    if isinstance(slider, widgets.FloatLogSlider):
        return float(f"{slider.value:.3g}")
    return round(float(slider.value), 1 - math.floor(math.log10(slider.step)))
