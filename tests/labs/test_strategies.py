"""Strategies replayed on a table: the replay itself, and what lesson 04 says of them on its own table."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import IN_FULL

import workbench as wb
from workbench.errors import BadChoice
from workbench.labs import strategies as lab
from workbench.labs import table as tables
from workbench.labs.strategies import shifted

pytestmark = pytest.mark.usefixtures("one_thread")
GP = wb.Bayesian(model="gp")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The lesson's, with one seed."""
    digits = "digits(per_class=10, placement='scattered', label_noise=0.4)"
    recipe = wb.Recipe(
        digits, "glyph-resnet", regularizers="l2, dropout", epochs=10, batch_size=25, precision="float32"
    )
    ranges = {"lr": wb.Range(1e-4, 1.0, log=True), "l2.strength": wb.Range(1e-4, 1.0, log=True)}
    ranges["dropout.rate"] = wb.Range(0.0, 0.8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        return wb.labs.recorded(recipe, ranges, {"lr": 13, "l2.strength": 7, "dropout.rate": 7}, seeds=1)


def test_a_replay_answers_what_is_proposed_from_the_table(table):
    for strategy in (wb.Grid(points=2), wb.Random(), wb.Bayesian()):
        tried = wb.labs.replayed(table, strategy, 12, seed=5)
        assert len(tried) == (8 if strategy.name == "grid" else 12)
        assert all(loss == table.loss(settings) for settings, loss in tried)
        assert tried == wb.labs.replayed(table, strategy, 12, seed=5)
        ranges = shifted(table, 5, tuple(table.ranges))
        assert all(each.low <= settings[path] <= each.high for settings, _ in tried for path, each in ranges.items())


def test_each_replay_has_ranges_of_its_own_within_the_tables(table):
    several = [shifted(table, seed, ("lr", "dropout.rate")) for seed in range(20)]
    assert len({each["lr"].low for each in several}) == 20 and [*several[0]] == ["lr", "dropout.rate"]
    for each in several:
        assert each["lr"].low >= 1e-4 and each["lr"].high <= 1.0
        assert each["lr"].high / each["lr"].low == pytest.approx(1e3) and each["dropout.rate"].high <= 0.8


def test_a_knob_that_the_table_does_not_have_is_refused(table):
    with pytest.raises(BadChoice, match=r"the table has no knob 'l2'\. There are: lr, l2\.strength"):
        wb.labs.contest(table, {"random": wb.Random()}, 8, 3, knobs=("l2",))


def test_a_contest_is_never_below_the_lowest_and_never_rises(table):
    found = wb.labs.contest(table, {"grid": wb.Grid(points=2), "random": wb.Random()}, trials=12, repeats=5)
    for each in found.values():
        assert each.shape == (5, 12) and (each >= -1e-9).all() and (np.diff(each) <= 0).all()
    assert (found["grid"][:, 7:] == found["grid"][:, 7:8]).all()  # used up after eight


def test_a_contest_is_kept_by_what_it_is_about(table, monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    first = wb.labs.contest(table, {"a": wb.Random()}, 8, 3)
    monkeypatch.setattr(lab, "replayed", lambda *_: pytest.fail("replayed again"))
    assert (wb.labs.contest(table, {"b": wb.Random()}, 8, 3)["b"] == first["a"]).all()
    with pytest.raises(pytest.fail.Exception, match="replayed again"):
        wb.labs.contest(table, {"a": wb.Random()}, 8, 4)


def test_leaders_are_compared_on_the_replays_that_all_have():
    draw = np.random.default_rng(0)
    base = draw.uniform(0.1, 0.2, (40, 3))
    found = {"late": base + 0.05, "first": base, "few": base[:20] + draw.normal(0, 0.01, (20, 3))}
    ranking = wb.labs.leaders(found).set_index("strategy")
    assert [*ranking.index][-1] == "late" and set(ranking.index[:2]) == {"first", "few"}
    assert ranking["level"].to_dict() == {"first": True, "few": True, "late": False}
    assert ranking.loc["late", "behind"] == pytest.approx(0.05, abs=0.005) and ranking.loc["late", "leads"] == 0
    assert ranking["leads"].sum() == 1 and ranking["median"]["first"] == pytest.approx(np.median(base[:20, -1]))


# -- what the lesson says ---------------------------------------------------------------------------------------------


def apart(found, worse, better, trial):
    """By how much one is behind the other after so many trials, paired, with the interval's lower end."""
    common = min(len(found[worse]), len(found[better]))
    each = found[worse][:common, trial - 1] - found[better][:common, trial - 1]
    return each.mean(), wb.labs.strategies.evaluation.interval(each)[0]


def test_one_knob_explains_most_of_the_loss(table):
    shares = table.shares()
    assert shares["lr"] > 0.75 and max(shares["l2.strength"], shares["dropout.rate"]) < 0.1


@IN_FULL
def test_with_three_knobs_chance_beats_the_grid_and_who_learns_beats_chance_late(table):
    strategies = {"grid": wb.Grid(points=3), "random": wb.Random(), "tpe": wb.Bayesian()}
    found = wb.labs.contest(table, strategies, 32, 40) | wb.labs.contest(table, {"gp": GP}, 32, 10)
    assert apart(found, "grid", "random", 27)[1] > 0.01
    assert apart(found, "random", "tpe", 32)[1] > 0 and apart(found, "random", "gp", 32)[0] > 0.004
    for learner in ("tpe", "gp"):
        assert abs(apart(found, "random", learner, 8)[0]) < 0.005  # nobody knows anything yet
    tried = [
        {settings["lr"] for settings, _ in wb.labs.replayed(table, strategies[name], 27)} for name in ("grid", "random")
    ]
    assert [len(each) for each in tried] == [3, 27]


def test_with_one_knob_a_grid_loses_nothing_and_all_come_near(table):
    strategies = {"grid": wb.Grid(points=32), "random": wb.Random(), "tpe": wb.Bayesian()}
    found = wb.labs.contest(table, strategies, 32, 40, knobs=("lr",))
    assert apart(found, "random", "grid", 32)[1] > 0
    assert max(np.median(each[:, -1]) for each in found.values()) < 0.01


def test_between_the_points_the_table_ranks_settings_as_training_does(table):
    draw = np.random.default_rng(1)
    drawn = [{path: tables.unscaled(each, draw.uniform()) for path, each in table.ranges.items()} for _ in range(100)]
    there, looked_up = tables.trained(table.recipe, drawn)[0], np.array([table.loss(each) for each in drawn])
    ranks = np.corrcoef(there.argsort().argsort(), looked_up.argsort().argsort())[0, 1]
    assert ranks > 0.95 and np.median(abs(there - looked_up)) < 0.04
