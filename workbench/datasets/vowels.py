"""The recordings that are always there: ten vowels by forty voices, made by source and filter."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench import paths
from workbench.choices import Range, knob
from workbench.datasets import voices
from workbench.datasets.base import Data, Dataset, finish
from workbench.datasets.parting import positions
from workbench.datasets.ragged import Ragged
from workbench.datasets.voices import HOP, RATE, SIZES, WORDS

if TYPE_CHECKING:
    import numpy as np

VERSION = 1  # one more where the clips are made in another way
SPEAKERS = {"man": 15, "woman": 15, "child": 10}
TIMES = 3  # each speaker says each word
LONGEST = 6400  # samples
SIZE = 1024  # of the transform: what rings dies away in it
AT_ONCE = 120


@dataclass(frozen=True)
class Vowels(Dataset):
    """1,200 spoken vowels of 0.15 to 0.4 s: ten words by forty made-up speakers; needs no network."""

    name = "vowels"
    domain = "speech"
    size = LONGEST
    per_class: int | None = knob(None, Range(1, 72), "Training clips a vowel; empty means all.", optional=True)
    label_noise: float = knob(0.0, Range(0.0, 0.6), "Share of the training labels made wrong.", limits=(0, 1))
    noise: float = knob(0.1, Range(0.0, 1.0), "Noise in each clip, as a share of the voice.", limits=(0, 10))
    seed: int = knob(0, Range(0, 2**31 - 1), "Decides the split of the speakers, the wrong labels and the noise.")

    def load(self) -> Data:
        import numpy as np

        speakers, words, _ = _said()
        names = np.array([f"{kind} {at:02}" for kind, many in SPEAKERS.items() for at in range(many)])
        keys = [
            f"{names[who]}, {[*WORDS][word]} {at % TIMES}"
            for at, (who, word) in enumerate(zip(speakers, words, strict=True))
        ]
        return finish(
            _with_noise(made(), self.noise, self.seed),
            words,
            [*WORDS],
            _by_speaker(speakers, keys, self.seed),
            per_class=self.per_class,
            label_noise=self.label_noise,
            seed=self.seed,
            keys=keys,
            groups=names[speakers],
            content=f"vowels {VERSION} {self.noise} {self.seed if self.noise else ''}".encode(),
            notes=["No speaker is in two parts."],
        )


def made() -> Ragged:
    """All clips without noise, int16 at 16 kHz: made once, and kept."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file

    path = paths.cache() / f"vowels-{VERSION}.safetensors"
    with suppress(OSError, SafetensorError, KeyError):
        held = load_file(path)
        return Ragged(held["values"], held["starts"], LONGEST)
    found, aside = synthesized(), path.with_name(f".{os.getpid()}-{path.name}")
    with suppress(OSError, SafetensorError):
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({"values": found.values, "starts": found.starts}, aside)
        os.replace(aside, path)
    return found


def _said() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Who says each clip, which word, and of which kind (man, woman, child) who says it is."""
    import numpy as np

    kinds = np.repeat(range(len(SPEAKERS)), [*SPEAKERS.values()])
    speakers, words, _ = (
        each.ravel() for each in np.meshgrid(range(len(kinds)), range(len(WORDS)), range(TIMES), indexing="ij")
    )
    return speakers, words, kinds[speakers]


def _by_speaker(speakers: np.ndarray, keys: list[str], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the men, women and children three fifths train, a fifth validates, a fifth tests; clips in any order."""
    import numpy as np

    place = positions(np.array([f"speaker {each}".encode() for each in range(speakers.max() + 1)], dtype=object), seed)
    part, first = np.zeros(len(place), dtype=np.int64), 0
    for many in SPEAKERS.values():
        order = first + np.argsort(place[first : first + many])
        part[order[many * 3 // 5 :]], part[order[many * 4 // 5 :]] = 1, 2
        first += many
    order = np.argsort(positions(np.array([key.encode() for key in keys], dtype=object), seed))
    train, valid, test = (order[part[speakers[order]] == which] for which in range(3))
    return train, valid, test


def synthesized() -> Ragged:
    """The clips, from the means of the published table.

    A speaker's tract is longer or shorter than the mean of his or her kind by 5 % (standard deviation), each of its
    formants by 3 % more, and each time by 3 %; the pitch differs by 12 %, drifts and falls.
    """
    import numpy as np
    import torch

    speakers, words, kinds = _said()
    draw, count = np.random.default_rng(1952), len(speakers)
    table = np.array([*WORDS.values()], dtype=np.float64)[words, kinds]  # pitch and three formants of each clip
    size = np.exp(draw.normal(0, 0.05, speakers.max() + 1))[speakers]
    own = np.exp(draw.normal(0, 0.03, (speakers.max() + 1, 3)))[speakers]
    formants = table[:, 1:] * size[:, None] * own * np.exp(draw.normal(0, 0.03, (count, 3)))
    pitch = (
        table[:, 0] / size * np.exp(draw.normal(0, 0.12, speakers.max() + 1)[speakers] + draw.normal(0, 0.05, count))
    )
    lengths = draw.integers(RATE * 15 // 100, LONGEST + 1, count)
    tract = np.array(SIZES)[kinds] * size
    rows: list[torch.Tensor] = []
    for at in range(0, count, AT_ONCE):
        part = slice(at, at + AT_ONCE)
        sound = _voiced(formants[part], pitch[part], lengths[part], tract[part], draw)
        rows += [torch.from_numpy(each[:long]) for each, long in zip(sound, lengths[part], strict=True)]
    return Ragged.of(rows, LONGEST)


def _voiced(
    formants: np.ndarray, pitch: np.ndarray, lengths: np.ndarray, size: np.ndarray, draw: np.random.Generator
) -> np.ndarray:
    """int16 (clips, samples), zeros behind each end."""
    import numpy as np

    count, at = len(pitch), np.arange(LONGEST) / lengths[:, None]
    falls = draw.uniform(-0.25, 0.05, (count, 1)) * at
    sways = draw.normal(0, 0.02, (count, 1)) * np.sin(2 * np.pi * (at + draw.random((count, 1))))
    source = voices.pulses(pitch[:, None] * np.exp(falls + sways), draw.uniform(0.5, 0.7, (count, 1)))
    source += 0.02 * draw.standard_normal(source.shape, dtype=np.float32)  # breath
    frames = LONGEST // HOP + 1
    held = np.broadcast_to(formants[:, None].astype(np.float32), (count, 1, 3))
    passed = voices.tract(held, 50 + 0.04 * held, size.astype(np.float32), SIZE // 2 + 1)
    sound = voices.joined(voices.frames_of(source, frames, SIZE) * passed, LONGEST)
    rises = np.clip(at * lengths[:, None] / 480, 0, 1) * np.clip((1 - at) * lengths[:, None] / 800, 0, 1)
    sound *= rises
    loud = draw.uniform(0.2, 0.9, (count, 1)) / np.abs(sound).max(1, keepdims=True)
    return np.asarray((sound * loud * 32767).round(), dtype=np.int16)


def _with_noise(clips: Ragged, share: float, seed: int) -> Ragged:
    """White noise beside each voice, `share` of its size (root mean square)."""
    import numpy as np
    import torch

    if not share:
        return clips
    values, lengths = clips.values.numpy().astype(np.float32), clips.lengths.numpy()
    size = np.sqrt(np.add.reduceat(values**2, clips.starts[:-1].numpy()) / lengths)
    noise = np.random.default_rng([seed, 0xA01]).standard_normal(len(values), dtype=np.float32)
    values += np.repeat((share * size).astype(np.float32), lengths) * noise
    return Ragged(torch.from_numpy(values.round().clip(-32768, 32767).astype(np.int16)), clips.starts, LONGEST)
