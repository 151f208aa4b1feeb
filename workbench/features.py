"""What a frozen prefix computes, computed once and kept."""

from __future__ import annotations

import hashlib
import os
from contextlib import nullcontext, suppress
from pathlib import Path
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
    prepared = f"{built.size}|{built.channels}|{built.mean}|{built.std}"
    about = f"{built.fingerprint}|{prepared}|{tuple(pictures.shape)}|{dtype}|{device}"
    digest = hashlib.sha256(about.encode())
    digest.update(pictures.contiguous().numpy().tobytes())
    path = paths.cache() / "features" / f"{digest.hexdigest()[:32]}.safetensors"
    found = _read(path)
    if found is None:
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


def _read(path: Path) -> Tensor | None:
    """What is kept there; None where there is nothing, or no longer what was written."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            found, said = file.get_tensor("features"), file.metadata() or {}
    except (OSError, SafetensorError):
        return None
    return found if said.get("sha256") == _checksum(found) else None


def _keep(path: Path, features: Tensor) -> None:
    """Write aside and rename; a full or read-only disk only costs the next run the same work."""
    from safetensors.torch import save_file

    aside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({"features": features.contiguous()}, aside, {"sha256": _checksum(features)})
        os.replace(aside, path)
    except Exception:
        with suppress(OSError):
            aside.unlink()


def _checksum(features: Tensor) -> str:
    return hashlib.sha256(features.contiguous().numpy().tobytes()).hexdigest()
