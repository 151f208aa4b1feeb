"""Regularizers of texts and recordings: what is hidden, and what never is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

import workbench as wb
from workbench.backbones.building import build
from workbench.backbones.language import SECOND
from workbench.datasets.ragged import Texts
from workbench.errors import BadChoice
from workbench.job import Job
from workbench.learners.plan import plan
from workbench.regularizers import Now


def now(learner, **knobs):
    generator = torch.Generator().manual_seed(0)
    held = {name: torch.tensor([value]) for name, value in knobs.items()}
    return Now(learner=learner, draws=lambda *shape, dtype=None: torch.rand(1, *shape, generator=generator), **held)


def test_masked_tokens_are_a_share_of_the_words_and_never_the_special_ones():
    built = build(wb.backbone("docs-bert"), side=64, seed=0)
    texts = Texts(("return the sorted values of an array along an axis " * 5,) * 40, ("or its second text",) * 40, 64)
    tokens = built.prepare(built.encode(texts))
    found, _ = wb.TokenMasking().on_batch(tokens, None, now(SimpleNamespace(built=built), share=0.3))
    mask, special = built.front.mask()
    tokenizer = built.front.tokenizer
    assert mask == tokenizer.token_to_id("[MASK]" if tokenizer.token_to_id("[MASK]") is not None else "[UNK]")
    plain = (tokens >= 0) & ~torch.isin(tokens % SECOND, special)
    changed = found != tokens
    assert not (changed & ~plain).any() and (found[changed] % SECOND == mask).all()
    assert float(changed.sum() / plain.sum()) == pytest.approx(0.3, abs=0.03)
    assert torch.equal(found // SECOND, tokens // SECOND)  # a second text stays the second


def test_a_tokenizer_without_a_mask_is_told():
    front = build(wb.backbone("docs-bert"), side=64, seed=0).front
    bare = SimpleNamespace(get_added_tokens_decoder=dict)
    with pytest.raises(BadChoice, match="needs a tokenizer with a mask or an unknown token: leave it out"):
        type(front)(bare, 64, "x").mask()


def test_neftunes_noise_is_within_its_bounds_and_in_training_alone():
    recipe = wb.Recipe(wb.Docstrings(per_class=5), scope="all", regularizers="neftune(alpha=5)")
    job = Job(plan(recipe))
    learner, seen = job.learner, []
    layer = learner.body.model.get_input_embeddings()
    tokens = torch.randint(5, 100, (8, 16))
    plain = torch.nn.functional.embedding(tokens, layer.weight, layer.padding_idx)
    assert torch.equal(layer(tokens), plain)
    learner.training()
    seen = (layer(tokens) - plain).detach()
    most = 5 / (16 * layer.weight.shape[1]) ** 0.5
    assert float(seen.abs().max()) <= most * 1.001 and float(seen.std()) == pytest.approx(most / 3**0.5, rel=0.02)
    job.turn("neftune.alpha", 0.0)
    assert torch.equal(layer(tokens), plain)


@pytest.mark.parametrize("axis", [1, 2])
def test_hidden_bands_and_times_are_stretches_at_the_clips_mean(axis):
    frames = torch.randn(50, 40, 20)
    frames[::2, 30:] = torch.nan  # shorter clips
    given = frames if axis == 1 else frames.transpose(1, 2)
    learner = SimpleNamespace(built=SimpleNamespace(front=SimpleNamespace(time_axis=axis)))
    found, _ = wb.SpecAugment().on_batch(given, None, now(learner, bands=0.3, time=0.2))
    found = found if axis == 1 else found.transpose(1, 2)
    assert torch.equal(found.isnan(), frames.isnan())
    hidden = (found != frames) & ~frames.isnan()
    widest = 0
    for at in range(50):
        length = 30 if at % 2 == 0 else 40
        there = hidden[at, :length]
        bands, times = there.all(0), there.all(1)
        assert torch.equal(there, bands[None, :] | times[:, None])  # whole bands and whole moments
        for line, most in ((bands, 0.3 * 20), (times, 0.2 * length)):
            at_all = line.nonzero().flatten()
            assert len(at_all) <= most + 1 and (len(at_all) == 0 or int(at_all[-1] - at_all[0]) == len(at_all) - 1)
            widest = max(widest, len(at_all))
        assert torch.allclose(found[at, :length][there], frames[at, :length].mean())
    assert widest >= 4
    none, _ = wb.SpecAugment().on_batch(given, None, now(learner, bands=0.0, time=0.0))
    assert torch.equal(none.nan_to_num(9), given.nan_to_num(9))


def test_what_hears_samples_has_no_spectrogram():
    with pytest.raises(BadChoice, match="spec-augment is for backbones that hear spectrograms; this one hears samples"):
        wb.SpecAugment().on_batch(torch.randn(3, 800), None, now(None, bands=0.2, time=0.2))
