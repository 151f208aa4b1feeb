"""What a frozen prefix computes, computed once and kept."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from workbench import paths

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.backbones import Built

BATCH = 256


def kept(built: Built, pictures: Tensor, device: Any, dtype: Any) -> Tensor:
    """Features of frozen `built.body` in eval mode, float32 (examples, width) on the CPU; from the cache if there.

    `pictures`: uint8 (examples, channels, height, width); `dtype`: torch.bfloat16 computes under autocast.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    about = f"{built.fingerprint}|{built.size}|{built.channels}|{tuple(pictures.shape)}|{dtype}|{device}"
    digest = hashlib.sha256(about.encode())
    digest.update(pictures.contiguous().numpy().tobytes())
    path = paths.cache() / "features" / f"{digest.hexdigest()[:32]}.safetensors"
    try:
        return load_file(path)["features"]
    except (OSError, SafetensorError, KeyError):
        found = compute(built, pictures, device, dtype)
    _keep(path, found)
    return found


def compute(built: Built, pictures: Tensor, device: Any, dtype: Any) -> Tensor:
    """The same without the cache, in batches."""
    import torch

    body = built.body.eval().to(device)
    mixed = torch.autocast(torch.device(device).type, dtype) if dtype == torch.bfloat16 else nullcontext()
    with torch.no_grad(), mixed:
        parts = [body(built.prepare(part.to(device))).float().cpu() for part in torch.split(pictures, BATCH)]
    return torch.cat(parts) if parts else torch.zeros(0, built.width)


def _keep(path: Any, features: Tensor) -> None:
    """Write aside and rename; a full or read-only disk only costs the next run the same work."""
    import os

    from safetensors.torch import save_file

    aside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({"features": features.contiguous()}, aside)
        os.replace(aside, path)
    except Exception:
        aside.unlink(missing_ok=True)
