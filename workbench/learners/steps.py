"""The menu of optimizers: AdamW and SGD with a trial axis, and torch's own for whole networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.choices import FLAG, Choice, Range, knob

if TYPE_CHECKING:
    import torch
    from torch import Tensor

State = dict[str, "Tensor"]


class Optimizer(Choice):
    """Turns gradients into steps. `step` serves tensors with a trial axis, `torch` makes torch's own for a network.

    Decoupled weight decay is a regularizer here, so neither decays weights.
    """

    def start(self, weights: Mapping[str, Tensor]) -> State:
        """The state before the first step, named after the weights."""
        raise NotImplementedError

    def step(self, weights: Mapping[str, Tensor], state: State, lr: Tensor, alive: Tensor) -> None:
        """One step in place. `weights`: (trials, ...) with gradients; `lr`: (trials,); `alive`: (trials,) of bool."""
        raise NotImplementedError

    def torch(self, weights: list[Tensor]) -> torch.optim.Optimizer:
        """torch's optimizer of the same rule, for a network of one trial."""
        raise NotImplementedError


def per_trial(value: Tensor, like: Tensor) -> Tensor:
    """`value` (trials,) with as many axes as `like`."""
    return value.reshape(-1, *[1] * (like.dim() - 1))


@dataclass(frozen=True)
class AdamW(Optimizer):
    """Adam: each weight's step is its mean gradient over its spread.

    Source: Kingma and Ba, "Adam", 2015; the arithmetic, and so every bit in float64, follows torch's AdamW.
    """

    name = "adamw"
    beta1: float = knob(0.9, Range(0.5, 0.99), "How slowly the mean of the gradients moves.", limits=(0, 0.9999))
    beta2: float = knob(0.999, Range(0.9, 0.9999), "How slowly their spread moves.", limits=(0, 0.99999))

    def start(self, weights: Mapping[str, Tensor]) -> State:
        import torch

        state: State = {f"mean.{name}": torch.zeros_like(w) for name, w in weights.items()}
        state |= {f"spread.{name}": torch.zeros_like(w) for name, w in weights.items()}
        state["steps"] = torch.zeros((), dtype=torch.float64)
        return state

    def step(self, weights: Mapping[str, Tensor], state: State, lr: Tensor, alive: Tensor) -> None:
        import torch

        state["steps"] += 1
        count = float(state["steps"])
        first, second = 1 - self.beta1**count, (1 - self.beta2**count) ** 0.5
        everyone = bool(alive.all())
        for name, w in weights.items():
            grad = w.grad
            assert grad is not None
            if not everyone:
                grad = torch.where(per_trial(alive, w), grad, 0.0)
            mean, spread = state[f"mean.{name}"], state[f"spread.{name}"]
            mean.lerp_(grad, 1 - self.beta1)
            spread.mul_(self.beta2).addcmul_(grad, grad, value=1 - self.beta2)
            move = per_trial(lr / first, w) * (mean / (spread.sqrt() / second).add_(1e-8))
            w -= move if everyone else torch.where(per_trial(alive, w), move, 0.0)

    def torch(self, weights: list[Tensor]) -> torch.optim.Optimizer:
        import torch

        return torch.optim.AdamW(weights, betas=(self.beta1, self.beta2), weight_decay=0.0, fused=True)


@dataclass(frozen=True)
class SGD(Optimizer):
    """Plain steps down the gradient, with momentum.

    Source: Sutskever and others, "On the importance of initialization and momentum", 2013, in torch's form.
    """

    name = "sgd"
    momentum: float = knob(0.9, Range(0.0, 0.99), "Share of the last step that is kept.", limits=(0, 0.9999))
    nesterov: bool = knob(False, FLAG, "Look ahead along the momentum.")

    def start(self, weights: Mapping[str, Tensor]) -> State:
        import torch

        return {f"mean.{name}": torch.zeros_like(w) for name, w in weights.items()}

    def step(self, weights: Mapping[str, Tensor], state: State, lr: Tensor, alive: Tensor) -> None:
        import torch

        for name, w in weights.items():
            assert w.grad is not None
            grad = torch.where(per_trial(alive, w), w.grad, 0.0)
            mean = state[f"mean.{name}"].mul_(self.momentum).add_(grad)
            move = per_trial(lr, w) * (grad + self.momentum * mean if self.nesterov else mean)
            w -= torch.where(per_trial(alive, w), move, 0.0)

    def torch(self, weights: list[Tensor]) -> torch.optim.Optimizer:
        import torch

        nesterov = self.nesterov and self.momentum > 0
        return torch.optim.SGD(weights, lr=0.1, momentum=self.momentum, nesterov=nesterov, fused=True)


def tensors_of(optimizer: Any, names: list[str]) -> State:
    """The state of one of torch's optimizers as named tensors; `names` in the order of its weights.

    A weight that never had a gradient has none.
    """
    import torch

    found: State = {}
    for at, values in sorted(optimizer.state_dict()["state"].items()):
        found |= {f"{key}.{names[at]}": v for key, v in values.items() if isinstance(v, torch.Tensor)}
    return found


def load_tensors(optimizer: Any, weights: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    """Give one of torch's optimizers back what `tensors_of` took from it, each in its weight's own memory layout."""
    import torch

    values: dict[int, dict[str, Any]] = {}
    names = list(weights)
    for key, tensor in state.items():
        kind, _, name = key.partition(".")
        like = weights[name]
        held = torch.empty_like(like).copy_(tensor) if tensor.shape == like.shape and tensor.dim() else tensor
        values.setdefault(names.index(name), {})[kind] = held.detach()
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": values, "param_groups": groups})
