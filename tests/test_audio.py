"""A person's own recordings: every usual format at any rate, what cannot be heard, parts, groups, and what is kept."""

from __future__ import annotations

import io
import os
import struct
import zipfile

import numpy as np
import psutil
import pytest
import soundfile
import torch

import workbench as wb
from workbench import paths, progress
from workbench.datasets import clips
from workbench.datasets.hearing import Nothing, clip, resampled
from workbench.errors import BadData

RATE = 16_000
MATRIX = [
    *((rate, 1, "WAV", "PCM_16") for rate in (8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000)),
    *((rate, 2, "WAV", "PCM_24") for rate in (8_000, 11_025, 44_100, 192_000)),
    *((rate, 2, "FLAC", "PCM_24") for rate in (11_025, 44_100, 192_000)),
    *((rate, 1, "OGG", "VORBIS") for rate in (8_000, 11_025, 44_100)),
    *((rate, 2, "MP3", "MPEG_LAYER_III") for rate in (8_000, 16_000, 44_100)),
    (48_000, 1, "OGG", "OPUS"), (44_100, 6, "WAV", "FLOAT"), (44_101, 1, "WAV", "PCM_U8"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))


def tone(hertz=440.0, seconds=1.0, rate=RATE, seed=0):
    at = np.arange(round(seconds * rate)) / rate
    return 0.5 * np.sin(2 * np.pi * hertz * at) + 0.001 * np.random.default_rng(seed).standard_normal(len(at))


def encoded(samples, rate, channels=1, kind="WAV", subtype=None):
    file = io.BytesIO()
    soundfile.write(file, np.stack([samples] * channels, 1), rate, format=kind, subtype=subtype)
    file.seek(0)
    return file


def a_folder(at, classes=("low", "high"), each=20, seconds=0.3):
    """`each` tones of every class, no two alike: low-00.wav and so on."""
    for name, hertz in zip(classes, (200, 2000, 900), strict=False):
        (at / name).mkdir(parents=True)
        for n in range(each):
            soundfile.write(at / name / f"{name}-{n:02}.wav", tone(hertz, seconds, 8000, seed=n + 1), 8000)
    return at


# -- one file ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "channels", "kind", "subtype"), MATRIX)
def test_any_format_rate_and_channels_become_16_khz_mono(rate, channels, kind, subtype):
    seconds = 1.234
    samples, more = clip(encoded(tone(seconds=seconds, rate=rate), rate, channels, kind, subtype), 2 * RATE)
    assert samples.dtype == np.int16 and samples.ndim == 1 and not more
    assert len(samples) / RATE == pytest.approx(seconds, abs=0.001)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 19))
    assert spectrum.argmax() * RATE / (1 << 19) == pytest.approx(440, abs=1)
    middle = samples[2000:-2000] / 32767
    assert np.sqrt(2 * np.square(middle).mean()) == pytest.approx(0.5, rel=0.03)


def test_what_lies_above_the_band_does_not_fold_back_and_what_lies_in_it_stays():
    at = np.arange(48_000) / 48_000
    loudest = [
        np.abs(resampled(np.sin(2 * np.pi * hertz * at), 48_000)[500:-500]).max() for hertz in (6900, 8200, 15_000)
    ]
    assert loudest[0] == pytest.approx(1, abs=0.01) and max(loudest[1:]) < 10 ** (-80 / 20)


def test_a_cut_clip_is_the_beginning_of_the_whole_one():
    samples = tone(seconds=3, rate=44_100)
    whole, _ = clip(encoded(samples, 44_100), 4 * RATE)
    cut, more = clip(encoded(samples, 44_100), RATE)
    assert more and len(cut) == RATE and np.array_equal(cut, whole[:RATE])
    assert clip(encoded(tone(seconds=1), RATE), RATE)[1] is False


def test_loud_floats_are_scaled_and_not_clipped():
    found, _ = clip(encoded(3 * tone(), RATE, subtype="FLOAT"), RATE)
    assert np.abs(found).max() == 32767 and (np.abs(found) == 32767).sum() < 10


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (encoded(np.zeros(0), RATE).getvalue(), "of length zero"),
        (encoded(np.zeros(9000), RATE).getvalue(), "silent"),
        (encoded(np.full(9000, 0.3), RATE).getvalue(), "silent"),
        (encoded(np.r_[tone(), np.nan], RATE, subtype="FLOAT").getvalue(), r"no numbers \(NaN\)"),
        (encoded(np.r_[tone(), np.inf], RATE, subtype="FLOAT").getvalue(), r"no numbers \(NaN\)"),
        (encoded(tone(seconds=0.01), RATE).getvalue(), "only 10 ms long"),
        (encoded(np.r_[np.zeros(40_000), tone()], RATE).getvalue(), "silent in its first 2 s, which are what a model"),
    ],
)
def test_what_holds_nothing_to_hear_says_why(content, reason):
    with pytest.raises(Nothing, match=reason):
        clip(io.BytesIO(content), 2 * RATE)


def header_lies(field, value):
    content = bytearray(encoded(tone(), RATE).getvalue())
    struct.pack_into("<I", content, {"rate": 24, "bytes": 40}[field], value)
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no sound at all" * 100, "no sound that can be read"),
        (encoded(tone(), RATE, kind="FLAC").getvalue()[:60], "no sound that can be read"),
        (encoded(tone(), RATE, kind="AU").getvalue(), "a file of the kind AU; read are WAV"),
        (header_lies("rate", 4_000_000), "its header says 4,000,000 samples a second, which no recording has"),
        (header_lies("rate", 3), "its header says 3 samples"),
    ],
)
def test_what_cannot_be_read_says_why(content, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        clip(io.BytesIO(content), RATE)
    assert not isinstance(caught.value, Nothing) and "BytesIO" not in str(caught.value)


def test_a_header_that_lies_about_the_length_does_no_harm():
    for many in (0xFFFFFFFF, 1 << 30, 2 * RATE):
        assert len(clip(io.BytesIO(header_lies("bytes", many)), 2 * RATE)[0]) == RATE
    assert len(clip(encoded(tone(), RATE, kind="MP3"), RATE)[0]) == RATE  # whatever the file is called


# -- a folder, a zip, a table ------------------------------------------------------------------------------------------


def test_a_folder_for_each_class_is_read_split_and_told(tmp_path):
    folder = a_folder(tmp_path / "mine")
    data = wb.Audio(folder=str(folder)).load()
    assert data.domain == "speech" and data.classes == ("high", "low") and data.side == 2 * RATE
    assert len(data.inputs) == 40 and data.inputs.values.dtype == torch.int16
    assert data.inputs.lengths.tolist() == [4800] * 40
    assert sorted(torch.cat([data.train, data.valid, data.test]).tolist()) == list(range(40))
    assert data.keys[0] == "high/high-00.wav" and data.groups is None
    with open(folder / "low" / "low-07.wav", "rb") as file:
        one, _ = clip(file, 2 * RATE)
    assert np.array_equal(data.inputs.row(data.keys.index("low/low-07.wav")).numpy(), one)
    assert data.notes[0].endswith("test examples of 2 classes.")
    assert wb.Audio(folder=str(folder)).extent() == (40, 2 * RATE)
    assert wb.Audio(folder=str(folder)).parts() == (24, 8, 2)


def test_a_zip_is_the_folder_that_it_holds(tmp_path):
    folder = a_folder(tmp_path / "mine", each=8)
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as file:
        for path in sorted(folder.rglob("*.wav")):
            file.write(path, path.relative_to(tmp_path))
    plain, packed = (wb.Audio(folder=str(place), seed=1).load() for place in (folder, tmp_path / "mine.zip"))
    assert plain.fingerprint == packed.fingerprint and plain.keys == packed.keys


def test_parts_above_the_classes_hold(tmp_path):
    for part in ("train", "valid", "test"):
        a_folder(tmp_path / "mine" / part, each=4, seconds={"train": 0.3, "valid": 0.4, "test": 0.5}[part])
    data = wb.Audio(folder=str(tmp_path / "mine")).load()
    assert {data.keys[at].split("/")[0] for at in data.test.tolist()} == {"test"}
    assert data.inputs[data.valid].lengths.unique().tolist() == [6400]


def test_a_table_names_files_labels_and_speakers(tmp_path):
    a_folder(tmp_path / "clips", each=30)
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.wav"))
    rows = [f"{name},{('NA', '007')[n % 2]},speaker{n // 2 % 12}" for n, name in enumerate(names)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label,speaker", *rows]))
    data = wb.Audio(table=str(tmp_path / "labels.csv"), group="speaker").load()
    assert data.classes == ("007", "NA") and len(data.inputs) == 60
    parts = {int(at): part for part in ("train", "valid", "test") for at in getattr(data, part)}
    for group in data.groups.unique().tolist():
        assert len({parts[at] for at in torch.nonzero(data.groups == group).flatten().tolist()}) == 1
    assert len(data.groups.unique()) == 12


def test_a_group_by_a_pattern_in_the_name_stays_in_one_part(tmp_path):
    folder = a_folder(tmp_path / "mine", each=30)
    data = wb.Audio(folder=str(folder), group="-(.).").load()
    assert len(data.groups.unique()) == 3
    assert "There are only 3 groups: they are cut by rank, so that each part has some." in data.notes
    said = "audio.group must hold one group in brackets"
    with pytest.raises(BadData, match=said):
        wb.Audio(folder=str(folder), group="-.").load()


def test_few_speakers_and_a_test_part_of_some_leave_a_speaker_to_validate_on(tmp_path):
    a_folder(tmp_path / "clips", each=12)
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.wav"))
    rows = [f"{name},{name[6:9]},{n % 6},{'test' if n % 6 > 3 else 'train'}" for n, name in enumerate(names)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label,speaker,split", *rows]))
    for seed in range(4):
        data = wb.Audio(table=str(tmp_path / "labels.csv"), group="speaker", seed=seed).load()
        assert [len(data.train) + len(data.valid), len(data.test)] == [16, 8] and len(data.valid) in (4, 8, 12)
    only = [row.replace(",test", ",train") for row in rows]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label,speaker,split", *only]))
    for seed in range(4):
        data = wb.Audio(table=str(tmp_path / "labels.csv"), group="speaker", seed=seed).load()
        assert min(len(data.valid), len(data.test), len(data.train)) >= 4
        said = next(note for note in data.notes if "no test part" in note)
        assert said.endswith(("half of the validation part, by hash, is it.", "of the training part, by hash, is it."))


def test_a_zip_that_lies_in_the_folder_is_told(tmp_path):
    a_folder(tmp_path / "mine", each=12)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as made:
        for path in (tmp_path / "mine").rglob("*.wav"):
            made.write(path, path.relative_to(tmp_path))
            path.unlink()
    (tmp_path / "labels.csv").write_text("file,label\nlow-00.wav,low\n")
    for how in ({"folder": str(tmp_path)}, {"table": str(tmp_path / "labels.csv")}):
        with pytest.raises(BadData, match=r"all.zip lies there: name it itself as audio.folder\."):
            wb.Audio(**how).load()


def test_the_same_sound_is_on_one_side_whatever_the_file(tmp_path):
    folder = a_folder(tmp_path / "mine", each=20)
    for n in range(20):
        samples, rate = soundfile.read(folder / "low" / f"low-{n:02}.wav", dtype="int16")
        soundfile.write(folder / "low" / f"again-{n:02}.flac", samples, rate)
    data = wb.Audio(folder=str(folder)).load()
    part = {int(at): name for name in ("train", "valid", "test") for at in getattr(data, name)}
    at = data.keys.index
    assert all(part[at(f"low/low-{n:02}.wav")] == part[at(f"low/again-{n:02}.flac")] for n in range(20))
    assert "20 recordings are exact copies of others." in data.notes


def test_what_is_cut_and_what_holds_nothing_is_told(tmp_path):
    folder = a_folder(tmp_path / "mine", each=30, seconds=1.0)
    (folder / "low" / "zero.wav").write_bytes(encoded(np.zeros(0), RATE).getvalue())
    (folder / "low" / "hush.flac").write_bytes(encoded(np.zeros(9000), RATE, kind="FLAC").getvalue())
    (folder / "high" / "nan.wav").write_bytes(encoded(np.r_[np.nan, tone()], RATE, subtype="FLOAT").getvalue())
    (folder / "high" / "empty.mp3").touch()
    data = wb.Audio(folder=str(folder), seconds=0.5).load()
    assert len(data.inputs) == 60 and data.inputs.lengths.unique().tolist() == [8000] and data.inputs.longest == 8000
    assert "60 of 60 recordings are longer than 0.5 s: a model hears their beginning." in data.notes
    (said,) = [note for note in data.notes if "nothing to hear" in note]
    assert said.startswith("4 recordings hold nothing to hear and are left out: high/empty.mp3: empty; high/nan.wav: ")
    assert (
        "low/hush.flac: silent in its first 0.5 s, which are what a model hears; low/zero.wav: of length zero." in said
    )
    for path in (folder / "low").iterdir():
        path.write_bytes(encoded(np.zeros(9000), RATE).getvalue())
    with pytest.raises(BadData, match=r"no file of low can be heard.*\n  .*high/empty.mp3: empty"):
        wb.Audio(folder=str(folder)).load()


def test_broken_files_are_named_and_left_out_only_if_asked(tmp_path):
    folder = a_folder(tmp_path / "mine", each=12)
    (folder / "low" / "bad.ogg").write_bytes(b"no sound" * 99)
    with pytest.raises(
        BadData, match=r"1 of 25 files cannot be read.*broken='leave out' .audio.broken.*\n  low/bad.ogg: no sou"
    ):
        wb.Audio(folder=str(folder)).load()
    data = wb.Audio(folder=str(folder), broken="leave out").load()
    assert len(data.inputs) == 24 and any(note.startswith("Left out: low/bad.ogg: no sound") for note in data.notes)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda at: None, "audio.folder must name a folder"),
        (lambda at: at / "none", "audio.folder must be a folder, or a zip"),
        (lambda at: (at / "a" / "b").mkdir(parents=True) or at, r"holds no recordings \(wav flac ogg"),
    ],
)
def test_a_place_without_recordings_is_an_error_that_says_so(make, said, tmp_path):
    with pytest.raises(BadData, match=said):
        wb.Audio(folder=str(make(tmp_path) or "")).load()


# -- kept --------------------------------------------------------------------------------------------------------------


def test_every_file_is_read_once_and_again_when_it_changed(tmp_path, monkeypatch):
    folder, read = a_folder(tmp_path / "mine", each=30), []
    real = clips.clip
    monkeypatch.setattr(clips, "clip", lambda file, longest: read.append(file.name) or real(file, longest))
    mine = wb.Audio(folder=str(folder))
    assert mine.reading()[1] == 60
    read.clear()
    first = mine.load()
    assert len(read) == 60 and mine.reading() == (0.0, 0)
    assert mine.load().fingerprint == first.fingerprint and len(read) == 60
    soundfile.write(folder / "low" / "low-03.wav", tone(300, 0.7), RATE)
    soundfile.write(folder / "low" / "more.wav", tone(310, 0.7), RATE)
    (folder / "high" / "high-00.wav").unlink()
    again = mine.load()
    assert sorted(name.rsplit("/")[-1] for name in read[60:]) == ["low-03.wav", "more.wav"]
    for key in ("high/high-05.wav", "low/low-11.wav"):
        assert torch.equal(first.inputs.row(first.keys.index(key)), again.inputs.row(again.keys.index(key)))
    assert again.inputs.lengths[again.keys.index("low/low-03.wav")] == 11_200
    assert len(list((paths.cache() / "clips").iterdir())) == 2  # what was before is gone


def test_stopped_while_reading_it_goes_on_from_there(tmp_path, monkeypatch):
    folder, heard = a_folder(tmp_path / "mine", each=30), []
    monkeypatch.setattr(progress, "EVERY", 0)

    def stop(what, done, total):
        heard.append((what, done, total))
        if done == 20:
            raise KeyboardInterrupt

    with progress.told_to(stop), pytest.raises(KeyboardInterrupt):
        wb.Audio(folder=str(folder)).load()
    assert heard[-1] == ("recordings read", 20, 60) and wb.Audio(folder=str(folder)).reading()[1] == 40
    assert len(wb.Audio(folder=str(folder)).load().inputs) == 60


@pytest.mark.parametrize("damage", ["{", "[]", None])
def test_a_damaged_or_unwritable_cache_costs_only_time(damage, tmp_path, monkeypatch):
    mine = wb.Audio(folder=str(a_folder(tmp_path / "mine", each=12)))
    first = mine.load()
    if damage:
        (about,) = (paths.cache() / "clips").glob("*.json")
        about.write_text(damage)
    else:
        (tmp_path / "file").write_text("no folder")
        monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "file"))
    again = mine.load()
    assert again.fingerprint == first.fingerprint and torch.equal(again.inputs.values, first.inputs.values)


def test_ten_hours_are_not_read_whole(tmp_path):
    folder = a_folder(tmp_path / "mine", each=12)
    head = encoded(tone(seconds=60), RATE).getvalue()
    with open(folder / "low" / "day.wav", "wb") as file:  # a sparse file of 1.15 GB
        file.write(head)
        file.truncate(10 * 3600 * RATE * 2 + 44)
        for place in (4, 40):
            file.seek(place)
            file.write(struct.pack("<I", 10 * 3600 * RATE * 2))
    before, process = psutil.Process().memory_info().rss, psutil.Process(os.getpid())
    read = process.io_counters().read_chars
    data = wb.Audio(folder=str(folder)).load()
    assert data.inputs.lengths[data.keys.index("low/day.wav")] == 2 * RATE
    assert process.io_counters().read_chars - read < 50e6
    assert process.memory_info().rss - before < 200e6
    assert any("1 of 25 recordings are longer than 2 s" in note for note in data.notes)


# -- real --------------------------------------------------------------------------------------------------------------


@pytest.mark.real
def test_spoken_digits(test_data, tmp_path):
    with zipfile.ZipFile(test_data / "speech_fsdd" / "fsdd_wav.zip") as file:
        file.extractall(tmp_path)
    rows = [f"{path.name},{path.name[0]}" for path in sorted((tmp_path / "recordings").glob("*.wav"))]
    (tmp_path / "recordings" / "digits.csv").write_text("\n".join(["file,digit", *rows]))
    table = str(tmp_path / "recordings" / "digits.csv")
    data = wb.Audio(table=table, label_column="digit", group=r"\d_(.+)_\d+").load()
    assert len(data.inputs) == 3000 and data.classes == tuple("0123456789")
    assert len(data.groups.unique()) == 6
    assert any("recordings are longer than 2 s" in note for note in data.notes)


def test_corrected_labels_and_dropped_recordings_are_learned_from(tmp_path):
    own = wb.Audio(str(a_folder(tmp_path / "mine")), 0.5)
    file = wb.Corrections(tmp_path / "mended.jsonl")
    file.relabel("low/low-00.wav", "high", "low")
    file.drop("low/low-01.wav", "low")
    data = own.replace(corrections=file.spelled).load()
    assert "Corrected: 1 label, and 1 example left out (mended.jsonl)." in data.notes
    assert data.classes[data.labels[data.keys.index("low/low-00.wav")]] == "high"
    left = [data.keys[at] for at in torch.cat([data.train, data.valid, data.test]).tolist()]
    assert "low/low-01.wav" not in left and len(left) == 39


def test_files_in_one_folder_of_a_zip_are_named_by_a_table_without_it(tmp_path):
    folder = a_folder(tmp_path / "mine")
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as file:
        for path in folder.rglob("*.wav"):
            file.write(path, f"recordings/{path.name}")
    with pytest.raises(BadData, match=r"got 1: recordings\. .*in the files' names \(\w+-00.wav\).*\(audio\.table\)"):
        wb.Audio(str(tmp_path / "mine.zip")).load()
    lines = [f"{path.name},{path.parent.name}" for path in folder.rglob("*.wav")]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *lines]))
    data = wb.Audio(str(tmp_path / "mine.zip"), table=str(tmp_path / "labels.csv")).load()
    assert len(data.keys) == 40 and data.classes == ("high", "low")
