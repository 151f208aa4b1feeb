"""A search's figures: rows with ==, then traces and titles. The rest of them: test_plots_landscape.py."""

from __future__ import annotations

import pytest

import workbench as wb
from workbench.errors import BadChoice
from workbench.plots.trials import rows
from workbench.searching import driving

SPACE = {"lr": wb.Range(1e-3, 1e-1, log=True), "dropout.rate": wb.Range(0.0, 0.8), "batch_size": [16, 32]}


def kept(name, values, metric="loss", space=None):
    """A study with these results, as the driver keeps them; None: it failed."""
    recipe = wb.Recipe("digits", regularizers="dropout")
    study = driving.prepared({"recipe": recipe, "space": space or SPACE, "metric": metric}, name)
    results = []
    for number, value in enumerate(values):
        every = {"lr": 1e-3 * 2**number, "dropout.rate": 0.1 * number, "batch_size": 16 * (1 + number % 2), "epochs": 5}
        settings = {path: every[path] for path in study.space}
        row = {"epoch": 3, "gap_accuracy": 0.1, "low": 0.05, "high": 0.2} if value is not None else None
        state = "failed" if value is None else "stopped" if number == 2 else "finished"
        about = {"state": state, "how": "", "seconds": 0.1, "epochs": 3}
        results.append({"number": number, "settings": settings, "value": value, "row": row, **about})
    study.keep(results)
    return study


def test_rows_carry_the_best_so_far():
    found = rows(kept("rows", [0.5, None, 0.7, 0.2]))
    assert [row["best"] for row in found] == [0.5, 0.5, 0.5, 0.2]
    assert [row["state"] for row in found] == ["finished", "failed", "stopped", "finished"]
    assert found[3]["settings"] == {"lr": 8e-3, "dropout.rate": pytest.approx(0.3), "batch_size": 32}
    assert [row["best"] for row in rows(kept("accuracy", [0.5, 0.7, 0.6], "accuracy"))] == [0.5, 0.7, 0.7]


def test_trials_in_order_with_the_best_so_far():
    figure = wb.plots.trials(kept("order", [0.5, None, 0.7, 0.2]))
    finished, stopped, best = figure.data
    assert list(finished.x) == [0, 3] and list(stopped.x) == [2] and list(best.y) == [0.5, 0.5, 0.5, 0.2]
    assert best.line.shape == "hv" and set(stopped.marker.symbol) == {"circle-open"}
    assert figure.layout.title.text == "The best of 4 trials is 3: validation loss (nats) 0.2; 1 failed."
    assert "lr 0.008" in finished.customdata[1][2]


def test_the_gap_against_a_knob_has_the_knobs_own_axis():
    study = kept("gap", [0.5, None, 0.7])
    rates, sizes = wb.plots.gaps(study, "lr"), wb.plots.gaps(study, "batch_size")
    assert rates.layout.xaxis.type == "log" and list(rates.data[0].x) == [1e-3, 4e-3]
    assert sizes.layout.xaxis.type == "category" and list(sizes.data[0].x) == ["16", "16"]
    assert list(rates.data[0].error_y.array) == pytest.approx([0.1, 0.1])
    with pytest.raises(BadChoice, match=r"gap does not search over 'l2\.strength'"):
        wb.plots.gaps(study, "l2.strength")


def test_parallel_coordinates_go_through_every_knob():
    [lines] = wb.plots.parallel(kept("lines", [0.5, 0.3, None])).data
    assert [each.label for each in lines.dimensions] == [*SPACE, "validation loss (nats)"]
    assert list(lines.dimensions[0].values) == pytest.approx([-3, -2.69897], abs=1e-4)
    assert list(lines.dimensions[2].ticktext) == ["16", "32"] and list(lines.dimensions[3].values) == [0.5, 0.3]


def test_nothing_yet_and_all_failed_are_said():
    assert wb.plots.trials(kept("empty", [])).layout.title.text == "No trial has come to a value yet."
    assert wb.plots.trials(kept("failed", [None, None])).layout.title.text.startswith("Every trial failed")


def test_a_loss_that_went_far_up_does_not_press_the_good_ones_onto_a_line():
    assert wb.plots.trials(kept("far", [0.5, 80.0, 0.2])).layout.yaxis.type == "log"
    assert wb.plots.trials(kept("near", [0.5, 0.8, 0.2])).layout.yaxis.type is None
    [lines] = wb.plots.parallel(kept("colours", [0.5, 0.4, 0.3, 80.0])).data
    assert lines.line.cmin == 0.3 and lines.line.cmax < 60
