"""Regularizers that act on what the network answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.choices import Range, knob
from workbench.regularizers.base import Regularizer, shares

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.recipe import Recipe


@dataclass(frozen=True)
class LabelSmoothing(Regularizer):
    """Ask for a little of every class: the target is `1 - amount` of the label and `amount` spread over all classes.

    Source: Szegedy and others, "Rethinking the inception architecture for computer vision", 2016.
    """

    name = "label-smoothing"
    when = "Answers that are too sure: it calibrates. Against wrong labels a head alone gains nothing from it."
    amount: float = knob(0.1, Range(0.0, 0.5), "Share of the target that all classes divide.", limits=(0, 1))

    def on_batch(self, inputs: Any, targets: Any, now: Any) -> tuple[Any, Any]:
        asked, amount = shares(targets, now.classes, now.amount), now.amount.view(-1, 1, 1)
        return inputs, (1 - amount) * asked + amount / now.classes


@dataclass(frozen=True)
class ConfidencePenalty(Regularizer):
    """Reward answers that spread: adds `-strength * entropy` of what is answered, in nats, to the loss.

    Source: Pereyra and others, "Regularizing neural networks by penalizing confident output distributions", 2017.
    """

    name, in_sight = "confidence-penalty", False
    when = "As label smoothing, and classes that are alike may share what is spread."
    strength: float = knob(0.1, Range(1e-2, 2.0, log=True), "What a nat of entropy is worth.", limits=(0, 1e3))

    def on_logits(self, logits: Tensor, targets: Tensor, now: Any) -> Any:
        logp = logits.log_softmax(-1)
        return now.strength * (logp.exp() * logp).sum(-1).mean(-1)


@dataclass(frozen=True)
class RDrop(Regularizer):
    """Ask twice, under two dropout masks, and pull the answers together: adds `strength / 4 * (KL(a, b) + KL(b, a))`.

    The loss is the mean over both, so a quarter here is the paper's half a pass. It needs noise that differs between
    the passes: dropout in the head or the backbone, or Gaussian noise; without any it changes nothing.
    Source: Liang and others, "R-Drop: regularized dropout for neural networks", 2021.
    """

    name, in_sight, turn = "r-drop", False, 1
    when = "Beside dropout, on few examples: what a network answers shall not hang on the mask. Each step costs two."
    strength: float = knob(1.0, Range(0.1, 10.0, log=True), "Pull between the two answers.", limits=(0, 1e3))

    def on_batch(self, inputs: Any, targets: Any, now: Any) -> tuple[Any, Any]:
        import torch

        return torch.cat([inputs, inputs], now.learner.batch_axis), torch.cat([targets, targets], 1)

    def on_logits(self, logits: Tensor, targets: Tensor, now: Any) -> Any:
        one, other = logits.log_softmax(-1).chunk(2, 1)
        both = (one.exp() - other.exp()) * (one - other)  # KL(a, b) + KL(b, a), term by term
        return now.strength / 4 * both.sum(-1).mean(-1)


@dataclass(frozen=True)
class Distillation(Regularizer):
    """Hold the backbone's features to what they were before: adds `strength * mean((features - pretrained) ** 2)`.

    Of the training examples, standardised on both sides, so 1 is as far as two examples differ.
    Source: Li and others, "DELTA: deep learning transfer using feature map with attention", 2019, without attention;
    the thought, Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015.
    """

    name, in_sight, within, turn = "distillation", False, True, -1  # it compares features that no noise was added to
    when = "Few examples and every weight trains: weights may move, what the backbone sees in the examples may not."
    strength: float = knob(0.1, Range(1e-3, 10.0, log=True), "Pull towards the pretrained features.", limits=(0, 1e3))

    def unfit(self, recipe: Recipe) -> str:
        if mixed := [r.name for r in recipe.regularizers if r.name in ("mixup", "cutmix")]:
            return f"distillation compares each example with itself, and {mixed[0]} mixes them: leave one out."
        return super().unfit(recipe)

    def prepare(self, learner: Any, now: Any) -> None:
        if "taught" not in now.__dict__:
            now.taught = learner.features()

    def on_features(self, features: Tensor, layer: int, now: Any) -> Tensor:
        if layer == 0:
            taught = now.taught[now.positions[0]]
            twice = features.shape[1] // len(taught)  # R-Drop asks twice
            now.pulled = now.strength * (features - taught.repeat(twice, 1)).square().mean((1, 2))
        return features

    def on_logits(self, logits: Tensor, targets: Tensor, now: Any) -> Any:
        return now.pulled
