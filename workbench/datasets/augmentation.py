"""Training pictures changed at random, by timm's transforms, as a function of the picture and a seed alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

NONE, LIGHT, STRONG = AUGMENTATIONS = ("none", "light", "strong")
SETTINGS: dict[str, dict[str, Any]] = {
    LIGHT: {"scale": (0.6, 1.0), "hflip": 0.5, "color_jitter": None},
    STRONG: {"scale": (0.35, 1.0), "hflip": 0.5, "auto_augment": "rand-m9-mstd0.5-inc1"},
}
VIEWS = 4  # a frozen body sees each training picture in so many fixed versions, and each epoch takes the next one


def augmented(pictures: Tensor, how: str, seed: int) -> Tensor:
    """uint8 (n, channels, height, width) to the same shape: cropped, mirrored, and with `strong` changed in colour too.

    The same pictures and seed give the same result, whatever was drawn before; nothing else's random state moves.
    """
    if how == NONE:
        return pictures
    import torch
    from torchvision.transforms.functional import to_pil_image

    transform = _transform(how, pictures.shape[-1])
    with seeded(seed):
        changed = [transform(to_pil_image(each.cpu()).convert("RGB")) for each in pictures]
    found = torch.stack(changed).to(pictures.device)
    return found if pictures.shape[1] == 3 else found.float().mean(1, keepdim=True).round().to(torch.uint8)


@lru_cache(maxsize=8)
def _transform(how: str, side: int) -> Any:
    from timm.data.transforms_factory import create_transform

    return create_transform(side, is_training=True, normalize=False, interpolation="bilinear", **SETTINGS[how])


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Python's, numpy's and torch's common random states as `seed` says; afterwards as they were."""
    import numpy as np
    import torch

    before = random.getstate(), np.random.get_state(), torch.default_generator.get_state()
    random.seed(seed)
    np.random.seed(seed % 2**32)  # timm draws from it
    torch.default_generator.manual_seed(seed)  # torch.manual_seed queues a traceback where there is no GPU
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.default_generator.set_state(before[2])
