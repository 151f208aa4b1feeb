"""An honest winner: the best settings again over seeds, beside the runners-up, and on the untouched test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from workbench import evaluation, features
from workbench.checks import whole
from workbench.errors import BadKnob, Diverged
from workbench.job import Job
from workbench.learners import head
from workbench.learners.plan import fused, plan
from workbench.sealing import unsealed
from workbench.trainer import Watch, train

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.history import Row
    from workbench.recipe import Recipe
    from workbench.searching.study import Study

    Floats = NDArray[np.float64]


SEEDS = 2**31  # as many as a recipe takes


@dataclass(frozen=True)
class Winner:
    """What the best settings are worth. Figures are accuracies: means over the seeds, with 95 % bootstrap intervals.

    `metric`: by which the trial was chosen; `found`: its validation accuracy at its best epoch by that; `valid`,
    `test`: the same settings again over `seeds` other seeds than the search's. `luck`: what the choice flattered,
    `found` minus `test`. `rivals`: the runners-up over the same seeds, by how much the winner is ahead of each, paired
    over seeds and validation examples.
    """

    number: int
    settings: dict[str, Any]
    recipe: Recipe
    seeds: int
    found: float
    valid: dict[str, float]
    test: dict[str, float]
    unsealed: int
    rivals: list[dict[str, Any]] = field(default_factory=list)
    metric: str = "accuracy"

    @property
    def luck(self) -> float:
        """By how much the search's best validation accuracy is above the test accuracy."""
        return self.found - self.test["mean"]

    @property
    def distinguishable(self) -> bool:
        """Whether it is ahead of every runner-up, and there are some, by an interval that excludes zero."""
        return bool(self.rivals) and all(rival["low"] > 0 for rival in self.rivals)

    @property
    def _chance(self) -> str:
        if self.found > self.test["high"]:
            return ": so much was the search's luck"
        return ", which its interval allows to be chance" if self.found >= self.test["low"] else ""

    def __str__(self) -> str:
        knobs = ", ".join(f"{path} {value:.3g}" if isinstance(value, float) else f"{path} {value}"
                          for path, value in self.settings.items())  # fmt: skip
        told = [
            f"Trial {self.number} ({knobs}), the best by {self.metric}: validation accuracy {_shown(self.valid)} over "
            f"{self.seeds} seed{'s' if self.seeds > 1 else ''}, test accuracy {_shown(self.test)}.",
            f"The search had found {self.found:.3f} on validation, {_points(self.luck)} the test's{self._chance}.",
        ]
        if self.unsealed > 1:
            told.append(f"It is look {self.unsealed} at this test set: each makes the figure less honest.")
        close = [rival for rival in self.rivals if rival["low"] <= 0]
        if close:
            numbers = ", ".join(str(rival["number"]) for rival in close)
            told.append(f"Not distinguishable at this budget from trial{'s' if len(close) > 1 else ''} {numbers}.")
        elif self.rivals:
            told.append(f"Ahead of {'both' if len(self.rivals) == 2 else 'all'} runners-up.")
        return " ".join(told)


def winner(study: Study, seeds: int = 5, rivals: int = 2) -> Winner:
    """Train the best trial's settings and the runners-up again over `seeds` seeds, fused where they can be.

    None is the search's own seed: that draw chose the trial, and would flatter it again.
    Unseals the test set, once, for the winner alone; the look is counted as any other.
    """
    whole("seeds", seeds, 1, 1000)
    whole("rivals", rivals, 0, 100)
    ranked = study.ranked()
    if not ranked:
        raise BadKnob(f"no trial of {study.name} came to a value, so there is no winner; study.trials says why not.")
    chosen = ranked[: 1 + rivals]
    first = study.recipe.turned(chosen[0]["settings"])
    recipes = [study.recipe.turned(each["settings"]) for each in chosen]
    told = repeated([other_seed(recipe, at + 1) for recipe in recipes for at in range(seeds)], seeds, study.folder)
    right = np.stack([each["valid"] for each in told]).reshape(len(chosen), seeds, -1)
    tested = np.stack([each["test"] for each in told[:seeds]])
    beaten = [
        {"number": each["number"], "settings": each["settings"], **spread(right[0] - other)}
        for each, other in zip(chosen[1:], right[1:], strict=True)
    ]
    looks = unsealed(told[0]["sealed"], study.folder)
    won, at = chosen[0], chosen[0]["row"]["valid_accuracy"]
    return Winner(
        won["number"], won["settings"], first, seeds, at, spread(right[0]), spread(tested), looks, beaten, study.metric
    )


def other_seed(recipe: Recipe, at: int) -> Recipe:
    """The recipe with the seed that is `at` further on."""
    return recipe.replace(seed=(recipe.seed + at) % SEEDS)


class Best(Watch):
    """Holds each trial's head as it was at its best epoch."""

    def __init__(self) -> None:
        self.held: dict[int, dict[str, Any]] = {}
        self.losses: dict[int, float] = {}

    def on_rows(self, job: Job, rows: Sequence[Row]) -> None:
        """Keep the weights of those that are better than before."""
        with job.moments.answering():
            answers, state = job.learner.answers(job.valid).argmax(-1).cpu(), job.learner.state()
        right = (answers == job.learner.labels.cpu()[job.valid]).double().numpy()
        for row in rows:
            trial = row.get("trial", 0)
            if row["valid_loss"] < self.losses.get(trial, np.inf):
                at, self.losses[trial] = job.going.index(trial), row["valid_loss"]
                weights = {name: w[at : at + 1] for name, w in state.items() if name.startswith("head.")}
                self.held[trial] = {"weights": weights, "valid": right[at]}


def repeated(recipes: Sequence[Recipe], seeds: int, folder: Path) -> list[dict[str, Any]]:
    """Rightness (0 or 1) of each recipe's best epoch, validation part; of the first `seeds` on the test part too.

    Whole networks are runs of their own below `folder`, and trained once.
    """
    found: dict[int, dict[str, Any]] = {}
    for group in fused(recipes):
        if recipes[group[0]].scope.name != "head":
            found |= {at: _run(recipes[at], at < seeds, folder) for at in group}
            continue
        job, best = Job(plan([recipes[at] for at in group])), Best()
        try:
            for _ in train(job, best):
                pass
        except Diverged:
            pass
        for position, at in enumerate(group):
            held = best.held[position]
            found[at] = {"valid": held["valid"], "sealed": job.data.sealed_as}
            if at < seeds:
                found[at]["test"] = _tested(job, held["weights"])
    return [found[at] for at in range(len(recipes))]


def _tested(job: Job, weights: dict[str, Any]) -> Floats:
    """Rightness of a head on the test part."""
    of, data = job.plan, job.data
    inputs = features.kept(of.built, data, data.test, of.device, of.dtype)
    inputs = ((inputs - of.standard[0]) / of.standard[1]).to(next(iter(weights.values())).dtype)
    with torch.no_grad():
        logits = head.apply(weights, inputs.unsqueeze(0), job.recipe.scope.activation)[0]
    right: Floats = (logits.argmax(-1) == data.labels[data.test]).double().numpy()
    return right


def _run(recipe: Recipe, test: bool, folder: Path) -> dict[str, Any]:
    """The same of a run of its own, whose weights are not only a head's."""
    from workbench.fine_tuning import fine_tune
    from workbench.predicting import logits

    run = fine_tune(recipe, folder / "winner" / recipe.id)
    data, by = run.load_data(), run.restored()

    def right(part: Any) -> Floats:
        found: Floats = (logits(by, data.inputs[part]).argmax(-1).cpu() == data.labels[part]).double().numpy()
        return found

    found: dict[str, Any] = {"valid": right(data.valid), "sealed": data.sealed_as}
    return found | ({"test": right(data.test)} if test else {})


def spread(values: Floats) -> dict[str, float]:
    """Mean of (seeds, examples), with a 95 % interval that draws both seeds and examples anew."""
    draw = np.random.default_rng(0)
    seeds = draw.multinomial(len(values), np.full(len(values), 1 / len(values)), size=evaluation.REPLICATES)
    means = ((seeds / len(values)) @ values * evaluation.resampled(values.shape[1], 0)).sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return {"mean": float(values.mean()), "low": round(float(low), 6), "high": round(float(high), 6)}


def _points(by: float) -> str:
    return f"{abs(100 * by):.1f} points {'above' if by >= 0 else 'below'}"


def _shown(of: dict[str, float]) -> str:
    return f"{of['mean']:.3f} [{of['low']:.3f}, {of['high']:.3f}]"
