"""Regularizers that change a batch's pictures: what is mixed, pasted, turned or erased, and by how much."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from scipy import stats

import workbench as wb
from workbench.regularizers import Now
from workbench.regularizers.pictures import _box, _share


def now(axis=0, seed=0, **knobs):
    generator = torch.Generator().manual_seed(seed)
    knobs = {name: torch.tensor(value if isinstance(value, list) else [value]) for name, value in knobs.items()}
    return Now(learner=SimpleNamespace(batch_axis=axis), classes=4, lr=torch.tensor([0.1]),
               draws=lambda *shape, dtype=None: torch.rand(1, *shape, generator=generator), **knobs)  # fmt: skip


@pytest.mark.parametrize("alpha", [0.2, 1.0, 2.0])
def test_shares_are_drawn_from_the_beta_distribution(alpha):
    draws = torch.rand(2000, generator=torch.Generator().manual_seed(0))
    found = _share(draws, torch.full((2000,), alpha))
    assert stats.kstest(found.numpy(), stats.beta(alpha, alpha).cdf).pvalue > 0.01
    assert (_share(draws[:5], torch.zeros(5)) == 1).all()


def test_mixup_mixes_pictures_and_targets_by_the_same_share():
    x, y = torch.randn(6, 3, 4, 4), torch.randint(0, 4, (1, 6))
    mixed, soft = wb.Mixup().on_batch(x, y, now(alpha=1.0))
    again = now(alpha=1.0)
    share, order = float(_share(again.draws(1)[:, 0], again.alpha)[0]), again.draws(6).argsort(-1)[0]
    torch.testing.assert_close(mixed, share * x + (1 - share) * x[order])
    whole = torch.nn.functional.one_hot(y[0], 4).float()
    torch.testing.assert_close(soft[0], share * whole + (1 - share) * whole[order])
    assert 0.01 < share < 0.99 and len(set(order.tolist())) == 6


def test_mixup_of_features_has_each_trials_own_share_and_one_order():
    x, y = torch.randn(1, 6, 5), torch.randint(0, 4, (1, 6))
    mixed, soft = wb.Mixup().on_batch(x, y, now(axis=1, alpha=[0.0, 1.0, 0.3]))
    assert mixed.shape == (3, 6, 5) and soft.shape == (3, 6, 4) and torch.equal(mixed[0], x[0])
    for trial, alpha in enumerate((0.0, 1.0, 0.3)):
        alone, own = wb.Mixup().on_batch(x, y, now(axis=1, alpha=alpha))
        torch.testing.assert_close(alone[0], mixed[trial])
        torch.testing.assert_close(own[0], soft[trial])


@pytest.mark.parametrize("seed", range(5))
def test_cutmix_asks_for_the_share_of_the_area_that_is_there(seed):
    x, y = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 1, 16, 16), torch.tensor([[0, 1, 2, 3, 0, 1]])
    pasted, soft = wb.CutMix().on_batch(x, y, now(alpha=1.0, seed=seed))
    assert torch.equal(x[:, 0, 0, 0], torch.arange(6.0))  # what was given stays
    for at in range(6):
        own = float((pasted[at] == at).float().mean())
        (other,) = set(pasted[at].unique().tolist()) - {float(at)} or {float(at)}
        wanted = own * torch.eye(4)[y[0, at]] + (1 - own) * torch.eye(4)[y[0, int(other)]]
        torch.testing.assert_close(soft[0, at], wanted)
    box = _box((16, 16), 0.75, [0.5, 0.5])
    assert (box[1] - box[0], box[3] - box[2]) == (8, 8) and box[0] == 4
    assert _box((16, 16), 1.0, [0.9, 0.1])[:2] == (14, 14)  # all of its own: nothing is pasted


def test_rand_augment_is_timms_and_a_function_of_the_draw():
    from timm.data.auto_augment import rand_augment_transform
    from torchvision.transforms.functional import pil_to_tensor, to_pil_image

    from workbench.datasets.augmentation import seeded
    from workbench.regularizers.pictures import _seed

    x = torch.randint(0, 256, (4, 3, 24, 24), dtype=torch.uint8)
    found = wb.RandAugment().on_pictures(x, now(operations=3.0, magnitude=7.0))
    theirs = rand_augment_transform("rand-m7-n3-mstd0.5-inc1", {"translate_const": 10, "img_mean": (124, 116, 104)})
    with seeded(_seed(now())):
        wanted = torch.stack([pil_to_tensor(theirs(to_pil_image(each))) for each in x])
    assert torch.equal(found, wanted) and not torch.equal(found, x)
    grey = wb.RandAugment().on_pictures(x[:, :1], now(operations=3.0, magnitude=7.0))
    assert grey.shape == (4, 1, 24, 24) and grey.dtype == torch.uint8
    assert not torch.equal(wb.RandAugment().on_pictures(x, now(seed=1, operations=3.0, magnitude=7.0)), found)


def test_random_erasing_changes_a_box_in_its_share_of_the_pictures():
    x = torch.zeros(200, 3, 16, 16)
    found, targets = wb.RandomErasing().on_batch(x, "as they are", now(share=0.3))
    changed = (found != 0).any(1)
    assert targets == "as they are" and (x == 0).all()
    assert float(changed.any((1, 2)).float().mean()) == pytest.approx(0.3, abs=0.07)
    for each in changed[changed.any((1, 2))]:
        rows, columns = each.any(1).nonzero().flatten(), each.any(0).nonzero().flatten()
        assert each[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    assert (wb.RandomErasing().on_batch(x, 0, now(share=0.0))[0] == 0).all()
