"""Heads on kept features: many in one pass, one a trial, each the same as if it were alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from workbench.learners import head

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.recipe import Recipe


CPU = torch.device("cpu")


class Heads:
    """Trains the heads of `recipes` (which differ in strengths and seeds alone) on one set of features, on `device`.

    `features`: (examples, width); positions refer to its rows. `views`: the same of the training part after its
    pictures were changed at random; each epoch trains on the next one. `standard`: mean and spread by which they are
    standardised, (folds, width) each: the trials go through the folds in turn, the first of each recipe first.
    `place`: the row of `features` that each position means, where several mean one; `labels` are the positions'.
    """

    cut = "head"
    lengths = None  # features are all as long
    threads = 1  # small steps on two threads went up to sixty times slower under other load
    batch_axis = 1  # of what `inputs` gives
    floating: tuple[Tensor, ...] = ()  # statistics that move in training: none

    def __init__(
        self,
        recipes: Sequence[Recipe],
        features: Tensor,
        labels: Tensor,
        classes: int,
        dtype: torch.dtype,
        views: Sequence[Tensor] = (),
        standard: tuple[Tensor, Tensor] | None = None,
        device: torch.device = CPU,
        place: Tensor | None = None,
    ):
        mean, std = standard or (torch.zeros(1, features.shape[1]), torch.ones(1, features.shape[1]))
        first = recipes[0]
        self.recipes, self.trials = recipes, len(recipes)
        self.device, self.dtype = device, dtype
        self.standard, self.labels = (mean.to(device), std.to(device)), labels.to(device)
        self.fold_of = torch.arange(self.trials, device=device) % len(mean)
        self.scope, self.optimizer = first.scope, first.optimizer
        seeds = [recipe.seed for recipe in recipes]
        drawn = head.start(first.scope, features.shape[1], classes, seeds, dtype)  # on the CPU: the same everywhere
        self.weights_all = {name: w.to(device) for name, w in drawn.items()}
        for w in self.weights_all.values():
            w.requires_grad_(True)
        self.moments: dict[str, Tensor] = {}
        self.features, *self.views = (self._once(each) for each in (features, *views))
        self.trained_on = self.features
        self.place = None if place is None else place.to(device)

    def row_of(self, positions: Tensor) -> Tensor:
        """The row of the features that each position means."""
        return positions if self.place is None else self.place[positions]

    def features_at(self, positions: Tensor) -> Tensor:
        """(examples,) positions to the features there, (examples, width)."""
        return self.features[self.row_of(positions.to(self.device))]

    def _once(self, features: Tensor) -> Tensor:
        """Standardised for all where there is one way to do it; else as they are, since each fold has its own."""
        features = features.to(self.device)
        return self._standardised(features, 0) if len(self.standard[0]) == 1 else features

    def _standardised(self, features: Tensor, fold: Any) -> Tensor:
        mean, std = self.standard
        return ((features - mean[fold]) / std[fold]).to(self.dtype)

    def vary(self, epoch: int, seed: int) -> None:
        """Have the next batches see the pictures of this epoch."""
        self.trained_on = self.views[epoch % len(self.views)] if self.views else self.features

    def ready(self) -> None:
        """Start the optimizer's state."""
        self.moments = self.optimizer.start(self.weights_all)

    def weights(self) -> list[Tensor]:
        """Weights with two or more dimensions, (trials, inputs, outputs) each; no biases."""
        return [w for name, w in self.weights_all.items() if name.endswith("weight")]

    def every(self) -> dict[str, Tensor]:
        """Every weight and bias that trains, by name, the trial axis in front."""
        return self.weights_all

    averaged = every

    def gradients(self) -> dict[str, Tensor]:
        """Their gradients."""
        return {name: w.grad for name, w in self.weights_all.items() if w.grad is not None}

    def inputs(self, positions: Tensor, change: Any = None) -> Tensor:
        """(1 or trials, batch) positions to the features there; there are no pictures left to change."""
        found = self.trained_on[self.row_of(positions)]
        return found if len(self.standard[0]) == 1 else self._standardised(found, self.fold_of[:, None])

    def logits(self, inputs: Tensor, change: Any = None) -> Tensor:
        """(trials, batch, classes) for training; `change(x, layer)`: what is done to what a layer reads."""
        return head.apply(self.weights_all, inputs, self.scope.activation, change)

    @torch.no_grad()
    def answers(self, positions: Tensor) -> Tensor:
        """Logits in eval mode, (trials, examples, classes), at (folds, examples) positions."""
        positions = positions.to(self.device)
        if len(positions) == 1:
            return head.apply(self.weights_all, self.features[self.row_of(positions)], self.scope.activation)
        found = None
        for fold, part in enumerate(positions):
            at = (self.fold_of == fold).nonzero().flatten()
            weights = {name: w[at] for name, w in self.weights_all.items()}
            logits = head.apply(
                weights, self._standardised(self.features[self.row_of(part)], fold)[None], self.scope.activation
            )
            found = logits.new_zeros(self.trials, *logits.shape[1:]) if found is None else found
            found[at] = logits
        assert found is not None
        return found

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

    def undo(self) -> None:
        """Drop the gradients of a step that is not taken; the forward pass moves nothing here."""
        self.clear()

    @torch.no_grad()
    def keep(self, at: Tensor) -> None:
        """Go on with the trials at these positions of the trial axis alone."""
        self.trials, self.fold_of = len(at), self.fold_of[at]
        self.weights_all = {name: w.detach()[at].requires_grad_(True) for name, w in self.weights_all.items()}
        self.moments = {name: t[at] if t.dim() else t for name, t in self.moments.items()}

    def state(self) -> dict[str, Tensor]:
        """Everything that moves, by name: a copy on the CPU."""
        held = {name: w.detach() for name, w in self.weights_all.items()}
        held |= {"buffer.mean": self.standard[0][0], "buffer.std": self.standard[1][0]}
        held |= {f"optimizer.{name}": t for name, t in self.moments.items()}
        return {name: tensor.to("cpu", copy=True) for name, tensor in held.items()}

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """Take back what `state` gave."""
        for name, w in self.weights_all.items():
            w.copy_(state[name])
        moments = {n.removeprefix("optimizer."): t for n, t in state.items() if n.startswith("optimizer.")}
        self.moments = {n: t.to(self.moments[n].device, copy=True) for n, t in moments.items()}
