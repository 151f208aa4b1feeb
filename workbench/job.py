"""A run in memory: where it is, its knobs' current values, its rows, and what a checkpoint holds."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from workbench import threads
from workbench.choices import Range
from workbench.errors import Diverged
from workbench.learners.module import Module
from workbench.measuring import measured
from workbench.moments import Moments
from workbench.regularizers import Regularizer, Row
from workbench.sampling import by_key, by_length, class_weights, order, stratified

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.learners.plan import Plan
    from workbench.trainer import Told, Watch


class Job:
    """A run in memory, or many at once: where it is, each trial's knobs and rows. What all share stands in `recipe`."""

    def __init__(self, plan: Plan):
        self.plan, self.learner, self.data = plan, plan.learner, plan.data
        self.recipes, self.recipe = plan.recipes, plan.recipes[0]
        self.going = list(range(len(self.recipes)))  # the trials that still train, in the order of the trial axis
        self.rows_of: list[list[Row]] = [[] for _ in self.recipes]
        self.stopping: set[int] = set()  # trials that whoever watches wants no further
        self.failed: set[int] = set()  # those whose loss is no number any more
        self.epoch = self.step_in_epoch = 0
        self._order = (-1, torch.zeros(0, 0, dtype=torch.long))
        self.seconds = self._started = 0.0
        trials, where = self.learner.trials, self.learner.device
        self.train, self.valid = plan.train, plan.valid  # (folds, examples) positions in what the learner holds
        self.folds, self.examples = plan.train.shape
        batch = self.recipe.batch_size * self.recipe.accumulate
        self.steps_per_epoch = math.ceil(self.examples / batch)
        self.knobs_of = [{path: value for path, (_, value) in recipe.places().items()} for recipe in self.recipes]
        self.turns = self.recipe.turns()
        self.alive = torch.ones(trials, dtype=torch.bool, device=where)
        self.sums = torch.zeros(3, trials, dtype=torch.float64, device=where)  # objective, penalty, examples
        self.best_losses = torch.zeros(0, 0, dtype=torch.float64)
        self.moments = Moments(self.recipe.regularizers, self.learner, len(self.data.classes), self.steps_per_epoch)
        self.regularizers, self.now = self.moments.regularizers, self.moments.now
        self._set_knobs()
        self.moments.prepare()
        self.learner.ready()
        self.weights = self.learner.weights()
        labels = self.learner.labels.cpu()
        probes = [own[stratified(labels[own], plan.valid.shape[1])] for own in plan.train]
        self.probe = torch.stack([own[: min(map(len, probes))] for own in probes])
        self.shares = torch.stack([class_weights(labels[own], len(self.data.classes)) for own in plan.train])
        self.spoilt = [own[(labels != plan.truth)[own]] for own in plan.train]  # positions of the wrong labels

    @property
    def rows(self) -> list[Row]:
        """The rows of a run alone: of the first trial."""
        return self.rows_of[0]

    @property
    def knobs(self) -> dict[str, Any]:
        """The knobs of a run alone, by path: of the first trial."""
        return self.knobs_of[0]

    # -- where the run is ---------------------------------------------------------------------------------------------

    @property
    def step(self) -> int:
        """Optimizer steps taken so far."""
        return self.epoch * self.steps_per_epoch + self.step_in_epoch

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole run."""
        return max(recipe.epochs for recipe in self.recipes) * self.steps_per_epoch

    def goes_on(self) -> bool:
        """Whether a trial trains on; those whose epochs are over, or that stopped, leave the trial axis."""
        keep = [at for at, trial in enumerate(self.going) if not self._ended(at, trial)]
        if keep and len(keep) < len(self.going):
            self._keep(keep)
        return bool(keep)

    def _ended(self, at: int, trial: int) -> bool:
        recipe = self.recipes[trial]
        if not (self.step_in_epoch or bool(self.alive[at])):  # within an epoch that was left, the axis stays as it was
            self.failed.add(trial)
        over = self.epoch >= recipe.epochs or trial in self.stopping | self.failed
        return over or any(r.should_stop(self.rows_of[trial]) for r in self._as_turned(trial))

    def _as_turned(self, trial: int) -> Iterator[Regularizer]:
        """The regularizers that may end a trial, with the values that their knobs have now."""
        for r in self.recipes[trial].regularizers:
            if type(r).should_stop is not Regularizer.should_stop:
                yield r.replace(**{name: self.knobs_of[trial][f"{r.name}.{name}"] for name in r.values()})

    def _keep(self, keep: list[int]) -> None:
        at = torch.tensor(keep, device=self.learner.device)
        self.learner.keep(at)
        self.going = [self.going[each] for each in keep]
        self.alive, self.sums, self.best_losses = self.alive[at], self.sums[:, at], self.best_losses[at.cpu()]
        self.moments.keep(at)
        self._set_knobs()
        self.weights = self.learner.weights()

    def generator(self, what: int, step: int = 0, seed: int | None = None) -> torch.Generator:
        """Random numbers that are a function of (seed, what, epoch, step) alone."""
        seed = self.recipe.seed if seed is None else seed
        key = np.random.SeedSequence([seed, what, self.epoch, step]).generate_state(2, np.uint32)
        return torch.Generator().manual_seed(int(key[0]) << 31 | int(key[1]) >> 1)

    @property
    def seed_of(self) -> list[int]:
        """The seed of each trial that still trains."""
        return [self.recipes[trial].seed for trial in self.going]

    @property
    def fold_of(self) -> list[int]:
        """The fold of each trial that still trains: they go through all in turn."""
        return [trial % self.folds for trial in self.going]

    @property
    def class_weights(self) -> Tensor | None:
        """What an example of each class counts, (1 or trials, classes); None where all count the same."""
        if self.recipe.data.balance != "weighted":
            return None
        own = self.shares[self.fold_of] if self.folds > 1 else self.shares
        return own.to(self.weights[0].dtype).to(self.learner.device)

    def batches(self, step: int) -> list[tuple[Tensor, float]]:
        """The step's batches as (1 or trials, batch) positions with their share of it; sets the knobs for this step."""
        seeds, streams = self.seed_of, [*zip(self.seed_of, self.fold_of, strict=True)]
        if self._order[0] != self.epoch:
            drawn = [self._drawn(self.generator(1, 0, seed), fold) for seed, fold in dict.fromkeys(streams)]
            self._order = (self.epoch, torch.stack(drawn))
        self._follow_turns()
        size = self.recipe.batch_size
        whole = self._order[1][:, step * size * self.recipe.accumulate : (step + 1) * size * self.recipe.accumulate]
        self.lr = self._rates()
        draws = partial(self._uniform, {seed: self.generator(2, step, seed) for seed in dict.fromkeys(seeds)})
        self.moments.at(epoch=self.epoch, step=step, lr=self.lr, draws=draws)
        if isinstance(self.learner, Module):
            self.learner.draw_from(self.generator(3, step).initial_seed())
        if self.recipe.data.augment != "none":
            self.learner.vary(self.epoch, self.generator(4, step).initial_seed() >> 1)
        positions = by_key(whole, streams).to(self.learner.device)
        return [(part, part.shape[1] / whole.shape[1]) for part in torch.split(positions, size, 1)]

    def _rates(self) -> Tensor:
        """The learning rate of each trial at this step."""
        epochs, at = [self.recipes[trial].epochs for trial in self.going], self.recipe.schedule.factor
        factor = {each: at(self.step, each * self.steps_per_epoch) for each in dict.fromkeys(epochs)}
        rates = [self.knobs_of[trial]["lr"] * factor[each] for trial, each in zip(self.going, epochs, strict=True)]
        return torch.tensor(rates, dtype=torch.float64).to(self.weights[0].dtype).to(self.learner.device)

    def _uniform(self, generators: dict[int, torch.Generator], *shape: int, dtype: Any = None) -> Tensor:
        """Uniform numbers (1 or trials, *shape), the same for trials of one seed."""
        drawn = torch.stack([torch.rand(*shape, generator=each, dtype=dtype) for each in generators.values()])
        return by_key(drawn, self.seed_of).to(self.learner.device)

    def _drawn(self, generator: torch.Generator, fold: int) -> Tensor:
        """The epoch's order: every example once, or as often as draws with every class as likely hit it."""
        own, shares = self.train[fold], self.shares[fold] if self.recipe.data.balance == "resampled" else None
        drawn, lengths = own[order(self.learner.labels.cpu()[own], shares, generator)], self.learner.lengths
        return drawn if lengths is None else drawn[by_length(lengths[drawn], self.recipe.batch_size, generator)]

    def batch_at(self, positions: Tensor) -> tuple[Any, Tensor]:
        """What a batch holds and its labels, at (1 or trials, batch) positions."""
        self.moments.at(positions=positions)
        return self.learner.inputs(positions, self.moments.on_pictures), self.learner.labels[positions]

    @property
    def threads(self) -> int:
        """One for heads; else as many as are wanted."""
        return self.learner.threads or threads.wanted()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Threads and torch's random state as this run wants them; both are the caller's again afterwards."""
        self._started = time.perf_counter()
        devices = [self.learner.device] if self.learner.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices), threads.on(self.threads):
            if isinstance(self.learner, Module):
                self.learner.training()
            try:
                yield
            finally:
                self.seconds, self._started = self.elapsed, 0.0

    @property
    def elapsed(self) -> float:
        """Seconds of work so far, the present epoch's among them."""
        return self.seconds + (time.perf_counter() - self._started if self._started else 0.0)

    # -- knobs --------------------------------------------------------------------------------------------------------

    def turn(self, path: str, value: float) -> None:
        """Give a knob another value from the next step on; of all trials, which are the folds of one recipe."""
        for knobs in self.knobs_of:
            knobs[path] = self.recipe.turning(path, value)
        self._set_knobs()
        self.moments.prepare(path)

    def _set_knobs(self) -> None:
        dtype = torch.float64 if self.plan.dtype == torch.float64 else torch.float32
        epochs = [self.recipes[trial].epochs for trial in self.going]
        self.moments.set([self.knobs_of[trial] for trial in self.going], epochs, dtype)

    def _follow_turns(self) -> None:
        while self.turns and self.turns[0][0] <= self.step:
            _, path, value = self.turns.pop(0)
            self.turn(path, value)

    # -- what a step and an epoch leave -------------------------------------------------------------------------------

    def count(self, told: Sequence[Told]) -> Tensor:
        """Add a step's batches to the epoch's sums and return the last one's objective."""
        for objective, penalty, positions in told:
            examples = positions.shape[1]
            self.sums[0] += objective.detach() * examples
            self.sums[1] += (penalty.detach() if isinstance(penalty, torch.Tensor) else penalty) * examples
            self.sums[2] += examples
        return objective

    def must_be_finite(self, fine: Tensor) -> None:
        """Hold trials whose loss or gradients are no numbers; with none left, stop at the last finite weights."""
        self.alive = self.alive & fine
        if not bool(self.alive.any()):
            self.failed |= {*self.going}
            self.learner.undo()
            raise Diverged(
                f"the loss is no longer a finite number at step {self.step} (epoch {self.epoch + 1}); the last finite "
                f"weights are kept. Lower lr (now {float(self.lr[0]):g}) or a regularizer's strength."
            )

    def measure(self, watch: Watch) -> list[Row]:
        """Evaluate the probe and the validation part; a row for each trial that still trains and is finite."""
        with self.moments.answering():
            measures = measured(self)
        found = []
        for trial, fine, row in zip(self.going, self.alive.tolist(), measures, strict=True):
            if fine:
                found.append(row | ({"trial": trial} if len(self.recipes) > 1 else {}))
                self.rows_of[trial].append(found[-1])
        self.sums.zero_()
        watch.on_rows(self, found)
        return found

    def is_best_row(self, row: Row) -> bool:
        """Whether `row`, the last one, has the lowest validation loss."""
        return all(row["valid_loss"] < other["valid_loss"] for other in self.rows if other is not row)

    # -- checkpoints --------------------------------------------------------------------------------------------------

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything that moves: named tensors (copies), and plain values."""
        tensors = self.learner.state()
        tensors |= {"job.sums": self.sums.cpu().clone(), "job.alive": self.alive.cpu().clone()}
        tensors["job.best_losses"] = self.best_losses.clone()
        tensors |= self.moments.memory()
        knobs = {path: v for path, v in self.knobs.items() if isinstance(v, int | float | str)}
        place = {"epoch": self.epoch, "step_in_epoch": self.step_in_epoch, "step": self.step, "seconds": self.elapsed}
        return tensors, place | {"knobs": knobs}

    def restore(self, tensors: dict[str, Tensor], place: dict[str, Any], rows: list[Row]) -> None:
        """Go back to where `snapshot` was taken."""
        where = self.learner.device
        self.learner.load(tensors)
        self.sums, self.alive = tensors["job.sums"].to(where), tensors["job.alive"].to(where)
        self.best_losses = tensors["job.best_losses"].reshape(self.learner.trials, -1)
        self.moments.recall(tensors)
        self.epoch, self.step_in_epoch, self.seconds = place["epoch"], place["step_in_epoch"], place["seconds"]
        places = self.recipe.places()  # numbers alone are turned: of all else the recipe says what it is
        numbers = {path for path, (knob, _) in places.items() if isinstance(knob.domain, Range)}
        self.knobs_of[0] |= {path: value for path, value in place["knobs"].items() if path in numbers}
        self.turns = [turn for turn in self.recipe.turns() if turn[0] >= self.step]
        self._set_knobs()
        self.rows_of[0] = list(rows)
        self.lr = torch.full((self.learner.trials,), float(rows[-1]["lr"] or 0.0) if rows else 0.0)
        self._follow_turns()  # those due now may say whether it goes on at all
