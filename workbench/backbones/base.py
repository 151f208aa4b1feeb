"""A backbone by name, and what it is once it is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.choices import Choice, Text, knob

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Backbone(Choice):
    """A network by the name under which timm, or our own list, knows it; written `resnet18(weights='random')`.

    `weights`: "pretrained", "random", or the path of a safetensors file or of a folder that holds `model.safetensors`.
    """

    name = "backbone"
    architecture: str = knob("glyph-resnet", Text("backbone"), "The network's name.")
    weights: str = knob("pretrained", Text("weights"), "'pretrained', 'random', or a file or folder.")

    @classmethod
    def made(cls, name: str, knobs: Mapping[str, Any]) -> Backbone:
        from workbench.backbones.vision import check_name

        if name:  # none yet: a recipe says what that means
            check_name(name)
        return cls(architecture=name, **knobs)

    def spelled(self, *, full: bool = True) -> str:
        if not self.architecture:
            return ""
        return self.architecture + (f"(weights={self.weights!r})" if full or self.weights != "pretrained" else "")


def backbone(architecture: str, weights: str = "pretrained") -> Backbone:
    """The backbone of that name. `weights`: "pretrained", "random", or a path."""
    from workbench.backbones.vision import check_name

    check_name(architecture)
    return Backbone.made(architecture, {"weights": str(weights)})


@dataclass(frozen=True, eq=False)
class Built:
    """A backbone as a torch module, and how pictures must come to it.

    `body`: (batch, channels, height, width) -> (batch, width). `size`: the side it wants, None for any.
    """

    body: nn.Module
    width: int
    channels: int
    size: int | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fingerprint: str

    def prepare(self, pictures: Tensor) -> Tensor:
        """uint8 (batch, 1 or 3, height, width) to standardised float32 in the size and channels that the body wants."""
        import torch
        from torch.nn import functional as F

        x = pictures.float() / 255
        if x.shape[1] != self.channels:
            x = x.mean(1, keepdim=True) if self.channels == 1 else x.expand(-1, self.channels, -1, -1)
        if self.size and tuple(x.shape[2:]) != (self.size, self.size):
            x = F.interpolate(x, (self.size, self.size), mode="bilinear", antialias=True, align_corners=False)
        mean, std = (torch.tensor(v, device=x.device).view(-1, 1, 1) for v in (self.mean, self.std))
        return ((x - mean) / std).contiguous(memory_format=torch.channels_last)
