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
from workbench.errors import NoWeights

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

RATE = 16_000  # samples a second, as every data set of clips has them
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


@dataclass(frozen=True)
class Frames:
    """How clips come to our own encoders: as frames of log-mel bands, computed once."""

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
        """Nothing: the data set says how much of a clip is heard."""
        return []


class Listening(torch.nn.Module):
    """An audio model of transformers as features (batch, width): the mean of its last hidden states.

    It takes what its feature extractor makes; of models that hear samples, samples with NaN beyond a clip's end.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """Pooled features (batch, width)."""
        if x.dim() > 2:
            hidden: Tensor = self.model(x).last_hidden_state
            return hidden.mean(1)
        mask = ~torch.isnan(x)
        hidden = self.model(torch.nan_to_num(x), attention_mask=mask.long()).last_hidden_state
        there: Tensor = self.model._get_feature_vector_attention_mask(hidden.shape[1], mask.long())  # type: ignore[operator]
        return (hidden * there[..., None]).sum(1) / there.sum(1, keepdim=True)

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
        """What the extractor makes of a batch; of samples, NaN beyond a clip's end."""
        raw = [floats(clips.row(at)).numpy() for at in range(len(clips))]
        if self.extractor.model_input_names[0] == "input_values" and not hasattr(self.extractor, "num_mel_bins"):
            rows = [torch.from_numpy(self.extractor(each, sampling_rate=RATE).input_values[0]) for each in raw]
            return Ragged.of(rows).padded(float("nan"))
        found = self.extractor(raw, sampling_rate=RATE, return_tensors="pt")
        prepared: Tensor = found[self.extractor.model_input_names[0]]
        return prepared

    def blank(self, count: int, side: int) -> Ragged:
        """Clips of silence, as long as may be heard."""
        return _silence(count, side)

    def bytes(self, clips: Ragged) -> int:
        """0: each batch is put together for itself."""
        return 0

    def said(self, clips: Ragged) -> list[str]:
        """Nothing: the data set says how much of a clip is heard."""
        return []


def build(backbone: Backbone, *, side: int, seed: int) -> Built:
    """Make the encoder and load its weights. `side`: the most samples of a clip, which its data see to."""
    card = cards().get(backbone.architecture)
    body: SpeechEncoder | Listening
    front: Frames | Samples
    if card:
        body, front = _ours(backbone, card, seed), Frames()
        width = body.width
    else:
        folder = files.folder_of(backbone.architecture, weights=backbone.weights == "pretrained")
        source = folder if backbone.weights in ("pretrained", "random") else Path(backbone.weights).expanduser()
        model = files.made(source, backbone.weights == "random", seed)
        body, front, width = Listening(model), _extractor(folder), int(model.config.hidden_size)  # type: ignore[union-attr, arg-type]
    body.requires_grad_(False).eval()
    pooled = "the last layer's mean and spread over a clip" if card else "the last layer's mean over a clip"
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

    found: Any = AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)  # type: ignore[no-untyped-call]
    about = json.dumps(found.to_dict(), sort_keys=True, default=str)
    return Samples(found, hashlib.sha256(about.encode()).hexdigest()[:16])
