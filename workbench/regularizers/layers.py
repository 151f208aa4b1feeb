"""Regularizers that act inside the network: on what the head's layers read, and on what the backbone's blocks give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.choices import Range, knob
from workbench.errors import BadChoice
from workbench.regularizers.base import Regularizer, spread

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Dropout(Regularizer):
    """Set a share of the head's inputs (and hidden units) to zero in each step, and scale up the rest.

    Source: Srivastava and others, "Dropout: a simple way to prevent neural networks from overfitting", 2014.
    """

    name = "dropout"
    when = "Hidden layers or wide features: no unit can rely on another, so what is known is known twice."
    rate: float = knob(0.2, Range(0.0, 0.8), "Share of the inputs that a step does not see.", limits=(0, 0.99))

    def on_features(self, features: Tensor, layer: int, now: Any) -> Tensor:
        return dropped(features, now.rate, now.draws(*features.shape[-2:], dtype=features.dtype))


def dropped(x: Tensor, rate: Tensor, draws: Tensor) -> Tensor:
    """`x` with the units whose draw is below the trial's own `rate` at zero, the rest scaled up."""
    rate = rate.view(-1, 1, 1)
    kept = (
        (rate - draws).sign_().relu_().neg_().add_(1).div_(1 - rate)
    )  # draws >= rate; to compare takes ten times that
    return x * kept


@dataclass(frozen=True)
class GaussianNoise(Regularizer):
    """Add noise to what the head's layers read: `amount` standard deviations of a feature, anew in each step.

    Source: Bishop, "Training with noise is equivalent to Tikhonov regularization", 1995.
    """

    name, in_sight = "gaussian-noise", False
    when = "Inputs that will be noisier than the training examples; much as L2, with a scale of its own a feature."
    amount: float = knob(
        1.0, Range(0.0, 2.0), "Standard deviation of the noise; a feature's own is 1.", limits=(0, 100)
    )

    def on_features(self, features: Tensor, layer: int, now: Any) -> Tensor:
        import torch

        draws = now.draws(*features.shape[-2:], dtype=features.dtype)
        normal: Tensor = torch.special.ndtri(draws.clamp(1e-6, 1 - 1e-6))
        return features + spread(now.amount, features) * normal


@dataclass(frozen=True)
class BodyDropout(Regularizer):
    """Set a share of what each block of the backbone gives to zero in each step, and scale up the rest.

    Of the blocks that train; channels go as a whole, since neighbours in a picture say the same.
    Source: Srivastava and others, 2014; for channels, Tompson and others, "Efficient object localization using
    convolutional networks", 2015.
    """

    name, in_sight, within = "body-dropout", False, True
    when = "Much of a large backbone trains on few examples."
    rate: float = knob(0.1, Range(0.0, 0.5), "Share of the channels that a step does not see.", limits=(0, 0.9))

    def prepare(self, learner: Any, now: Any) -> None:
        for block, _ in _once(learner, now):
            block.register_forward_hook(Within(learner, now, 1.0, _channels))


@dataclass(frozen=True)
class DropPath(Regularizer):
    """Skip blocks of the backbone, example by example, in each step; later blocks more often, the last with `rate`.

    What a block adds to its shortcut is scaled up where it is not skipped. Of the blocks that train: by timm's own
    place for it where the block has one; else those that give what they take in shape are skipped as a whole.
    Source: Huang and others, "Deep networks with stochastic depth", 2016.
    """

    name, in_sight, within = "drop-path", False, True
    when = "Deep backbones of which all trains: each example learns in a shallower network."
    rate: float = knob(0.1, Range(0.0, 0.5), "Share of the examples that skip the last block.", limits=(0, 0.9))

    def prepare(self, learner: Any, now: Any) -> None:
        for block, depth in _once(learner, now):
            places = [name for name in ("drop_path", "drop_path1", "drop_path2") if hasattr(block, name)]
            for name in places:
                setattr(block, name, _path(Within(learner, now, depth, _skipped)))
            if not places:
                block.register_forward_hook(Within(learner, now, depth, _skipped))


def _once(learner: Any, now: Any) -> Iterator[tuple[nn.Module, float]]:
    """Each block that trains and how deep it lies, a share of the way; none where they were asked for before."""
    if "hooked" in now.__dict__:
        return
    found = blocks(learner.body, set(learner.named))
    if not found:
        raise BadChoice(f"no block of {type(learner.body).__name__} trains, in which something could be left out.")
    now.hooked = True
    yield from ((block, (at + 1) / len(found)) for at, block in enumerate(found))


def blocks(body: nn.Module, trained: set[str]) -> list[nn.Module]:
    """Blocks with a weight of `trained`, in order: the innermost parts of lists of parts that have parts themselves."""
    from torch import nn

    there: dict[str, nn.Module] = {}
    for path, group in body.named_modules():
        if isinstance(group, nn.ModuleList | nn.Sequential):
            inside = {f"{path}.{name}".lstrip("."): part for name, part in group.named_children()}
            there |= {name: part for name, part in inside.items() if len([*part.children()])}
    inner = {name: part for name, part in there.items() if not any(o.startswith(f"{name}.") for o in there)}
    return [part for name, part in inner.items() if any(w.startswith(f"{name}.") for w in trained)]


@dataclass(frozen=True, eq=False)
class Within:
    """A change within the backbone that is made in training steps alone; `change(given, found, rate)`.

    Not copied along with the network that it stands in: a copy answers, and trains no more.
    """

    learner: Any
    now: Any
    depth: float
    change: Callable[[Tensor, Tensor, float], Tensor]

    def __call__(self, block: Any, given: tuple[Any, ...], found: Any) -> Any:
        """As a forward hook of a block."""
        rate = float(self.now.rate[0]) * self.depth
        if not self.learner.noisy or not rate:
            return found
        first, *rest = found if isinstance(found, tuple) else (found,)
        first = self.change(given[0], first, rate)
        return (first, *rest) if isinstance(found, tuple) else first

    def __deepcopy__(self, memo: Any) -> Within:
        return self


def _path(within: Within) -> nn.Module:
    """What stands in timm's place for it: what a block adds to its shortcut passes, or is left out."""
    import torch

    class Path(torch.nn.Module):
        def forward(self, added: Tensor) -> Any:
            return within(self, (torch.zeros_like(added),), added)

    return Path()


def _channels(given: Tensor, found: Tensor, rate: float) -> Tensor:
    """Channels are axis 1 of maps (batch, channels, height, width), the last of sequences (batch, length, width)."""
    import torch

    shape = [*found.shape[:2], 1, 1] if found.dim() == 4 else [len(found), *[1] * (found.dim() - 2), found.shape[-1]]
    kept = torch.rand(shape, device=found.device) >= rate
    return found * kept / (1 - rate)


def _skipped(given: Tensor, found: Tensor, rate: float) -> Tensor:
    import torch

    if given.shape != found.shape:
        return found
    kept = torch.rand([len(found), *[1] * (found.dim() - 1)], device=found.device) >= rate
    return given + (found - given) * kept / (1 - rate)
