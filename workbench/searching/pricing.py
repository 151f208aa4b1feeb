"""What a search will take, told before it starts from a few steps of it on made-up numbers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from workbench import cost, features
from workbench.choices import Options, entries, entry
from workbench.errors import BadChoice, BadKnob
from workbench.recipe import Recipe
from workbench.regularizers import Regularizer
from workbench.scopes import Scope
from workbench.searching.space import Space, space_of
from workbench.searching.strategies import Random, Strategy

if TYPE_CHECKING:
    from workbench.learners.plan import Plan

KEPT = 0.02  # seconds that keeping a trial's result takes
KNOWN = 256  # trials that a strategy knows, at the most, where it is timed
BATCHES = 16  # at most so many batches of heads in the probe's epoch
TIMED = 0.5  # seconds in which epochs are timed, two at least; the quickest counts, since other load only slows
SECONDS = 0.3  # that one forward pass of a whole network's probe takes, where eight pictures take no longer


@dataclass(frozen=True)
class Price:
    """What `trials` take: `once` and then `each` in seconds, `memory` in bytes at the most, `at_once` in one pass."""

    trials: int
    once: float
    each: float
    memory: float
    at_once: int

    @property
    def seconds(self) -> float:
        """All of them."""
        return self.once + self.each * self.trials

    def within(self, minutes: float) -> int:
        """How many trials so many minutes are enough for."""
        return max(0, int((60 * minutes - self.once) / self.each))

    def __str__(self) -> str:
        how = f"{self.at_once} at once on kept features" if self.at_once > 1 else "one by one"
        return f"{self.trials:,} trials: about {cost.lasting(self.seconds)}, {cost.sized(self.memory)}; {how}."


def price(
    recipe: Recipe | None = None,
    strategy: Strategy | str | None = None,
    space: Mapping[str, Any] | None = None,
    folds: int = 0,
) -> Price:
    """What the search would take on this machine, from a short probe: one round is priced as it would be driven.

    Nothing is downloaded and no picture is read. A stopping rule makes it less, features kept from before do too.
    """
    from workbench.backbones.naming import check_name

    recipe, how = recipe or Recipe(), entry(Strategy, strategy or "random")
    check_name(recipe.backbone.architecture)
    return _priced(recipe, how, space_of(recipe, space), recipe.data.reading()[0], folds)


def _priced(recipe: Recipe, strategy: Strategy, space: Space, reading: float, folds: int) -> Price:
    from workbench.learners.plan import fused

    trials = strategy.many(space)
    settings = Random().propose(space, [], recipe.seed, min(strategy.size, trials))
    recipes = [recipe.turned(each) for each in settings]
    groups = [[recipes[at] for at in group] for group in fused(recipes)]
    passes = [_pass(group, folds or 1) for group in groups]
    once = reading + sum({_prefix(group[0]): _features(group[0]) for group in groups}.values())
    each = KEPT + _proposing(strategy, tuple(space.items()), trials) + sum(took for took, _ in passes) / len(recipes)
    return Price(trials, once, each, max(memory for _, memory in passes), max(map(len, groups)))


@lru_cache(maxsize=64)
def _proposing(strategy: Strategy, space: tuple[tuple[str, Any], ...], trials: int) -> float:
    """Seconds that proposing a trial takes half-way, when half of them are known: a Gaussian process is slow."""
    over, count = dict(space), min(strategy.size, trials)
    tried = [(each, float(at % 7)) for at, each in enumerate(Random().propose(over, [], 0, min(trials // 2, KNOWN)))]
    strategy.propose(over, tried[:2], 0, 1)  # the first time something is imported
    began = time.perf_counter()
    found = strategy.propose(over, tried, 0, count)
    return (time.perf_counter() - began) / max(1, len(found))


def beside(recipe: Recipe, strategy: Strategy, space: Space, folds: int = 0) -> Iterator[tuple[str, Price]]:
    """The price of the same search with each other scope that the backbone takes, and each other augmentation.

    Of knobs that the other recipe has not the space is without; what the search itself moves is not told.
    """
    others = {"scope": [kind() for name, kind in entries(Scope).items() if name != recipe.scope.name]}
    knob = recipe.places().get("data.augment", (None, None))[0]
    if knob and isinstance(knob.domain, Options):
        others["data.augment"] = [how for how in knob.domain.values if how != recipe.data.augment]
    reading = recipe.data.reading()[0]
    for path, values in others.items():
        for value in values if path not in space else ():
            other = recipe.turned({path: value})
            within = {where: domain for where, domain in space.items() if where in other.places()}
            try:
                over = space_of(other, within or {"lr": None})
                yield f"{path.removeprefix('data.')} {value}", _priced(other, strategy, over, reading, folds)
            except (BadChoice, BadKnob):  # a scope that this backbone does not take
                continue


def _prefix(recipe: Recipe) -> tuple[Any, ...]:
    """What must be the same for features to serve both."""
    return recipe.data, recipe.backbone, recipe.scope.name == "head"


def _features(recipe: Recipe) -> float:
    """Seconds until the features that the recipe needs are there: of all examples, or of some to standardise by."""
    from workbench.datasets.augmentation import NONE, VIEWS
    from workbench.learners.plan import ENOUGH

    train, valid, _, _ = _sizes(recipe.data)
    forward, how = cost.forward_seconds(recipe.backbone, recipe.data.size), recipe.data.augment
    if recipe.scope.name != "head":
        return forward * (min(train, ENOUGH) + (train + valid if _is_cut(recipe.replace(lr=1e-3, epochs=1)) else 0))
    views = min(VIEWS, recipe.epochs) if how != NONE else 0
    changed = cost.augmented_seconds(how, recipe.data.size) if views else 0.0
    return forward * (train + valid) + views * train * (forward + changed)


@lru_cache(maxsize=64)
def _is_cut(recipe: Recipe) -> bool:
    """Whether a frozen beginning is computed once."""
    return bool(_made_up([recipe])[0].learner.cut)


def _pass(group: Sequence[Recipe], folds: int) -> tuple[float, float]:
    """Seconds that a group of trials takes, and bytes that it holds."""
    first, seeds = group[0], len({recipe.seed for recipe in group})
    lasting = [type(each) for each in first.regularizers if type(each).should_stop is Regularizer.should_stop]
    plain = tuple(kind() for kind in lasting)  # strengths and rates take no time
    like = first.replace(lr=1e-3, seed=0, epochs=1000, regularizers=plain, schedule="constant", changes="")
    fused = first.scope.name == "head"
    opening, epoch, memory = _probed(like, len(group) * folds if fused else 1, seeds)
    seconds = opening + epoch * sum(recipe.epochs for recipe in group) / len(group)
    return seconds if fused else seconds * folds, memory


@lru_cache(maxsize=256)
def _probed(recipe: Recipe, trials: int, seeds: int) -> tuple[float, float, float]:
    """Seconds to open a pass, seconds an epoch of it, and the bytes that it holds.

    The loop, the learner and what an epoch measures are the real ones; the examples are fewer, and made up.
    """
    import torch

    from workbench.job import Job
    from workbench.trainer import Watch, train

    moments: list[float] = []

    class Clock(Watch):
        def on_rows(self, job: Job, rows: Sequence[Any]) -> None:
            moments.append(time.perf_counter())

    plan, share, inputs = _made_up([recipe.replace(seed=at % seeds) for at in range(trials)])
    job, saved = Job(plan), [0]

    def kept(tensor: torch.Tensor) -> torch.Tensor:
        saved[0] += tensor.nbytes
        return tensor

    steps, epochs = job.steps_per_epoch, train(job, Clock())
    with torch.autograd.graph.saved_tensors_hooks(kept, lambda tensor: tensor):  # what backward needs, in all steps
        while len(moments) < 2:  # before training, and an epoch that warms up
            next(epochs)
    while len(moments) < 4 or (len(moments) < 10 and moments[-1] - moments[1] < TIMED):
        next(epochs)
    epoch = min(after - before for before, after in pairwise(moments[1:]))
    weights = sum(tensor.nbytes for tensor in job.learner.state().values())
    held = inputs * share  # features, or pictures
    measured = (
        32 * trials * (job.probe.numel() + job.valid.numel()) * len(job.data.classes) * share
    )  # float64, four times
    return _sizes(recipe.data)[3], epoch * share, held + weights * 4 / 3 + saved[0] / steps + measured


def _made_up(recipes: Sequence[Recipe]) -> tuple[Plan, float, int]:
    """A plan of the recipes on noise and random weights; how many times more examples the real one has; their bytes."""
    import torch

    from workbench.backbones.building import build
    from workbench.datasets.base import Data
    from workbench.learners.heads import CPU, Heads
    from workbench.learners.module import Module
    from workbench.learners.plan import Plan, device, half_of, must_train, resolved

    first = recipes[0]
    train, valid, classes, _ = _sizes(first.data)
    side, where, fused = first.data.size, device(), first.scope.name == "head"
    most = BATCHES * first.batch_size if fused else max(8, int(SECONDS / cost.forward_seconds(first.backbone, side)))
    many = min(most, train)
    built = build(first.backbone.replace(weights="random"), side=side, seed=0)
    must_train(first, built)
    labels = torch.arange(many + max(1, round(many * valid / train))) % classes
    names, places = tuple(map(str, range(classes))), torch.arange(len(labels))
    inputs = built.front.blank(len(labels), side) if not fused else labels
    data = Data(inputs, labels, labels, names, places[:many], places[many:], places[:0], "", content="made up")
    standard = (torch.zeros(built.width), torch.ones(built.width))
    learner: Heads | Module
    if fused:
        exact = torch.float64 if first.precision == "float64" else torch.float32
        on = where if where.type == "cuda" else CPU
        learner = Heads(recipes, torch.randn(len(labels), built.width), labels, classes, exact, device=on)
        inputs = learner.features
    else:
        dtype = resolved(first.precision, where)
        half = half_of(first, built, inputs[:2], train + valid, where, dtype)
        held = features.compute(built, inputs, torch.arange(len(inputs)), where, dtype, half=half) if half else None
        learner = Module(first, built, inputs, labels, classes, standard, where, dtype, half, held)
        inputs = inputs if held is None else held
    parts = places[None, :many], places[None, many:]
    plan = Plan(tuple(recipes), data, built, learner, *parts, labels, standard, where, learner.dtype)
    return plan, train / many, inputs.nbytes


@lru_cache(maxsize=64)
def _sizes(data: Any) -> tuple[int, int, int, float]:
    """Training and validation examples and classes, and how long it took to tell: bundled data are loaded for it."""
    found, took = data.parts(), []  # the first time something is imported, too
    for _ in range(2):
        began = time.perf_counter()
        data.parts()
        took.append(time.perf_counter() - began)
    return (*found, min(took))
