"""Changed pictures: a function of picture and seed, of the same shape, and of no effect on other random numbers."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.datasets.augmentation import augmented
from workbench.job import Job
from workbench.learners.plan import plan

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def pictures():
    return torch.randint(0, 256, (6, 3, 24, 24), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


@pytest.mark.parametrize("how", ["light", "strong"])
def test_the_same_seed_gives_the_same_pictures_whatever_was_drawn_before(pictures, how):
    first = augmented(pictures, how, 7)
    random.random(), torch.rand(3)
    assert torch.equal(augmented(pictures, how, 7), first) and not torch.equal(augmented(pictures, how, 8), first)
    assert first.shape == pictures.shape and first.dtype == torch.uint8 and not torch.equal(first, pictures)


def test_no_other_random_number_moves(pictures):
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    wanted = random.random(), np.random.rand(), torch.rand(1)
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    augmented(pictures, "strong", 3)
    assert (random.random(), np.random.rand(), torch.rand(1)) == wanted


def test_none_leaves_them_and_grey_ones_stay_grey(pictures):
    assert augmented(pictures, "none", 0) is pictures
    assert augmented(pictures[:, :1], "strong", 0).shape == (6, 1, 24, 24)


def test_light_keeps_colours_and_strong_changes_them():
    red = torch.zeros(40, 3, 24, 24, dtype=torch.uint8)
    red[:, 0] = 200
    assert torch.equal(augmented(red, "light", 0), red)
    assert not torch.equal(augmented(red, "strong", 0), red)


@pytest.fixture
def own(tmp_path):
    from PIL import Image

    draw = np.random.default_rng(0)
    for name, base in (("dark", 0), ("light", 120)):
        (tmp_path / "own" / name).mkdir(parents=True)
        for at in range(30):
            pixels = (draw.integers(0, 130, (32, 32, 3)) + base).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / "own" / name / f"{at}.png")
    return str(tmp_path / "own")


@pytest.mark.parametrize("scope", ["head", "all"])
def test_training_sees_changed_pictures_and_evaluation_does_not(own, tiny, scope):
    plain = wb.Recipe(wb.Images(own, size=32), tiny, scope=scope, epochs=3)
    strong = plain.replace(data=wb.Images(own, size=32, augment="strong"))
    jobs = [Job(plan(recipe)) for recipe in (plain, strong)]
    positions = torch.arange(8).unsqueeze(0)
    seen = []
    for job in jobs:
        assert torch.equal(job.learner.answers(job.valid), jobs[0].learner.answers(job.valid))
        for epoch in (0, 1):
            job.epoch = epoch
            job.batches(0)
            seen.append(job.learner.inputs(positions).clone())
    assert torch.equal(seen[0], seen[1]) and not torch.equal(seen[0], seen[2]) and not torch.equal(seen[2], seen[3])


@pytest.mark.parametrize("scope", ["head", "all"])
def test_the_same_recipe_gives_the_same_run(own, tiny, scope, tmp_path):
    recipe = wb.Recipe(wb.Images(own, size=32, augment="strong"), tiny, scope=scope, epochs=2)
    found = [wb.fine_tune(recipe, tmp_path / str(at)).history.drop(columns="seconds") for at in range(2)]
    assert found[0].equals(found[1])
    plain = wb.fine_tune(recipe.replace(data=wb.Images(own, size=32)), tmp_path / "plain")
    assert plain.rows[0]["valid_loss"] == found[0]["valid_loss"][0]
    assert plain.rows[2]["valid_loss"] != found[0]["valid_loss"][2]


@pytest.mark.parametrize("scope", ["head", "all"])
def test_rare_classes_are_drawn_as_often_or_weigh_as_much(own, tiny, scope):
    from pathlib import Path

    for at in range(10, 30):
        (Path(own) / "dark" / f"{at}.png").unlink()
    jobs = {
        how: Job(plan(wb.Recipe(wb.Images(own, size=32, balance=how), tiny, scope=scope)))
        for how in ("as is", "weighted", "resampled")
    }
    for how, job in jobs.items():
        labels = job.data.labels[job.data.train]
        job.batches(0)
        share = float((labels == 0).double().mean())
        assert (job.class_weights is not None) == (how == "weighted")
        if how == "weighted":
            assert float(job.class_weights[0][labels].mean()) == pytest.approx(1)
            assert float(job.class_weights[0][0]) == pytest.approx(0.5 / share, rel=1e-5)
    [order] = jobs["resampled"]._order[1]
    many = torch.cat([jobs["resampled"]._drawn(torch.Generator().manual_seed(at), 0) for at in range(60)])
    labels = jobs["resampled"].data.labels[jobs["resampled"].data.train]
    assert len(order) == len(labels) and abs(float((labels[many] == 0).double().mean()) - 0.5) < 0.03
    assert sorted(jobs["as is"]._order[1][0].tolist()) == [*range(len(labels))]
