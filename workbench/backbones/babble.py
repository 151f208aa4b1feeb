"""Words that nobody has said: strings of phones, spoken by many voices over many lines, for pretraining.

Vowels by Peterson and Barney's formants; consonants by what marks them (Stevens, Acoustic Phonetics, 1998): a hum, a
burst after a silence, a hiss, and how the formants move towards them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.datasets import voices
from workbench.datasets.voices import HOP, RATE, WORDS

if TYPE_CHECKING:
    import numpy as np

LONGEST = 150  # frames of 10 ms
SIZE = 512


@dataclass(frozen=True)
class Phone:
    """How a sound is made, in a man's tract. Loudness in dB, frequencies in Hz, frames of 10 ms."""

    formants: tuple[float, float, float]
    voiced: float = -60.0  # of the glottis
    breath: float = -60.0  # noise that passes the tract
    hiss: float = -60.0  # noise that does not
    centre: float = 4000.0  # of the hiss
    wide: float = 0.3  # of the hiss, in octaves
    frames: int = 8
    nasal: bool = False


def _vowels() -> dict[str, Phone]:
    return {word: Phone(men[1:], voiced=0.0, breath=-28.0, frames=13) for word, (men, _, _) in WORDS.items()}


CONSONANTS = {
    "m": Phone((250, 900, 2200), voiced=-9, frames=7, nasal=True),
    "n": Phone((250, 1600, 2600), voiced=-9, frames=7, nasal=True),
    "ng": Phone((250, 2100, 2500), voiced=-9, frames=7, nasal=True),
    "l": Phone((360, 1000, 2700), voiced=-6, frames=7),
    "r": Phone((330, 1060, 1400), voiced=-5, frames=7),
    "w": Phone((290, 610, 2150), voiced=-6, frames=7),
    "y": Phone((260, 2200, 3000), voiced=-6, frames=7),
    "h": Phone((500, 1500, 2500), breath=-12, frames=6),
    "f": Phone((340, 1000, 2100), hiss=-26, centre=6000, wide=1.2, frames=10),
    "v": Phone((300, 1000, 2100), voiced=-12, hiss=-32, centre=6000, wide=1.2, frames=7),
    "th": Phone((320, 1300, 2500), hiss=-27, centre=6500, wide=0.9, frames=9),
    "dh": Phone((280, 1300, 2500), voiced=-11, hiss=-34, centre=6500, wide=0.9, frames=6),
    "s": Phone((320, 1700, 2600), hiss=-10, centre=5800, wide=0.45, frames=11),
    "z": Phone((260, 1700, 2600), voiced=-14, hiss=-16, centre=5800, wide=0.45, frames=8),
    "sh": Phone((320, 1900, 2600), hiss=-9, centre=3200, wide=0.5, frames=11),
}
# A stop is a silence (a hum, where it is voiced), a burst, and for the voiceless a breath.
STOPS = {"p": (900, 1100, 1.3, -18), "t": (1750, 4300, 0.7, -10), "k": (2000, 1900, 0.5, -11)}
VOICELESS_OF = {"b": "p", "d": "t", "g": "k"}
GLIDES = (("hod", "heed"), ("hod", "who'd"), ("head", "hid"), ("hawed", "hood"), ("hawed", "hid"))


def phones() -> list[tuple[Phone, ...]]:
    """All sounds that words are made of, vowels (and glides of two) first: `vowels()` of them."""
    plain = _vowels()
    found: list[tuple[Phone, ...]] = [(each,) for each in plain.values()]
    found += [(plain[a], plain[b]) for a, b in GLIDES]
    found += [(each,) for each in CONSONANTS.values()]
    for locus, centre, wide, loud in STOPS.values():
        place = (250.0, float(locus), 2500.0)
        burst = Phone(place, hiss=loud, centre=centre, wide=wide, frames=1)
        found.append((Phone(place, frames=6), burst, Phone(place, breath=-20, frames=4)))
        found.append((Phone(place, voiced=-20, frames=6), burst, Phone(place, voiced=-8, frames=1)))
    return found


VOWELS = len(WORDS) + len(GLIDES)


def words(count: int, draw: np.random.Generator) -> list[tuple[int, ...]]:
    """Strings of one to three syllables, each a vowel with up to two consonants before and up to two behind."""
    total, found = len(phones()), []
    for _ in range(count):
        word: list[int] = []
        for _ in range(draw.choice((1, 2, 3), p=(0.55, 0.35, 0.1))):
            word += draw.integers(VOWELS, total, draw.choice((0, 1, 2), p=(0.15, 0.7, 0.15))).tolist()
            word.append(int(draw.integers(VOWELS)))
        word += draw.integers(VOWELS, total, draw.choice((0, 1, 2), p=(0.3, 0.55, 0.15))).tolist()
        found.append(tuple(word))
    return found


FIELDS = 9  # three formants; voiced, breath, hiss; centre, width; nasal


def _tables() -> tuple[np.ndarray, list[list[int]]]:
    """A row of numbers a phone's part, and which parts each phone has."""
    import numpy as np

    rows: list[list[float]] = []
    parts: list[list[int]] = []
    for phone in phones():
        parts.append(list(range(len(rows), len(rows) + len(phone))))
        rows += [
            [*p.formants, p.voiced, p.breath, p.hiss, p.centre, p.wide, float(p.nasal), float(p.frames)] for p in phone
        ]
    return np.array(rows, dtype=np.float32), parts


def spoken(strings: list[tuple[int, ...]], draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each string said by a voice of its own over a line of its own.

    Returns samples, float32 (strings, most samples), zeros behind the end; lengths (strings,); and which phone is heard
    in each frame of 10 ms (strings, frames), -1 where none is.
    """
    import numpy as np

    count = len(strings)
    steps, heard, lengths = _steps(strings, draw)
    size = np.exp(draw.normal(np.log(draw.choice(voices.SIZES, count)), 0.06)).astype(np.float32)
    formants = steps[:, :, :3] * size[:, None, None]
    formants *= np.exp(draw.normal(0, 0.05, (count, 1, 3))).astype(np.float32)
    formants = voices.smooth(formants, int(draw.choice((3, 5, 7))))
    widths = (50 + 0.05 * formants) * np.exp(draw.normal(0, 0.2, (count, 1, 1))) * (1 + 2 * steps[:, :, 8:9])
    passed = voices.tract(formants, widths.astype(np.float32), size, SIZE // 2 + 1)
    loud = 10 ** (voices.smooth(steps[:, :, 3:5], 3) / 20)
    samples = steps.shape[1] * HOP
    voice = _glottis(size, steps.shape[1], draw) * _held(loud[:, :, 0], samples)
    breath = draw.standard_normal((count, samples), dtype=np.float32) * _held(loud[:, :, 1], samples)
    spectra = voices.frames_of(voice + 0.3 * breath, steps.shape[1], SIZE) * passed
    spectra += _hiss(steps, size, draw)
    spectra *= _loudness(steps.shape[1], count, draw)
    _echo(spectra, draw)
    spectra += _noise(spectra, draw)
    found = voices.joined(spectra * _line(count, draw)[:, None], samples)
    for row, long in zip(found, lengths.tolist(), strict=True):
        row[long * HOP :] = 0
    return found, lengths * HOP, heard


def _steps(strings: list[tuple[int, ...]], draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each frame aims at: (strings, frames, 9); which phone it is; and how many frames each string has."""
    import numpy as np

    rows, parts = _tables()
    silent = rows[0].copy()
    silent[3:6] = -60
    made, heard = [], []
    for string in strings:
        rate, frames, said = np.exp(draw.normal(0, 0.22)), [], []
        before, behind = draw.integers(0, 12, 2)
        frames.append(np.repeat(silent[None], before, 0))
        said += [-1] * before
        for phone in string:
            for part in parts[phone]:
                row = rows[part]
                long = max(
                    1, round(row[9] * rate * np.exp(draw.normal(0, 0.2)) * (0.75 if len(parts[phone]) == 2 else 1))
                )
                frames.append(np.repeat(row[None], long, 0))
                said += [phone] * long
        frames.append(np.repeat(silent[None], behind, 0))
        said += [-1] * behind
        made.append(np.concatenate(frames)[:LONGEST])
        heard.append(said[:LONGEST])
    most = max(map(len, made))
    steps = np.stack([np.concatenate([each, np.repeat(silent[None], most - len(each), 0)]) for each in made])
    which = np.full((len(made), most), -1)
    for at, said in enumerate(heard):
        which[at, : len(said)] = said
    return steps[:, :, :9], which, np.array([len(each) for each in made])


def _glottis(size: np.ndarray, frames: int, draw: np.random.Generator) -> np.ndarray:
    """Pulses at a pitch that drifts, falls and trembles: (voices, samples)."""
    import numpy as np

    count = len(size)
    base = 125 * np.exp(2.0 * np.log(size) + draw.normal(0, 0.16, count))
    turns = draw.normal(0, 0.12, (count, 5)).cumsum(1)
    at = np.linspace(0, 4, frames)
    drift = np.stack([np.interp(at, range(5), each) for each in turns])
    tremble = draw.normal(0, 0.01, (count, frames))
    pitch = base[:, None] * np.exp(drift - drift.mean(1, keepdims=True) + tremble)
    return voices.pulses(_held(pitch, frames * HOP).clip(60, 450), draw.uniform(0.45, 0.75, (count, 1)))


def _held(values: np.ndarray, samples: int) -> np.ndarray:
    """One value a frame as one a sample, in straight lines between."""
    import numpy as np

    at = np.clip((np.arange(samples) - HOP / 2) / HOP, 0, values.shape[1] - 1)
    low = np.minimum(at.astype(np.int64), max(0, values.shape[1] - 2))
    share = (at - low).astype(np.float32)
    high = np.minimum(low + 1, values.shape[1] - 1)
    return np.asarray(values[:, low] * (1 - share) + values[:, high] * share)


def _hiss(steps: np.ndarray, size: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Noise of its own colour in each frame, as spectra."""
    import numpy as np

    count, frames, _ = steps.shape
    octaves = np.log2(np.linspace(0, RATE / 2, SIZE // 2 + 1, dtype=np.float32).clip(30))
    centre = np.log2(steps[:, :, 6:7] * np.sqrt(size)[:, None, None]) + draw.normal(0, 0.1, (count, 1, 1))
    colour = -0.5 * ((octaves - centre) / (steps[:, :, 7:8] * 0.8)) ** 2
    loud = 10 ** ((steps[:, :, 5:6] + draw.normal(0, 4, (count, 1, 1))) / 20)
    return np.asarray(_grains((count, frames, SIZE // 2 + 1), draw) * (9 * loud * np.exp(colour)).astype(np.float32))


def _line(count: int, draw: np.random.Generator) -> np.ndarray:
    """How microphone and line pass each frequency: (lines, bins), every second one as narrow as a telephone's."""
    import numpy as np

    f = np.linspace(0, RATE / 2, SIZE // 2 + 1)
    at = np.linspace(0, 1, 8)
    colour = np.stack([np.interp(np.sqrt(f / f[-1]), at, each) for each in draw.normal(0, 4, (count, 8))])
    tilt = draw.normal(3, 3, (count, 1)) * np.log2(f.clip(125) / 1000)
    top = np.where(draw.random((count, 1)) < 0.5, draw.uniform(3300, 4100, (count, 1)), 9000)
    low = draw.uniform(20, 250, (count, 1))
    gain = 10 ** ((colour + tilt) / 20) / (1 + (f / top) ** 40) / (1 + (low / f.clip(10)) ** 4)
    return np.asarray(gain, dtype=np.float32)


def _loudness(frames: int, count: int, draw: np.random.Generator) -> np.ndarray:
    """How loudness drifts over a word: (words, frames, 1)."""
    import numpy as np

    at = np.linspace(0, 3, frames)
    drift = np.stack([np.interp(at, range(4), each) for each in draw.normal(0, 3, (count, 4))])
    return np.asarray(10 ** (drift / 20), dtype=np.float32)[:, :, None]


def _echo(spectra: np.ndarray, draw: np.random.Generator) -> None:
    """Let what was said die away in a room, a small or a large one; in place."""
    import numpy as np

    count, frames, bins = spectra.shape
    stays = draw.uniform(0, 0.75, (count, 1)).astype(np.float32)
    share = 10 ** (draw.uniform(-40, -12, (count, 1)) / 20).astype(np.float32)
    turns = np.exp(2j * np.pi * draw.random((frames, bins), dtype=np.float32)).astype(np.complex64)
    tail = np.zeros((count, bins), dtype=np.float32)
    for at in range(frames):
        said = np.abs(spectra[:, at])
        spectra[:, at] += share * tail * turns[at]
        tail = stays * (tail + said)


def _noise(spectra: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Noise of any colour, 5 to 60 dB below the voice, as spectra."""
    import numpy as np

    count, _, bins = spectra.shape
    size = np.sqrt(np.square(np.abs(spectra)).mean((1, 2), keepdims=True))
    tilt = draw.uniform(-6, 2, (count, 1, 1)) * np.log2(np.linspace(0, RATE / 2, bins).clip(100) / 1000)
    loud = 10 ** ((draw.uniform(-60, -5, (count, 1, 1)) + tilt) / 20)
    return np.asarray(_grains(spectra.shape, draw) * (0.7 * size * loud).astype(np.float32))


def _grains(shape: tuple[int, ...], draw: np.random.Generator) -> np.ndarray:
    """Complex noise of unit size in each part."""
    import numpy as np

    return draw.standard_normal((*shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
