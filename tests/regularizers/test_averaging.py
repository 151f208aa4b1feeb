"""EMA and SWA: averages that answer, in rows, in checkpoints and in predictions."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench.job import Job
from workbench.learners.plan import plan
from workbench.trainer import Watch, train

pytestmark = pytest.mark.usefixtures("one_thread")


class Steps(Watch):
    """Keeps the weights before each step, and at the end of each epoch."""

    def __init__(self):
        self.before, self.ends = [], []

    def weights(self, job):
        return {name: w.detach().clone() for name, w in job.learner.averaged().items()}

    def go_on(self, job):
        self.before.append(self.weights(job))
        return True

    def on_rows(self, job, rows):
        if job.epoch:
            self.ends.append(self.weights(job))


def run_of(regularizers, scope, epochs=4):
    recipe = wb.Recipe(wb.Digits(per_class=5), scope=scope, epochs=epochs, batch_size=20, lr=1e-2, precision="float32",
                       regularizers=regularizers)  # fmt: skip
    job, watch = Job(plan(recipe)), Steps()
    rows = list(train(job, watch))
    return job, watch, rows


@pytest.mark.parametrize("scope", ["head", "blocks(last=1)", "all"])
def test_ema_is_the_moving_average_of_every_step(scope):
    job, watch, _ = run_of("ema(decay=0.8)", scope)
    after = [*watch.before[1:], watch.ends[-1]]
    for name, mean in job.now["ema"].memory.items():
        if name == "count":
            continue
        wanted = watch.before[0][name].double()
        for step, each in enumerate(after):
            kept = min(0.8, (1 + step) / (10 + step))
            wanted = kept * wanted + (1 - kept) * each[name].double()
        torch.testing.assert_close(mean.double(), wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("scope", ["head", "all"])
def test_swa_is_torchs_mean_of_the_ends_of_epochs_from_its_start_on(scope):
    job, watch, _ = run_of("swa(start=0.5)", scope, epochs=6)
    for name, mean in job.now["swa"].memory.items():
        if name == "count":
            assert mean.tolist() == [3]
            continue
        model = torch.optim.swa_utils.AveragedModel(torch.nn.ParameterList([torch.zeros_like(mean)]))
        for each in watch.ends[3:]:
            model.update_parameters(torch.nn.ParameterList([each[name]]))
        torch.testing.assert_close(mean, model.module[0].data, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["ema(decay=0.9)", "swa(start=0.5)"])
@pytest.mark.parametrize("scope", ["head", "all"])
def test_the_average_answers_and_training_goes_on_as_without_it(name, scope):
    _, watch, rows = run_of(name, scope)
    _, plain, alone = run_of("", scope)
    for one, other in zip(watch.before, plain.before, strict=True):
        assert all(torch.equal(one[key], other[key]) for key in one)
    assert rows[-1]["valid_loss"] != alone[-1]["valid_loss"] and rows[0]["valid_loss"] == alone[0]["valid_loss"]


@pytest.mark.parametrize("name", ["ema(decay=0.9)", "swa(start=0.5)"])
@pytest.mark.parametrize("scope", ["head", "all"])
def test_a_run_predicts_and_tests_with_what_its_rows_were_measured_of(name, scope):
    recipe = wb.Recipe(wb.Digits(per_class=10), scope=scope, epochs=4, lr=1e-2, regularizers=name, precision="float32")
    run = wb.fine_tune(recipe)
    data = recipe.data.load()
    answers = run.predict(data.inputs[data.valid])["answer"]
    right = (answers == [data.classes[at] for at in data.labels[data.valid].tolist()]).mean()
    assert right == pytest.approx(run.best["valid_accuracy"], abs=1e-6)


def test_of_a_fused_group_each_trial_averages_as_if_alone():
    first = wb.Recipe(
        wb.Digits(per_class=5), lr=1e-2, precision="float64", regularizers="swa(start=0.5)", batch_size=20
    )
    recipes = [first.replace(epochs=epochs, seed=seed) for epochs, seed in ((2, 0), (6, 1), (3, 0))]
    group = Job(plan(recipes))
    list(train(group, Watch()))
    for at, recipe in enumerate(recipes):
        alone = Job(plan(recipe))
        list(train(alone, Watch()))
        one, other = group.rows_of[at][-1], alone.rows[-1]
        assert one["valid_loss"] == pytest.approx(other["valid_loss"], rel=1e-9) and one["epoch"] == recipe.epochs
