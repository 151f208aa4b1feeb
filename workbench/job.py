"""A run in memory: where it is, its knobs' current values, its rows, and what a checkpoint holds."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from workbench import evaluation
from workbench.errors import Diverged
from workbench.learners.head import dropped
from workbench.learners.module import Module
from workbench.regularizers import Now, Row

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.learners.plan import Plan
    from workbench.trainer import Watch


class Job:
    """A run in memory: where it is, its knobs' current values, and its rows."""

    def __init__(self, plan: Plan):
        self.plan, self.recipe, self.learner, self.data = plan, plan.recipe, plan.learner, plan.data
        self.epoch = self.step_in_epoch = 0
        self.rows: list[Row] = []
        self._order = (-1, torch.zeros(0, dtype=torch.long))
        self.seconds = self._started = 0.0
        trials, where = self.learner.trials, self.learner.device
        self.examples = len(self.data.train)
        batch = self.recipe.batch_size * self.recipe.accumulate
        self.steps_per_epoch = math.ceil(self.examples / batch)
        self.knobs = {path: value for path, (_, value) in self.recipe.places().items()}
        self.turns = self.recipe.turns()
        self.alive = torch.ones(trials, dtype=torch.bool, device=where)
        self.sums = torch.zeros(3, trials, dtype=torch.float64, device=where)  # objective, penalty, examples
        self.best_losses = torch.zeros(0, dtype=torch.float64)
        self.now: dict[str, Any] = {r.name: Now(memory={}) for r in self.recipe.regularizers}
        self._set_knobs()
        for r in self.recipe.regularizers:
            r.prepare(self.learner, self.now[r.name])
        self.learner.ready()
        self.weights = self.learner.weights()
        self.probe = stratified(self.data.labels[self.data.train], len(self.data.valid))
        self.valid = torch.arange(self.examples, self.examples + len(self.data.valid))
        self._spoilt = (self.data.labels != self.data.true_labels)[self.data.train].nonzero().flatten()

    # -- where the run is ---------------------------------------------------------------------------------------------

    @property
    def step(self) -> int:
        """Optimizer steps taken so far."""
        return self.epoch * self.steps_per_epoch + self.step_in_epoch

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole run."""
        return self.recipe.epochs * self.steps_per_epoch

    def generator(self, what: int, step: int = 0) -> torch.Generator:
        """Random numbers that are a function of (seed, what, epoch, step) alone."""
        key = np.random.SeedSequence([self.recipe.seed, what, self.epoch, step]).generate_state(2, np.uint32)
        return torch.Generator().manual_seed(int(key[0]) << 31 | int(key[1]) >> 1)

    def batches(self, step: int) -> list[tuple[Tensor, float]]:
        """The step's batches as (1, batch) positions with their share of the step; sets the knobs for this step."""
        if self._order[0] != self.epoch:
            self._order = (self.epoch, torch.randperm(self.examples, generator=self.generator(1)))
        self._follow_turns()
        size = self.recipe.batch_size
        whole = self._order[1][step * size * self.recipe.accumulate : (step + 1) * size * self.recipe.accumulate]
        factor = self.recipe.schedule.factor(self.step, self.steps)
        self.lr = torch.full((self.learner.trials,), self.knobs["lr"] * factor, dtype=torch.float64)
        self.lr = self.lr.to(self.weights[0].dtype).to(self.learner.device)
        generator = self.generator(2, step)
        self.drop = self._drop(generator)
        for now in self.now.values():
            now.epoch, now.step, now.lr = self.epoch, self.step, self.lr
            now.draws = partial(torch.rand, generator=generator)
        if isinstance(self.learner, Module):
            self._seed_layers(self.generator(3, step).initial_seed())
        return [(p.unsqueeze(0).to(self.learner.device), len(p) / len(whole)) for p in torch.split(whole, size)]

    def _seed_layers(self, seed: int) -> None:
        """Set the random state that layers draw from; torch.manual_seed would queue a traceback at every step."""
        torch.default_generator.manual_seed(seed)
        if self.learner.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def _drop(self, generator: torch.Generator) -> Callable[[Tensor], Tensor] | None:
        if "dropout" not in self.now:
            return None
        rate = self.now["dropout"].rate

        def drop(x: Tensor) -> Tensor:
            draws = torch.rand(1, *x.shape[-2:], generator=generator, dtype=x.dtype)
            return dropped(x, rate, draws.to(x.device))

        return drop

    @property
    def threads(self) -> int:
        """One for heads; else `WORKBENCH_THREADS` (a class on one server wants 1), or what torch takes by itself."""
        return self.learner.threads or int(os.environ.get("WORKBENCH_THREADS") or torch.get_num_threads())

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Threads and torch's random state as this run wants them; both are the caller's again afterwards."""
        threads, self._started = torch.get_num_threads(), time.perf_counter()
        devices = [self.learner.device] if self.learner.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            if threads != self.threads:  # setting it anew, even to the same, made small networks up to a third slower
                torch.set_num_threads(self.threads)
            if isinstance(self.learner, Module):
                self.learner.training()
            try:
                yield
            finally:
                if threads != self.threads:
                    torch.set_num_threads(threads)
                self.seconds, self._started = self.elapsed, 0.0

    @property
    def elapsed(self) -> float:
        """Seconds of work so far, the present epoch's among them."""
        return self.seconds + (time.perf_counter() - self._started if self._started else 0.0)

    # -- knobs --------------------------------------------------------------------------------------------------------

    def turn(self, path: str, value: float) -> None:
        """Give a knob another value from the next step on."""
        knob, _ = self.recipe.turned({path: value}).places()[path]
        self.knobs[path] = knob.check(value, "")
        self._set_knobs()
        for r in self.recipe.regularizers:
            if path.startswith(r.name + "."):
                r.prepare(self.learner, self.now[r.name])

    def _set_knobs(self) -> None:
        trials, where = self.learner.trials, self.learner.device
        for r in self.recipe.regularizers:
            for knob in r.knobs():
                value = self.knobs[f"{r.name}.{knob.name}"]
                plain = isinstance(value, str | bool)
                dtype = torch.float64 if self.plan.dtype == torch.float64 else torch.float32
                held = value if plain else torch.full((trials,), value, dtype=dtype, device=where)
                setattr(self.now[r.name], knob.name, held)

    def _follow_turns(self) -> None:
        while self.turns and self.turns[0][0] <= self.step:
            _, path, value = self.turns.pop(0)
            self.turn(path, value)

    # -- what a step and an epoch leave -------------------------------------------------------------------------------

    def count(self, objective: Tensor, penalty: Any, positions: Tensor) -> Tensor:
        """Add a batch to the epoch's sums and return its objective."""
        examples = positions.shape[1]
        self.sums[0] += objective.detach() * examples
        self.sums[1] += (penalty.detach() if isinstance(penalty, torch.Tensor) else penalty) * examples
        self.sums[2] += examples
        return objective

    def must_be_finite(self, fine: Tensor) -> None:
        """Leave out trials whose loss or gradients are no numbers; with none left, stop at the last finite weights."""
        self.alive = self.alive & fine
        if not bool(self.alive.any()):
            self.learner.clear()
            raise Diverged(
                f"the loss is no longer a finite number at step {self.step} (epoch {self.epoch + 1}); the last finite "
                f"weights are kept. Lower lr (now {float(self.lr[0]):g}) or a regularizer's strength."
            )

    def measure(self, watch: Watch) -> Row:
        """Evaluate the probe and the validation part, and append the row."""
        with self.at_work():
            train, valid = self._side(self.probe), self._side(self.valid)
        row: Row = {"epoch": self.epoch, "step": self.step}
        for name, side in (("train", train), ("valid", valid)):
            row[f"{name}_loss"] = float(side["loss"].mean())
            scores = evaluation.summary(side["labels"], side["answers"], len(self.data.classes))
            row |= {f"{name}_{key}": value for key, value in scores.items()}
        row |= evaluation.compared(train, valid)
        row |= self._rise(valid["loss"])
        if len(self._spoilt):
            row |= self._noise()
        objective, penalty, examples = (float(total[0]) for total in self.sums)
        row["objective"] = objective / examples if examples else None
        row["penalty"] = penalty / examples if examples else None
        row["lr"] = float(self.lr[0]) if self.epoch else None
        row["examples"] = self.epoch * self.examples
        row["seconds"] = self.seconds
        self.sums.zero_()
        self.rows.append(row)
        watch.on_row(self, row)
        return row

    def _side(self, positions: Tensor) -> dict[str, Any]:
        logits = self.learner.answers(positions)[0].double().cpu().numpy()
        labels = self.learner.labels.cpu()[positions].numpy()
        answers = logits.argmax(-1)
        right = (answers == labels).astype(float)
        return {"loss": evaluation.losses(logits, labels), "right": right, "labels": labels, "answers": answers}

    def _rise(self, losses: Any) -> Row:
        """By how much the validation loss stands above its own minimum, paired over the examples, with an interval."""
        if self.is_best(float(losses.mean())):
            self.best_losses = torch.from_numpy(losses)
        difference = losses - self.best_losses.numpy()
        low, high = evaluation.interval(difference)
        return {"rise": float(difference.mean()), "rise_low": low, "rise_high": high}

    def is_best(self, valid_loss: float) -> bool:
        """Whether no row before has a validation loss as low."""
        return all(valid_loss < row["valid_loss"] for row in self.rows)

    def is_best_row(self, row: Row) -> bool:
        """Whether `row`, the last one, has the lowest validation loss."""
        return all(row["valid_loss"] < other["valid_loss"] for other in self.rows if other is not row)

    def _noise(self) -> Row:
        """Accuracy of the probe on the true labels, and the share of the wrong labels that is repeated."""
        answers = self.learner.answers(self.probe)[0].argmax(-1).cpu()
        truth = self.data.true_labels[self.data.train]
        repeated = (
            self.learner.answers(self._spoilt)[0].argmax(-1).cpu() == self.data.labels[self.data.train][self._spoilt]
        )
        clean = (answers == truth[self.probe]).double().mean()
        return {"clean_train_accuracy": float(clean), "memorised": float(repeated.double().mean())}

    # -- checkpoints --------------------------------------------------------------------------------------------------

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything that moves: named tensors (copies), and plain values."""
        tensors = self.learner.state()
        tensors |= {"job.sums": self.sums.cpu().clone(), "job.alive": self.alive.cpu().clone()}
        tensors["job.best_losses"] = self.best_losses.clone()
        for name, now in self.now.items():
            tensors |= {f"memory.{name}.{key}": t.cpu().clone() for key, t in now.memory.items()}
        knobs = {path: v for path, v in self.knobs.items() if isinstance(v, int | float | str)}
        place = {"epoch": self.epoch, "step_in_epoch": self.step_in_epoch, "step": self.step, "seconds": self.elapsed}
        return tensors, place | {"knobs": knobs, "turns": list(self.turns)}

    def restore(self, tensors: dict[str, Tensor], place: dict[str, Any], rows: list[Row]) -> None:
        """Go back to where `snapshot` was taken."""
        where = self.learner.device
        self.learner.load(tensors)
        self.sums, self.alive = tensors["job.sums"].to(where), tensors["job.alive"].to(where)
        self.best_losses = tensors["job.best_losses"]
        for name, now in self.now.items():
            prefix = f"memory.{name}."
            now.memory = {k.removeprefix(prefix): t.to(where) for k, t in tensors.items() if k.startswith(prefix)}
        self.epoch, self.step_in_epoch, self.seconds = place["epoch"], place["step_in_epoch"], place["seconds"]
        self.knobs |= place["knobs"]
        self.turns = [tuple(turn) for turn in place["turns"]]
        self._set_knobs()
        self.rows = list(rows)
        self.lr = torch.full((self.learner.trials,), float(rows[-1]["lr"] or 0.0) if rows else 0.0)


def stratified(labels: Tensor, most: int) -> Tensor:
    """At most `most` positions, each class with its share, in order: a fixed probe of the training part."""
    if most >= len(labels):
        return torch.arange(len(labels))
    kept = [
        at[: max(1, round(most * len(at) / len(labels)))]
        for c in torch.unique(labels)
        for at in [(labels == c).nonzero().flatten()]
    ]
    return torch.cat(kept).sort().values[:most]
