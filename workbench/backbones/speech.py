"""Speech encoders: ours and those of transformers, with how clips come to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import BadChoice

if TYPE_CHECKING:
    from workbench.backbones.base import Backbone, Built


def build(backbone: Backbone, *, side: int, seed: int) -> Built:
    """Make the encoder and load its weights. `side`: the most samples of a clip."""
    raise BadChoice(f"{backbone.architecture}: speech encoders are not here yet.")
