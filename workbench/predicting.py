"""From a restored run to answers on new inputs."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from workbench.learners import head
from workbench.learners.module import Module
from workbench.scopes import Head

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.datasets import Dataset
    from workbench.learners.plan import Plan


class Whole(torch.nn.Module):
    """Body, standardisation and head in one: prepared pictures (batch, channels, height, width) to logits."""

    def __init__(self, body: torch.nn.Module, standard: tuple[Tensor, Tensor], weights: dict[str, Tensor], bent: str):
        super().__init__()
        self.body, self.bent = body, bent
        self.register_buffer("mean", standard[0])
        self.register_buffer("std", standard[1])
        self.head = torch.nn.ParameterDict({n.replace(".", "_"): torch.nn.Parameter(w) for n, w in weights.items()})

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (batch, classes)."""
        features = (self.body(pictures).to(self.mean.dtype) - self.mean) / self.std
        weights = {name.replace("_", "."): w for name, w in self.head.items()}
        return head.apply(weights, features.unsqueeze(0), self.bent)[0]


def whole(plan: Plan) -> Whole:
    """The plan's network with its present weights, on the CPU in eval mode."""
    learner = plan.learner
    weights = learner.head if isinstance(learner, Module) else learner.weights_all
    spec = plan.recipe.scope if plan.recipe.scope.name == "head" else Head()
    body = deepcopy(plan.built.body).cpu()  # the caller's own: what is done to it changes no later answer
    dtype = next(iter(weights.values())).dtype
    mean, std = learner.standard if isinstance(learner, Module) else plan.standard
    standard = (mean.cpu().to(dtype), std.cpu().to(dtype))
    held = {name: w.detach().cpu().clone() for name, w in weights.items()}
    return Whole(body, standard, held, spec.activation).eval()


def pictures(inputs: Sequence[str | Path], data: Dataset) -> tuple[list[str], Tensor]:
    """Files, and all that lie below folders, as `data` reads its own: their names, and uint8 (files, 3, side, side)."""
    from workbench.datasets.files import decoded, found
    from workbench.errors import BadData

    files: list[Path] = []
    for path in map(Path, inputs):
        below = found(path)[0] if path.is_dir() else [path]
        if not below or not path.exists():
            raise BadData(
                f"{path} {'holds no pictures' if path.exists() else 'is not there'}: name pictures, or folders."
            )
        files += below
    read, _, broken = decoded(files, data.size)
    if broken:
        raise BadData(f"cannot be read: {'; '.join(f'{files[at]}: {why}' for at, why in broken.items())}.")
    return [str(path) for path in files], read


@torch.no_grad()
def logits(plan: Plan, inputs: Any) -> Tensor:
    """Logits (examples, classes) of uint8 pictures (examples, channels, height, width), in batches."""
    model = whole(plan).to(plan.device)
    pictures = torch.as_tensor(inputs)
    body_dtype = next(model.body.parameters()).dtype
    mixed = torch.autocast(plan.device.type, torch.bfloat16, enabled=plan.dtype == torch.bfloat16)
    with mixed:
        parts = [
            model(plan.built.prepare(p.to(plan.device)).to(body_dtype)).float().cpu()
            for p in torch.split(pictures, 256)
        ]
    return torch.cat(parts)
