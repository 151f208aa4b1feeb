"""The plain baseline against scikit-learn by hand, and that it is kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss

import workbench as wb
from workbench import baseline as module
from workbench import paths
from workbench.baseline import baseline, fitted, pixels, words
from workbench.datasets.base import finish
from workbench.datasets.ragged import Texts

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def data():
    return wb.Digits(per_class=5, placement="scattered").load()


def by_hand(data):
    """Accuracy and loss of a linear model on pixels, standardised with plain numpy."""
    grey = data.inputs.numpy().reshape(len(data.inputs), -1) / 255
    train, valid, labels = grey[data.train], grey[data.valid], data.labels.numpy()
    spread = train.std(0)
    spread[spread == 0] = 1
    model = LogisticRegression(max_iter=200, tol=1e-3)
    model.fit((train - train.mean(0)) / spread, labels[data.train])
    chances = model.predict_proba((valid - train.mean(0)) / spread)
    return accuracy_score(labels[data.valid], chances.argmax(1)), log_loss(labels[data.valid], chances)


def test_it_is_a_standardised_linear_model_on_pixels(data):
    accuracy, loss = by_hand(data)
    found = baseline(data)
    assert found["accuracy"] == pytest.approx(accuracy, abs=2 / len(data.valid))
    assert found["loss"] == pytest.approx(loss, rel=0.02)
    assert 0.1 < accuracy < 0.6 and loss > 1  # scattered digits: hard for pixels


def test_wrong_labels_are_its_wrong_labels_too(data):
    noisy = replace(data, labels=data.labels.clone())
    noisy.labels[noisy.train[:25]] = (noisy.labels[noisy.train[:25]] + 1) % 10
    model = fitted(noisy)
    assert (model.predict(pixels(noisy.inputs[noisy.train])) == noisy.labels[noisy.train].numpy()).mean() == 1.0


def test_it_is_kept_with_the_data_sets_fingerprint(data, monkeypatch):
    found = baseline(data)
    assert [path.name for path in (paths.cache() / "baselines").iterdir()] == [f"{data.fingerprint}.json"]
    monkeypatch.setattr(module, "fitted", lambda data: pytest.fail("fitted again"))
    assert baseline(data) == found
    with pytest.raises(pytest.fail.Exception, match="fitted again"):
        baseline(replace(data, fingerprint="other"))


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "null", '{"accuracy": 0.5}', '{"accuracy": "x", "loss": 1}'])
def test_a_damaged_file_is_computed_again_and_mended(content, data):
    path = paths.cache() / "baselines" / f"{data.fingerprint}.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    found = baseline(data)
    assert set(found) == {"accuracy", "loss"} and 0 < found["accuracy"] < 1
    assert path.read_text() != content and baseline(data) == found
    assert list(path.parent.iterdir()) == [path]


def test_a_cache_that_cannot_be_written_costs_nothing(data, tmp_path, monkeypatch):
    found = baseline(data)
    (tmp_path / "file").write_text("no folder")
    for place in (tmp_path / "file", tmp_path / "file" / "cache", "/proc/no"):
        monkeypatch.setenv("WORKBENCH_CACHE", str(place))
        assert baseline(data) == found


def test_a_class_without_a_training_example_is_refused(data):
    short = replace(data, train=data.train[data.labels[data.train] != 3], fingerprint="short")
    with pytest.raises(ValueError, match="a class has no training example"):
        baseline(short)
    assert not (paths.cache() / "baselines").exists()


def test_pixels_are_grey_rows_of_at_most_32_by_32():
    draw = torch.Generator().manual_seed(0)
    colour = torch.randint(0, 256, (3, 3, 32, 32), generator=draw, dtype=torch.uint8)
    assert pixels(colour) == pytest.approx(colour.double().mean(1).flatten(1).numpy() / 255, abs=1e-6)
    small = torch.randint(0, 256, (600, 1, 8, 8), generator=draw, dtype=torch.uint8)
    assert (
        pixels(small).shape == (600, 64)
        and (pixels(small)[599] * 255).round().tolist() == small[599].flatten().tolist()
    )
    smooth = np.add.outer(np.arange(96), 2 * np.arange(96)).astype("float32") * 255 / 285
    theirs = np.array(Image.fromarray(smooth).resize((32, 32), Image.Resampling.BILINEAR)) / 255
    found = pixels(torch.from_numpy(smooth.astype("uint8")).view(1, 1, 96, 96)).reshape(32, 32)
    assert found == pytest.approx(theirs, abs=0.005)


def test_a_run_tells_it_after_its_first_row(tiny, data):
    run = wb.fine_tune(wb.Recipe(wb.Digits(per_class=5, placement="scattered"), tiny, epochs=1))
    assert run.baseline == baseline(data)
    told = [event["event"] for event in run.files.events()]
    assert told.index("row") < told.index("baseline") < len(told) - 1 - told[::-1].index("row")


def texts(second=False):
    """Two classes told apart by one word, which is in the second text where there is one."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, 300)
    filler = [" ".join(draw.choice(["a", "the", "of", "sun", "moon"], 8)) for _ in labels]
    telling = [["good", "bad"][label] for label in labels]
    first = tuple(f"{some} {word}" for some, word in zip(filler, filler if second else telling, strict=True))
    parts = (np.arange(180), np.arange(180, 240), np.arange(240, 300))
    return finish(Texts(first, tuple(telling) if second else (), 16), labels, ["good", "bad"], parts)


@pytest.mark.parametrize("second", [False, True])
def test_of_texts_it_is_a_linear_model_on_weighted_words_and_pairs(second):
    data = texts(second)
    assert baseline(data)["accuracy"] == 1.0 and baseline(data)["loss"] < 0.3
    counted, line = fitted(data)
    assert {"good", "bad", "the sun"} <= set(counted.vocabulary_) and counted.sublinear_tf
    assert line.coef_.shape == (1, len(counted.vocabulary_))


def test_of_very_many_letters_the_beginning_of_each_text_is_read(monkeypatch):
    monkeypatch.setattr(module, "LETTERS", 600)
    assert words(Texts(("x" * 500, "y"))) == ["x" * 300 + "\n", "y\n"]
