"""A sheet of training examples, one of them close up, and the train curve alone."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import BadData, BadKnob
from workbench.plots.by_heart import rows

pytestmark = pytest.mark.usefixtures("one_thread")
DIGITS = wb.Digits(per_class=10, label_noise=0.4)


@pytest.fixture(scope="module")
def found():
    return wb.labs.by_heart(wb.Recipe(DIGITS, lr=1e-2, batch_size=25, epochs=30))


def test_a_tile_an_example_wrong_ones_marked(found):
    told = rows(DIGITS)
    assert len(told["tiles"]) == 100 and told["wrong"] == 40 and told["epochs"] == []
    assert [(each["line"], each["column"]) for each in told["tiles"]][19:21] == [(0, 19), (1, 0)]
    drawn = wb.plots.sheet(DIGITS)
    assert len(drawn.layout.images) == 100 and len(drawn.layout.shapes) == 40 and not drawn.layout.sliders
    assert sum("✗" in text for text in drawn.data[1].text) == 40  # colour is not all that tells
    assert drawn.layout.title.text.endswith("40 are wrong on purpose (red rim, ✗).")
    assert wb.plots.sheet(DIGITS.replace(label_noise=0.0)).layout.title.text.endswith("all of them right.")


def test_the_slider_darkens_what_is_given_back(found):
    told, drawn = rows(found), wb.plots.sheet(found)
    assert told["epochs"] == [0, 1, 2, 3, 5, 8, 13, 20, 30]
    given = [sum(each) for each in told["repeated"]]
    assert given == [found.repeated()[epoch] for epoch in told["epochs"]]
    for step, epoch, count in zip(drawn.layout.sliders[0].steps, told["epochs"], given, strict=True):
        restyled, titled, traces = step.args
        dark = [cell for line in restyled["z"][0] for cell in line if cell]
        assert (len(dark), [*traces], step.label) == (count, [0], str(epoch))
        assert titled["title.text"].startswith(f"After epoch {epoch} the head gives back {count} of the 40")
    assert np.nansum(np.array(drawn.data[0].z, dtype=float)) == given[-1]  # it opens on the last
    assert sum("wrong on purpose" in text for line in drawn.data[0].text for text in line) == 40


def test_one_tile_from_epoch_to_epoch(found):
    drawn = wb.plots.tile(found)
    assert len(drawn.layout.sliders[0].steps) == 31 and len(drawn.layout.images) == 1
    last = drawn.layout.sliders[0].steps[-1].args
    assert last[0]["x"][0] == [*drawn.data[0].x] and last[1]["title.text"] == drawn.layout.title.text
    assert ", the label given, with " in drawn.layout.title.text  # it opens on a lie that was learned
    assert any(", what it is, with " in step.args[1]["title.text"] for step in drawn.layout.sliders[0].steps)
    assert drawn.layout.yaxis.type == "category" and len(drawn.data[0].y) == 10  # names may be numbers
    marked = [name for name in drawn.data[0].y if "(" in name]
    assert sorted(name.split(" ", 1)[1] for name in marked) == ["(label given, wrong)", "(what it is)"]
    right = int(np.flatnonzero(~found.wrong)[0])
    assert [name for name in wb.plots.tile(found, right).data[0].y if "(" in name] == [
        f"{found.data.classes[found.labels[right]]} (label)"
    ]
    with pytest.raises(BadKnob, match=r"the example must be a whole number in \[0, 99\], got 100"):
        wb.plots.tile(found, 100)


def test_the_train_curve_alone(found):
    drawn = wb.plots.fitted(found)
    assert [*drawn.data[0].y] == found.history["train_accuracy"].tolist() and len(drawn.data) == 1


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(BadData, match="a sheet shows pictures; language has none"):
        wb.plots.sheet(wb.Docstrings(per_class=2))
    with pytest.raises(BadData, match=r"shows 200 pictures at most, the training part has [0-9,]+: set per_class"):
        wb.plots.sheet(wb.Digits())
