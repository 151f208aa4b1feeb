"""What a regularizer may do, in the order in which the loop reaches each moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from workbench.choices import Choice

if TYPE_CHECKING:
    from torch import Tensor

Row = dict[str, Any]


class Now:
    """What a hook gets: each knob's current value, one a trial (shape (trials,)), and the moment.

    `memory`: named tensors that the regularizer keeps from step to step; the trainer owns and checkpoints them.
    `draws(*shape)`: uniform numbers in [0, 1) that are a function of (seed, epoch, step) alone.
    """

    memory: dict[str, Tensor]
    draws: Callable[..., Tensor]
    epoch: int = 0
    step: int = 0
    lr: Tensor

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


class Regularizer(Choice):
    """Changes training so that the model generalises. Override only the moments you need.

    `weights` are those with two or more dimensions, no biases and no norms, the trial axis in front: (trials, ...).
    """

    in_sight = True  # False: folded away under "more"

    def prepare(self, learner: Any, now: Any) -> None:
        """Before the optimizer exists; again when a knob was turned."""

    def on_batch(self, inputs: Any, targets: Any, now: Any) -> tuple[Any, Any]:
        """Change the batch; metrics keep the originals."""
        return inputs, targets

    def around_step(self, compute: Callable[[], Any], now: Any) -> Any:
        """For those that need the gradient or the logits twice."""
        return compute()

    def on_logits(self, logits: Tensor, targets: Tensor, now: Any) -> Any:
        """Added to the loss, one value a trial. `logits`: (trials, batch, classes); `targets`: (1 or trials, batch)."""
        return 0.0

    def penalty(self, weights: Sequence[Tensor], now: Any) -> Any:
        """Added to the loss, one value a trial."""
        return 0.0

    def on_gradients(self, weights: Sequence[Tensor], now: Any) -> None:
        """After backward, before the optimizer steps."""

    def after_step(self, weights: Sequence[Tensor], now: Any) -> None:
        """After the optimizer stepped."""

    def should_stop(self, history: Sequence[Row]) -> bool:
        """Whether the run ends here: a pure function of the rows."""
        return False


def total(parts: Iterable[Tensor]) -> Any:
    """Sum over all axes but the first, the trial axis, and over all parts: shape (trials,)."""
    return sum(part.flatten(1).sum(1) for part in parts)


def spread(value: Tensor, like: Tensor) -> Tensor:
    """`value` (trials,) with as many axes as `like`, so that both multiply trial by trial."""
    return value.reshape(-1, *[1] * (like.dim() - 1))
