"""Vowels by made-up speakers: the resonances that were published, no speaker on two sides, made once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

import workbench as wb
from workbench import baseline, paths
from workbench.datasets import voices, vowels
from workbench.datasets.voices import RATE, WORDS


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def clips():
    return vowels.synthesized()


def test_a_tract_resonates_where_it_is_told_to():
    formants = np.array([[[500.0, 1500.0, 2500.0]]], dtype=np.float32)
    passed = np.abs(voices.tract(formants, np.full_like(formants, 60), np.ones(1), 4001))[0, 0]
    peaks = np.flatnonzero((passed[1:-1] > passed[:-2]) & (passed[1:-1] > passed[2:])) + 1
    assert peaks[:3] * 2 == pytest.approx([500, 1500, 2500], rel=0.02) and passed[0] == pytest.approx(1)
    longer = np.abs(voices.tract(formants / 1.2, np.full_like(formants, 60), np.ones(1) / 1.2, 4001))[0, 0]
    assert longer.argmax() * 2 == pytest.approx(500 / 1.2, rel=0.02)


def test_pulses_come_at_the_pitch_and_let_no_air_rest():
    source = voices.pulses(np.full((1, RATE), 125.0), np.array([[0.6]]))[0]
    spectrum = np.abs(np.fft.rfft(source))
    assert spectrum[1:].argmax() + 1 == 125 and spectrum[125] > 100 * spectrum[60]
    assert (source == 0).mean() == pytest.approx(0.4, abs=0.02) and source.min() == pytest.approx(-1, abs=0.1)


def test_what_is_cut_into_frames_and_left_alone_is_joined_to_the_same():
    sound = np.random.default_rng(0).standard_normal((3, 1234)).astype("float32")
    frames = voices.frames_of(sound, 9, 512)
    assert frames.shape == (3, 9, 257)
    assert voices.joined(frames, 1234) == pytest.approx(sound, abs=1e-5)


def test_a_moving_average_keeps_what_is_level_and_repeats_the_ends():
    steps = np.array([[0, 0, 3, 3, 3.0]])[:, :, None]
    assert voices.smooth(steps, 3)[0, :, 0].tolist() == [0, 1, 2, 3, 3]


def test_the_published_means_are_typed_as_they_stand():
    """Ratios that every reader of the table knows: children above women above men, in each formant."""
    for word, kinds in WORDS.items():
        for low, high in pairwise(kinds):
            assert all(a < b for a, b in zip(low, high, strict=True)), word
        assert all(f0 < f1 < f2 < f3 for f0, f1, f2, f3 in kinds)
    assert min(WORDS, key=lambda word: WORDS[word][0][1]) == "heed" == max(WORDS, key=lambda word: WORDS[word][0][2])
    assert min(WORDS, key=lambda word: WORDS[word][0][3]) == "heard"


def test_formants_of_the_clips_lie_where_the_table_has_them(clips):
    """By the envelope of men's clips: heed has its power low and high, hod in the middle, who'd low."""
    _, words, kinds = vowels._said()
    shares = {}
    for word in ("heed", "hod", "who'd"):
        power = np.zeros(401)
        for at in np.flatnonzero((kinds == 0) & (words == [*WORDS].index(word))):
            row = clips.row(int(at)).numpy()[800:2000] / 32768
            power += np.abs(np.fft.rfft(row * np.hanning(1200), 800)) ** 2
        hertz = np.arange(401) * 20
        total = power[(hertz > 100) & (hertz < 4000)].sum()
        shares[word] = [power[(hertz > low) & (hertz <= high)].sum() / total for low, high in ((100, 480), (480, 1400))]
    assert shares["heed"][0] > 0.7 and shares["heed"][1] < 0.1 and shares["hod"][1] > 0.7
    assert shares["who'd"][0] > 0.5 > shares["who'd"][1]


def test_clips_are_many_short_loud_and_all_different(clips):
    assert len(clips) == 1200 and clips.values.dtype == torch.int16 and clips.longest == 6400
    assert 2400 <= int(clips.lengths.min()) < int(clips.lengths.max()) <= 6400
    rows = [clips.row(at) for at in range(1200)]
    assert all(0.15 < int(row.abs().max()) / 32768 < 0.95 for row in rows)
    assert len({row.numpy().tobytes() for row in rows}) == 1200


def test_they_are_made_once_and_equal_each_time(clips, monkeypatch):
    first = wb.Vowels(noise=0).load()
    assert torch.equal(first.inputs.values, clips.values)
    monkeypatch.setattr(vowels, "synthesized", lambda: pytest.fail("made again"))
    again = wb.Vowels(noise=0).load()
    assert again.fingerprint == first.fingerprint and torch.equal(again.inputs.values, first.inputs.values)
    (path,) = paths.cache().glob("vowels-*")
    path.write_bytes(b"damaged")
    monkeypatch.undo()


def test_a_damaged_or_unwritable_cache_costs_only_time(clips, tmp_path, monkeypatch):
    monkeypatch.setattr(vowels, "synthesized", lambda: clips)
    paths.cache().mkdir(parents=True)
    (paths.cache() / f"vowels-{vowels.VERSION}.safetensors").write_bytes(b"damaged")
    assert len(vowels.made()) == 1200 and len(vowels.made()) == 1200
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "file"))
    assert len(vowels.made()) == 1200


@pytest.fixture
def quick(clips, monkeypatch):
    monkeypatch.setattr(vowels, "made", lambda: clips)


@pytest.mark.usefixtures("quick")
def test_no_speaker_is_in_two_parts_and_each_kind_is_in_all():
    data = wb.Vowels().load()
    assert data.domain == "speech" and data.classes == tuple(WORDS) and data.side == 6400
    assert [len(part) for part in (data.train, data.valid, data.test)] == [720, 240, 240]
    who = [{data.keys[at].split(",")[0] for at in part.tolist()} for part in (data.train, data.valid, data.test)]
    assert not who[0] & who[1] and not who[0] & who[2] and not who[1] & who[2]
    for each in who:
        assert {name.split()[0] for name in each} == {"man", "woman", "child"}
    assert data.labels[data.test].bincount().tolist() == [24] * 10 and len(data.groups.unique()) == 40
    other = wb.Vowels(seed=1).load()
    assert {data.keys[at] for at in data.test.tolist()} != {other.keys[at] for at in other.test.tolist()}


@pytest.mark.usefixtures("quick")
def test_a_cut_takes_many_speakers_and_a_larger_one_holds_it():
    few, more = wb.Vowels(per_class=5).load(), wb.Vowels(per_class=10).load()
    assert set(few.train.tolist()) < set(more.train.tolist()) and len(few.train) == 50
    assert len({few.keys[at].split(",")[0] for at in few.train.tolist()}) > 15
    assert torch.equal(few.test, more.test)


@pytest.mark.usefixtures("quick")
def test_noise_is_as_loud_as_it_says_and_of_the_seed(clips):
    noisy, again, other = (wb.Vowels(noise=0.3, seed=seed).load() for seed in (0, 0, 1))
    added = [(noisy.inputs.row(at) - clips.row(at)).float() for at in range(0, 1200, 100)]
    sizes = [float(each.square().mean().sqrt() / clips.row(at).float().square().mean().sqrt())
             for at, each in zip(range(0, 1200, 100), added, strict=True)]  # fmt: skip
    assert sizes == pytest.approx([0.3] * 12, rel=0.1)
    assert torch.equal(noisy.inputs.values, again.inputs.values) and noisy.fingerprint == again.fingerprint
    assert not torch.equal(noisy.inputs.values, other.inputs.values)
    assert len({wb.Vowels(noise=noise).load().content for noise in (0, 0.1, 0.3)}) == 3


@pytest.mark.usefixtures("quick", "one_thread")
def test_mel_statistics_are_the_line_to_beat():
    """The mean and spread of each band over time, against numpy by hand; and what a linear model makes of them."""
    from workbench.backbones.mel import log_mel

    data = wb.Vowels(per_class=20).load()
    some = data.inputs[torch.tensor([3, 700])]
    for row, frames in zip(baseline.bands(some), log_mel(some).numpy(), strict=True):
        there = frames[~np.isnan(frames[:, 0])]
        assert row == pytest.approx(np.r_[there.mean(0), there.std(0)], abs=1e-5)
    assert 0.6 < baseline.baseline(data)["accuracy"] < 0.95
    assert wb.Vowels(per_class=5, label_noise=0.4).load().spoilt
