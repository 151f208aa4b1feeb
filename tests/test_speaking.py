"""Log-mel frames, the encoder of speech, the words it learnt from, and whether the shipped one is what it says."""

from __future__ import annotations

import csv
import json
import math
import re
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import workbench as wb
from workbench import paths
from workbench.backbones import babble, formants
from workbench.backbones.cards import cards
from workbench.backbones.formants import NAME, Hearing, pretrain, probed, reached, trained
from workbench.backbones.mel import BANDS, log_mel
from workbench.backbones.speaking import SpeechEncoder
from workbench.datasets.ragged import Ragged
from workbench.learners.cutting import halves
from workbench.scopes import blocks_of

pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = Hearing().config | {"d_model": 16, "encoder_ffn_dim": 32, "encoder_layers": 2, "max_source_positions": 60}


def clips(*lengths, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return Ragged.of([torch.randint(-9000, 9000, (n,), generator=draw, dtype=torch.int16) for n in lengths])


def encoder(config=SMALL, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return SpeechEncoder(config).eval()


def said(seed=0):
    draw = np.random.default_rng(seed)
    words = babble.words(24, draw)
    return words, *babble.spoken(words, draw)


# -- frames ------------------------------------------------------------------------------------------------------------


def test_a_frame_every_10_ms_and_none_beyond_the_end():
    frames = log_mel(clips(16_000, 1601, 1600, 1))
    assert frames.shape == (4, 100, BANDS) and frames.dtype == torch.float32
    assert (~frames.isnan()).all(2).sum(1).tolist() == [100, 11, 10, 1]
    there = frames[~frames.isnan()]
    assert float(there.min()) >= -1 and float(there.max()) == 1
    assert log_mel(Ragged(torch.zeros(0, dtype=torch.int16), torch.zeros(1, dtype=torch.long))).shape == (0, 0, BANDS)
    assert torch.isfinite(log_mel(Ragged.of([torch.zeros(800)]))).all()


def test_frames_are_those_of_the_definition():
    """One frame by hand: Hann window, power, triangles evenly spaced in mel."""
    clip = clips(3200)
    samples = clip.row(0).double().numpy() / 32768
    at = 7 * 160 + 80 - 200
    power = (
        np.abs(np.fft.rfft(samples[at : at + 400] * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)), 512)) ** 2
    )
    mel = [2595 * math.log10(1 + hertz / 700) for hertz in (60, 7600)]
    edges = 700 * (10 ** (np.linspace(*mel, 42) / 2595) - 1)
    hertz = np.arange(257) * 16_000 / 512
    bands = [np.interp(hertz, edges[b : b + 3], [0, 1, 0]) @ power for b in range(40)]
    found = log_mel(clip)[0, 7].numpy()
    assert np.diff(found) == pytest.approx(np.diff(np.log10(bands)) / 3, abs=1e-3)


def test_neither_loudness_nor_other_clips_nor_the_type_make_a_difference():
    both = clips(9000, 20_000)
    frames = log_mel(both)
    for at in range(2):
        alone = log_mel(both[torch.tensor([at])])[0]
        assert torch.allclose(alone, frames[at, : len(alone)], atol=1e-5)
    quiet = Ragged(both.values.float() / 32768 / 50, both.starts)
    assert torch.allclose(log_mel(quiet)[1], frames[1], atol=1e-4)


def test_a_tone_is_loudest_in_its_own_band():
    at = torch.arange(8000) / 16_000
    loudest = [
        int(log_mel(Ragged.of([torch.sin(2 * math.pi * hertz * at)]))[0, 20].argmax()) for hertz in (200, 1000, 5000)
    ]
    edges = [
        700 * (10 ** (m / 2595) - 1) for m in np.linspace(*(2595 * math.log10(1 + f / 700) for f in (60, 7600)), 42)
    ]
    for band, hertz in zip(loudest, (200, 1000, 5000), strict=True):
        assert edges[band] < hertz < edges[band + 2]


# -- the encoder -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 160, 161, 320, 3333, 15_999])
def test_a_clips_features_do_not_depend_on_its_batch(length):
    body, many = encoder(), clips(16_000, length, 8000)
    with torch.no_grad():
        together, alone = body(log_mel(many)), body(log_mel(many[torch.tensor([1])]))
        longer = torch.cat([log_mel(many), torch.full((3, 50, BANDS), torch.nan)], 1)
        assert torch.allclose(body(longer), together, atol=1e-5)
    assert together.shape == (3, body.width) == (3, 32) and torch.isfinite(together).all()
    assert torch.allclose(together[1], alone[0], atol=1e-5)


def test_it_is_whispers_encoder_where_all_of_the_window_is_heard():
    body, frames = encoder(), log_mel(clips(120 * 160, 120 * 160))
    with torch.no_grad():
        theirs = body.encoder(frames.transpose(1, 2)).last_hidden_state
        spread = (theirs - theirs.mean(1, keepdim=True)).square().mean(1).add(1e-5).sqrt()
        assert torch.allclose(body(frames), torch.cat([theirs.mean(1), spread], 1), atol=1e-5)


def test_what_is_longer_than_the_positions_is_not_heard():
    body, frames = encoder(), log_mel(clips(40_000))
    with torch.no_grad():
        assert torch.equal(body(frames), body(frames[:, :120]))


def test_every_weight_learns_and_no_gradient_is_nan():
    body = encoder().train()
    body(log_mel(clips(9000, 300))).square().sum().backward()
    missing = [name for name, weight in body.named_parameters() if weight.requires_grad and weight.grad is None]
    assert missing == [] and all(torch.isfinite(w.grad).all() for w in body.parameters() if w.grad is not None)


def test_it_has_blocks_and_can_be_cut_between_them():
    body, frames = encoder(Hearing().config), log_mel(clips(9000, 4000, 20_000))
    blocks = blocks_of(body)
    assert [sum("layers." in name for name in names) for names in blocks] == [0, 15, 15, 15]
    for last in (1, 2, 3):
        found = halves(body, {name for names in blocks[-last:] for name in names}, frames)
        assert found
        with torch.no_grad():
            assert torch.allclose(found.tail(found.beginning(frames)), body(frames), atol=1e-5)


# -- the words it learns from ------------------------------------------------------------------------------------------


def test_words_are_syllables_with_a_vowel_each():
    draw = np.random.default_rng(0)
    words, total = babble.words(400, draw), len(babble.phones())
    assert total == 36 and {phone for word in words for phone in word} == set(range(total))
    assert all(1 <= sum(phone < babble.VOWELS for phone in word) <= 3 for word in words)
    assert len(set(words)) > 380


def test_words_are_spoken_and_every_frame_says_which_phone_it_is():
    words, samples, lengths, heard = said()
    assert samples.shape[0] == 24 == len(lengths) and samples.dtype == np.float32 and np.isfinite(samples).all()
    assert (lengths <= samples.shape[1]).all() and (lengths % 160 == 0).all()
    for word, row, long, which in zip(words, samples, lengths, heard, strict=True):
        assert not row[long:].any() and np.abs(row[:long]).max() > 0.01
        order = [phone for at, phone in enumerate(which) if phone >= 0 and (not at or which[at - 1] != phone)]
        whole = [phone for at, phone in enumerate(word) if not at or word[at - 1] != phone]
        assert order == whole[: len(order)] and (which[long // 160 :] == -1).all()
    again = said()
    assert np.array_equal(again[1], samples) and not np.array_equal(said(1)[1][:, :2000], samples[:, :2000])


def test_a_hiss_is_high_and_a_vowel_is_low():
    names = [*babble.WORDS, *("-".join(pair) for pair in babble.GLIDES), *babble.CONSONANTS]
    s, vowel = names.index("s"), names.index("hod")
    draw = np.random.default_rng(5)
    samples, lengths, heard = babble.spoken([(s, vowel)] * 40, draw)
    frames = log_mel(Ragged.of([torch.from_numpy(row[:n]) for row, n in zip(samples, lengths, strict=True)]))
    where = torch.from_numpy(heard)[:, : frames.shape[1]]
    high, low = frames[:, :, 26:30].mean(2), frames[:, :, 8:16].mean(2)  # below what a telephone passes
    assert (high - low)[where == s].mean() > 0.3 + (high - low)[where == vowel].mean()


# -- how it was pretrained ---------------------------------------------------------------------------------------------


def test_a_few_steps_write_weights_and_a_card_that_build_loads(tmp_path, monkeypatch):
    path = pretrain(tmp_path / "new", seed=3, steps=2, draws=1)
    card = json.loads(path.with_suffix(".json").read_text(), parse_constant=pytest.fail)
    assert {each.name for each in path.parent.iterdir()} == {f"{NAME}.json", f"{NAME}.safetensors"}
    assert set(card) == set(cards()[NAME]) and card["recipe"]["steps"] == 2 and card["recipe"]["words"] == 128
    assert card["command"] == f"python -m workbench pretrain {NAME} --seed 3 --steps 2" and card["seed"] == 3
    assert 0.1 < card["reaches"]["vowels"]["mean"] < 1 and card["reaches"]["vowels"]["spread"] == 0
    body = SpeechEncoder(card["config"])
    body.load_state_dict(load_file(path))


def test_pretraining_is_a_function_of_the_seed_alone_and_leaves_no_weight_where_it_was():
    recipe, found = replace(Hearing(), config=SMALL, words=32, batch=8, steps=2), []
    for seed in (3, 3, 4):
        callers = torch.get_rng_state()
        found.append(trained(recipe, seed).state_dict())
        assert torch.equal(torch.get_rng_state(), callers)
        torch.rand(1)  # what the caller draws meanwhile makes no difference
    first, again, other = found
    for name, weight in encoder(seed=3).named_parameters():
        assert torch.equal(first[name], again[name])
        fixed = not weight.requires_grad or name.endswith("k_proj.bias")
        assert fixed or (not torch.equal(first[name], weight) and not torch.equal(first[name], other[name])), name


def test_what_is_damaged_stays_as_long_and_differs_each_time():
    frames, draw = log_mel(clips(16_000, 8000).__getitem__(torch.tensor([0, 1] * 20))), torch.Generator().manual_seed(0)
    found = formants._damaged(frames, draw)
    assert torch.equal(found.isnan(), frames.isnan()) and not torch.equal(found[0], found[2])
    silent = (found == -1).float()
    assert 0.3 < float((silent[:, :50].mean(1) == 1).any(1).float().mean()) < 0.7  # half lack bands


# -- the shipped one ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped():
    body = SpeechEncoder(cards()[NAME]["config"]).eval()
    body.load_state_dict(load_file(paths.weights() / f"{NAME}.safetensors"))
    return body


def test_the_shipped_weights_are_small_and_their_card_is_true(shipped):
    card, recipe = cards()[NAME], Hearing()
    assert card["parameters"] == sum(p.numel() for p in shipped.parameters()) <= 1_000_000
    assert (paths.weights() / f"{NAME}.safetensors").stat().st_size <= 4_000_000
    assert (card["name"], card["domain"], card["config"]) == (NAME, "speech", recipe.config)
    assert {key: card["recipe"][key] for key in ("words", "steps", "batch", "lr")} == {
        "words": recipe.words, "steps": recipe.steps, "batch": recipe.batch, "lr": recipe.lr}  # fmt: skip
    assert card["command"] == f"python -m workbench pretrain {NAME}" and card["seed"] == 0 and card["seconds"] > 0
    assert card["licence"] == "Apache-2.0" and "no recording from outside" in card["source"]
    assert all(re.fullmatch(r"\d+(\.\d+)+", card["versions"][each]) for each in ("torch", "transformers", "numpy"))


def test_the_shipped_weights_reach_what_their_card_says(shipped):
    card = cards()[NAME]["reaches"]["vowels"]
    found = reached(shipped, range(1))
    assert found["mean"] == pytest.approx(card["mean"], abs=max(0.03, 3 * card["spread"]))
    assert found["mean"] > reached(encoder(Hearing().config), range(1))["mean"] + 0.1


@pytest.mark.real
def test_it_tells_spoken_digits_better_than_random_weights_and_mel_statistics(shipped, test_data, tmp_path):
    """20 recordings a class of the official training part, tested on the official test part."""
    from workbench.baseline import bands

    folder = test_data / "speech_fsdd"
    with zipfile.ZipFile(folder / "fsdd_wav.zip") as file:
        file.extractall(tmp_path)
    with open(folder / "metadata.csv") as file:
        rows = [(f"recordings/{row['file']}", row["digit"], row["split"]) for row in csv.DictReader(file)]
    (tmp_path / "all.csv").write_text("\n".join(["path,label,part", *map(",".join, rows)]))
    data = wb.Audio(table=str(tmp_path / "all.csv"), per_class=20).load()
    inputs, labels, test = data.inputs, data.labels.numpy(), torch.cat([data.test, data.valid[:0]]).numpy()
    train = data.train.numpy()
    found = {name: probed(body, inputs, labels, train, test)
             for name, body in {"pretrained": shipped, "random": encoder(Hearing().config)}.items()}  # fmt: skip

    class Bands(torch.nn.Module):
        def forward(self, frames):
            mean = frames.nanmean(1)
            return torch.cat([mean, (frames - mean[:, None]).square().nanmean(1).sqrt()], 1)

    found["mel"] = probed(Bands(), inputs, labels, train, test)
    assert bands(inputs[data.test[:3]]).shape == (3, 80)
    assert found["pretrained"] > found["random"] + 0.1 and found["pretrained"] > found["mel"], found
