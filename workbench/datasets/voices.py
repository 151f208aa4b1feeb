"""A voice by source and filter: glottal pulses and noise, shaped by the resonances of a vocal tract.

The source is the derivative of the KLGLOTT88 glottal flow (Klatt and Klatt, J. Acoust. Soc. Am. 87, 1990); the tract is
a cascade of resonators (Fant, Acoustic Theory of Speech Production, 1960) that may move every 10 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

RATE = 16_000  # samples a second
HOP = 160  # samples between two shapes of the tract
ABOVE = (4500.0, 5500.0, 6500.0, 7500.0)  # resonances of a man's tract beyond those that are given, Hz

# Mean pitch and first three formants (Hz) of men, women and children who read these words: Peterson and Barney, Control
# methods used in a study of the vowels, J. Acoust. Soc. Am. 24, 1952, table II.
WORDS = {
    "heed": ((136, 270, 2290, 3010), (235, 310, 2790, 3310), (272, 370, 3200, 3730)),
    "hid": ((135, 390, 1990, 2550), (232, 430, 2480, 3070), (269, 530, 2730, 3600)),
    "head": ((130, 530, 1840, 2480), (223, 610, 2330, 2990), (260, 690, 2610, 3570)),
    "had": ((127, 660, 1720, 2410), (210, 860, 2050, 2850), (251, 1010, 2320, 3320)),
    "hod": ((124, 730, 1090, 2440), (212, 850, 1220, 2810), (256, 1030, 1370, 3170)),
    "hawed": ((129, 570, 840, 2410), (216, 590, 920, 2710), (263, 680, 1060, 3180)),
    "hood": ((137, 440, 1020, 2240), (232, 470, 1160, 2680), (276, 560, 1410, 3310)),
    "who'd": ((141, 300, 870, 2240), (231, 370, 950, 2670), (274, 430, 1170, 3260)),
    "hud": ((130, 640, 1190, 2390), (221, 760, 1400, 2780), (261, 850, 1590, 3360)),
    "heard": ((133, 490, 1350, 1690), (218, 500, 1640, 1960), (261, 560, 1820, 2160)),
}
SIZES = (1.0, 1.17, 1.35)  # resonances of a woman's and a child's tract as multiples of a man's


def pulses(pitch: np.ndarray, open_share: np.ndarray) -> np.ndarray:
    """Glottal flow's derivative, float32 (voices, samples), about 1 in size.

    `pitch`: Hz, (voices, samples); `open_share`: of a period in which the glottis is open, (voices, 1).
    """
    import numpy as np

    phase = np.cumsum(pitch / RATE, axis=1) % 1.0 / open_share
    return np.where(phase < 1, 2 * phase - 3 * phase**2, 0.0).astype(np.float32)


def tract(formants: np.ndarray, widths: np.ndarray, size: np.ndarray, bins: int) -> np.ndarray:
    """How a tract passes each frequency: complex64 (voices, frames, bins), 1 at 0 Hz.

    `formants`, `widths`: Hz, (voices, frames, resonances); `size`: (voices,), of all resonances that are not given.
    """
    import numpy as np

    f = np.linspace(0, RATE / 2, bins, dtype=np.float32)
    passed = np.ones((*formants.shape[:2], bins), dtype=np.complex64)
    for at in range(formants.shape[2]):
        passed *= _resonance(f, formants[:, :, at, None], widths[:, :, at, None])
    above = np.ones((len(size), 1, bins), dtype=np.complex64)
    for each in ABOVE:
        centre = np.minimum(each * size, 7900)[:, None, None]
        above *= _resonance(f, centre, 0.05 * centre + 50)
    return above / passed


def _resonance(f: np.ndarray, centre: np.ndarray, width: np.ndarray) -> np.ndarray:
    """The denominator of a resonator of unit gain at 0 Hz."""
    import numpy as np

    at = (f / centre).astype(np.float32)
    return np.asarray(1 - at**2 + 1j * at * (width / centre), dtype=np.complex64)


def frames_of(samples: np.ndarray, count: int, size: int) -> np.ndarray:
    """Spectra of overlapping stretches of 20 ms: complex64 (voices, count, size // 2 + 1); `joined` is the inverse."""
    import numpy as np

    padded = np.pad(samples, ((0, 0), (HOP, HOP * (count + 1) - samples.shape[1])))
    window = np.sin(np.pi * (np.arange(2 * HOP) + 0.5) / (2 * HOP)).astype(np.float32) ** 2  # neighbours add up to 1
    views = np.lib.stride_tricks.sliding_window_view(padded, 2 * HOP, axis=1)[:, ::HOP][:, :count]
    return np.asarray(np.fft.rfft(views * window, size), dtype=np.complex64)


def joined(spectra: np.ndarray, samples: int) -> np.ndarray:
    """The sound of such spectra after they were shaped: float32 (voices, samples)."""
    import numpy as np

    size = 2 * (spectra.shape[2] - 1)
    parts = np.fft.irfft(spectra, size).astype(np.float32)
    whole = np.zeros((len(spectra), HOP * (spectra.shape[1] - 1) + size), dtype=np.float32)
    for at in range(spectra.shape[1]):
        whole[:, at * HOP : at * HOP + size] += parts[:, at]
    return whole[:, HOP : HOP + samples]


def smooth(steps: np.ndarray, over: int) -> np.ndarray:
    """A moving average along the second axis, over an odd number of frames, ends repeated."""
    import numpy as np

    half = over // 2
    pad = [(0, 0)] * steps.ndim
    pad[1] = (half + 1, half)
    total = np.cumsum(np.pad(steps, pad, mode="edge"), axis=1, dtype=np.float64)
    return np.asarray((total[:, over:] - total[:, :-over]) / over, dtype=np.float32)
