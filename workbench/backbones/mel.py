"""Log-mel frames: what speech looks like to an encoder, and to the plain baseline."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.datasets.ragged import Ragged

RATE = 16_000
WINDOW, HOP = 400, 160  # samples: 25 ms, 10 ms
BANDS = 40
LOWEST, HIGHEST = 60.0, 7600.0  # Hz
DEPTH = 6.0  # decades of power below a clip's loudest band in which differences are seen
AT_ONCE = 8  # clips: more fall out of the cache, and took a processor up to ten times as long


def log_mel(clips: Ragged) -> Tensor:
    """Frames of `clips` (samples at 16 kHz, int16 or float): float32 (clips, frames, 40), NaN beyond a clip's end.

    A frame every 10 ms from a Hann window of 25 ms; 40 triangles, evenly spaced in mel from 60 to 7,600 Hz; log10 of
    power, cut off 60 dB below the clip's loudest, which makes it 1 there and -1 at the bottom: how loud a recording is
    as a whole makes no difference. A clip of n samples has n / 160 frames, rounded up, and they do not depend on the
    other clips.
    """
    import torch

    lengths = clips.lengths
    counts = (lengths + HOP - 1) // HOP
    found = torch.full((len(clips), int(counts.max()) if len(clips) else 0, BANDS), torch.nan)
    for rows in lengths.argsort().split(AT_ONCE) if len(clips) else ():  # those of about a length together
        part = clips[rows].padded(0)
        frames = _log_power(part.float() / (32768.0 if part.dtype == torch.int16 else 1.0))
        beyond = torch.arange(frames.shape[1]) >= counts[rows, None]
        frames[beyond] = -torch.inf
        top = frames.amax((1, 2), keepdim=True)
        frames = (frames.maximum(top - DEPTH) - top) * (2 / DEPTH) + 1
        found[rows, : frames.shape[1]] = frames.masked_fill(beyond[:, :, None], torch.nan)
    return found


def _log_power(samples: Tensor) -> Tensor:
    """(clips, samples) as log10 of the power in each band: (clips, frames, bands)."""
    import torch

    count = -(-samples.shape[1] // HOP)
    before = (WINDOW - HOP) // 2  # a frame's middle is the middle of its own 10 ms
    samples = torch.nn.functional.pad(samples, (before, (count - 1) * HOP + WINDOW - before - samples.shape[1]))
    views = samples.unfold(1, WINDOW, HOP) * torch.hann_window(WINDOW)
    parts = torch.view_as_real(torch.fft.rfft(views, 512)).square()
    power = parts[..., 0] + parts[..., 1]  # without the root that a size takes: in half the time
    found: Tensor = (power @ _triangles()).clamp_min(1e-10).log10()
    return found


@cache
def _triangles() -> Tensor:
    """(257, 40): how much of each frequency's power a band takes."""
    import math

    import torch

    low, high = (2595 * math.log10(1 + hertz / 700) for hertz in (LOWEST, HIGHEST))
    edges = 700 * (10 ** (torch.linspace(low, high, BANDS + 2) / 2595) - 1)
    f = torch.linspace(0, RATE / 2, 257)[:, None]
    below, at, above = edges[:-2], edges[1:-1], edges[2:]
    return torch.minimum((f - below) / (at - below), (above - f) / (above - at)).clamp_min(0)
