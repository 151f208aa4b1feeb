"""Estimates come from a probe, say what takes how long, and read no more than a few files."""

from __future__ import annotations

import pytest
from helpers import noisy_folder

import workbench as wb
from workbench import cost
from workbench.datasets.files import Folder

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def own(tmp_path):
    return wb.Images(str(noisy_folder(tmp_path / "own", each=60)), size=32)


def test_a_larger_network_takes_longer_and_the_probe_is_not_repeated(tiny):
    small, large = (cost.forward_seconds(each, 32) for each in (tiny, wb.backbone("resnet50", "random")))
    assert 0 < small < large and cost.forward_seconds(tiny, 32) == small


def test_what_is_read_already_takes_no_time_and_only_a_few_files_are_tried(own, monkeypatch):
    names, real = [], Folder.read
    monkeypatch.setattr(Folder, "read", lambda self, name: names.append(name) or real(self, name))
    seconds, unread = own.reading()
    assert seconds > 0 and unread == 120 and len(names) <= 17
    own.load()
    assert own.reading() == (0.0, 0) and len(names) <= 137


@pytest.fixture
def counted(monkeypatch):
    """A picture takes 0.1 s through the body, 0.04 s through its last blocks, and 0.01 s to be changed."""
    monkeypatch.setattr(cost, "forward_seconds", lambda backbone, side: 0.1)
    monkeypatch.setattr(cost, "_tail_seconds", lambda _, scope, *__: 0.04 if scope.name == "blocks" else None)
    monkeypatch.setattr(cost, "augmented_seconds", lambda how, side: 0.01)


@pytest.mark.usefixtures("counted")
def test_the_first_epoch_is_the_sum_of_its_parts(own, tiny):
    """Of 120 pictures 72 train and 24 validate; 48 are measured before training and 48 after it."""
    head, some, whole = (cost.before(wb.Recipe(own, tiny, scope=s)) for s in ("head", "blocks(last=1)", "all"))
    for found in (head, some, whole):
        assert found["total"] == pytest.approx(found["reading"] + found["features"] + found["epoch"])
    assert (head["features"], head["epoch"]) == (pytest.approx(9.6), 0)
    assert whole["features"] == pytest.approx(7.2) and whole["epoch"] == pytest.approx(0.1 * (3 * 72 + 96))
    assert some["features"] == pytest.approx(7.2 + 0.06 * 96) and some["epoch"] == pytest.approx(0.04 * (3 * 72 + 96))


@pytest.mark.usefixtures("counted")
def test_changed_pictures_take_longer_and_fewer_a_class_less(own, tiny):
    light, few = own.replace(augment="light"), own.replace(per_class=10)
    many, one = (cost.before(wb.Recipe(light, tiny, epochs=epochs)) for epochs in (20, 1))
    assert many["features"] == pytest.approx(9.6 + 4 * 72 * 0.11) and one["features"] == pytest.approx(9.6 + 72 * 0.11)
    assert cost.before(wb.Recipe(few, tiny))["features"] == pytest.approx(0.1 * (20 + 24))
    whole = cost.before(wb.Recipe(light, tiny, scope="all"))
    assert whole["epoch"] == pytest.approx(0.1 * (3 * 72 + 96) + 0.72)
    changed = cost.before(wb.Recipe(light, tiny, scope="blocks(last=1)"))
    assert changed["epoch"] == whole["epoch"]  # no beginning can be kept


def test_only_a_frozen_beginning_makes_the_rest_quicker(tiny, monkeypatch):
    monkeypatch.setattr(cost, "_timed", lambda body, inputs: float(sum(w.numel() for w in body.parameters())))
    body = cost._built(tiny, 40)[0].body
    tail, norms = (
        cost._tail_seconds(tiny, wb.Recipe(scope=scope).scope, 40, 90) for scope in ("blocks(last=1)", "norms")
    )
    assert 0 < tail < sum(w.numel() for w in body.parameters()) and norms is None


def test_what_lies_between_forward_and_backward_grows_with_the_picture(tiny):
    small, large = (cost.held_bytes(tiny, side) for side in (32, 64))
    assert 3.5 < large / small < 4.5
    body = cost._built(tiny, 32)[0].body
    assert small > 2 * 4 * body.conv1[0].out_channels * 16 * 16  # at least what the first layer gives, twice


def test_it_is_told_before_where_it_takes_a_while_and_the_data_is_ones_own(own, tiny, monkeypatch):
    monkeypatch.setattr(cost, "before", lambda recipe: dict.fromkeys(("reading", "features", "epoch", "total"), 9.0))
    assert cost.foretold(wb.Recipe(own, tiny)).startswith("About 9 s to the first epoch: 9 s to read the examples")
    assert cost.foretold(wb.Recipe("digits", tiny)) == ""
    monkeypatch.setattr(cost, "WORTH", 10.0)
    assert cost.foretold(wb.Recipe(own, tiny)) == ""
    monkeypatch.setattr(cost, "before", lambda recipe: 1 / 0)
    assert cost.foretold(wb.Recipe(own, tiny)) == ""  # what is wrong, the run says


def test_an_estimate_in_words_leaves_out_what_takes_no_time():
    found = {"reading": 31.2, "features": 9.0, "epoch": 0.0, "total": 40.2}
    said = "About 40 s to the first epoch: 31 s to read the examples, 9 s through the backbone."
    assert cost.said(found) == said
    assert cost.said(dict.fromkeys(found, 0.1)) == "About 0 s to the first epoch."


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (99, "99 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (-3, "0 s")]
)
def test_times_are_said_as_people_say_them(seconds, said):
    assert cost.lasting(seconds) == said
