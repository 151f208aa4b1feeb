"""A dense table of trials: what it holds is what training gives, and it is recorded once."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench import paths
from workbench.errors import BadKnob
from workbench.labs import table as tables
from workbench.labs.table import Table, scaled, trained, unscaled

pytestmark = pytest.mark.usefixtures("one_thread")
RANGES = {"lr": wb.Range(1e-3, 1e-1, log=True), "dropout.rate": wb.Range(0.0, 0.8)}
POINTS = {"lr": 3, "dropout.rate": 2}


@pytest.fixture
def recipe():
    return wb.Recipe(wb.Digits(per_class=2), regularizers="dropout(rate=0.4)", lr=1e-2, epochs=2)


@pytest.fixture
def by_hand(recipe):
    """Three learning rates, two rates of dropout, two seeds."""
    losses = [[[3, 5], [1, 2], [4, 9]], [[1, 1], [1, 1], [1, 1]]]
    axes = {"lr": [1e-3, 1e-2, 1e-1], "dropout.rate": [0.0, 0.8]}
    return Table(recipe, RANGES, axes, np.array(losses, dtype=float))


def test_between_its_points_the_loss_is_interpolated_by_ratio_where_that_counts(by_hand):
    assert by_hand.loss({"lr": 1e-2, "dropout.rate": 0.0}) == 1
    assert by_hand.loss({"lr": 1e-2, "dropout.rate": 0.2}) == pytest.approx(1.25)
    assert by_hand.loss({"lr": 10**-2.5, "dropout.rate": 0.0}) == pytest.approx(2)
    assert by_hand.loss({"lr": 1e-2, "dropout.rate": 0.2}, seed=1) == 1


def test_what_is_not_said_is_as_the_recipe_has_it(by_hand):
    assert by_hand.loss({}) == by_hand.loss({"lr": 1e-2, "dropout.rate": 0.4}) == pytest.approx(1.5)


def test_the_lowest_within_ranges_is_at_a_point_or_at_an_end(by_hand):
    assert by_hand.lowest(RANGES) == 1
    assert by_hand.lowest({"lr": wb.Range(10**-1.5, 1e-1, log=True)}) == pytest.approx(
        4
    )  # dropout as the recipe has it
    draw, narrow = np.random.default_rng(0), {"lr": wb.Range(2e-3, 5e-2, log=True), "dropout.rate": wb.Range(0.1, 0.5)}
    drawn = [{path: unscaled(each, draw.uniform()) for path, each in narrow.items()} for _ in range(300)]
    found = min(by_hand.loss(each) for each in drawn)
    assert by_hand.lowest(narrow) <= found < by_hand.lowest(narrow) + 0.1


def test_shares_say_which_knob_matters(recipe):
    losses = np.array([[[1, 1.1], [5, 5.1], [9, 900]]])
    axes = {"lr": [1e-3, 1e-2, 1e-1], "dropout.rate": [0.0, 0.8]}
    shares = Table(recipe, RANGES, axes, losses).shares()
    assert shares == {"lr": pytest.approx(32 / 35), "dropout.rate": pytest.approx(3 / 35)}  # of the ranks 0 to 5


def test_places_in_a_range_go_both_ways():
    for each in RANGES.values():
        assert [scaled(each, unscaled(each, place)) for place in (0, 0.3, 1)] == pytest.approx([0, 0.3, 1])


def test_each_entry_is_the_loss_of_the_run_itself(recipe):
    table = wb.labs.recorded(recipe, RANGES, POINTS, seeds=2)
    assert table.losses.shape == (2, 3, 2) and table.axes["lr"] == pytest.approx([1e-3, 1e-2, 1e-1])
    run = wb.fine_tune(recipe.turned({"lr": table.axes["lr"][1], "dropout.rate": 0.8}).replace(seed=1))
    assert min(row["valid_loss"] for row in run.rows[1:]) == pytest.approx(table.losses[1, 1, 1], rel=1e-5)


def test_it_is_recorded_once_and_again_where_it_was_damaged(recipe, monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    first = wb.labs.recorded(recipe, RANGES, POINTS, seeds=1)
    [file] = (paths.cache() / "tables").iterdir()
    monkeypatch.setattr(tables, "trained", lambda *_: pytest.fail("trained again"))
    assert (wb.labs.recorded(recipe, RANGES, POINTS, seeds=1).losses == first.losses).all()
    monkeypatch.setattr(tables, "trained", trained)
    for damaged in (file.read_text()[:-20], "[[[1, 2]]]", "{}"):
        file.write_text(damaged)
        assert (wb.labs.recorded(recipe, RANGES, POINTS, seeds=1).losses == first.losses).all()
        assert len(file.read_text()) > 40


def test_a_setting_that_diverges_at_once_has_the_worst_loss(recipe):
    losses = trained(recipe.replace(optimizer="sgd"), [{"lr": 1e-3}, {"lr": 1e-2}, {"lr": 1e12}])
    assert np.isfinite(losses).all() and losses[0, 2] == losses.max()


def test_what_is_no_table_is_refused(recipe):
    with pytest.raises(BadKnob, match=r"a table takes a Range of each knob, got {'lr': \[0\.1, 0\.2\]}"):
        wb.labs.recorded(recipe, {"lr": [0.1, 0.2]}, {"lr": 2})
    with pytest.raises(BadKnob, match=r"two points or more of each of lr, dropout\.rate, got {'lr': 3}"):
        wb.labs.recorded(recipe, RANGES, {"lr": 3})
    with pytest.raises(BadKnob, match="a table takes heads that train at once"):
        wb.labs.recorded(recipe, {"batch_size": wb.Range(8, 32)}, {"batch_size": 2})
    with pytest.raises(BadKnob, match="a table takes heads that train at once"):
        wb.labs.recorded(recipe.replace(scope="all"), RANGES, POINTS)
