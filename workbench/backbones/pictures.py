"""How pictures come to a vision backbone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Pictures:
    """`size`: the side in pixels that the body wants, None for any; `mean` and `std`: of each channel."""

    channels: int
    size: int | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    domain = "vision"

    @property
    def about(self) -> str:
        """Everything that decides what `prepare` makes."""
        return f"{self.size}|{self.channels}|{self.mean}|{self.std}"

    def encode(self, pictures: Tensor) -> Tensor:
        """uint8 (examples, channels, height, width), as they are."""
        return pictures

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

    def blank(self, count: int, side: int) -> Tensor:
        """Black pictures of that side."""
        import torch

        return torch.zeros(count, 3, side, side, dtype=torch.uint8)

    def bytes(self, pictures: Tensor) -> int:
        """What all of them take as float32."""
        side = self.size or pictures.shape[-1]
        return len(pictures) * self.channels * side * side * 4

    def said(self, pictures: Tensor) -> list[str]:
        """Nothing: all of a picture is seen."""
        return []
