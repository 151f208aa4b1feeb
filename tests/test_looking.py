"""Examples to look at: the worst first and never of the test part, a batch as the backbone gets it, pairs alike."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

import workbench as wb
from workbench import looking
from workbench.errors import BadChoice, BadData

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    recipe = wb.Recipe(wb.Digits(per_class=20, label_noise=0.2), epochs=6, lr=3e-3)
    return wb.fine_tune(recipe, tmp_path_factory.mktemp("looking") / "run")


def test_the_worst_come_first_and_none_is_of_the_test_part(run):
    found, data = wb.worst(run, 50), run.recipe.data.load()
    assert found["loss"].is_monotonic_decreasing and len(found) == 50
    assert found["loss"][0] == run.answers()["loss"].max()
    assert not {*wb.worst(run, None)["key"]} & {data.keys[at] for at in data.test.tolist()}
    assert {*wb.worst(run, 50, part="valid")["part"]} == {"valid"}


def test_labels_made_wrong_are_among_the_worst(run):
    data = run.recipe.data.load()
    wrong = {data.keys[at] for at in (data.labels != data.true_labels).nonzero().flatten().tolist()}
    assert len(wrong) == 40 and len(wrong & {*wb.worst(run, 60, part="train")["key"]}) > 30


def test_the_surest_wrong_answers(run):
    found = wb.worst(run, 20, by="confidence")
    assert not found["right"].any() and found["confidence"].is_monotonic_decreasing
    with pytest.raises(BadChoice, match=r"cannot be sorted by 'los'\. Did you mean 'loss'"):
        wb.worst(run, by="los")


@pytest.fixture
def own(tmp_path):
    draw = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "own" / name).mkdir(parents=True)
        for at in range(20):
            pixels = draw.integers(0, 256, (5, 5, 3)).repeat(8, 0).repeat(8, 1).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / "own" / name / f"{at}.png")
            if at < 3:
                Image.fromarray(pixels).save(tmp_path / "own" / name / f"again-{at}.jpg", quality=60)
    return wb.Images(str(tmp_path / "own"), size=32)


def test_a_batch_is_what_the_backbone_gets(own):
    data = own.load()
    plain = looking.batch(wb.Recipe(own, "resnet18"), 8)
    at = [data.keys.index(each["key"]) for each in plain]
    assert {*at} <= {*data.train.tolist()} and [each["label"] for each in plain] == [
        data.classes[data.labels[a]] for a in at
    ]
    for each, position in zip(plain, at, strict=True):
        assert (each["picture"].float() - data.inputs[position].float()).abs().max() <= 1
    grey = looking.batch(wb.Recipe(own, "glyph-resnet"), 8)
    assert grey[0]["picture"].shape == (1, 32, 32)
    changed = looking.batch(wb.Recipe(own.replace(augment="strong"), "resnet18"), 8)
    assert [each["key"] for each in changed] == [each["key"] for each in plain]
    assert not torch.equal(changed[0]["picture"], plain[0]["picture"])
    assert [each["key"] for each in looking.batch(wb.Recipe(own), 8, seed=1)] != [each["key"] for each in plain]


def test_a_batch_of_data_alone_is_as_it_is(own):
    data, shown = own.load(), looking.batch(own, 8)
    assert [each["key"] for each in shown] == [each["key"] for each in looking.batch(wb.Recipe(own, "resnet18"), 8)]
    for each in shown:
        assert torch.equal(each["picture"], data.inputs[data.keys.index(each["key"])])
    (clip,) = looking.batch(wb.Vowels(per_class=1), 1)
    assert clip["sound"][:4] == b"RIFF" and clip["picture"].dtype == torch.uint8


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_as_png_is_the_picture(channels):
    picture = torch.randint(0, 256, (channels, 5, 7), dtype=torch.uint8)
    shown = torch.from_numpy(np.array(Image.open(io.BytesIO(looking.png(picture)))))
    assert torch.equal(shown.view(5, 7, channels).permute(2, 0, 1), picture)


def test_pairs_alike_come_with_their_parts_those_across_first(own):
    data = own.load()
    pairs = looking.alike(data)
    names = {tuple(sorted(key.split("/")[1].removeprefix("again-")[0] for key in pair["keys"])) for pair in pairs}
    assert names == {("0", "0"), ("1", "1"), ("2", "2")}
    across = [pair["parts"][0] != pair["parts"][1] for pair in pairs]
    first = pairs[0]
    assert str(first).startswith(f"Pair({first['keys'][0]!r} ({first['parts'][0]}, ") and "tensor" not in str(pairs)
    assert len(pairs) == 6 and across == sorted(across, reverse=True)
    assert [pair["keys"] for pair in looking.alike(own)] == [pair["keys"] for pair in pairs]


def test_rows_come_with_what_there_is_to_see_or_to_hear(own, tmp_path):
    data = own.load()
    (seen,) = wb.examples(own, [{"key": data.keys[3], "answer": "b"}])
    assert seen["answer"] == "b" and torch.equal(seen["picture"], data.inputs[3])
    vowels = wb.Vowels().load()
    (heard,) = wb.examples(vowels, [{"key": vowels.keys[5]}])
    assert heard["sound"] == looking.wav(vowels.inputs.row(5)) and heard["sound"][:4] == b"RIFF"
    assert heard["picture"].shape[:2] == (1, 40) and heard["picture"].dtype == torch.uint8
    texts = wb.Docstrings().load()
    (read,) = wb.examples(texts, [{"key": texts.keys[7]}])
    assert read["text"] == texts.inputs.first[7]


def test_a_png_is_the_picture():
    picture = torch.randint(0, 256, (3, 9, 7), dtype=torch.uint8)
    assert (np.asarray(Image.open(io.BytesIO(looking.png(picture)))) == picture.permute(1, 2, 0).numpy()).all()


def test_a_recording_is_sent_as_it_is_or_small():
    import soundfile

    clip = (torch.sin(torch.arange(20 * 16_000) / 9) * 9000).to(torch.int16)
    short, long, longest = (looking.playable(clip[: seconds * 16_000]) for seconds in (1, 4, 20))
    assert short == looking.wav(clip[:16_000]) and short[:4] == b"RIFF"
    for content, seconds in ((long, 4), (longest, 10)):
        heard, rate = soundfile.read(io.BytesIO(content))
        assert rate == 16_000 and len(heard) / rate == pytest.approx(seconds, abs=0.1)
        assert len(content) < len(looking.wav(clip[: seconds * 16_000])) / 5
        assert abs(np.abs(heard[16_000:32_000]).max() * 32768 - 9000) < 900


def test_corrections_have_a_file_of_their_own_beside_the_runs(own, tmp_path):
    found = looking.corrections_of(own)
    assert found.parent == wb.paths.runs() / "corrections" and found.name.startswith("own-")
    assert looking.corrections_of(own.replace(size=64)) == found
    assert looking.corrections_of(own.replace(corrections=f"{tmp_path}/mine.jsonl@3")) == tmp_path / "mine.jsonl"
    assert looking.corrections_of(own.replace(folder=str(tmp_path / "日本 <b>/../x"))).name.startswith("x-")
    with pytest.raises(BadData, match="labels of digits cannot be corrected"):
        looking.corrections_of(wb.Digits())


def test_what_mending_brought_is_told_beside_damaged_folders_of_runs(own, tiny, tmp_path):
    recipe = wb.Recipe(own, tiny, epochs=1)
    wb.fine_tune(recipe)
    file = wb.Corrections(tmp_path / "mended.jsonl")
    key = next(key for key in own.load().keys if key.startswith("a/"))
    file.relabel(key, "b", "a")
    mended = wb.fine_tune(recipe.replace(data=own.replace(corrections=file.spelled)))
    for at, text in enumerate(("{half", "[]", '{"recipe": null}', '{"recipe": {"data": "images(nonsense=1)"}}')):
        folder = wb.paths.runs() / f"damaged-{at}"
        folder.mkdir()
        (folder / "recipe.json").write_text(text)
    said = looking.brought(mended)
    assert "before" in said and "mended" in said and "matched by name" not in said
