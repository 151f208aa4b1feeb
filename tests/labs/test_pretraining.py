"""What pretraining is worth: one linear model on three kinds of rows, and what it needs to draw level."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import workbench as wb
from workbench.errors import BadChoice
from workbench.labs.sizes import draw

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def recipe():
    return wb.Recipe(wb.Digits(placement="scattered", per_class=7), precision="float32")


@pytest.fixture(scope="module")
def found(recipe):
    return wb.labs.pretraining(recipe, [1, 5, None], draws=3)


def test_a_row_a_start_and_a_size(found):
    assert found["data"].unique().tolist() == ["digits"]
    assert found["start"].tolist() == ["pretrained"] * 3 + ["random weights"] * 3 + ["pixels"] * 3
    assert found["labels"].tolist() == [10, 50, 1118] * 3 and found["draws"].tolist() == [3, 3, 1] * 3
    assert found["per_class"].tolist() == [1, 5, 111.8] * 3  # per_class of the recipe is what is compared
    assert (found["low"] <= found["accuracy"]).all() and (found["accuracy"] <= found["high"]).all()


def test_pretrained_weights_lead_most_where_labels_are_few(found):
    by_start = {start: each["accuracy"].tolist() for start, each in found.groupby("start")}
    for other in ("random weights", "pixels"):
        assert by_start["pretrained"][0] > by_start[other][0] + 0.25
        assert by_start["pretrained"][1] > by_start[other][2]  # five labels a class are worth more than all
    assert all(each == sorted(each) for each in by_start.values())


def test_it_is_the_linear_model_of_the_baseline_on_standardised_rows(found, recipe):
    data = recipe.data.replace(per_class=None).load()
    pixels = (data.inputs.float() / 255).flatten(1).numpy()
    train, valid, labels = pixels[data.train], pixels[data.valid], data.labels.numpy()
    right = {pull: [] for pull in (0.01, 0.1, 1, 10)}
    for own in draw(labels[data.train], 5, 3, 10):
        for pull in right:
            model = make_pipeline(StandardScaler(), LogisticRegression(C=pull, max_iter=1000))
            model.fit(train[own], labels[data.train][own])
            right[pull].append(model.score(valid, labels[data.valid]))
    own = found[(found["start"] == "pixels") & (found["labels"] == 50)]["accuracy"].item()
    assert own == pytest.approx(max(np.mean(each) for each in right.values()), abs=0.004)


def test_texts_are_counted_and_recordings_have_bands(tmp_path):
    words = {"cats": "purr whisker milk mouse nap", "boats": "sail anchor rope tide harbour"}
    draw = np.random.default_rng(0)
    lines = [
        {"text": " ".join(draw.choice(words[name].split(), 4)), "label": name} for name in words for _ in range(60)
    ]
    pd.DataFrame(lines).to_csv(tmp_path / "texts.csv", index=False)
    texts = wb.Table(path=str(tmp_path / "texts.csv"), text="text", label="label")
    found = wb.labs.pretraining(wb.Recipe(texts, "docs-bert", precision="float32"), [2], draws=1)
    assert found["start"].tolist() == ["pretrained", "random weights", "TF-IDF"] and found["data"][0] == "table"
    assert found["accuracy"][2] > 0.9
    spoken = wb.labs.pretraining(wb.Recipe("vowels", precision="float32"), [2], draws=1).set_index("start")["accuracy"]
    assert spoken["pretrained"] > spoken["random weights"] + 0.1 and "mel statistics" in spoken


def test_what_is_no_recipe_and_two_of_the_same_data_are_refused(recipe):
    with pytest.raises(BadChoice, match=r"recipes are compared, such as wb\.Recipe\('digits'\), got \['digits'\]"):
        wb.labs.pretraining(["digits"])
    with pytest.raises(BadChoice, match="each recipe must have data of its own here, got digits"):
        wb.labs.pretraining([recipe, recipe])


def frame(data, **accuracies):
    return pd.DataFrame(
        [
            {
                "data": data,
                "start": start.replace("_", " "),
                "per_class": size,
                "labels": 10 * size,
                "accuracy": accuracy,
            }
            for start, each in accuracies.items()
            for size, accuracy in zip((1.0, 10.0, 100.0), each, strict=True)
        ]
    )


def test_labels_to_equal_accuracy_by_hand():
    found = frame("digits", pretrained=[0.5, 0.8, 0.9], random_weights=[0.1, 0.3, 0.7], pixels=[0.6, 0.7, 0.8])
    told = wb.labs.worth(found)
    random, pixels = (told[told["start"] == start] for start in ("random weights", "pixels"))
    assert (
        random["needs"].tolist()[0] == pytest.approx(10 * 10**0.5) and random["needs"].isna().tolist()[1:] == [True] * 2
    )
    assert pixels["needs"].tolist()[:2] == [1.0, 100.0] and math.isnan(pixels["needs"].tolist()[2])
    assert pixels["times"].tolist()[:2] == [1.0, 10.0]
    assert told["said"].tolist() == [
        "digits: with 1 label a class pretrained weights reach 0.50; random weights need about 32, 31.6 times as many.",
        "digits: with 10 labels a class pretrained weights reach 0.80; random weights, with 100, reach 0.70.",
        "digits: with 100 labels a class pretrained weights reach 0.90; random weights, with 100, reach 0.70.",
        "digits: with 1 label a class pretrained weights reach 0.50; pixels need no more.",
        "digits: with 10 labels a class pretrained weights reach 0.80; pixels need about 100, 10.0 times as many.",
        "digits: with 100 labels a class pretrained weights reach 0.90; pixels, with 100, reach 0.80.",
    ]
