"""What a regularizer may do, in the order in which the loop reaches each moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.choices import Choice
from workbench.recipe import READS

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.recipe import Recipe

Row = dict[str, Any]


class Now:
    """What a hook gets: each knob's current value, one a trial (shape (trials,)), and the moment.

    `memory`: named tensors that the regularizer keeps from step to step, the trial axis in front; the trainer owns and
    checkpoints them. `draws(*shape)`: uniform numbers in [0, 1), (1 or trials, *shape), that are a function of (seed,
    epoch, step) alone. `learner`: what trains; `positions`: of the batch, (1 or trials, batch); `classes`: how many;
    `epochs`: of each trial, (trials,); `steps`: in an epoch.
    """

    memory: dict[str, Tensor]
    draws: Callable[..., Tensor]
    learner: Any
    positions: Tensor
    classes: int
    epochs: Tensor
    epoch: int = 0
    step: int = 0
    steps: int = 0
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
    when = ""  # it helps, in a line
    domains: tuple[str, ...] = (*READS,)  # whose examples it can change
    within = False  # it acts in the backbone, or on what goes in: no place for it where features are kept, as by `head`
    turn = 0  # its moments come before (-1) or after (1) those of the others, wherever it stands in a recipe

    def unfit(self, recipe: Recipe) -> str:
        """Why it has no place in this recipe, and where it has one; empty where it fits."""
        if recipe.data.domain not in self.domains:
            for_what = " and ".join(READS[each] for each in self.domains)
            return f"{self.name} is for {for_what}, and the data are {READS[recipe.data.domain]}: leave it out."
        if self.within and recipe.scope.name == "head":
            return (
                f"{self.name} acts within the backbone, of which scope='head' keeps the features: leave it out, or "
                f"take scope='blocks', 'norms' or 'all'."
            )
        return ""

    def prepare(self, learner: Any, now: Any) -> None:
        """Before the optimizer exists; again when a knob was turned."""

    def join(self, learner: Any, now: Any) -> None:
        """It was not there from the beginning: a branch has it from here on. Called after `prepare`."""

    def on_pictures(self, pictures: Tensor, now: Any) -> Tensor:
        """Change the batch's pictures, uint8 (batch, channels, height, width), before they are prepared."""
        return pictures

    def on_batch(self, inputs: Any, targets: Any, now: Any) -> tuple[Any, Any]:
        """Change the batch; metrics keep the originals.

        `inputs`: features (1 or trials, batch, width), else what the body takes, the batch first. `targets`: classes
        (1 or trials, batch), or shares of each (1 or trials, batch, classes) where another has mixed them.
        """
        return inputs, targets

    def on_features(self, features: Tensor, layer: int, now: Any) -> Tensor:
        """Change what a layer of the head reads, (1 or trials, batch, width), in training; layer 0 reads the body's."""
        return features

    def around_step(self, compute: Callable[[], Any], now: Any) -> Any:
        """For those that need the gradient or the logits twice."""
        return compute()

    def on_logits(self, logits: Tensor, targets: Tensor, now: Any) -> Any:
        """Added to the loss, one value a trial. `logits`: (trials, batch, classes); `targets`: as `on_batch` left."""
        return 0.0

    def penalty(self, weights: Sequence[Tensor], now: Any) -> Any:
        """Added to the loss, one value a trial."""
        return 0.0

    def on_gradients(self, weights: Sequence[Tensor], now: Any) -> None:
        """After backward, before the optimizer steps."""

    def after_step(self, weights: Sequence[Tensor], now: Any) -> None:
        """After the optimizer stepped."""

    def answering(self, memory: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Weights that answer in place of the trained ones, by name, as far as there are any in its memory."""
        return {}

    def should_stop(self, history: Sequence[Row]) -> bool:
        """Whether the run ends here: a pure function of the rows."""
        return False


def total(parts: Iterable[Tensor]) -> Any:
    """Sum over all axes but the first, the trial axis, and over all parts: shape (trials,)."""
    return sum(part.flatten(1).sum(1) for part in parts)


def spread(value: Tensor, like: Tensor) -> Tensor:
    """`value` (trials,) with as many axes as `like`, so that both multiply trial by trial."""
    return value.reshape(-1, *[1] * (like.dim() - 1))


def shares(targets: Tensor, classes: int, like: Tensor) -> Tensor:
    """Targets as shares of each class, (1 or trials, batch, classes), in the numbers of `like`."""
    import torch

    return targets if targets.is_floating_point() else torch.nn.functional.one_hot(targets, classes).to(like.dtype)


def plain(w: Tensor) -> Tensor:
    """A copy to remember, laid out as it comes back from a checkpoint: sums over it go the same way then."""
    import torch

    return w.detach().clone(memory_format=torch.contiguous_format)
