"""What a run runs on: versions, device, numbers, memory; and what it runs of."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import torch

from workbench.twins import twins

if TYPE_CHECKING:
    from workbench.job import Job


def memory(job: Job) -> dict[str, int]:
    """Bytes that the run holds where it computes, as `memory`, and how many there are at all, as `memory_of`."""
    import psutil

    where = job.plan.device
    if where.type == "cuda":
        return {"memory": torch.cuda.memory_reserved(where), "memory_of": torch.cuda.mem_get_info(where)[1]}
    return {"memory": int(psutil.Process().memory_info().rss), "memory_of": int(psutil.virtual_memory().total)}


def versions() -> dict[str, str]:
    """Those of Python and of what numbers depend on."""
    names = ("torch", "torchvision", "timm", "transformers", "numpy", "scikit-learn", "safetensors")
    return {name: version(name) for name in names} | {"python": platform.python_version()}


def environment(job: Job) -> dict[str, Any]:
    """Versions, and what `auto` resolved to."""
    plan = job.plan
    return {
        "versions": versions(),
        "device": str(plan.device),
        "device_name": torch.cuda.get_device_name(plan.device) if plan.device.type == "cuda" else platform.machine(),
        "precision": str(plan.dtype).removeprefix("torch."),
        "threads": job.threads,
        "data": job.data.fingerprint,
        "valid": job.data.measured_on,
        "classes": list(job.data.classes),
        "side": job.data.side,
        "backbone": plan.built.fingerprint,
        "reading": plan.built.reading,
        "cut": job.learner.cut,  # the last part whose outcome is kept
        "twins": round(twins(job), 4),
        "examples": len(job.data.valid),  # of the validation part
    }
