"""A network in two halves: the same as whole, for whatever timm builds, and only where a beginning is frozen."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import timm
import torch
from helpers import plain, until
from torch import nn

import workbench as wb
from workbench import features
from workbench.learners import plan as planning
from workbench.learners.cutting import halves
from workbench.scopes import All, Blocks, Norms


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_vit_relpos", "test_convnext", "test_efficientnet"])
def test_both_halves_come_to_what_the_whole_does(name):
    body = timm.create_model(name, num_classes=0).eval()
    x = torch.randn(3, *body.default_cfg["input_size"])
    trained = set(Blocks(last=1).chosen(body))
    found = halves(body, trained, x[:2])
    assert found is not None and found.name
    with torch.no_grad():
        middle = found.beginning(x)
        assert torch.allclose(found.tail(middle), body(x), atol=1e-5)
        for weight in trained:
            body.get_parameter(weight).add_(0.1)  # the halves share the body's weights
        assert torch.equal(found.beginning(x), middle) and torch.allclose(found.tail(middle), body(x), atol=1e-5)
    assert {id(body.get_parameter(weight)) for weight in trained} <= {id(w) for w in found.tail.parameters()}
    assert not {id(body.get_parameter(weight)) for weight in trained} & {id(w) for w in found.beginning.parameters()}


@pytest.mark.parametrize("scope", [All(), Norms()])
def test_nothing_is_cut_where_the_first_part_trains(scope):
    body = timm.create_model("test_resnet", num_classes=0)
    assert halves(body, set(scope.chosen(body)), torch.randn(2, 3, 96, 96)) is None


def test_networks_of_other_threads_compute_as_ever_while_one_is_traced(one_thread):
    """torch.fx changes the methods of all networks: a panel tells a price in a thread, while a cell trains."""
    call, x = nn.Module.__call__, torch.randn(2, 3, 64, 64)
    bodies = [timm.create_model("test_resnet", num_classes=0).eval() for _ in range(3)]
    trained, over = set(Blocks(last=1).chosen(bodies[0])), threading.Event()

    def computed():
        with torch.no_grad():
            expected = bodies[0](x)
            many = 0
            while not over.is_set():
                assert torch.equal(bodies[0](x), expected)
                many += 1
        return many

    with ThreadPoolExecutor(3) as pool:
        other = pool.submit(computed)
        found = [[*pool.map(lambda body: halves(body, trained, x), bodies[1:])] for _ in range(4)]
        over.set()
        assert other.result() > 1 and all(cut is not None for both in found for cut in both)
    assert nn.Module.__call__ is call


class Around(nn.Module):
    """Its trained part sees the input as well as what the frozen part made of it."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)), nn.Linear(4, 4)

    def forward(self, x):
        return self.last(self.first(x) + x)


class Wayward(Around):
    """Looks at its numbers, which tracing cannot follow."""

    def forward(self, x):
        return self.last(self.first(x)) if x.sum() > 0 else x


def test_what_cannot_be_cut_stays_whole():
    trained, x = {"last.weight", "last.bias"}, torch.ones(2, 4)
    around = halves(Around(), trained, x)
    assert around is not None and around.name == "add"  # past the sum of both there is but one way
    assert halves(Wayward(), trained, x) is None
    assert halves(Around(), trained | {"first.0.weight"}, x) is None


@pytest.fixture
def recipe(tiny):
    return wb.Recipe(wb.Digits(per_class=6), tiny, scope=Blocks(last=1), epochs=4, lr=3e-3, regularizers="dropout")


def test_a_run_of_the_last_blocks_is_the_run_of_the_whole_and_computes_the_rest_once(recipe, monkeypatch):
    calls, compute = [], features.compute
    monkeypatch.setattr(features, "compute", lambda *given: calls.append(given[-1]) or compute(*given))
    cut = wb.fine_tune(recipe)
    assert cut.files.read("environment.json")["cut"] == "layer3" and len(calls) == 2
    again = wb.fine_tune(recipe.replace(lr=1e-3))
    assert len(calls) == 2 and again.rows[-1] != cut.rows[-1]  # what is frozen was not computed again
    monkeypatch.setattr(planning, "half_of", lambda *_: None)
    whole = wb.fine_tune(recipe)
    assert whole.files.read("environment.json")["cut"] == ""
    for mine, row in zip(plain(cut.rows), plain(whole.rows), strict=True):
        for key in ("objective", "train_loss", "valid_loss"):
            assert mine[key] == (pytest.approx(row[key], rel=1e-3) if row[key] else row[key])
    part = recipe.data.load().inputs[:20]
    ours, theirs = cut.predict(part), whole.predict(part)
    assert ours["answer"].tolist() == theirs["answer"].tolist()


def test_a_run_that_was_cut_goes_on_to_the_bit(recipe):
    run = wb.start(recipe.replace(epochs=8))
    run.pace(10)
    until(lambda: len(run.rows) > 2)
    run.stop()
    run.join()
    run.pace(0)
    run.resume().join()
    assert plain(run.rows) == plain(wb.fine_tune(recipe.replace(epochs=8)).rows)


@pytest.mark.parametrize("change", [{"precision": "float64"}, {"scope": All()}])
def test_where_it_would_not_be_the_same_nothing_is_cut(recipe, change):
    assert planning.plan(recipe.replace(**change)).learner.cut == ""


def test_what_would_take_too_much_room_is_not_kept(recipe, monkeypatch):
    monkeypatch.setattr(planning, "KEPT", 1000)
    assert planning.plan(recipe).learner.cut == ""
