"""What a search saw of its space: rows with ==, then traces, axes and titles; and what cannot be drawn is said."""

from __future__ import annotations

import math

import numpy as np
import pytest
from test_plots_trials import kept

import workbench as wb
from workbench.errors import BadChoice, BadKnob
from workbench.folder import RunFolder
from workbench.plots.landscape import MOST, lines, shares, surface


def told(study, curves, ended=()):
    """Write rounds with these curves of the validation loss, one a trial, as the driver does."""
    folder = RunFolder(study.folder / "rounds" / "00000")
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.tell("begun", trials=[*curves])
    for number, values in curves.items():
        for epoch, value in enumerate(values):
            folder.tell("row", trial=number, epoch=epoch, valid_loss=value)
    return study


def test_every_curve_by_how_its_trial_ended():
    study = told(kept("curves", [0.5, None, 0.7, 0.2]), {n: [2.0, 1.0 + n] for n in range(5)})
    found = lines(study)
    states = ["finished", "failed", "stopped", "best", "under way"]
    assert [(each["number"], each["state"]) for each in found] == [*enumerate(states)]
    assert found[3] == {"number": 3, "state": "best", "epochs": [0, 1], "values": [2.0, 4.0]}
    figure = wb.plots.curves_of_trials(study)
    assert [trace.name for trace in figure.data] == [
        *("stopped (1)", "failed (1)", "finished (1)", "under way (1)", "best: 3")
    ]
    assert list(figure.data[-1].y) == [2.0, 4.0, None] and figure.data[-1].line.width == 3
    assert figure.layout.title.text == "The validation curves of 5 trials."


def test_what_is_no_number_is_a_hole_and_many_curves_are_thinned():
    study = told(kept("holes", [0.5]), {0: [2.0, math.nan, math.inf, 1.0]})
    assert lines(study)[0]["values"] == [2.0, None, None, 1.0]
    many = told(kept("many", [0.5]), {n: [1.0] * 41 for n in range(200)})
    found = lines(many)
    assert len(found) == 200 and sum(len(each["epochs"]) for each in found) <= MOST
    assert all(each["epochs"][0] == 0 and each["epochs"][-1] == 40 for each in found)
    assert len(wb.plots.curves_of_trials(many).data) == 2  # a trace a state, and not one a trial


def test_curves_that_did_not_grow_are_not_read_again(monkeypatch):
    study, held, reads = told(kept("held", [0.5]), {0: [2.0, 1.0]}), {}, []
    first, real = lines(study, held), RunFolder.events
    monkeypatch.setattr(RunFolder, "events", lambda self: reads.append(self.path.parent.name) or real(self))
    assert lines(study, held) == first and reads.count("rounds") == 2  # by results() and best alone
    told(study, {1: [2.0]})
    assert [each["number"] for each in lines(study, held)] == [0, 1]


def test_a_slice_a_knob_on_its_own_axis_with_the_best_starred():
    figure = wb.plots.slices(kept("slices", [0.5, None, 0.7, 0.2]))
    assert len(figure.data) == 6 and [len(trace.x) for trace in figure.data] == [3, 1] * 3
    assert (figure.layout.xaxis.type, figure.layout.xaxis2.type, figure.layout.xaxis3.type) == ("log", None, "category")
    assert list(figure.data[4].x) == ["16", "16", "32"] and list(figure.data[1].y) == [0.2]
    assert figure.data[1].marker.symbol == "star"
    for values in ([], [None, None], [0.5]):
        assert len(wb.plots.slices(kept(f"few {len(values)}", values)).data) == 6


def test_a_surface_is_linear_between_trials_and_none_outside():
    study = kept("surface", [0.8, 0.6, 0.4, 0.2])
    found = surface(study, "dropout.rate", "batch_size")
    assert found["y"] == ["16", "32"] and len(found["x"]) == 24 and found["x"][0] == 0.0
    known = [value for line in found["z"] for value in line if value is not None]
    assert min(known) >= 0.2 and max(known) <= 0.8 and any(value is None for line in found["z"] for value in line)
    figure = wb.plots.contour(study, "lr", "batch_size")
    assert figure.data[0].type == "contour" and figure.layout.xaxis.type == "log"
    assert list(figure.data[1].y) == ["16", "32", "16", "32"] and list(figure.data[2].x) == [8e-3]
    assert np.isclose(figure.data[0].zmax, np.quantile([0.8, 0.6, 0.4, 0.2], 0.9))


def test_what_no_contour_can_be_drawn_of_is_said():
    rule = "a contour takes two knobs and at least 4 trials that do not lie on one line, got"
    with pytest.raises(BadKnob, match=f"{rule} 2 trials over lr and batch_size"):
        wb.plots.contour(kept("few", [0.5, None, 0.7]), "lr", "batch_size")
    with pytest.raises(BadKnob, match=f"{rule} 4 trials over lr and dropout.rate"):  # both grow by the same step
        wb.plots.contour(kept("line", [0.5, 0.6, 0.7, 0.2]))
    with pytest.raises(BadChoice, match=r"twice does not search over 'l1\.strength'"):
        wb.plots.contour(kept("twice", [0.5]), "lr", "l1.strength")
    with pytest.raises(BadKnob, match="takes two knobs, and one moves lr alone"):
        wb.plots.contour(kept("one", [0.5], space={"lr": None}))


@pytest.mark.parametrize("by", ["fanova", "ped-anova"])
def test_importance_as_bars_the_largest_on_top(by):
    study = kept(f"by {by}", [0.9, 0.7, 0.5, 0.3, 0.2, 0.1])
    found = shares(study, by)
    assert {each["knob"] for each in found} == {*study.space} and sum(e["share"] for e in found) == pytest.approx(
        1, abs=0.01
    )
    assert [each["share"] for each in found] == sorted((each["share"] for each in found), reverse=True)
    figure = wb.plots.importance(study, by)
    assert list(figure.data[0].y) == [each["knob"] for each in found][::-1] and by in figure.layout.title.text
    with pytest.raises(BadKnob, match="importance takes at least 4 trials that came to a value, got 1"):
        wb.plots.importance(kept(f"one {by}", [0.5, None]), by)


@pytest.mark.parametrize("by", ["fanova", "ped-anova"])
def test_values_that_do_not_differ_have_no_importance_and_a_knob_that_does_not_move_has_none(by):
    with pytest.raises(BadKnob, match=r"importance takes values that differ, and every trial of level came to 0\.5"):
        wb.plots.importance(kept("level", [0.5] * 6), by)
    still = kept("still", [0.9, 0.7, 0.5, 0.3, 0.2], space={"lr": None, "batch_size": [16, 32], "epochs": [5]})
    found = shares(still, by)
    assert sum(each["share"] for each in found if each["knob"] != "epochs") == pytest.approx(1, abs=0.01)
    assert all(math.isfinite(each["share"]) for each in found)
    with pytest.raises(BadKnob, match="do not lie on one line"):
        wb.plots.contour(still, "lr", "epochs")
    assert len(wb.plots.slices(still).data) == 6 and len(wb.plots.parallel(still).data[0].dimensions) == 4
