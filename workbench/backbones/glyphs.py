"""Printed characters, deformed until they look written: what our own small backbones are pretrained on.

The characters come from fonts that matplotlib ships, so nothing is downloaded. Each is drawn once per font and then
turned, scaled, sheared, moved, bent, thickened or thinned, blurred, coarsened and made noisy, all of a batch at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor

SIDE = 32
CANVAS = 48  # a character is drawn larger than it is shown, so that deforming it costs no sharpness
# One character of each shape: c, o, s and the like look as their capitals do once size no longer counts, l and I as 1.
CHARACTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabdefghijkmnqrty?&@#%+="
FONTS = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    *("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique"),
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    *("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    *("cmr10", "cmb10", "cmss10", "cmtt10", "cmti10"),
)


def atlas() -> Tensor:
    """Every character in every font, as large as it fits: float32 (characters, fonts, 48, 48) in [0, 1]."""
    import torch
    from matplotlib import get_data_path

    folder = Path(get_data_path()) / "fonts" / "ttf"
    return torch.stack(
        [torch.stack([_drawn(folder / f"{font}.ttf", letter) for font in FONTS]) for letter in CHARACTERS]
    )


def _drawn(file: Path, letter: str) -> Tensor:
    """One character, cut to its own outline and fitted into the inner three quarters of a (48, 48) picture."""
    import numpy as np
    import torch
    from PIL import Image, ImageDraw, ImageFont

    drawn = Image.new("L", (192, 192))
    ImageDraw.Draw(drawn).text((48, 48), letter, fill=255, font=ImageFont.truetype(file, 80))
    cut = drawn.crop(drawn.getbbox())
    room = CANVAS * 3 // 4
    scale = room / max(cut.size)
    fitted = cut.resize((max(1, round(cut.width * scale)), max(1, round(cut.height * scale))), Image.Resampling.LANCZOS)
    picture = Image.new("L", (CANVAS, CANVAS))
    picture.paste(fitted, ((CANVAS - fitted.width) // 2, (CANVAS - fitted.height) // 2))
    return torch.from_numpy(np.array(picture)).float() / 255


def batch(drawn: Tensor, count: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """`count` deformed characters and which ones they are; equal generators give equal batches.

    `drawn`: what `atlas` returns. Returns float32 (count, 1, 32, 32) in [0, 1] and int64 (count,).
    """
    import torch

    labels = torch.randint(len(drawn), (count,), generator=generator)
    fonts = torch.randint(drawn.shape[1], (count,), generator=generator)
    return deformed(drawn[labels, fonts].unsqueeze(1), generator), labels


def deformed(pictures: Tensor, generator: Generator) -> Tensor:
    """Characters (count, 1, 48, 48) as they might have been written: (count, 1, 32, 32) in [0, 1]."""
    import torch
    from torch.nn import functional as F

    inked = _inked(pictures, generator)
    grid = _affine(inked, generator) + _bent(len(inked), generator)
    moved = F.grid_sample(inked, grid, align_corners=False)
    moved = _blurred(_coarse(moved, generator), generator)
    draws = torch.rand(3, len(moved), 1, 1, 1, generator=generator)
    contrast, power, noise = 0.7 + 0.5 * draws[0], 0.6 + 0.9 * draws[1], 0.15 * draws[2]
    grey = contrast * moved.clamp(0, 1) ** power
    return (grey + noise * torch.randn(moved.shape, generator=generator)).clamp(0, 1)


def _inked(pictures: Tensor, generator: Generator) -> Tensor:
    """Thicker or thinner strokes: a blend of the character with itself grown or shrunk by a pixel or two."""
    import torch
    from torch.nn import functional as F

    grown = F.max_pool2d(pictures, 5, 1, 2)
    shrunk = -F.max_pool2d(-pictures, 3, 1, 1)
    amount = 1.6 * torch.rand(len(pictures), 1, 1, 1, generator=generator) - 0.6
    return torch.where(amount > 0, torch.lerp(pictures, grown, amount), torch.lerp(pictures, shrunk, -amount))


def _affine(pictures: Tensor, generator: Generator) -> Tensor:
    """A sampling grid (count, 32, 32, 2) that turns, scales, shears and moves each character."""
    import torch
    from torch.nn import functional as F

    count = len(pictures)
    turn, shear, stretch, across, down = 2 * torch.rand(5, count, generator=generator) - 1
    size = 0.75 + 0.7 * torch.rand(count, generator=generator)
    turn, shear, stretch = 0.45 * turn, 0.35 * shear, torch.exp(0.3 * stretch)
    room = (1.1 - 0.75 * size).clamp(min=0.1)
    cos, sin = torch.cos(turn) / size, torch.sin(turn) / size
    first = torch.stack([cos * stretch, (sin + shear * cos) * stretch], 1)
    second = torch.stack([-sin / stretch, (cos - shear * sin) / stretch], 1)
    turned = torch.stack([first, second], 1)
    move = torch.stack([across * room, down * room], 1).unsqueeze(2)
    return F.affine_grid(torch.cat([turned, -(turned @ move)], 2), [count, 1, SIDE, SIDE], align_corners=False)


def _bent(count: int, generator: Generator) -> Tensor:
    """Smooth displacements (count, 32, 32, 2) that bend strokes, coarse ones larger than fine ones."""
    import torch
    from torch.nn import functional as F

    bent = torch.zeros(count, 2, SIDE, SIDE)
    for cells, most in ((3, 0.22), (6, 0.12)):
        strength = most * torch.rand(count, 1, 1, 1, generator=generator)
        draws = torch.randn(count, 2, cells, cells, generator=generator)
        bent += strength * F.interpolate(draws, (SIDE, SIDE), mode="bicubic", align_corners=False)
    return bent.permute(0, 2, 3, 1)


def _coarse(pictures: Tensor, generator: Generator) -> Tensor:
    """A part of the batch seen through 8 to 16 pixels, as small scans are."""
    import torch
    from torch.nn import functional as F

    seen = pictures.clone()
    which = torch.randint(6, (len(pictures),), generator=generator)
    for at, side in enumerate((8, 10, 12, 16)):
        small = F.interpolate(pictures[which == at], (side, side), mode="area")
        seen[which == at] = F.interpolate(small, (SIDE, SIDE), mode="bicubic", align_corners=False)
    return seen


def _blurred(pictures: Tensor, generator: Generator) -> Tensor:
    """Each picture blended with itself blurred, by an amount of its own."""
    import torch
    from torch.nn import functional as F

    kernel = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    soft = F.conv2d(pictures, kernel.view(1, 1, 1, 5), padding=(0, 2))
    soft = F.conv2d(soft, kernel.view(1, 1, 5, 1), padding=(2, 0))
    return torch.lerp(pictures, soft, torch.rand(len(pictures), 1, 1, 1, generator=generator))
