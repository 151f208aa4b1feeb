"""The backbone of points in a plane: it takes them as they are."""

from __future__ import annotations

from workbench.backbones.base import Backbone, Built, fingerprint
from workbench.backbones.pictures import Pictures

NAME = "plane"
WIDTH = 2


class Points(Pictures):
    """Two pixels, standardised: right and up."""

    domain = "points"


def build(backbone: Backbone, *, side: int, seed: int) -> Built:
    """No network: a point's two coordinates are its features. What is learned is the head."""
    from torch import nn

    body = nn.Flatten()
    front = Points(channels=1, size=None, mean=(0.5,), std=(0.25,))
    return Built(body.eval(), WIDTH, front, fingerprint(body, NAME), "its two coordinates")
