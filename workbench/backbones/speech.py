"""Speech encoders: ours and those of transformers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from workbench import paths
from workbench.backbones import transformer_files as files
from workbench.backbones.base import Backbone, Built, fingerprint
from workbench.backbones.cards import cards
from workbench.backbones.hearing import Frames, Samples, extractor
from workbench.backbones.language import by_layers
from workbench.backbones.mel import HOP
from workbench.backbones.speaking import SpeechEncoder
from workbench.errors import NoWeights

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


class ClipNorm(torch.nn.GroupNorm):
    """The norm over all of time after a model's first convolution, here over the clip alone and not what pads it.

    So a clip is heard alike in any company. `samples`: the clips' lengths, set before each batch.
    """

    samples: Tensor
    kernel, stride = 1, 1

    @classmethod
    def within(cls, model: Any) -> ClipNorm:
        """Put in the place of the model's own, with its weights."""
        layer = model.feature_extractor.conv_layers[0]
        made = cls(layer.layer_norm.num_groups, layer.layer_norm.num_channels, layer.layer_norm.eps)
        made.weight, made.bias = layer.layer_norm.weight, layer.layer_norm.bias
        made.kernel, made.stride = layer.conv.kernel_size[0], layer.conv.stride[0]
        layer.layer_norm = made
        return made

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, frames), each channel of each clip by its own mean and spread."""
        frames = (self.samples - self.kernel) // self.stride + 1
        there = (torch.arange(x.shape[2], device=x.device) < frames[:, None])[:, None]
        mean = (x * there).sum(2, keepdim=True) / frames[:, None, None]
        spread = ((x - mean) * there).square().sum(2, keepdim=True) / frames[:, None, None]
        return (x - mean) * (spread + self.eps).rsqrt() * self.weight[:, None] + self.bias[:, None]


class Listening(torch.nn.Module):
    """An audio model of transformers as features (batch, width): the mean of its last hidden states over the clip.

    It takes what its feature extractor makes, with NaN beyond a clip's end: samples (batch, samples), or in the manner
    of Whisper (batch, bands, frames). One that reads a spectrogram in patches (AST) answers by its class tokens.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        config: Any = model.config
        self.patches = config.model_type == "audio-spectrogram-transformer"
        self.norm = ClipNorm.within(model) if getattr(config, "feat_extract_norm", "") == "group" else None

    @property
    def pooled(self) -> str:
        """What the features are, in words."""
        return "the last layer's class tokens" if self.patches else "the last layer's mean over a clip"

    def forward(self, x: Tensor) -> Tensor:
        """Pooled features (batch, width)."""
        if self.patches:
            return self._states(x)[:, :2].mean(1)
        if x.dim() > 2:
            return self._of_frames(x)
        mask = ~torch.isnan(x)
        if self.norm is not None:
            self.norm.samples = mask.sum(1)
        hidden = self._states(torch.nan_to_num(x), attention_mask=mask.long())
        there: Tensor = self.model._get_feature_vector_attention_mask(hidden.shape[1], mask.long())  # type: ignore[operator]
        return (hidden * there[..., None]).sum(1) / there.sum(1, keepdim=True)

    def _states(self, x: Tensor, **given: Any) -> Tensor:
        hidden: Tensor = self.model(x, **given).last_hidden_state
        return hidden

    def _of_frames(self, x: Tensor) -> Tensor:
        """Whisper's: what lies beyond the clip is silence, as its extractor has it, and does not count."""
        gone = x[:, 0].isnan()
        silence = (x.nan_to_num(-9.0).amax((1, 2), keepdim=True) - 2).clamp(min=-1.5)  # eight decades, of four a unit
        hidden = self._states(torch.where(x.isnan(), silence, x))
        there = ~gone[:, ::2, None]
        return (hidden * there).sum(1) / there.sum(1).clamp(min=1)

    def group_matcher(self, coarse: bool = False) -> Callable[[str], int]:
        """Which block a weight belongs to, in timm's manner."""
        return by_layers(self)


def build(backbone: Backbone, *, side: int, seed: int) -> Built:
    """Make the encoder and load its weights. `side`: the most samples of a clip, which its data see to."""
    card = cards().get(backbone.architecture)
    body: SpeechEncoder | Listening
    front: Frames | Samples
    if card:
        body = _ours(backbone, card, seed)
        front, width = Frames(2 * HOP * body.encoder.max_source_positions), body.width
    else:
        folder = files.folder_of(backbone.architecture, weights=backbone.weights == "pretrained")
        source = folder if backbone.weights in ("pretrained", "random") else Path(backbone.weights).expanduser()
        model = files.made(source, backbone.weights == "random", seed)
        body, front, width = Listening(model), extractor(folder), int(model.config.hidden_size)  # type: ignore[union-attr, arg-type]
    body.requires_grad_(False).eval()
    pooled = body.pooled if isinstance(body, Listening) else "the last layer's mean and spread over a clip"
    return Built(body, width, front, fingerprint(body, Path(backbone.architecture).name), pooled)


def _ours(backbone: Backbone, card: dict[str, Any], seed: int) -> SpeechEncoder:
    """Our own encoder, with random weights or those of a safetensors file."""
    from safetensors.torch import load_file

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body = SpeechEncoder(card["config"])
    if backbone.weights == "random":
        return body
    ours = paths.weights() / f"{backbone.architecture}.safetensors"
    path = ours if backbone.weights == "pretrained" else Path(backbone.weights).expanduser()
    if path.suffix != ".safetensors" or not path.is_file():
        raise NoWeights(
            f"weights must be 'pretrained', 'random', or a safetensors file of {backbone.architecture}; "
            f"{str(path)!r} is none."
        )
    try:
        body.load_state_dict(load_file(path))
    except (RuntimeError, ValueError) as error:
        raise NoWeights(f"{path.name} does not fit {backbone.architecture}: {str(error)[:200]}") from error
    return body
