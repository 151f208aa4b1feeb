"""What a frozen prefix computes, computed once and kept."""

from __future__ import annotations

import hashlib
import os
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import paths, progress, threads

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.backbones import Built
    from workbench.datasets import Data
    from workbench.datasets.base import Inputs
    from workbench.learners.cutting import Halves

BATCH = 256
ON_CPU = 32  # a larger batch spends a fifth of its time on fresh memory there


def kept(
    built: Built,
    data: Data,
    rows: Tensor,
    device: Any,
    dtype: Any,
    how: str = "none",
    seed: int = 0,
    half: Halves | None = None,
) -> Tensor:
    """Features of frozen `built.body` in eval mode, float32 (rows, width) on the CPU; from the cache if there.

    `rows`: positions in `data.inputs`; `dtype`: torch.bfloat16 computes under autocast. `how` and `seed` say how the
    pictures are changed first, as `augmented` does. `half`: only its beginning, (rows, ...) as that gives it.
    """
    about = f"{built.fingerprint}|{built.reading}|{data.content}|{dtype}|{device}|{how}|{seed if how != 'none' else ''}"
    about += f"|{half.name}" if half else ""
    digest = hashlib.sha256(about.encode())
    digest.update(rows.numpy().tobytes())
    path = paths.cache() / "features" / f"{digest.hexdigest()[:32]}.safetensors"
    found = _read(path)
    if found is None:
        found = compute(built, data.inputs, rows, device, dtype, how, seed, half)
        _keep(path, found)
    return found


def compute(
    built: Built,
    inputs: Inputs,
    rows: Tensor,
    device: Any,
    dtype: Any,
    how: str = "none",
    seed: int = 0,
    half: Halves | None = None,
) -> Tensor:
    """The same without the cache, in batches."""
    import torch

    with threads.on(threads.wanted()):
        if not isinstance(inputs, torch.Tensor):
            return _in_turn(built, inputs[rows], device, dtype)
        return _at_once(built, inputs, rows, device, dtype, how, seed, half)


def _at_once(
    built: Built, inputs: Tensor, rows: Tensor, device: Any, dtype: Any, how: str, seed: int, half: Halves | None
) -> Tensor:
    """Features of pictures, all of one size."""
    import torch

    from workbench.datasets.augmentation import augmented

    body = built.body.eval().to(device)
    mixed = torch.autocast(torch.device(device).type, dtype) if dtype == torch.bfloat16 else nullcontext()
    compute, parts = half.beginning if half else body, []
    with torch.no_grad(), mixed:
        for at, part in enumerate(torch.split(rows, BATCH) if len(rows) else ()):
            shown = augmented(inputs[part], how, seed * 1_000_003 + at)
            some = torch.split(shown, BATCH if torch.device(device).type == "cuda" else ON_CPU)
            parts += [compute(built.prepare(each.to(device))).float().cpu() for each in some]
            progress.tell("examples through the backbone", min(len(rows), (at + 1) * BATCH), len(rows))
    return torch.cat(parts) if parts else torch.zeros(0, built.width)


def _in_turn(built: Built, inputs: Inputs, device: Any, dtype: Any) -> Tensor:
    """The same of examples of unequal length, those of about one length together."""
    import torch

    body = built.body.eval().to(device)
    mixed = torch.autocast(torch.device(device).type, dtype) if dtype == torch.bfloat16 else nullcontext()
    encoded, found, done = built.encode(inputs), torch.zeros(len(inputs), built.width), 0
    with torch.no_grad(), mixed:
        for at in alike(encoded.lengths, BATCH if torch.device(device).type == "cuda" else ON_CPU):
            found[at] = body(built.prepare(encoded[at]).to(device)).float().cpu()
            done += len(at)
            progress.tell("examples through the backbone", done, len(inputs))
    return found


def alike(lengths: Tensor, size: int) -> list[Tensor]:
    """Positions in batches of about one length, the longest first: so nothing is padded that need not be."""
    import torch

    return list(torch.split(lengths.argsort(stable=True, descending=True), size)) if len(lengths) else []


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
