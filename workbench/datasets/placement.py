"""Where handwritten digits stand in their picture: centred as they come, or scattered."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

PLACEMENTS = ("centred", "scattered")
SIDE = 32
TURN, SMALLEST, NOISE = 0.3, 0.6, 0.1  # radians, share of full size, standard deviation of grey values in [0, 1]


def placed(images: np.ndarray, placement: str, seed: int) -> Tensor:
    """Digits (examples, 8, 8) in [0, 16] as uint8 pictures (examples, 1, 32, 32).

    "scattered" turns each by up to 0.3 rad, scales it by 0.6 to 1, moves it within the picture and adds noise of 0.1;
    the draws are a function of `seed` and of how many digits there are.
    """
    import torch
    from torch.nn import functional as F

    pictures = torch.from_numpy(images).float().unsqueeze(1) / 16
    pictures = F.interpolate(pictures, (SIDE, SIDE), mode="bicubic", align_corners=False).clamp(0, 1)
    if placement == "scattered":
        pictures = _scattered(pictures, torch.Generator().manual_seed(seed))
    return (pictures * 255).round().to(torch.uint8)


def _scattered(pictures: Tensor, generator: object) -> Tensor:
    import torch
    from torch.nn import functional as F

    draws = torch.rand(len(pictures), 4, generator=generator)  # type: ignore[call-overload]
    turn = (2 * draws[:, 0] - 1) * TURN
    scale = SMALLEST + (1 - SMALLEST) * draws[:, 1]
    room = (1 - scale).unsqueeze(1)
    move = (2 * draws[:, 2:] - 1) * room  # of the picture's half side: the scaled digit stays inside
    cos, sin = torch.cos(turn) / scale, torch.sin(turn) / scale
    turned = torch.stack([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], 1)
    shift = -(turned @ move.unsqueeze(2))
    grid = F.affine_grid(torch.cat([turned, shift], 2), list(pictures.shape), align_corners=False)
    moved = F.grid_sample(pictures, grid, align_corners=False)
    noise = torch.randn(moved.shape, generator=generator) * NOISE  # type: ignore[call-overload]
    found: Tensor = (moved + noise).clamp(0, 1)
    return found
