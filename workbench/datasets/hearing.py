"""One sound file as samples: any usual format, rate and channels, as 16 kHz mono; read only as far as it is heard."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import numpy as np

RATE = 16_000
FORMATS = ("WAV", "WAVEX", "RF64", "W64", "FLAC", "OGG", "MP3", "AIFF")
SLOWEST, FASTEST = 1_000, 768_000  # samples a second that a file may say it has
SHORTEST = 400  # samples at 16 kHz, 25 ms: less is no sound to tell from others
SILENT = 1e-4  # of full scale: what moves less is silence, noise of the last bits included
BLOCK = 1 << 18  # numbers that are read at a time
TAPS = 48  # of the filter, on each side, in samples of the slower rate
FINEST = 1000  # rates whose ratio to ours is no fraction with a smaller denominator are met to 1e-6


class Nothing(ValueError):
    """The file can be read, and holds nothing to hear: the reason."""


def clip(file: BinaryIO, longest: int) -> tuple[np.ndarray, bool]:
    """Its samples, int16 (at most `longest`,), and whether there are more. No more of it is read than is needed.

    Channels are averaged; what is louder than full scale is scaled down. Raises `Nothing` where there is nothing to
    hear, and ValueError with the reason where it cannot be read.
    """
    import numpy as np

    samples, rate, more = _read(file, longest)
    if not len(samples):
        raise Nothing("of length zero")
    if not np.isfinite(samples).all():
        raise Nothing("some of its values are no numbers (NaN)")
    if np.ptp(samples) < 2 * SILENT:
        raise Nothing("silent" + (f" in its first {longest / RATE:g} s, which are what a model hears" if more else ""))
    found = resampled(samples / max(1.0, float(np.abs(samples).max())), rate)[:longest]
    if len(found) < SHORTEST:
        raise Nothing(f"only {1000 * len(found) / RATE:.0f} ms long")
    return np.round(found * 32767).clip(-32768, 32767).astype(np.int16), more


def _read(file: BinaryIO, longest: int) -> tuple[np.ndarray, int, bool]:
    """The first seconds as float32 mono at the file's own rate, that rate, and whether there is more."""
    import numpy as np
    import soundfile

    if not file.read(1):
        raise Nothing("empty")
    file.seek(0)
    try:
        with soundfile.SoundFile(file) as opened:
            rate = _checked(opened)
            wanted = -(-longest * rate // RATE) + max(TAPS, -(-TAPS * rate // RATE)) + 1  # the filter looks ahead
            parts, count = [], 0
            while count < wanted:
                block = min(wanted - count, max(1, BLOCK // opened.channels))
                part = opened.read(block, dtype="float32", always_2d=True)
                if not len(part):
                    break
                parts.append(part.mean(1))
                count += len(part)
    except soundfile.SoundFileError as error:
        said = str(error).removeprefix(f"Error opening {file!r}: ").strip().rstrip(".")
        raise ValueError(f"no sound that can be read ({said})") from error
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32), rate, count * RATE > longest * rate


def _checked(opened: Any) -> int:
    """The file's rate, where its header can be true."""
    if opened.format not in FORMATS:
        raise ValueError(f"a file of the kind {opened.format}; read are {', '.join(FORMATS)}")
    if not SLOWEST <= opened.samplerate <= FASTEST:
        raise ValueError(f"its header says {opened.samplerate:,} samples a second, which no recording has")
    return int(opened.samplerate)


def resampled(samples: np.ndarray, rate: int) -> np.ndarray:
    """Float samples at `rate` as float32 at 16 kHz: a windowed sinc, flat to 0.88 of the lower rate's band.

    What lies above the band is 90 dB down (Kaiser window, beta 9), so that little folds back.
    """
    import numpy as np
    from scipy.signal import resample_poly

    samples = samples.astype(np.float32)
    ratio = Fraction(RATE, rate).limit_denominator(FINEST)
    if ratio == 1:
        return samples
    up, down = ratio.numerator, ratio.denominator
    found = resample_poly(samples, up, down, window=_filter(max(up, down)))
    return np.asarray(found[: round(len(samples) * RATE / rate)], dtype=np.float32)


@lru_cache(maxsize=8)
def _filter(factor: int) -> np.ndarray:
    import numpy as np
    from scipy.signal import firwin

    return np.asarray(firwin(2 * TAPS * factor + 1, 0.94 / factor, window=("kaiser", 9.0)), dtype=np.float32)
