"""What only a machine with an NVIDIA GPU can show; skipped elsewhere."""

from __future__ import annotations

import pytest
import torch
from helpers import plain

import workbench as wb
from workbench.choices import entries
from workbench.learners.plan import device, plan
from workbench.regularizers import Regularizer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no NVIDIA GPU"),
]


def test_a_gpu_is_taken_where_there_is_one(monkeypatch):
    assert device().type == "cuda"
    monkeypatch.setenv("WORKBENCH_DEVICE", "cpu")
    assert device().type == "cpu"


@pytest.mark.parametrize("scope", ["head", "blocks", "norms", "all"])
@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_every_scope_learns(scope, precision):
    recipe = wb.Recipe(wb.Digits(per_class=20), scope=scope, epochs=5, lr=3e-3, precision=precision,
                       regularizers="dropout, l2, label-smoothing")  # fmt: skip
    run = wb.fine_tune(recipe)
    assert run.best["valid_accuracy"] > 0.8 and run.files.read("environment.json")["device"] == "cuda"
    assert run.test()["accuracy"] > 0.8


@pytest.mark.parametrize("name", [n for n, k in entries(Regularizer).items() if k.__module__.startswith("workbench.")])
@pytest.mark.parametrize("scope", ["head", "all"])
def test_every_regularizer_works_there(name, scope):
    data = {"language": wb.Docstrings, "speech": wb.Vowels}.get(entries(Regularizer)[name].domains[0], wb.Digits)
    recipe = wb.Recipe(data(per_class=5), scope=scope, epochs=2, regularizers=name)
    if any(each.unfit(recipe) for each in recipe.regularizers):
        pytest.skip("it has no place here")
    run = wb.fine_tune(recipe)
    assert run.state == "finished" and run.rows[-1]["train_loss"] < run.rows[0]["train_loss"]


def test_labs_of_heads_run_there():
    recipe = wb.Recipe(wb.Digits(per_class=5), epochs=3, lr=1e-2)
    for found in (wb.labs.robustness(recipe, ("", "l2"), seeds=2), wb.labs.data_size(recipe, (2, 4), seeds=2)):
        assert found["accuracy"].between(0, 1).all()
    assert len(wb.labs.by_heart(recipe).chances) == 4
    assert wb.labs.label_noise(recipe, (0.4,), ("", "ema"), seeds=2)["memorised"].between(0, 1).all()


def test_the_cpu_and_the_gpu_agree(monkeypatch):
    recipe = wb.Recipe(wb.Digits(per_class=20), scope="all", epochs=3, precision="float32")
    there = wb.fine_tune(recipe).rows
    monkeypatch.setenv("WORKBENCH_DEVICE", "cpu")
    here = wb.fine_tune(recipe).rows
    assert there[-1]["valid_loss"] == pytest.approx(here[-1]["valid_loss"], rel=0.05)


def test_a_run_that_was_left_goes_on(tmp_path):
    recipe = wb.Recipe(wb.Digits(per_class=20), scope="all", epochs=4, precision="float32")
    for row in wb.train(recipe, tmp_path / "run"):
        if row["epoch"] == 2:
            break
    rows = wb.fine_tune(recipe, tmp_path / "run").rows
    assert [row["epoch"] for row in rows] == list(range(5))
    assert rows[-1]["valid_loss"] == pytest.approx(wb.fine_tune(recipe).rows[-1]["valid_loss"], rel=0.05)


def test_bits_of_two_runs_with_deterministic_algorithms(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    try:
        recipe = wb.Recipe(wb.Digits(per_class=20), scope="all", epochs=2)
        assert plain(wb.fine_tune(recipe).rows) == plain(wb.fine_tune(recipe).rows)
    finally:
        torch.use_deterministic_algorithms(False)


def test_data_that_fits_stays_on_the_device():
    found = plan(wb.Recipe(scope="all"))
    assert found.learner.prepared.device.type == "cuda" and found.learner.labels.device.type == "cuda"


def test_heads_train_where_the_backbone_ran_and_come_to_what_they_do_on_the_cpu(monkeypatch):
    recipe = wb.Recipe(wb.Digits(per_class=20), epochs=6, lr=1e-2, regularizers="l2, dropout", precision="float32")
    learner = plan(recipe).learner
    assert {learner.device.type, learner.features.device.type, learner.labels.device.type} == {"cuda"}
    space = {"lr": wb.Range(1e-3, 1e-1, log=True), "dropout.rate": wb.Range(0.0, 0.5)}
    there = wb.search(recipe, "random(trials=8)", space, name="there", folds=3)
    assert 0 < there.winner(seeds=2).test["mean"] <= 1
    monkeypatch.setenv("WORKBENCH_DEVICE", "cpu")
    here = wb.search(recipe, "random(trials=8)", space, name="here", folds=3)
    assert there.trials["value"].tolist() == pytest.approx(here.trials["value"].tolist(), rel=0.02)
