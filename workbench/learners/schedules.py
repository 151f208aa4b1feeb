"""The menu of schedules: how the learning rate moves over a run."""

from __future__ import annotations

import math
from dataclasses import dataclass

from workbench.choices import Choice, Range, knob


class Schedule(Choice):
    """Says by what the learning rate is multiplied at each step."""

    def factor(self, step: int, steps: int) -> float:
        """The factor at `step` (from 0) of `steps`."""
        raise NotImplementedError


def warm(step: int, steps: int, share: float) -> float:
    """A straight line from near 0 to 1 over the first `share` of the steps, then 1."""
    first = round(share * steps)
    return (step + 1) / (first + 1) if step < first else 1.0


@dataclass(frozen=True)
class Constant(Schedule):
    """The same learning rate at every step, after a warm-up."""

    name = "constant"
    warmup: float = knob(0.0, Range(0.0, 0.5), "Share of the steps over which the rate rises.", limits=(0, 1))

    def factor(self, step: int, steps: int) -> float:
        return warm(step, steps, self.warmup)


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from the full learning rate to `last` of it, after a warm-up.

    Source: Loshchilov and Hutter, "SGDR", 2017.
    """

    name = "cosine"
    warmup: float = knob(0.05, Range(0.0, 0.5), "Share of the steps over which the rate rises.", limits=(0, 1))
    last: float = knob(0.0, Range(0.0, 1.0), "What is left of the rate at the end.")

    def factor(self, step: int, steps: int) -> float:
        first = round(self.warmup * steps)
        along = max(0, step - first) / max(1, steps - first)
        return warm(step, steps, self.warmup) * (self.last + (1 - self.last) * (1 + math.cos(math.pi * along)) / 2)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up along a cosine from a 25th to the full learning rate, and down along another to a 10,000th of the start.

    Source: Smith and Topin, "Super-convergence", 2018, with the figures of torch's OneCycleLR.
    """

    name = "one-cycle"
    warmup: float = knob(0.3, Range(0.05, 0.5), "Share of the steps over which the rate rises.", limits=(0, 1))

    def factor(self, step: int, steps: int) -> float:
        top = self.warmup * steps - 1
        if step <= top:
            return _along(1 / 25, 1.0, step / max(top, 1e-9))
        return _along(1.0, 1 / 250_000, (step - max(top, 0)) / max(steps - 1 - max(top, 0), 1e-9))


def _along(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
