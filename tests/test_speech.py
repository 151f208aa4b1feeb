"""Speech encoders: ours and transformers' from a folder, and runs on clips like those on pictures."""

from __future__ import annotations

import shutil

import pytest
import torch
from helpers import plain

import workbench as wb
from workbench import looking
from workbench.backbones.building import build
from workbench.datasets.ragged import Ragged
from workbench.trained import counts

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def clips():
    draw = torch.Generator().manual_seed(0)
    return Ragged.of([(torch.randn(n, generator=draw) * 3000).to(torch.int16) for n in (3200, 6400, 1600)], 4800)


@pytest.fixture(scope="module")
def wav2vec2(tmp_path_factory):
    return hearing_samples(tmp_path_factory.mktemp("tiny-wav2vec2"), "layer")


@pytest.fixture(scope="module")
def wav2vec2_base(tmp_path_factory):
    """As the base models are: the first norm is over all of time, padding too."""
    return hearing_samples(tmp_path_factory.mktemp("tiny-wav2vec2-base"), "group")


def hearing_samples(place, norm):
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

    torch.manual_seed(0)
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    small |= {"conv_dim": (16, 16), "conv_stride": (10, 8), "conv_kernel": (20, 8), "num_feat_extract_layers": 2}
    small |= {"num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4, "feat_extract_norm": norm}
    Wav2Vec2Model(Wav2Vec2Config(**small)).save_pretrained(place)
    Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

    place = tmp_path_factory.mktemp("tiny-whisper")
    torch.manual_seed(0)
    small = {"d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 64}
    small |= {"decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 64, "num_mel_bins": 16}
    small |= {"vocab_size": 50, "max_source_positions": 100, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    WhisperModel(WhisperConfig(**small, decoder_start_token_id=1)).save_pretrained(place)
    WhisperFeatureExtractor(feature_size=16, chunk_length=2).save_pretrained(place)
    return place


@pytest.mark.parametrize(("name", "near"), [("wav2vec2", 0.05), ("wav2vec2_base", 1e-5), ("whisper", 1e-5)])
def test_a_folder_of_transformers_hears_clips(name, near, clips, request):
    folder = request.getfixturevalue(name)
    built = build(wb.backbone(str(folder)), side=4800, seed=0)
    encoded = built.encode(clips)
    assert encoded.lengths.tolist() == [3200, 4800, 1600]  # as far as it may be heard
    with torch.no_grad():
        together = built.body(built.prepare(encoded))
        alone = torch.cat([built.body(built.prepare(encoded[at : at + 1])) for at in range(3)])
    assert together.shape == (3, 32) == (3, built.width) and together.isfinite().all()
    assert torch.allclose(together, alone, atol=near)
    assert len(wb.Blocks(last=1).chosen(built.body)) > 4


def test_the_norm_over_a_clip_is_the_librarys(wav2vec2_base, clips):
    from transformers import Wav2Vec2Model

    built = build(wb.backbone(str(wav2vec2_base)), side=4800, seed=0)
    x = built.prepare(built.encode(clips)[torch.tensor([0])])
    with torch.no_grad():
        known = Wav2Vec2Model.from_pretrained(wav2vec2_base).eval()(x).last_hidden_state.mean(1)
        assert torch.allclose(built.body(x), known, atol=1e-5)


def test_whispers_mean_is_over_the_clip_and_not_over_the_silence_behind_it(whisper, clips):
    from transformers import WhisperFeatureExtractor

    built = build(wb.backbone(str(whisper)), side=4800, seed=0)
    raw = [(clips.row(at)[:4800].float() / 32768).numpy() for at in range(3)]
    seen = WhisperFeatureExtractor.from_pretrained(whisper)(raw, sampling_rate=16_000, return_tensors="pt")
    with torch.no_grad():
        hidden = built.body.model(seen.input_features).last_hidden_state  # (3, 100, 32): a state each 20 ms
        found = built.body(built.prepare(built.encode(clips)))
    for one, states, samples in zip(found, hidden, (3200, 4800, 1600), strict=True):
        assert torch.allclose(one, states[: -(-(samples + 200) // 320)].mean(0), atol=1e-5)


def test_spectrograms_in_patches_are_answered_by_their_class_tokens(tmp_path, clips):
    from transformers import ASTConfig, ASTFeatureExtractor, ASTModel

    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    ASTModel(ASTConfig(**small, max_length=64, num_mel_bins=32)).save_pretrained(tmp_path)
    ASTFeatureExtractor(max_length=64, num_mel_bins=32).save_pretrained(tmp_path)
    built = build(wb.backbone(str(tmp_path)), side=20_000, seed=0)
    x = built.prepare(built.encode(clips))
    with torch.no_grad():
        found, whole = built.body(x), built.body.model(x)
    assert torch.allclose(found, whole.pooler_output, atol=1e-5) and built.pooled == "the last layer's class tokens"
    long = Ragged.of([torch.ones(n, dtype=torch.int16) for n in (1600, 12_000)], 20_000)
    assert built.front.said(long) == [
        "1 of 2 clips are longer than the 0.64 s that the backbone hears: the rest is not heard."
    ]


def test_a_batch_shows_the_spectrogram_that_the_backbone_itself_sees(whisper, wav2vec2, tmp_path):
    from transformers import ASTConfig, ASTFeatureExtractor, ASTModel, WhisperFeatureExtractor

    ASTModel(
        ASTConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, max_length=64, num_mel_bins=32)
    ).save_pretrained(tmp_path)
    ASTFeatureExtractor(max_length=64, num_mel_bins=32).save_pretrained(tmp_path)
    vowels = wb.Vowels(per_class=2)
    heights = {"formant-encoder": 40, str(wav2vec2): 40, str(whisper): 16, str(tmp_path): 32}
    for name, high in heights.items():
        for each in looking.batch(wb.Recipe(vowels, wb.backbone(name)), 3):
            assert each["picture"].shape[:2] == (1, high) and each["picture"].dtype == torch.uint8
            assert each["picture"].min() == 0 and each["picture"].max() == 255 and each["sound"][:4] == b"RIFF"
    data = vowels.load()
    (shown,) = looking.batch(wb.Recipe(vowels, wb.backbone(str(whisper))), 1)
    clip = data.inputs.row(data.keys.index(shown["key"])).float().numpy() / 32768
    (known,) = WhisperFeatureExtractor.from_pretrained(whisper)(clip, sampling_rate=16_000).input_features
    known = torch.from_numpy(known)[:, : -(-(len(clip) + 200) // 160)].flip(0)
    known = (known - known.min()) / (known.max() - known.min()) * 255
    assert (shown["picture"][0].float() - known).abs().max() <= 1


def test_what_a_backbone_cannot_hear_of_a_clip_is_told(whisper, wav2vec2):
    long = Ragged.of([torch.ones(n, dtype=torch.int16) for n in (1600, 170_000, 330_000)])
    ours = build(wb.backbone("formant-encoder"), side=0, seed=0).front
    assert ours.said(long) == ["2 of 3 clips are longer than the 10 s that the backbone hears: the rest is not heard."]
    assert ours.said(Ragged.of([long.row(2)], 160_000)) == []  # the data cut it, and say so
    assert "3 of 3" not in build(wb.backbone(str(whisper)), side=0, seed=0).front.said(long)[0]
    assert build(wb.backbone(str(wav2vec2)), side=0, seed=0).front.said(long) == []


@pytest.mark.parametrize("name", ["wav2vec2", "wav2vec2_base", "whisper"])
def test_every_weight_of_an_encoder_of_transformers_trains_to_the_same_bits_and_goes_on_to_them(
    name, request, tmp_path
):
    recipe = wb.Recipe(wb.Vowels(per_class=3), wb.backbone(str(request.getfixturevalue(name))), scope="all", epochs=2)
    whole, again = (wb.fine_tune(recipe, tmp_path / at) for at in ("whole", "again"))
    assert plain(whole.rows) == plain(again.rows) and whole.rows[1] != whole.rows[0]
    for row in wb.train(recipe, tmp_path / "parted"):
        if row["epoch"] == 1:
            break
    assert plain(wb.fine_tune(recipe, tmp_path / "parted").rows) == plain(whole.rows)


def test_a_clip_is_answered_as_in_validation(wav2vec2_base):
    recipe = wb.Recipe(wb.Vowels(per_class=3), wb.backbone(str(wav2vec2_base)), epochs=1, precision="float32")
    run = wb.fine_tune(recipe)
    data, told = run.load_data(), run.answers("valid").iloc[0]
    alone = run.predict(data.inputs[data.valid[:1]]).iloc[0]
    assert alone["answer"] == told["answer"] and alone[told["answer"]] == pytest.approx(told["confidence"], abs=1e-5)


def test_code_of_its_own_in_an_extractor_is_not_asked_for(wav2vec2, tmp_path):
    shutil.copytree(wav2vec2, tmp_path / "evil")
    (tmp_path / "evil" / "preprocessor_config.json").write_text('{"auto_map": {"AutoFeatureExtractor": "evil.X"}}')
    (tmp_path / "evil" / "evil.py").write_text("raise SystemExit")
    with pytest.raises(wb.errors.BadChoice, match=r"feature extractor of .*evil cannot be had without code of its own"):
        build(wb.backbone(str(tmp_path / "evil")), side=4800, seed=0)


def test_weights_of_half_precision_are_trained_and_kept_in_full(wav2vec2, tmp_path):
    from transformers import Wav2Vec2Model

    shutil.copytree(wav2vec2, tmp_path / "half")
    Wav2Vec2Model.from_pretrained(wav2vec2).to(torch.bfloat16).save_pretrained(tmp_path / "half")
    built = build(wb.backbone(str(tmp_path / "half")), side=4800, seed=0)
    assert {p.dtype for p in built.body.parameters()} == {torch.float32} and built.fingerprint


@pytest.mark.parametrize(
    ("name", "last", "end"),
    [("wav2vec2", "encoder.layers.1.", set()), ("whisper", "layers.1.", {"layer_norm"})],
)
def test_scopes_of_an_encoder_of_transformers_are_counted(name, last, end, request):
    recipe = wb.Recipe("vowels", wb.backbone(str(request.getfixturevalue(name))))
    sizes = {key: p.numel() for key, p in build(recipe.backbone, side=4800, seed=0).body.named_parameters()}
    sizes = {key.removeprefix("model."): many for key, many in sizes.items()}
    block = sum(n for key, n in sizes.items() if key.startswith(last) or key.rpartition(".")[0] in end)
    norms = sum(n for key, n in sizes.items() if key.endswith("bias") or "norm" in key)
    for scope, body in (("head", 0), ("blocks(last=1)", block), ("norms", norms), ("all", sum(sizes.values()))):
        found = counts(recipe.replace(scope=scope), 5, 4800)
        assert found["body trained"] == body and (scope == "head") == (body == 0)


def test_ours_hears_a_clip_alone_as_in_company_and_takes_weights_that_fit(clips, tmp_path):
    built = build(wb.backbone("formant-encoder", "random"), side=4800, seed=0)
    frames = built.encode(clips)
    assert frames.lengths.tolist() == [20, 30, 10] and built.encode(frames) is frames
    with torch.no_grad():
        together = built.body(built.prepare(frames))
        alone = torch.cat([built.body(built.prepare(frames[at : at + 1])) for at in range(3)])
    assert together.shape == (3, built.width) and torch.allclose(together, alone, atol=1e-5)
    with pytest.raises(wb.errors.NoWeights, match=r"'pretrained', 'random', or a safetensors file of formant-encoder"):
        build(wb.backbone("formant-encoder", str(tmp_path / "none.safetensors")), side=4800, seed=0)


@pytest.mark.parametrize("scope", ["head", "blocks(last=1)", "norms", "all"])
def test_a_run_on_clips_gives_the_same_bits_and_goes_on_to_them(scope, tmp_path):
    data = wb.Vowels(per_class=4)
    recipe = wb.Recipe(data, scope=scope, regularizers="l2, dropout", epochs=3, lr=3e-3, seed=1)
    assert recipe.backbone.architecture == "formant-encoder"
    whole, again = (wb.fine_tune(recipe, tmp_path / name) for name in ("whole", "again"))
    assert plain(whole.rows) == plain(again.rows)
    assert whole.rows[-1]["train_loss"] < whole.rows[0]["train_loss"]
    for row in wb.train(recipe, tmp_path / "parted"):
        if row["epoch"] == 1:
            break
    assert plain(wb.fine_tune(recipe, tmp_path / "parted").rows) == plain(whole.rows)
    loaded = data.load()
    found = whole.predict(loaded.inputs[loaded.valid[:3]])
    assert [*found.columns[1:]] == [*loaded.classes] and len(found) == 3
