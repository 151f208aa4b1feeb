"""Heads on kept features: many in one pass, one a trial, each the same as if it were alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from workbench.learners import head

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.recipe import Recipe


class Heads:
    """Trains the heads of `recipes` (which differ in strengths and seeds alone) on one set of features, on the CPU.

    `features`: (examples, width), already standardised; positions refer to its rows.
    """

    threads = 1  # small steps on two threads went up to sixty times slower under other load

    def __init__(self, recipes: Sequence[Recipe], features: Tensor, labels: Tensor, classes: int, dtype: torch.dtype):
        first = recipes[0]
        self.recipes, self.trials = recipes, len(recipes)
        self.features, self.labels = features.to(dtype), labels
        self.scope, self.optimizer = first.scope, first.optimizer
        seeds = [recipe.seed for recipe in recipes]
        self.weights_all = head.start(first.scope, features.shape[1], classes, seeds, dtype)
        for w in self.weights_all.values():
            w.requires_grad_(True)
        self.device, self.dtype = torch.device("cpu"), dtype
        self.moments: dict[str, Tensor] = {}

    def ready(self) -> None:
        """Start the optimizer's state."""
        self.moments = self.optimizer.start(self.weights_all)

    def weights(self) -> list[Tensor]:
        """Weights with two or more dimensions, (trials, inputs, outputs) each; no biases."""
        return [w for name, w in self.weights_all.items() if name.endswith("weight")]

    def inputs(self, positions: Tensor) -> Tensor:
        """(1 or trials, batch) positions to the features there."""
        return self.features[positions]

    def logits(self, inputs: Tensor, drop: Any = None) -> Tensor:
        """(trials, batch, classes) for training."""
        return head.apply(self.weights_all, inputs, self.scope.activation, drop)

    @torch.no_grad()
    def answers(self, positions: Tensor) -> Tensor:
        """Logits in eval mode, (trials, examples, classes)."""
        return head.apply(self.weights_all, self.features[positions].unsqueeze(0), self.scope.activation)

    def finite(self, loss: Tensor) -> Tensor:
        """Which trials have a finite loss and finite gradients: (trials,) of bool."""
        fine = torch.isfinite(loss.detach())
        for w in self.weights_all.values():
            if w.grad is not None:
                fine = fine & torch.isfinite(w.grad.flatten(1).sum(1))
        return fine

    @torch.no_grad()
    def step(self, lr: Tensor, alive: Tensor) -> None:
        """One step of the optimizer for the trials that are alive; gradients are cleared."""
        self.optimizer.step(self.weights_all, self.moments, lr, alive)
        self.clear()

    def clear(self) -> None:
        """Drop the gradients."""
        for w in self.weights_all.values():
            w.grad = None

    def state(self) -> dict[str, Tensor]:
        """Everything that moves, by name: a copy."""
        found = {name: w.detach().clone() for name, w in self.weights_all.items()}
        return found | {f"optimizer.{name}": t.clone() for name, t in self.moments.items()}

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """Take back what `state` gave."""
        for name, w in self.weights_all.items():
            w.copy_(state[name])
        self.moments = {n.removeprefix("optimizer."): t.clone() for n, t in state.items() if n.startswith("optimizer.")}
