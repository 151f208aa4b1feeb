"""The verdict: planted runs of each kind are named right, with numbers, a sentence and a step that can be taken."""

from __future__ import annotations

import math
from collections import Counter

import pytest

import workbench as wb
from benchmarks import diagnosis as planted
from workbench import diagnosis as d

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def told():
    """The planted runs with their verdicts."""
    return [(each, planted.judged(each)) for each in planted.read()]


def test_planted_runs_of_each_kind_in_three_domains_are_named_right(told):
    right = [(run["kind"], found.kind) for run, found in told]
    wrong = Counter(pair for pair in right if pair[0] != pair[1])
    assert len(told) >= 120 and {run["domain"] for run, _ in told} == {"vision", "language", "speech"}
    assert {kind for kind, _ in right} == {*d.KINDS}
    assert sum(wrong.values()) <= 0.05 * len(told), wrong


def test_overfitting_is_never_said_where_the_interval_includes_zero(told):
    for run, _ in told:
        for many in range(2, len(run["rows"]) + 1, 7):
            early = d.verdict(run["rows"][:many], wb.Recipe.from_dict(run["recipe"]), twins=run["twins"])
            if early.kind in (d.OVERFITTING, d.MEMORISING):
                assert run["rows"][many - 1]["rise_low"] > early.evidence["luck"] >= 0
    assert any(found.kind == d.OVERFITTING for _, found in told)


def test_a_run_that_scatters_around_a_level_is_not_called_overfitting_for_a_lucky_minimum():
    """Long steps and a penalty: validation goes up and down, and any epoch is above the least so far."""
    recipe = wb.Recipe(wb.Digits(), lr=3e-3, batch_size=10, epochs=30, regularizers="l2(strength=0.03)", seed=3)
    rows = wb.fine_tune(recipe.replace(schedule="constant")).rows
    ends = [(d.verdict(rows[:many], recipe).kind, rows[many - 1]["rise_low"]) for many in range(2, len(rows) + 1)]
    assert max(low for _, low in ends[10:]) > 0  # beyond the examples' chance, not beyond the epochs'
    assert not {d.OVERFITTING, d.DIVERGING} & {kind for kind, _ in ends}


def test_each_verdict_says_numbers_and_a_step_and_a_button_can_take_it(told):
    seen = {}
    for run, found in told:
        recipe = wb.Recipe.from_dict(run["recipe"])
        assert (
            str(found) == found.sentence and found.sentence.endswith(".") and any(c.isdigit() for c in found.sentence)
        )
        assert found.next_step.said and "nan" not in found.sentence
        if found.next_step:
            assert found.next_step.unseal or found.next_step.elsewhere or found.next_step.recipe(recipe) != recipe
        seen[found.kind] = bool(found.next_step)
    assert (
        seen[d.OVERFITTING]
        and seen[d.LEARNING]
        and seen[d.DIVERGING]
        and seen[d.TOO_FEW]
        and seen[d.LEAKING]
        and seen[d.WELL]
    )


def test_a_healthy_run_whose_gap_grows_while_validation_improves_is_still_learning():
    """LESSONS: 100 clean images, scope all, over epochs 1 to 3 the gap grows and accuracy rises."""
    recipe = wb.Recipe(wb.Digits(per_class=10), scope="all", epochs=3, lr=1e-3)
    found = wb.diagnose(wb.fine_tune(recipe))
    assert found.kind == d.LEARNING and found.evidence["rise"] == 0 and "Train on for 5 epochs" in found.next_step.said


def test_forty_wrong_labels_of_a_hundred_are_memorised_and_the_step_helps():
    data = wb.Digits(per_class=10, label_noise=0.4)
    run = wb.fine_tune(wb.Recipe(data, lr=1e-2, batch_size=25, epochs=60))
    found = wb.diagnose(run)
    assert found.kind == d.MEMORISING and found.evidence["memorised"] > 0.9 and found.evidence["drift"] > 0.1
    assert found.next_step.said == "Add L2"
    mended = wb.fine_tune(found.next_step.recipe(run.recipe))
    assert mended.rows[-1]["valid_accuracy"] > run.rows[-1]["valid_accuracy"] + 0.05


def test_without_an_epoch_there_is_nothing_to_say(tiny):
    run = wb.fine_tune(wb.Recipe(wb.Digits(per_class=5), tiny, epochs=1))
    early = d.verdict(run.rows[:1], run.recipe)
    assert early.kind == d.LEARNING and str(early) == "Nothing to say yet: no epoch is over." and not early.next_step


def test_a_plain_baseline_that_is_ahead_is_named(tiny):
    run = wb.fine_tune(wb.Recipe(epochs=5))
    plain = run.baseline["accuracy"]
    found = wb.diagnose(run)
    assert found.evidence["baseline"] == plain > found.evidence["best_accuracy"] == run.best["valid_accuracy"]
    assert f" The plain baseline is ahead on validation: {plain:.3f} against {run.best['valid_accuracy']:.3f}." in str(
        found
    )
    behind = d.verdict(run.rows, run.recipe, baseline=0.5)
    assert "baseline" not in str(behind)


def test_a_good_fit_far_behind_the_plain_baseline_is_not_good_enough(told):
    run = next(run for run, found in told if found.kind == d.WELL and run["recipe"]["scope"].startswith("head"))
    rows = [row | {"valid_high": row["valid_accuracy"] + 0.01} for row in run["rows"]]
    recipe, best = wb.Recipe.from_dict(run["recipe"]), min(rows, key=lambda row: row["valid_loss"])
    near, far = (d.verdict(rows, recipe, baseline=best["valid_accuracy"] + more) for more in (0.005, 0.02))
    assert near.kind == far.kind == d.WELL and near.next_step.unseal
    assert "ahead on validation" in str(near) and far.next_step.settings == {"scope": "blocks(last=1)"}


def test_where_training_examples_are_the_harder_ones_it_says_so_and_by_how_much(told):
    rows, recipe = next(
        (run["rows"], wb.Recipe.from_dict(run["recipe"])) for run, found in told if found.kind == d.OVERFITTING
    )
    rows = [*rows[:-1], rows[-1] | {"gap_accuracy": -0.2, "low": -0.25, "high": -0.15, "memorised": 0.1}]
    found = d.verdict(rows, recipe)
    assert found.kind == d.OVERFITTING
    assert "training examples, some of which are wrongly labelled: their gap is -0.200 [-0.250, -0.150]" in str(found)


def test_a_run_that_diverged_is_told_from_its_folder(tiny):
    recipe = wb.Recipe(wb.Digits(per_class=5), tiny, lr=1e11, epochs=50, optimizer="sgd", regularizers="l2")
    with pytest.raises(wb.errors.Diverged):
        wb.fine_tune(recipe)
    found = wb.diagnose(wb.open_run(wb.runs()["name"][0]))
    assert found.kind == d.DIVERGING and found.next_step.recipe(recipe).lr == pytest.approx(1e10)


def test_copies_across_the_parts_are_a_leak_and_the_run_keeps_their_share(monkeypatch):
    from workbench.datasets.digits import Digits

    whole = Digits.load
    monkeypatch.setattr(Digits, "load", lambda self: planted._copied(whole(self)))
    run = wb.fine_tune(wb.Recipe(wb.Digits(per_class=30), epochs=5))
    assert run.files.read("environment.json")["twins"] == pytest.approx(1 / 3, abs=0.1)
    found = wb.diagnose(run)
    assert found.kind == d.LEAKING and "of the validation examples are, or nearly are, among the training" in str(found)
    monkeypatch.undo()
    assert wb.fine_tune(wb.Recipe(wb.Digits(per_class=30), epochs=5)).files.read("environment.json")["twins"] < 0.02


@pytest.mark.parametrize(
    ("regularizers", "said"),
    [
        ("", "Add L2"),
        ("l2(strength=0.01)", "Make L2 stronger"),
        ("l2(strength=0.2)", "Stop at the best epoch"),
        ("l2(strength=0.2), early-stopping", "Add dropout"),
        ("l2(strength=0.2), early-stopping, dropout", "Get more training examples"),
    ],
)
def test_the_remedy_is_the_first_that_is_not_there(regularizers, said):
    step = d._remedy(wb.Recipe("digits", regularizers=regularizers))
    assert step.said.startswith(said) and bool(step) == (not said.startswith("Get"))
    assert not step or step.recipe(wb.Recipe("digits", regularizers=regularizers)).regularizers


def test_what_was_turned_is_what_is_judged_and_the_step_leaves_those_turns_out(tiny):
    recipe = wb.Recipe(
        wb.Digits(per_class=10, label_noise=0.4), tiny, lr=1e-2, epochs=30, regularizers="l2(strength=0.01)"
    )
    run = wb.fine_tune(recipe.replace(changes="2: l2.strength=0.001; 4: lr=0.02"))
    found = wb.diagnose(run)
    assert found.next_step.said == "Make L2 stronger" and found.next_step.settings == {"l2.strength": 0.1}
    mended = found.next_step.recipe(run.played)
    assert mended.changes == "4: lr=0.02" and mended.regularizers == (wb.L2(strength=0.1),)
    steep = d.NextStep("", settings={"lr": 1e-3}).recipe(run.played)
    assert steep.changes == "2: l2.strength=0.001" and steep.lr == 1e-3
    joined = d.NextStep("", regularizer="l2(strength=0.2)").recipe(run.played)
    assert joined.changes == "4: lr=0.02" and joined.regularizers == (wb.L2(strength=0.2),)


def test_where_train_and_validation_both_get_worse_it_diverges_from_the_rate_that_it_has_now(tiny):
    run = wb.fine_tune(wb.Recipe(wb.Digits(per_class=20), tiny, lr=1e-2, epochs=12, changes="48: lr=1.0"))
    found = wb.diagnose(run)
    assert found.kind == d.DIVERGING and found.next_step.settings == {"lr": 0.1}
    assert found.next_step.recipe(run.played).changes == ""


def test_few_training_examples_are_no_lack_of_validation_examples(tiny):
    run = wb.fine_tune(wb.Recipe(wb.Digits(per_class=2), tiny, lr=1e-2, epochs=60))
    found = wb.diagnose(run)
    assert found.evidence["examples"] > 300 and found.kind != d.TOO_FEW
    few = d.verdict(run.rows, run.recipe, examples=40)
    wide = few.evidence["valid_high"] - few.evidence["valid_low"]
    assert (few.kind == d.TOO_FEW) == (wide > d.WIDE)


def test_where_no_block_can_train_a_hidden_layer_is_proposed():
    flat = wb.Recipe(wb.Points(), scope="head")
    assert d._towards(flat).recipe(flat).scope.layers == 1
    assert d._towards(wb.Recipe()).settings == {"scope": "blocks(last=1)"}


def test_numbers_that_are_none_do_no_harm():
    names = "gap_loss gap_loss_low gap_loss_high gap_accuracy low high rise rise_low rise_high train_accuracy"
    row = dict.fromkeys([*names.split(), "valid_accuracy"], 0.5) | {
        "valid_loss": math.nan,
        "objective": math.nan,
        "penalty": 0.0,
    }
    rows = [row | {"epoch": at, "train_loss": 2.0 if at < 3 else math.inf} for at in range(4)]
    assert d.verdict(rows, wb.Recipe()).kind == d.DIVERGING
