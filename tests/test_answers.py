"""A run's answers, example by example: right, kept, and computed again where the best epoch moved on."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench import answers, evaluation
from workbench.errors import BrokenRun
from workbench.folder import RunFolder
from workbench.run import Run

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    recipe = wb.Recipe(wb.Digits(per_class=10), epochs=3, lr=1e-2, precision="float32")
    return wb.fine_tune(recipe, tmp_path_factory.mktemp("answers") / "run")


def test_both_parts_are_there_with_the_labels_as_given_and_no_test_example(run):
    data, found = run.recipe.data.load(), run.answers()
    assert [*found["key"]] == [data.keys[at] for at in [*data.train, *data.valid]]
    assert [*found["label"]] == [data.classes[label] for label in data.labels[[*data.train, *data.valid]]]
    assert (found["part"] == "train").sum() == len(data.train) and not {data.keys[at] for at in data.test} & {
        *found["key"]
    }


def test_the_table_agrees_with_the_row_of_the_best_epoch(run):
    valid = run.answers("valid")
    assert valid["right"].mean() == pytest.approx(run.best["valid_accuracy"])
    assert valid["loss"].mean() == pytest.approx(run.best["valid_loss"], rel=1e-4)


def test_confidence_is_the_softmax_of_the_answer(run):
    found = answers.of(run)
    chances = np.exp(found.logits) / np.exp(found.logits).sum(-1, keepdims=True)
    assert found.table()["confidence"].to_numpy() == pytest.approx(chances.max(-1))
    assert found.table()["loss"].to_numpy() == pytest.approx(evaluation.losses(found.logits, found.labels))


def test_answers_are_kept_and_read_without_building_the_network(run, monkeypatch):
    first = run.answers()
    monkeypatch.setattr(Run, "restored", lambda self: pytest.fail("the network was built again"))
    assert wb.open_run(run.folder).answers().equals(first)


def test_a_damaged_file_and_another_best_epoch_are_computed_again(run):
    first = run.answers()
    (run.folder / answers.FILE).write_bytes(b"no safetensors")
    assert run.answers().equals(first)
    assert answers.kept(run, run.best["step"] + 1) is None


def test_answers_are_kept_under_the_step_whose_weights_gave_them(run, monkeypatch):
    """A run under way may come to a better epoch while they are computed."""
    (run.folder / answers.FILE).unlink(missing_ok=True)
    watching, first, compute = wb.open_run(run.folder), run.best, answers._computed
    better = first | {"step": first["step"] + 9, "epoch": 9, "valid_loss": 0.0}
    monkeypatch.setattr(
        answers, "_computed", lambda *about: (monkeypatch.setattr(Run, "best", better), compute(*about))[1]
    )
    answers.of(watching)
    assert watching.best is better and answers.kept(watching, better["step"]) is None
    assert answers.kept(watching, first["step"]) is not None


def test_a_run_without_an_epoch_has_no_answers(tmp_path):
    files = RunFolder(tmp_path / "run")
    files.path.mkdir()
    files.write("recipe.json", {"recipe": wb.Recipe().to_dict(), "sources": {}})
    with pytest.raises(BrokenRun, match="has no epoch yet"):
        Run(files).answers()
