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


def test_the_first_epoch_is_the_sum_of_its_parts(own, tiny):
    head, whole = (cost.before(wb.Recipe(own, tiny, scope=scope)) for scope in ("head", "all"))
    assert head["epoch"] == 0 and whole["epoch"] == pytest.approx(whole["features"] * 2.2)
    for found in (head, whole):
        assert found["total"] == pytest.approx(found["reading"] + found["features"] + found["epoch"])
    assert head["features"] == 120 * cost.forward_seconds(tiny, 32)


def test_an_estimate_in_words_leaves_out_what_takes_no_time():
    found = {"reading": 31.2, "features": 9.0, "epoch": 0.0, "total": 40.2}
    said = "About 40 s to the first epoch: 31 s to read the pictures, 9 s through the backbone."
    assert cost.said(found) == said
    assert cost.said(dict.fromkeys(found, 0.1)) == "About 0 s to the first epoch."


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (99, "99 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (-3, "0 s")]
)
def test_times_are_said_as_people_say_them(seconds, said):
    assert cost.lasting(seconds) == said
