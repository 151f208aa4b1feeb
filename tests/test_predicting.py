"""From a trained plan to answers: one module that says what the learner says."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench.job import Job
from workbench.learners.plan import plan
from workbench.predicting import logits, of_plan
from workbench.trainer import Watch, train

pytestmark = pytest.mark.usefixtures("one_thread")
SCOPES = ("head", "head(layers=2, width=16, activation='gelu')", "blocks(last=1)", "norms", "all")


def trained(scope, tiny, **more):
    """A plan after two epochs, and the learner's own answers on the validation part."""
    job = Job(plan(wb.Recipe(wb.Digits(per_class=5), tiny, scope=scope, epochs=2, lr=1e-2, **more)))
    list(train(job, Watch()))
    return job.plan, job.learner.answers(job.valid)[0]


def whole(plan):
    return of_plan(plan).model


@pytest.mark.parametrize("scope", SCOPES)
def test_whole_answers_as_the_learner_does(scope, tiny):
    found, wanted = trained(scope, tiny, precision="float32")
    model, pictures = whole(found), found.data.inputs[found.data.valid]
    with torch.no_grad():
        answers = model(found.built.prepare(pictures))
    torch.testing.assert_close(answers, wanted, rtol=1e-3, atol=1e-4)
    assert (answers.argmax(-1) == wanted.argmax(-1)).float().mean() > 0.99
    torch.testing.assert_close(logits(of_plan(found), pictures), answers, rtol=1e-3, atol=1e-4)
    assert not any(part.training for part in model.modules())


@pytest.mark.parametrize("precision", ["bfloat16", "float64"])
@pytest.mark.parametrize("scope", ["head", "all"])
def test_logits_keep_to_the_precision_of_the_run(scope, precision, tiny):
    found, wanted = trained(scope, tiny, precision=precision)
    answers = logits(of_plan(found), found.data.inputs[found.data.valid])
    assert answers.dtype == torch.float32 and answers.shape == (len(found.data.valid), 10)
    near = {"rtol": 0.1, "atol": 0.1} if precision == "bfloat16" else {"rtol": 1e-3, "atol": 1e-4}
    torch.testing.assert_close(answers, wanted.float(), **near)


def test_batches_do_not_show_and_arrays_do(tiny):
    found, _ = trained("head", tiny, precision="float32")
    pictures = found.data.inputs[:300]
    all_at_once = logits(of_plan(found), pictures)
    torch.testing.assert_close(all_at_once[250:], logits(of_plan(found), pictures[250:]), rtol=1e-3, atol=1e-4)
    assert torch.equal(logits(of_plan(found), pictures.numpy()), all_at_once)
    assert logits(of_plan(found), pictures[:1]).shape == (1, 10)


def test_training_on_does_not_move_the_head_of_a_model_that_was_taken(tiny):
    job = Job(plan(wb.Recipe(wb.Digits(per_class=5), tiny, epochs=1, lr=1e-2)))
    model = whole(job.plan)
    before = {name: weight.clone() for name, weight in model.head.items()}
    list(train(job, Watch()))
    assert all(torch.equal(before[name], weight) for name, weight in model.head.items())
    assert not torch.equal(whole(job.plan).head["head_0_weight"], before["head_0_weight"])


def test_whole_is_a_torch_module_with_every_weight_in_its_state(tiny):
    found, _ = trained("head(layers=1, width=8)", tiny)
    model = whole(found)
    names = set(model.state_dict())
    assert {f"body.{name}" for name in found.built.body.state_dict()} | {"mean", "std"} <= names
    assert {name: tuple(w.shape) for name, w in model.head.items()} == {
        "head_0_weight": (1, 96, 8), "head_0_bias": (1, 1, 8), "head_1_weight": (1, 8, 10), "head_1_bias": (1, 1, 10),
    }  # fmt: skip
    assert next(model.parameters()).device.type == "cpu"
