"""What a search will take: more of anything costs more, and the pictures of a person's own stay unread."""

from __future__ import annotations

import time

import pytest
from helpers import noisy_folder

import workbench as wb
from workbench import cost
from workbench.datasets.files import Folder
from workbench.errors import BadChoice, BadKnob
from workbench.searching import pricing
from workbench.searching.pricing import Price, beside, price
from workbench.searching.space import space_of

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def recipe(tiny):
    return wb.Recipe(wb.Digits(per_class=5), tiny, epochs=10)


def test_more_trials_more_epochs_and_more_weights_that_train_cost_more(recipe):
    few, many = price(recipe, wb.Random(trials=16)), price(recipe, wb.Random(trials=160))
    assert (few.trials, few.at_once, many.at_once) == (16, 16, 128) and few.each > 0 and many.memory > few.memory
    assert many.seconds == pytest.approx(many.once + 160 * many.each)
    assert price(recipe.replace(epochs=100), "random").each > few.each
    whole = price(recipe.replace(scope="all"), "random")
    assert whole.each > few.each and whole.at_once == 1 and whole.memory > few.memory > 0


def test_a_round_is_priced_as_it_would_be_driven(recipe):
    mixed = price(recipe, wb.Random(trials=16), {"batch_size": [16, 32], "scope": ["head", "all"]})
    alone = price(recipe.replace(scope="all"), wb.Random(trials=16), {"batch_size": [16, 32]})
    assert mixed.trials == 16 and mixed.at_once == 1 and mixed.each < alone.each  # 16, 32 of each are all there are
    assert price(recipe, "grid(points=3)", {"lr": None, "epochs": [5, 10]}).at_once == 6


def test_the_probe_is_not_repeated_where_only_strengths_move(recipe):
    first = price(recipe.replace(regularizers="l2"), "random")
    assert price(recipe.replace(regularizers="l2(strength=0.2)", lr=0.1), "random") == first


def test_what_a_strategy_takes_to_propose_is_in_the_price(recipe, monkeypatch):
    process, tree = (price(recipe, f"bayesian(trials=128, model={model!r})") for model in ("gp", "tpe"))
    assert process.each > tree.each
    propose = wb.Bayesian.propose
    monkeypatch.setattr(wb.Bayesian, "propose", lambda *given: time.sleep(2) or propose(*given))
    pricing._proposing.cache_clear()
    slow = price(recipe, "bayesian(trials=128, model='tpe')")
    assert slow.each > tree.each + 1 / wb.Bayesian.size  # half of it: the probe's own time goes up and down
    pricing._proposing.cache_clear()


def test_a_rule_that_ends_runs_does_not_end_the_probe(recipe):
    assert price(recipe.replace(regularizers="early-stopping(patience=1)"), "random").each > 0


def test_other_scopes_and_augmentations_stand_beside_it(tmp_path, tiny, monkeypatch):
    reads, real = [], Folder.read
    monkeypatch.setattr(Folder, "read", lambda self, name: reads.append(name) or real(self, name))
    own = wb.Recipe(wb.Images(str(noisy_folder(tmp_path / "own", each=60)), size=32), tiny, epochs=4)
    space = {"lr": wb.Range(1e-4, 1e-1, log=True), "scope.layers": [0, 1]}
    found = dict(beside(own, wb.Random(trials=8), space_of(own, space)))
    assert [*found] == ["scope blocks", "scope norms", "scope all", "augment light", "augment strong"]
    here = price(own, wb.Random(trials=8), space)
    assert found["augment light"].once > here.once and found["scope all"].each > here.each
    moved = space_of(own, {"lr": None, "scope": ["head", "all"]})
    assert [name for name, _ in beside(own, wb.Random(trials=8), moved)] == ["augment light", "augment strong"]
    assert len(reads) < 17 * 3  # a few files are tried for the reading, and no more


def test_points_have_no_other_scope_to_be_priced():
    plane = wb.Recipe(wb.Points(count=20), "plane", epochs=4)
    assert price(plane, wb.Random(trials=8), folds=5).trials == 8
    assert [*beside(plane, wb.Random(trials=8), space_of(plane, None), 5)] == []


def test_the_parts_of_pictures_are_known_before_they_are_read(tmp_path):
    own = wb.Images(str(noisy_folder(tmp_path / "own", each=60)), size=32)
    assert own.parts() == (72, 24, 2) and own.replace(per_class=5).parts() == (10, 24, 2)
    root = tmp_path / "split"
    for part, each in (("train", 12), ("valid", 6), ("test", 3)):
        noisy_folder(root / part, each=each)
    assert wb.Images(str(root), size=32).parts() == (24, 12, 2)
    assert wb.Digits(per_class=5).parts()[0] == 50


def test_what_cannot_be_searched_has_no_price(recipe):
    with pytest.raises(BadChoice, match="no backbone is chosen"):
        price(wb.Recipe(wb.Images("nowhere")))
    with pytest.raises(BadKnob, match="must have at most 10,000 points"):
        price(recipe.replace(regularizers="l1, l2, dropout"), "grid(points=20)")


def test_a_price_in_words_and_what_fits_into_some_minutes():
    assert str(Price(64, 2.0, 0.1, 5e6, 16)) == "64 trials: about 8 s, 5 MB; 16 at once on kept features."
    assert str(Price(64, 60.0, 60.0, 3e9, 1)) == "64 trials: about 65 min 0 s, 2.8 GB; one by one."
    assert Price(64, 60.0, 60.0, 0, 1).within(10) == 9 and Price(64, 60.0, 60.0, 0, 1).within(0.5) == 0
    assert cost.sized(900 * 2**20) == "900 MB" and cost.sized(2**30) == "1.0 GB"


def test_folds_cost_more_and_a_kept_beginning_less(recipe):
    alone, folded = price(recipe, "random(trials=8)"), price(recipe, "random(trials=8)", folds=10)
    assert folded.memory > 2 * alone.memory
    blocks = recipe.replace(scope="blocks(last=1)")
    assert pricing._is_cut(blocks) and not pricing._is_cut(recipe.replace(scope="all"))
    assert (
        price(blocks, "random(trials=4)", {"lr": None}, folds=4).each
        > price(blocks, "random(trials=4)", {"lr": None}).each
    )
