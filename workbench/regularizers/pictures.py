"""Regularizers that change a batch's pictures; mixup mixes kept features and whatever else is as long, too."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from workbench.choices import Range, knob
from workbench.regularizers.base import Regularizer, shares, spread

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.recipe import Recipe


@dataclass(frozen=True)
class Mixup(Regularizer):
    """Mix each example with another of its batch, inputs and targets alike: a share drawn from Beta(alpha, alpha).

    Pictures are mixed as the backbone takes them; with scope `head`, in every domain, the features that are kept.
    Source: Zhang and others, "mixup: beyond empirical risk minimization", 2018; of features, Verma and others,
    "Manifold mixup", 2019.
    """

    name, in_sight = "mixup", False
    when = "Few examples or wrong labels: between two examples the answer changes evenly, so none is learnt by heart."
    alpha: float = knob(
        0.2, Range(0.0, 2.0), "How even the mix: 0 mixes nothing, 1 every share alike.", limits=(0, 100)
    )

    def unfit(self, recipe: Recipe) -> str:
        if recipe.scope.name != "head" and recipe.data.domain != "vision":
            return "mixup mixes pictures, or with scope='head' the features of any example: leave it out here."
        return super().unfit(recipe)

    def on_batch(self, inputs: Any, targets: Any, now: Any) -> tuple[Any, Any]:
        share = _share(now.draws(1)[:, 0], now.alpha)  # (trials,)
        order = now.draws(targets.shape[1]).argsort(-1)  # (1 or trials, batch)
        soft = shares(targets, now.classes, now.lr)
        mixed = spread(share, soft) * soft + (1 - spread(share, soft)) * _picked(soft, order)
        if now.learner.batch_axis:
            wide = spread(share, inputs).to(inputs.dtype)
            return wide * inputs + (1 - wide) * _picked(inputs, order), mixed
        one = share.to(inputs.dtype)[0]
        return one * inputs + (1 - one) * inputs[order[0]], mixed


def _share(draws: Tensor, alpha: Tensor) -> Tensor:
    """Beta(alpha, alpha) from uniform draws (1 or trials,), (trials,); 1 where alpha is 0."""
    import torch
    from scipy.special import betaincinv

    whole = alpha.double().cpu().clamp_min(1e-3)
    found = torch.from_numpy(betaincinv(whole.numpy(), whole.numpy(), draws.double().cpu().numpy()))
    return torch.where(alpha.cpu() > 0, found, 1.0).to(alpha)


def _picked(x: Tensor, order: Tensor) -> Tensor:
    """The rows of x (1 or trials, batch, ...) in the order (1 or trials, batch)."""
    trials = max(len(x), len(order))
    at = order.unsqueeze(-1).expand(trials, -1, x.shape[-1])
    return x.expand(trials, -1, -1).gather(1, at)


@dataclass(frozen=True)
class CutMix(Regularizer):
    """Paste a box of another picture of the batch into each, and ask for both classes by their shares of the area.

    Source: Yun and others, "CutMix: regularization strategy to train strong classifiers with localizable
    features", 2019.
    """

    name, in_sight, within, domains = "cutmix", False, True, ("vision",)
    when = "Photographs: the network must know a thing by any part of it."
    alpha: float = knob(
        1.0, Range(0.0, 2.0), "How even the areas: 0 pastes nothing, 1 every area alike.", limits=(0, 100)
    )

    def on_batch(self, inputs: Any, targets: Any, now: Any) -> tuple[Any, Any]:
        import torch

        share, centre = _share(now.draws(1)[:, 0], now.alpha), now.draws(2)[0]
        order = now.draws(targets.shape[1]).argsort(-1)
        box = _box(inputs.shape[-2:], float(share[0]), centre.tolist())
        pasted = inputs.clone(memory_format=torch.preserve_format)
        pasted[..., box[0] : box[1], box[2] : box[3]] = inputs[order[0]][..., box[0] : box[1], box[2] : box[3]]
        own = 1 - (box[1] - box[0]) * (box[3] - box[2]) / (inputs.shape[-2] * inputs.shape[-1])
        soft = shares(targets, now.classes, now.lr)
        return pasted, own * soft + (1 - own) * _picked(soft, order)


def _box(size: Any, share: float, centre: list[float]) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of a box of `1 - share` of the picture around `centre`, cut at its edges."""
    height, width = size
    tall, wide = (int(side * (1 - share) ** 0.5) for side in (height, width))
    y, x = int(centre[0] * height), int(centre[1] * width)
    top, left = y - tall // 2, x - wide // 2
    return max(0, top), min(height, top + tall), max(0, left), min(width, left + wide)


@dataclass(frozen=True)
class RandAugment(Regularizer):
    """Change each picture by some operations drawn at random: turned, sheared, moved, its colours changed; timm's.

    Source: Cubuk and others, "RandAugment: practical automated data augmentation", 2020.
    """

    name, in_sight, within, domains = "rand-augment", False, True, ("vision",)
    when = "Few pictures, whose class does not depend on place, angle or colours."
    operations: int = knob(2, Range(1, 4), "How many changes a picture goes through.", limits=(0, 10))
    magnitude: float = knob(9.0, Range(1.0, 10.0), "How far each goes; 10 is the most.", limits=(0, 10))

    def on_pictures(self, pictures: Tensor, now: Any) -> Tensor:
        import torch
        from torchvision.transforms.functional import to_pil_image

        from workbench.datasets.augmentation import seeded

        change = _operations(int(now.operations[0]), float(now.magnitude[0]), pictures.shape[-1])
        with seeded(_seed(now)):
            changed = [change(to_pil_image(each.cpu()).convert("RGB")) for each in pictures]
        found = torch.stack([_pixels(each) for each in changed]).to(pictures.device)
        return found if pictures.shape[1] == 3 else found.float().mean(1, keepdim=True).round().to(torch.uint8)


def _seed(now: Any) -> int:
    return int(float(now.draws(1)[0, 0]) * 2**31)


def _pixels(picture: Any) -> Tensor:
    from torchvision.transforms.functional import pil_to_tensor

    return pil_to_tensor(picture)  # type: ignore[no-any-return]


@lru_cache(maxsize=8)
def _operations(operations: int, magnitude: float, side: int) -> Any:
    from timm.data.auto_augment import rand_augment_transform

    about = {"translate_const": int(side * 0.45), "img_mean": (124, 116, 104)}  # grey, as timm fills what comes free
    return rand_augment_transform(f"rand-m{magnitude:g}-n{operations}-mstd0.5-inc1", about)


@dataclass(frozen=True)
class RandomErasing(Regularizer):
    """Fill a box of some of the pictures, at a random place and of random shape, with noise; timm's.

    Source: Zhong and others, "Random erasing data augmentation", 2020.
    """

    name, in_sight, within, domains = "random-erasing", False, True, ("vision",)
    when = "Things that will be half hidden; as CutMix, and the label stays."
    share: float = knob(0.25, Range(0.0, 1.0), "Share of the pictures of which a box is erased.")

    def on_batch(self, inputs: Any, targets: Any, now: Any) -> tuple[Any, Any]:
        import torch
        from timm.data.random_erasing import RandomErasing as Erasing

        from workbench.datasets.augmentation import seeded

        erase = Erasing(probability=float(now.share[0]), mode="pixel", device=inputs.device)  # type: ignore[no-untyped-call]
        with seeded(_seed(now)):
            return erase(inputs.clone(memory_format=torch.preserve_format)), targets
