"""Regularizers of what is heard or read: parts of a text or of a clip are hidden, or come with noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.choices import Range, knob
from workbench.errors import BadChoice
from workbench.regularizers.base import Regularizer

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TokenMasking(Regularizer):
    """Hide a share of each text's tokens in each step, behind the mask that the backbone was pretrained with.

    Source: Devlin and others, "BERT", 2019, there for pretraining; as augmentation, Kobayashi, "Contextual
    augmentation", 2018, and Wei and Zou, "EDA", 2019, who delete words.
    """

    name, in_sight, within, domains = "token-masking", False, True, ("language",)
    when = "Few texts, of which single words give the class away."
    share: float = knob(0.15, Range(0.0, 0.5), "Share of the tokens that a step does not see.", limits=(0, 0.95))

    def on_batch(self, inputs: Any, targets: Any, now: Any) -> tuple[Any, Any]:
        import torch

        from workbench.backbones.language import SECOND

        mask, special = now.learner.built.front.mask()
        ids = inputs % SECOND
        hidden = (inputs >= 0) & ~torch.isin(ids, special.to(ids.device))
        hidden &= now.draws(*inputs.shape)[0] < now.share[0]
        return torch.where(hidden, inputs - ids + mask, inputs), targets


@dataclass(frozen=True)
class NEFTune(Regularizer):
    """Add noise to the embeddings of a text's tokens in each step, evenly within `alpha / sqrt(length * width)`.

    Source: Jain and others, "NEFTune: noisy embeddings improve instruction finetuning", 2023.
    """

    name, in_sight, within, domains = "neftune", False, True, ("language",)
    when = "Few texts and every weight of the encoder trains."
    alpha: float = knob(5.0, Range(0.0, 20.0), "How much noise.", limits=(0, 1e4))

    def prepare(self, learner: Any, now: Any) -> None:
        if "hook" in now.__dict__:
            return

        def noisy(_: Any, given: Any, found: Tensor) -> Tensor:
            import torch

            if not learner.noisy:
                return found
            most = float(now.alpha[0]) / (found.shape[1] * found.shape[2]) ** 0.5
            return found + torch.empty_like(found).uniform_(-most, most)

        now.hook = learner.body.model.get_input_embeddings().register_forward_hook(noisy)


@dataclass(frozen=True)
class SpecAugment(Regularizer):
    """Hide bands of pitch and stretches of time of each clip's spectrogram in each step: they are at its mean.

    For backbones that hear log-mel frames. Source: Park and others, "SpecAugment: a simple data augmentation method for
    automatic speech recognition", 2019.
    """

    name, in_sight, within, domains = "spec-augment", False, True, ("speech",)
    when = "Few recordings, or few speakers."
    bands: float = knob(0.2, Range(0.0, 0.5), "Share of the bands that are hidden at most.", limits=(0, 1))
    time: float = knob(0.2, Range(0.0, 0.5), "Share of the time that is hidden at most.", limits=(0, 1))

    def on_batch(self, inputs: Any, targets: Any, now: Any) -> tuple[Any, Any]:
        import torch

        if inputs.dim() != 3:
            raise BadChoice(
                "spec-augment is for backbones that hear spectrograms; this one hears samples: leave it out."
            )
        front, many = now.learner.built.front, len(inputs)
        x = inputs if front.time_axis == 1 else inputs.transpose(1, 2)  # (batch, frames, bands)
        lengths = (~x[:, :, 0].isnan()).sum(1)
        bands = torch.full((many,), x.shape[2], device=x.device)
        hidden = _stretch(now.draws(2, many)[0], lengths, now.time[0], x.shape[1])[:, :, None]
        hidden = hidden | _stretch(now.draws(2, many)[0], bands, now.bands[0], x.shape[2])[:, None, :]
        hidden &= ~x.isnan()
        found = torch.where(hidden, x.nanmean((1, 2), keepdim=True), x)
        return (found if front.time_axis == 1 else found.transpose(1, 2)), targets


def _stretch(draws: Tensor, lengths: Tensor, share: Tensor, size: int) -> Tensor:
    """A stretch of each of `lengths` (batch,), of at most that share of it, at a random place: (batch, size) of bool.

    `draws`: (2, batch) uniform: how long, and where.
    """
    import torch

    long = (draws[0] * share * (lengths + 1)).floor()
    start = (draws[1] * (lengths - long + 1)).floor()
    at = torch.arange(size, device=lengths.device)
    return (at >= start[:, None]) & (at < (start + long)[:, None])
