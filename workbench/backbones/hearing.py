"""How clips come to speech encoders: as frames of our own, or through a feature extractor of transformers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from workbench import progress
from workbench.backbones.mel import BANDS, HOP, log_mel
from workbench.datasets.ragged import Ragged
from workbench.errors import BadChoice

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

    def spectrograms(self, clips: Ragged) -> list[Tensor]:
        """What the model sees of each clip: (bands, frames)."""
        frames = self.encode(clips)
        return [frames.row(at).T for at in range(len(frames))]

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

    def spectrograms(self, clips: Ragged) -> list[Tensor]:
        """What the model sees of each clip: (bands, frames), without what pads it; none where it hears samples."""
        if not self.spectra:
            return []
        seen = self.prepare(clips := self.encode(clips))
        if self.time_axis == 2:
            return [one[:, ~one[0].isnan()] for one in seen]
        counts = (-(-clips.lengths // AST_HOP)).tolist()
        return [one[:count].T for one, count in zip(seen, counts, strict=True)]

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


def extractor(folder: Path) -> Samples:
    """The feature extractor in a folder of transformers."""
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
