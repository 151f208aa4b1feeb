"""The loop: rows, determinism, accumulation, divergence, scopes."""

from __future__ import annotations

import pytest
import torch
from helpers import plain

import workbench as wb
from workbench.errors import Diverged
from workbench.job import Job
from workbench.learners.plan import plan
from workbench.sampling import stratified
from workbench.trainer import Watch, train

SMALL = wb.Digits(per_class=5)


def rows_of(recipe):
    job = Job(plan(recipe))
    return list(train(job, Watch())), job


@pytest.mark.parametrize("scope", ["head", "blocks(last=1)", "norms", "all"])
def test_same_seed_same_bits_and_another_seed_others(tiny, scope):
    recipe = wb.Recipe(SMALL, tiny, scope=scope, epochs=2, regularizers="dropout, l2")
    (first, one), (second, two), (other, _) = (rows_of(r) for r in (recipe, recipe, recipe.replace(seed=1)))
    assert plain(first) == plain(second) != plain(other)
    assert all(
        torch.equal(a, b) for a, b in zip(one.learner.state().values(), two.learner.state().values(), strict=True)
    )


@pytest.mark.parametrize(("scope", "moves"), [("head", 0), ("blocks(last=1)", 9), ("norms", 26), ("all", None)])
def test_what_is_frozen_stays_to_the_bit(tiny, scope, moves):
    recipe = wb.Recipe(SMALL, tiny, scope=scope, epochs=1)
    job = Job(plan(recipe))
    before = {name: t.clone() for name, t in job.plan.built.body.state_dict().items()}
    list(train(job, Watch()))
    after = job.plan.built.body.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    chosen = set(recipe.scope.chosen(job.plan.built.body))
    statistics = {name for name in before if name not in dict(job.plan.built.body.named_parameters())}
    assert moved <= (chosen | statistics if scope == "all" else chosen)
    assert bool(moved) == (moves != 0) and (scope != "all" or moved & statistics)


def test_row_zero_is_measured_before_training(tiny):
    rows, job = rows_of(wb.Recipe(SMALL, tiny, epochs=1))
    assert [row["epoch"] for row in rows] == [0, 1] and rows[0]["step"] == 0 and rows[0]["objective"] is None
    assert rows[1]["examples"] == 50 and rows[1]["step"] == job.steps


def test_the_gap_stands_in_the_rows_on_the_labels_given(tiny):
    rows, _ = rows_of(wb.Recipe(SMALL, tiny, epochs=3, regularizers="label-smoothing(amount=0.5)"))
    for row in rows:
        assert row["gap_loss"] == pytest.approx(row["valid_loss"] - row["train_loss"])
        assert row["gap_accuracy"] == pytest.approx(row["train_accuracy"] - row["valid_accuracy"])
        assert row["low"] <= row["gap_accuracy"] <= row["high"]


def test_wrong_labels_are_measured_apart(tiny):
    rows, job = rows_of(wb.Recipe(wb.Digits(per_class=10, label_noise=0.4), tiny, epochs=100, lr=1e-2, batch_size=10))
    assert job.data.spoilt and rows[-1]["memorised"] > 0.9 and rows[0]["memorised"] < 0.3
    assert rows[-1]["train_accuracy"] > 0.95 and rows[-1]["clean_train_accuracy"] < 0.7
    assert rows[-1]["rise"] > 0.05 and rows[-1]["rise_low"] > 0  # validation got worse, beyond doubt


def test_accumulation_equals_a_larger_batch(tiny):
    recipe = wb.Recipe(SMALL, tiny, epochs=2, batch_size=20, precision="float64")
    large, _ = rows_of(recipe)
    small, _ = rows_of(recipe.replace(batch_size=5, accumulate=4))
    assert small[-1]["valid_loss"] == pytest.approx(large[-1]["valid_loss"], abs=1e-9)


@pytest.mark.parametrize("scope", ["head", "all"])
def test_a_loss_that_is_no_number_stops_the_run_at_finite_weights(tiny, scope):
    job = Job(plan(wb.Recipe(SMALL, tiny, scope=scope, lr=1e11, epochs=50, optimizer="sgd", regularizers="l2")))
    with pytest.raises(Diverged, match=r"no longer a finite number at step \d+ .* Lower lr \(now 1e\+11\)"):
        list(train(job, Watch()))
    assert job.step < 10 and all(torch.isfinite(w).all() for w in job.weights)


@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit"])
def test_a_run_that_diverged_keeps_no_number_that_is_none(backbone):
    data, network = SMALL, wb.backbone(backbone, "random")
    job = Job(plan(wb.Recipe(data, network, scope="all", lr=1e12, epochs=9, optimizer="sgd", regularizers="l2")))
    with pytest.raises(Diverged):
        list(train(job, Watch()))
    kept = job.snapshot()[0]
    assert {"buffer.mean", "buffer.std"} < set(kept)
    assert [name for name, t in kept.items() if name != "job.sums" and not torch.isfinite(t.double()).all()] == []


def test_a_diverged_run_says_so_and_keeps_its_rows(tiny):
    recipe = wb.Recipe(SMALL, tiny, lr=1e11, epochs=50, optimizer="sgd", regularizers="l2")
    with pytest.raises(Diverged):
        wb.fine_tune(recipe)
    run = wb.open_run(wb.runs()["name"][0])
    assert run.state == "failed" and run.rows and "Lower lr" in run.messages[-1]
    (tensors, _), _ = run.files.newest()
    assert all(torch.isfinite(t).all() for name, t in tensors.items() if name.startswith("head"))


def test_early_stopping_ends_the_run(tiny):
    rows, _ = rows_of(wb.Recipe(wb.Digits(per_class=10, label_noise=0.4), tiny, epochs=200, lr=1e-2,
                                regularizers="early-stopping(patience=3)"))  # fmt: skip
    best = min(rows, key=lambda row: row["valid_loss"])
    assert rows[-1]["epoch"] == best["epoch"] + 3 < 200


def test_changes_are_replayed_at_their_step(tiny):
    recipe = wb.Recipe(SMALL, tiny, epochs=4, regularizers="l2(strength=0.0)", batch_size=25)
    plainly, _ = rows_of(recipe)
    changed, job = rows_of(recipe.replace(changes="4: l2.strength=0.3; 6: lr=0.5"))
    assert (
        plain(plainly)[:3] == plain(changed)[:3]
        and changed[3]["penalty"] > 0
        and changed[4]["lr"] == pytest.approx(0.5)
    )
    assert job.knobs["l2.strength"] == 0.3


def test_patience_that_is_turned_is_heeded_and_lasts_over_a_checkpoint(tiny):
    data = wb.Digits(per_class=10, label_noise=0.4)
    recipe = wb.Recipe(data, tiny, epochs=60, lr=1e-2, regularizers="early-stopping(patience=50)", batch_size=100)
    rows, job = rows_of(recipe.replace(changes="30: early-stopping.patience=2"))
    assert 30 <= rows[-1]["epoch"] < 60 and job.knobs["early-stopping.patience"] == 2
    again = Job(plan(recipe))
    again.restore(*job.snapshot(), rows)
    assert not again.goes_on()


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float64"])
def test_every_precision_trains_a_network(tiny, precision):
    rows, _ = rows_of(wb.Recipe(SMALL, tiny, scope="all", epochs=3, precision=precision))
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]


def test_a_last_batch_of_one_example(tiny):
    rows, _ = rows_of(wb.Recipe(SMALL, tiny, scope="all", epochs=2, batch_size=7))  # 50 = 7 * 7 + 1
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]


def test_the_callers_threads_and_random_state_are_left_alone(tiny):
    torch.manual_seed(3)
    wanted = torch.rand(3)
    torch.manual_seed(3)
    threads = torch.get_num_threads()
    for _ in train(Job(plan(wb.Recipe(SMALL, tiny, scope="all", epochs=1))), Watch()):
        assert torch.get_num_threads() == threads
    assert torch.equal(torch.rand(3), wanted)


def test_the_probe_is_stratified():
    labels = torch.tensor([0] * 80 + [1] * 20)
    probe = stratified(labels, 50)
    assert len(probe) == 50 and int(labels[probe].sum()) == 10 and len(stratified(labels, 500)) == 100


def test_a_scope_that_the_backbone_does_not_take_is_refused_before_anything_is_computed(tiny, monkeypatch):
    def computed(*_, **__):
        raise AssertionError("features were computed")

    monkeypatch.setattr("workbench.features.kept", computed)
    with pytest.raises(wb.errors.BadKnob, match=r"blocks\.last must be in \[1, \d+\] for this backbone, got 9"):
        wb.fine_tune(wb.Recipe(wb.Digits(per_class=2), tiny, scope="blocks(last=9)", epochs=1))
