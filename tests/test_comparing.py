"""Runs side by side: paired by example, with the labels that count, and with sentences that say what is known."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file
from scipy.stats import false_discovery_control

import workbench as wb
from workbench import answers, comparing, evaluation, paths
from workbench.errors import BadChoice, BrokenRun
from workbench.folder import RunFolder
from workbench.plots import compared
from workbench.run import Run

pytestmark = pytest.mark.usefixtures("one_thread")
ROW = {"epoch": 1, "step": 5, "valid_loss": 1.0, "valid_accuracy": 0.5, "gap_accuracy": 0.1, "low": 0.05, "high": 0.15}
ROW |= {"valid_low": 0.4, "valid_high": 0.6, "valid_precision": 0.7, "valid_recall": 0.8, "valid_f1": 0.75}


@pytest.fixture
def told(monkeypatch):
    """Makes runs whose answers stand in their folders; no network is ever built."""
    monkeypatch.setattr(Run, "restored", lambda self: pytest.fail("a network was built"))

    def make(name, answered, labels=None, keys=None, classes=("cat", "dog"), at=0.0, **knobs):
        files = RunFolder(paths.runs() / name)
        files.path.mkdir(parents=True)
        recipe = wb.Recipe(backbone="test_resnet(weights='random')", **knobs)
        files.write("recipe.json", {"recipe": recipe.to_dict(), "sources": {}})
        events = [
            {"event": "started", "at": at},
            {"event": "row", "at": at, **ROW, "seconds": 2.5},
            {"event": "progress", "at": at, "memory": 7000},
            {"event": "finished", "at": at, "memory": 5000},
        ]
        (files.path / "events.jsonl").write_text("".join(json.dumps(each) + "\n" for each in events))
        labels = [0] * len(answered) if labels is None else labels
        keys = [str(at) for at in range(len(answered))] if keys is None else keys
        logits = np.full((len(answered) + 1, len(classes)), -2.0, dtype=np.float32)
        logits[np.arange(1, len(answered) + 1), answered] = 2.0  # the first is the one training example
        about = {"step": 5, "keys": ["train-0", *keys], "classes": list(classes), "train": 1}
        tensors = {"logits": logits, "labels": np.array([0, *labels], dtype=np.int64)}
        save_file(tensors, files.path / answers.FILE, {"about": json.dumps(about)})
        return Run(files)

    return make


def pair(*runs):
    table = wb.compare({"a": runs[0], "b": runs[1]}).pairs
    assert len(table) == 1
    return table.iloc[0]


def exactly(only_a, only_b):
    """Two-sided: all outcomes that are no likelier than this one, of fair coins."""
    n = only_a + only_b
    ways = [math.comb(n, k) for k in range(n + 1)]
    return sum(each for each in ways if each <= ways[only_a]) / 2**n


# -- pairs -------------------------------------------------------------------------------------------------------------


def test_a_pair_is_tested_example_by_example(told):
    right_a = np.array([1] * 60 + [0] * 40)
    right_b = np.array([1] * 55 + [0] * 5 + [1] * 20 + [0] * 20)
    found = pair(told("one", 1 - right_a), told("two", 1 - right_b))
    each = (right_b - right_a).astype(float)
    assert (found["examples"], found["only_a"], found["only_b"]) == (100, 5, 20)
    assert found["difference"] == pytest.approx(0.15) and found["p"] == pytest.approx(exactly(5, 20))
    assert (found["low"], found["high"]) == evaluation.interval(each)
    # the interval of a paired mean: its spread is that of the differences, not of two independent samples
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * each.std() / 10, rel=0.15)
    assert found["loss_difference"] == pytest.approx(-4 * 0.15)  # a right answer is 4 nats of logit ahead
    assert found["loss_low"] == pytest.approx(-4 * found["high"], abs=1e-5)
    assert found["p_holm"] == found["p"] and found["relabelled"] == 0
    assert found["said"] == (
        "b is right more often than a by 15.0 points "
        f"[{found['low'] * 100:.1f}, {found['high'] * 100:.1f}]; p = 0.0041."
    )


def test_the_other_way_round_the_signs_turn_and_the_sentence_stays_true(told):
    a, b = told("one", [0] * 60 + [1] * 40), told("two", [0] * 80 + [1] * 20)
    there, back = pair(a, b), pair(b, a)
    assert back["difference"] == -there["difference"] and (back["only_a"], back["only_b"]) == (20, 0)
    assert (back["low"], back["high"]) == pytest.approx((-there["high"], -there["low"]))
    assert there["said"].startswith("b is right more often than a by 20.0 points [")
    assert back["said"] == there["said"].replace("b is right more often than a", "a is right more often than b")


def test_what_the_examples_do_not_tell_is_said(told):
    right = [0] * 50 + [1] * 50
    found = pair(told("one", right), told("two", [1, *right[1:50], 0, 0, *right[52:]]))
    assert (
        found["said"].startswith("Too close to call: b is ahead of a by 1.0 points [-") and "; p = 1." in found["said"]
    )
    even = pair(told("five", right), told("six", [1, *right[1:99], 0]))
    assert even["said"].startswith("Too close to call: b and a are right equally often, 0.0 points [-")
    same = pair(told("three", right), told("four", right))
    assert same["said"].startswith(
        "No difference: b and a are right on the same of 100 examples. They are one model at"
    )
    assert (same["p"], same["difference"], same["low"], same["high"]) == (1.0, 0.0, 0.0, 0.0)


def test_of_an_arm_whose_best_epoch_lies_before_the_branch_it_says_that_it_is_its_parent(tiny):
    parent = wb.fine_tune(wb.Recipe(wb.Digits(per_class=10), tiny, lr=1e-2, epochs=2))
    arm = parent.branch({"lr": 0.1, "epochs": 3, "l2.strength": 0.3}).join()
    for run in (parent, arm):  # whatever came after the branch, it was no better
        rows = [event | {"valid_loss": 9.0} if event.get("step", 0) > parent.rows[-1]["step"] else event
                for event in run.files.events()]  # fmt: skip
        (run.folder / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = wb.compare({"parent": wb.open_run(parent.folder), "arm": wb.open_run(arm.folder)}).pairs["said"][0]
    assert found.endswith("They are one model at their best epochs (2 and 2), before they branched; compare a later "
                          "moment by their curves.")  # fmt: skip


def test_runs_are_joined_by_the_keys_of_the_validation_examples(told):
    a = told("one", [0, 1, 0, 0], keys=["x", "y", "z", "only in a"])
    b = told("two", [1, 1, 0], keys=["z", "x", "only in b"])
    found = pair(a, b)
    assert (found["examples"], found["only_a"], found["only_b"]) == (2, 2, 0)
    assert found["difference"] == -1.0
    trained_on = told("three", [0, 0], keys=["train-0", "x"])  # what a trained on is not compared
    assert pair(a, trained_on)["examples"] == 1


def test_nothing_in_common_is_explained(told):
    a, b = told("one", [0, 1], keys=["x", "y"]), told("two", [0, 1], keys=["u", "v"])
    found = pair(a, b)
    assert found["examples"] == 0 and pd.isna(found["p"]) and pd.isna(found["difference"]) and pd.isna(found["p_holm"])
    assert found["said"] == "Not comparable: a and b share no validation example."
    images = told("three", [0, 1], keys=["x", "y"], data=wb.Images(folder="there"))
    assert pair(a, images)["examples"] == 0  # row 7 of the one is not file 7 of the other


def test_a_run_without_an_epoch_is_explained_too(told):
    a, b = told("one", [0, 1]), told("two", [0, 1])
    (b.folder / "events.jsonl").unlink()
    found = wb.compare([a, Run(b.folder)])
    assert found.pairs["said"][0] == f"Not comparable: {b.folder} has no epoch yet."
    assert pd.isna(found.runs["valid_accuracy"][1]) and found.runs["state"][1] == "new"


def test_a_run_whose_data_changed_before_it_was_asked_is_explained(tiny):
    recipe = wb.Recipe(wb.Digits(per_class=2), tiny, epochs=1)
    a, b = wb.fine_tune(recipe), wb.fine_tune(recipe, seed=1)
    b.files.write("environment.json", b.files.read("environment.json") | {"data": "another"})
    found = wb.compare([a, b])
    assert found.pairs["said"][0].startswith(f"Not comparable: the data changed since {b.folder} was trained")
    assert found.runs["low"][1] == b.best["valid_low"] and found.runs["valid_accuracy"][1] == b.best["valid_accuracy"]


@pytest.mark.parametrize("later", ["a", "b"])
def test_corrected_labels_are_those_of_the_run_that_was_started_later(told, later):
    a = told("one", [0, 0, 0, 0], labels=[0, 0, 0, 0], at=1000.0 + (later == "a"))
    b = told("two", [0, 0, 1, 1], labels=[0, 0, 1, 1], at=1000.0 + (later == "b"))
    found = pair(a, b)
    assert found["relabelled"] == 2
    assert (found["only_a"], found["only_b"]) == ((2, 0) if later == "a" else (0, 2))
    assert found["said"].endswith(" 2 labels were changed between them; the later ones count.")


def test_classes_are_matched_by_name_and_one_that_a_run_does_not_know_is_wrong(told):
    a = told("one", [0, 1, 0], labels=[0, 1, 0], classes=("cat", "dog"))
    b = told("two", [2, 1, 0], labels=[2, 1, 0], classes=("bird", "dog", "cat"), at=1.0)
    found = pair(a, b)
    assert (found["only_a"], found["only_b"], found["relabelled"]) == (0, 1, 1)  # the third is a bird now
    assert found["loss_difference"] == pytest.approx(np.log(np.exp(4) + 2) - np.log(np.exp(4) + 1))


def test_names_that_lie_in_two_folders_are_said_to_be_matched_by_name(told):
    runs = [told(name, [0, at], data=wb.Images(folder=name), at=at) for at, name in enumerate(("here", "there"))]
    assert pair(*runs)["said"].endswith(" The examples were matched by name: folder differs.")
    given = wb.Images(folder="here")
    for at, knob in enumerate(({"corrections": "mended.jsonl@3"}, {"group": "(.+)_[0-9]+"})):
        other = told(f"other-{at}", [0, 1], data=given.replace(**knob), at=at)
        assert "matched by name" not in pair(runs[0], other)["said"]  # the files are the same


def test_of_several_runs_all_pairs_are_tested_and_corrected(told):
    runs = [told(name, [0] * right + [1] * (100 - right)) for name, right in (("a", 50), ("b", 57), ("c", 70))]
    table = wb.compare(runs).pairs
    assert [*zip(table["a"], table["b"], strict=True)] == [("a", "b"), ("a", "c"), ("b", "c")]
    p = [exactly(0, 7), exactly(0, 20), exactly(0, 13)]
    assert table["p"].tolist() == pytest.approx(p)
    assert table["p_holm"].tolist() == pytest.approx([p[0], 3 * p[1], 2 * p[2]])
    assert table["said"][1].endswith("; p < 0.001, corrected for 3 tests.")


def test_holm_goes_on_from_the_least_and_never_down():
    assert comparing.holm([0.04, None, 0.01, 0.03]) == pytest.approx([0.06, None, 0.03, 0.06])
    assert comparing.holm([0.9, 0.8]) == [1.0, 1.0] and comparing.holm([]) == []
    ps = np.random.default_rng(0).random(20) ** 3
    assert (np.array(comparing.holm([*ps])) >= false_discovery_control(ps) - 1e-12).all()  # stricter than the mild one


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (1, 0), (5, 5), (3, 12), (40, 11), (0, 30)])
def test_mcnemars_test_is_exact(only_a, only_b):
    assert comparing.mcnemar(only_a, only_b) == pytest.approx(exactly(only_a, only_b))


# -- the other tables --------------------------------------------------------------------------------------------------


def test_knobs_that_differ_are_named_by_path_and_the_others_are_not(told):
    a = told("one", [0], regularizers="l2(strength=0.1)", lr=0.01, schedule="cosine")
    b = told("two", [0], regularizers="l2(strength=0.2), dropout")
    c = told("three", [0])
    c.files.tell("knob", step=4, path="lr", value=0.5)
    found = wb.compare({"a": a, "b": b, "c": c}).differences
    assert found.index.name == "knob" and [*found.columns] == ["a", "b", "c"]
    assert {path: [*row] for path, row in found.iterrows()} == {
        "regularizers": ["l2", "l2, dropout", "none"],
        "l2.strength": [0.1, 0.2, "–"],
        "dropout.rate": ["–", 0.2, "–"],
        "lr": [0.01, 0.001, 0.001],
        "schedule": ["cosine", "constant", "constant"],
        "schedule.warmup": [0.05, 0.0, 0.0],
        "schedule.last": [0.0, "–", "–"],
        "changes": ["", "", "4: lr=0.5"],
    }


def test_a_choice_stands_once_where_its_knob_says_the_same(told):
    other = told("two", [0])
    about = other.files.read("recipe.json")
    about["recipe"]["backbone"] = "test_vit(weights='random')"
    other.files.write("recipe.json", about)
    found = wb.compare([told("one", [0]), Run(other.folder)]).differences
    assert found.to_numpy().tolist() == [["test_resnet", "test_vit"]] and [*found.index] == ["backbone"]


def test_equal_recipes_differ_in_nothing(told):
    found = wb.compare([told("one", [0]), told("two", [0])]).differences
    assert found.empty and [*found.columns] == ["one", "two"]


def test_a_row_a_run(told):
    a = told("one", [0, 1, 0, 1], labels=[0, 1, 1, 1], regularizers="l2")
    a.note = "the first"
    found = wb.compare({"A": a, "B": told("two", [0] * 4)}).runs
    assert found.iloc[0].to_dict() == {
        "name": "A",
        "folder": "one",
        "note": "the first",
        "state": "finished",
        "data": "digits",
        "backbone": "test_resnet(weights='random')",
        "scope": "head",
        "regularizers": "l2",
        "best_epoch": 1,
        "valid_accuracy": 0.5,
        "low": 0.4,
        "high": 0.6,
        "valid_precision": 0.7,
        "valid_recall": 0.8,
        "valid_f1": 0.75,
        "gap_accuracy": 0.1,
        "gap_low": 0.05,
        "gap_high": 0.15,
        "seconds": 2.5,
        "memory": 7000,
    }


def test_classes_of_two_runs_with_the_difference_in_recall(told):
    a = told("one", [0, 0, 1, 1, 1], labels=[0, 0, 0, 1, 1])
    b = told("two", [0, 0, 0, 1, 0], labels=[0, 0, 0, 1, 1])
    found = wb.compare({"a": a, "b": b}).classes
    assert [*found.index] == ["cat", "dog"]
    assert found["a", "recall"].tolist() == pytest.approx([2 / 3, 1]) and found["b", "recall"].tolist() == [1, 0.5]
    assert found["a", "precision"].tolist() == pytest.approx([1, 2 / 3]) and found["b", "support"].tolist() == [3, 2]
    assert found["difference", "recall"].tolist() == pytest.approx([1 / 3, -0.5])
    three = wb.compare([a, b, told("three", [0])]).classes
    assert "difference" not in three.columns.get_level_values(0)


def test_a_class_that_one_run_was_not_asked_has_no_scores_there(told):
    a = told("one", [0, 1], labels=[0, 1])
    b = told("two", [0, 1], labels=[0, 1], classes=("cat", "fox"))
    found = wb.compare({"a": a, "b": b}).classes
    assert [*found.index] == ["cat", "dog", "fox"] and math.isnan(found["b", "recall"]["dog"])


# -- what is compared --------------------------------------------------------------------------------------------------


def test_runs_come_as_runs_names_folders_or_a_dict(told):
    a, b = told("one", [0], seed=1), told("two", [1], seed=2)
    assert [*wb.compare([a, "two"]).given] == ["seed: 1", "seed: 2"]
    assert [*wb.compare([a.folder, str(b.folder)]).runs["folder"]] == ["one", "two"]
    assert [*wb.compare({"x": "one", "y": b}).given] == ["x", "y"]
    wide = {"lr": 0.123456, "batch_size": 12345, "optimizer": "sgd"}
    assert [*wb.compare([a, told("three", [0], **wide)]).given] == ["one", "three"]  # no long names
    assert "“seed: 1”" in wb.compare([a, b]).pairs["said"][0]  # a name with a space in it is set apart


def test_one_run_is_no_comparison(told):
    a = told("one", [0])
    for given in ([], [a], [a, "one", a.folder]):
        with pytest.raises(BadChoice, match=r"takes two different runs or more, got [01]\."):
            wb.compare(given)
    with pytest.raises(BrokenRun, match=r"wb\.runs\(\) lists those"):
        wb.compare([a, "no such run"])


def test_runs_with_notes_of_their_own_go_by_them(told):
    a, b = told("one", [0], seed=1), told("two", [1], seed=2)
    a.note = "plain"
    assert [*wb.compare([a, b]).given] == ["seed: 1", "seed: 2"]
    b.note = "plain"
    assert [*wb.compare([a, b]).given] == ["seed: 1", "seed: 2"]
    b.note = "another seed"
    assert [*wb.compare([a, b]).given] == ["plain", "another seed"]


def test_runs_of_the_same_name_go_by_their_paths(told):
    runs = [told(f"{part}/run", [0]) for part in ("x", "y")]
    assert [*wb.compare(runs).given] == [str(run.folder) for run in runs]


def test_trained_runs_agree_with_their_own_details(tiny):
    recipe = wb.Recipe(wb.Digits(per_class=3), tiny, epochs=2, lr=1e-2, precision="float32")
    runs = {"none": wb.fine_tune(recipe), "l2": wb.fine_tune(recipe.replace(regularizers="l2(strength=0.5)"))}
    found = wb.compare(runs)
    details = [run.details() for run in runs.values()]
    assert found.runs["valid_accuracy"].tolist() == [each["accuracy"] for each in details]
    (row,) = found.pairs.to_dict("records")
    assert row["examples"] == details[0]["examples"] == len(recipe.data.load().valid)
    assert row["difference"] == pytest.approx(details[1]["accuracy"] - details[0]["accuracy"])
    assert row["only_b"] - row["only_a"] == pytest.approx(row["difference"] * row["examples"])
    assert row["loss_difference"] == pytest.approx(details[1]["loss"] - details[0]["loss"], rel=1e-4)
    assert found.runs["gap_accuracy"].tolist() == [run.best["gap_accuracy"] for run in runs.values()]
    assert compared(found.given).layout.yaxis.ticktext == ("none", "l2")


def test_one_name_alone_is_no_list():
    with pytest.raises(
        BadChoice, match=r"a comparison takes a list of runs, such as \['mine', another\], got one alone."
    ):
        wb.compare("mine")
