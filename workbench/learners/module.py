"""A whole network as a learner of one trial: any torch body, with our head on top."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch

from workbench.datasets.augmentation import NONE, augmented
from workbench.datasets.ragged import Ragged
from workbench.features import alike
from workbench.learners import head, steps
from workbench.scopes import Head

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.backbones import Built
    from workbench.datasets.base import Inputs
    from workbench.learners.cutting import Halves
    from workbench.recipe import Recipe

EVAL_BATCH = 256
MOMENTUM = 0.1  # of running statistics, as in torch's BatchNorm
PREPARED_BYTES = 2 << 30  # pictures that fit into this as float32 are prepared once


class Module:
    """Trains the weights that the recipe's scope names. `inputs`: of the examples, as a data set holds them.

    `half`, `held`: where the body is cut, and what its frozen beginning makes of the inputs; only the rest is run.
    `lengths`: of the examples, where they are of unequal length; else None.
    """

    trials = 1
    threads = 0  # as many as torch takes by itself
    batch_axis = 0  # of what `inputs` gives
    noisy = False  # in a training step: what regularizers do within the body is done then alone

    def __init__(
        self,
        recipe: Recipe,
        built: Built,
        inputs: Inputs,
        labels: Tensor,
        classes: int,
        standard: tuple[Tensor, Tensor],
        device: torch.device,
        dtype: torch.dtype,
        half: Halves | None = None,
        held: Tensor | None = None,
    ):
        self.recipe, self.built, self.device, self.dtype = recipe, built, device, dtype
        self.labels = labels.to(device)
        whole = torch.float64 if dtype == torch.float64 else torch.float32
        self.body = built.body.to(device, whole).to(memory_format=torch.channels_last)
        self.mean, self.std = (s.to(device=device, dtype=whole).clone() for s in standard)
        self.head = {n: w.to(device) for n, w in head.start(Head(), built.width, classes, [recipe.seed], whole).items()}
        chosen = set(recipe.scope.chosen(self.body))
        self.named = {n: p for n, p in self.body.named_parameters() if n in chosen}
        for p in [*self.named.values(), *self.head.values()]:
            p.requires_grad_(True)
        moving = dict(self.body.named_buffers()) if recipe.scope.trains_statistics else {}
        self.augment, self.seed = recipe.data.augment, 0
        self.moving = moving | {"mean": self.mean, "std": self.std}
        moves = [b for b in self.moving.values() if b.is_floating_point()]
        self.floating = moves if recipe.scope.trains_statistics else []
        self.before = [b.clone() for b in self.floating]  # as the last step left them
        self.cut, self.tail = half.name if half else "", half.tail if half else self.body
        self.prepared: Tensor | None = None
        self.lengths: Tensor | None = None
        if held is None:
            self._hold(inputs, whole)
        else:
            layout = torch.channels_last if held.dim() == 4 else torch.contiguous_format
            self.prepared = held.to(self.device, memory_format=layout)

    def _hold(self, inputs: Inputs, dtype: torch.dtype) -> None:
        """Keep pictures prepared where they fit, as uint8 on the device else; tokens and frames as they are coded."""
        encoded = self.built.encode(inputs)
        if isinstance(encoded, Ragged):
            self.encoded: Any = encoded
            self.lengths = encoded.lengths
            return
        self.encoded = encoded.to(self.device)
        if self.built.front.bytes(encoded) <= PREPARED_BYTES:
            self.prepared = torch.cat([self.built.prepare(p).to(dtype) for p in torch.split(self.encoded, 1024)])

    @property
    def trained(self) -> dict[str, Tensor]:
        """Every weight that trains, by name."""
        return {f"body.{n}": p for n, p in self.named.items()} | self.head

    def ready(self) -> None:
        """Make torch's optimizer."""
        self.optimizer = self.recipe.optimizer.torch(list(self.trained.values()))

    def every(self) -> dict[str, Tensor]:
        """Every weight and bias that trains, by name, as views with the trial axis (of one) in front."""
        return {f"body.{n}": p.unsqueeze(0) for n, p in self.named.items()} | self.head

    def averaged(self) -> dict[str, Tensor]:
        """The same, and the statistics that move with them."""
        moving = {f"buffer.{n}": b.unsqueeze(0) for n, b in self.moving.items() if b.is_floating_point()}
        return self.every() | (moving if self.floating else {})

    def gradients(self) -> dict[str, Tensor]:
        """The gradients of what `every` gives, of those that have one."""
        body = {f"body.{n}": p.grad.unsqueeze(0) for n, p in self.named.items() if p.grad is not None}
        return body | {n: w.grad for n, w in self.head.items() if w.grad is not None}

    def weights(self) -> list[Tensor]:
        """Weights with two or more dimensions, as views with the trial axis (of one) in front."""
        body = [p.unsqueeze(0) for p in self.named.values() if p.dim() > 1]
        return body + [w for n, w in self.head.items() if n.endswith("weight")]

    @property
    def standard(self) -> tuple[Tensor, Tensor]:
        """Mean and spread by which the head's inputs are standardised now."""
        return self.mean, self.std

    def mixed(self) -> AbstractContextManager[Any]:
        """Autocast where the precision is bfloat16."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.dtype == torch.bfloat16 else nullcontext()

    def vary(self, epoch: int, seed: int) -> None:
        """Have the next batch's pictures changed at random by this seed, where the data asks for it."""
        self.seed = seed

    def draw_from(self, seed: int) -> None:
        """Set the random state that layers draw from; torch.manual_seed would queue a traceback at every step."""
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def inputs(self, positions: Tensor, change: Any = None) -> Tensor:
        """(1, batch) positions to prepared training examples, changed at random; or to what is kept of them.

        `change(pictures)`: what else is done to uint8 pictures before they are prepared.
        """
        if self.augment == NONE and change is None:
            return self._as_they_are(positions)
        flat = positions.flatten()
        changed = augmented(self.encoded[flat], self.augment, self.seed + int(flat[0]))
        changed = change(changed) if change is not None else changed
        return self.built.prepare(changed).to(self.mean.dtype)

    def _as_they_are(self, positions: Tensor) -> Tensor:
        flat = positions.flatten()
        if self.prepared is not None:
            return self.prepared[flat]
        found = self.built.prepare(self.encoded[flat]).to(self.device)
        return found.to(self.mean.dtype) if found.is_floating_point() else found

    def logits(self, inputs: Tensor, change: Any = None) -> Tensor:
        """(1, batch, classes) for training; `change(x, layer)`: what is done to what a layer of the head reads."""
        lonely = len(inputs) == 1 and self.body.training  # one example has no batch statistics
        if lonely:
            self.body.eval()
        with self.mixed():
            found = self.tail(inputs)
        standardised = self._standardised(found.to(self.mean.dtype)).unsqueeze(0)
        if lonely:
            self.body.train()
        return head.apply(self.head, standardised, "relu", change)

    def _standardised(self, features: Tensor) -> Tensor:
        """Features as the head sees them: by the kept statistics, which move with the body where all of it trains."""
        if self.body.training:
            spread, mean = torch.var_mean(features, 0, correction=0)
            with torch.no_grad():
                self.mean.lerp_(mean.detach(), MOMENTUM)
                self.std.copy_((self.std**2).lerp_(spread.detach(), MOMENTUM).clamp_min_(1e-12).sqrt_())
            return (features - mean) / (spread + 1e-12).sqrt()
        return (features - self.mean) / self.std

    @torch.no_grad()
    def answers(self, positions: Tensor) -> Tensor:
        """Logits in eval mode, (1, examples, classes), at (1, examples) positions."""
        return self._in_turn(positions, self.logits)

    @torch.no_grad()
    def features(self) -> Tensor:
        """Standardised features in eval mode of all that is held: (examples, width)."""

        def of(inputs: Tensor) -> Tensor:
            with self.mixed():
                return self._standardised(self.tail(inputs).to(self.mean.dtype)).unsqueeze(0)

        return self._in_turn(torch.arange(len(self.labels), device=self.device)[None], of)[0]

    def _in_turn(self, positions: Tensor, of: Callable[[Tensor], Tensor]) -> Tensor:
        """What `of` makes of the examples at (1, examples) positions, some at a time and in eval mode."""
        self.noisy = False
        self.body.eval()
        if self.lengths is None:
            parts = [of(self._as_they_are(part)) for part in torch.split(positions, EVAL_BATCH, 1)]
            return torch.cat(parts, 1)
        flat = positions.flatten()
        turns = alike(self.lengths[flat.cpu()], EVAL_BATCH)
        parts = [of(self._as_they_are(flat[at.to(flat.device)])) for at in turns]
        return torch.cat(parts, 1)[:, torch.cat(turns).argsort().to(self.device)]

    def training(self) -> None:
        """Batch statistics move where the scope says so; elsewhere the body stays in eval mode."""
        self.noisy = True
        self.body.train(self.recipe.scope.trains_statistics)

    def finite(self, loss: Tensor) -> Tensor:
        """Whether the loss and every gradient are finite: (1,) of bool."""
        wrong, one = torch.zeros((), device=self.device), torch.ones((), device=self.device)
        grads = [w.grad for w in self.trained.values() if w.grad is not None]
        torch._amp_foreach_non_finite_check_and_unscale_(grads, wrong, one)  # in one pass; what it scales by is 1
        return torch.isfinite(loss.detach()) & (wrong == 0)

    @torch.no_grad()
    def step(self, lr: Tensor, alive: Tensor) -> None:
        """One step of the optimizer; gradients are cleared."""
        if bool(alive.all()):
            for group in self.optimizer.param_groups:
                group["lr"] = float(lr[0])
            self.optimizer.step()
            self._remember()
        self.clear()

    def clear(self) -> None:
        """Drop the gradients."""
        for w in self.trained.values():
            w.grad = None

    @torch.no_grad()
    def undo(self) -> None:
        """Drop the gradients of a step that is not taken, and what its forward pass did to the statistics."""
        self.clear()
        if self.before:
            torch._foreach_copy_(self.floating, self.before)

    def _remember(self) -> None:
        if self.before:  # one call for all of them, under a thousandth of a small network's step
            torch._foreach_copy_(self.before, self.floating)

    def keep(self, at: Tensor) -> None:
        """Nothing: there is one trial."""

    def state(self) -> dict[str, Tensor]:
        """Everything that moves, by name: a copy on the CPU."""
        held = {n: w.detach() for n, w in self.trained.items()} | {f"buffer.{n}": b for n, b in self.moving.items()}
        held |= {f"optimizer.{n}": t for n, t in steps.tensors_of(self.optimizer, list(self.trained)).items()}
        return {name: tensor.to("cpu", copy=True).contiguous() for name, tensor in held.items()}

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """Take back what `state` gave."""
        for name, w in self.trained.items():
            w.copy_(state[name])
        for name, b in self.moving.items():
            b.copy_(state[f"buffer.{name}"])
        self._remember()
        moments = {n.removeprefix("optimizer."): t for n, t in state.items() if n.startswith("optimizer.")}
        steps.load_tensors(self.optimizer, self.trained, moments)
