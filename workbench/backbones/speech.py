"""Speech encoders: ours and those of transformers, with how clips come to them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from workbench import paths, progress
from workbench.backbones import transformer_files as files
from workbench.backbones.base import Backbone, Built, fingerprint
from workbench.backbones.cards import cards
from workbench.backbones.language import by_layers
from workbench.backbones.mel import BANDS, HOP, log_mel
from workbench.backbones.speaking import SpeechEncoder
from workbench.datasets.ragged import Ragged
from workbench.errors import BadChoice, NoWeights

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

RATE = 16_000  # samples a second, as every data set of clips has them
AST_HOP = 160  # samples between two frames of torchaudio's filter bank, as AST's extractor has it
TOLD = 256  # clips that are turned into frames together


def floats(clip: Tensor) -> Tensor:
    """int16 samples as float32 in [-1, 1)."""
    return clip.float() / 32768


def _heard(clips: Ragged) -> Ragged:
    """Each clip as far as a model may hear it."""
    if not clips.longest or int(clips.lengths.max()) <= clips.longest:
        return clips
    return Ragged.of([clips.row(at)[: clips.longest] for at in range(len(clips))])


def _silence(count: int, side: int) -> Ragged:
    return Ragged.of([torch.zeros(side or RATE, dtype=torch.int16)] * count)


def _unheard(clips: Ragged, hears: int) -> list[str]:
    """How many clips go on, as far as their data let them, beyond the samples that a model hears."""
    lengths = clips.lengths.clamp(max=clips.longest) if clips.longest else clips.lengths
    cut = int((lengths > hears).sum()) if hears else 0
    said = (
        f"{cut:,} of {len(clips):,} clips are longer than the {hears / RATE:g} s that the backbone hears: the rest is"
    )
    return [f"{said} not heard."] * bool(cut)


@dataclass(frozen=True)
class Frames:
    """How clips come to our own encoders: as frames of log-mel bands, computed once."""

    hears: int = 0  # samples of a clip, 0 for all
    domain = "speech"
    time_axis = 1  # of what `prepare` gives

    @property
    def about(self) -> str:
        """Everything that decides what `prepare` makes."""
        return f"log-mel {BANDS}"

    def encode(self, clips: Ragged) -> Ragged:
        """The frames (length, bands) of each clip as far as it may be heard; frames as they are."""
        if clips.values.is_floating_point():
            return clips
        clips, rows = _heard(clips), list[Tensor]()
        for at in range(0, len(clips), TOLD):
            part = clips[at : at + TOLD]
            counts = ((part.lengths + HOP - 1) // HOP).tolist()
            rows += [frames[:count] for frames, count in zip(log_mel(part), counts, strict=True)]
            progress.tell("clips turned into frames", min(len(clips), at + TOLD), len(clips))
        return Ragged.of(rows)

    def prepare(self, frames: Ragged) -> Tensor:
        """(batch, frames of the longest, bands), NaN beyond a clip's end."""
        return frames.padded(float("nan"))

    def blank(self, count: int, side: int) -> Ragged:
        """Clips of silence, as long as may be heard."""
        return self.encode(_silence(count, side))

    def bytes(self, frames: Ragged) -> int:
        """0: each batch is padded for itself."""
        return 0

    def said(self, clips: Ragged) -> list[str]:
        """How many clips are longer than the model hears; how many their data cut, these say."""
        return _unheard(clips, self.hears)


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


@dataclass(frozen=True, eq=False)
class Samples:
    """How clips come to a model of transformers: through its own feature extractor, a batch at a time."""

    extractor: Any
    named: str  # the extractor's hash
    domain = "speech"

    @property
    def spectra(self) -> bool:
        """Whether the model takes spectrograms, and not samples."""
        return hasattr(self.extractor, "num_mel_bins") or self.extractor.model_input_names[0] == "input_features"

    @property
    def time_axis(self) -> int:
        """Of what `prepare` gives: models in the manner of Whisper take (batch, bands, frames)."""
        return 1 if hasattr(self.extractor, "num_mel_bins") else 2

    @property
    def about(self) -> str:
        """Everything that decides what `prepare` makes."""
        return self.named

    def encode(self, clips: Ragged) -> Ragged:
        """The clips as far as they may be heard."""
        return _heard(clips)

    def prepare(self, clips: Ragged) -> Tensor:
        """What the extractor makes of a batch; of samples, and in the manner of Whisper, NaN beyond a clip's end."""
        raw = [floats(clips.row(at)).numpy() for at in range(len(clips))]
        if not self.spectra:
            rows = [torch.from_numpy(self.extractor(each, sampling_rate=RATE).input_values[0]) for each in raw]
            return Ragged.of(rows).padded(float("nan"))
        with torch.autocast("cpu", enabled=False):  # Whisper's computes with torch, and hands on to NumPy
            found = self.extractor(raw, sampling_rate=RATE, return_tensors="pt")
        prepared: Tensor = found[self.extractor.model_input_names[0]]
        if self.time_axis == 2:
            for one, samples in zip(prepared, clips.lengths.tolist(), strict=True):
                reach = samples + self.extractor.n_fft // 2  # as far as a frame's window sees something of it
                one[:, -(-reach // self.extractor.hop_length) :] = torch.nan
        return prepared

    def blank(self, count: int, side: int) -> Ragged:
        """Clips of silence, as long as may be heard."""
        return _silence(count, side)

    def bytes(self, clips: Ragged) -> int:
        """0: each batch is put together for itself."""
        return 0

    @property
    def hears(self) -> int:
        """Samples of a clip, 0 for all."""
        if self.spectra:
            return int(self.extractor.n_samples if self.time_axis == 2 else self.extractor.max_length * AST_HOP)
        return 0

    def said(self, clips: Ragged) -> list[str]:
        """How many clips are longer than the model hears; how many their data cut, these say."""
        return _unheard(clips, self.hears)


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
        body, front, width = Listening(model), _extractor(folder), int(model.config.hidden_size)  # type: ignore[union-attr, arg-type]
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


def _extractor(folder: Path) -> Samples:
    from transformers import AutoFeatureExtractor

    try:
        found: Any = AutoFeatureExtractor.from_pretrained(  # type: ignore[no-untyped-call]
            folder, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = str(error).splitlines()[0][:200]
        raise BadChoice(f"the feature extractor of {folder} cannot be had without code of its own: {why}") from error
    about = json.dumps(found.to_dict(), sort_keys=True, default=str)
    return Samples(found, hashlib.sha256(about.encode()).hexdigest()[:16])
