"""The verdict on a run: what its rows say of generalisation, with the numbers behind it, and what to do next.

A gap is train better than validation, and no harm by itself; overfitting is validation getting worse, beyond doubt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.evidence import RECENT, evidence, wilson

if TYPE_CHECKING:
    from workbench.history import Row
    from workbench.recipe import Recipe
    from workbench.run import Run

DIVERGING = "diverging"
TOO_FEW = "too few validation examples to tell"
LEAKING = "leaking"
MEMORISING = "memorising wrong labels"
OVERFITTING = "overfitting"
LEARNING = "still learning"
UNDERFITTING = "underfitting"
GAP = "generalisation gap without overfitting"
WELL = "fitting well"
KINDS = (DIVERGING, TOO_FEW, LEAKING, MEMORISING, OVERFITTING, LEARNING, UNDERFITTING, GAP, WELL)

STRONG = (  # what is weakened first where training does not get there
    "l1.strength", "elastic-net.strength", "group-lasso.strength", "l2.strength", "weight-decay.strength",
    "dropout.rate",
)  # fmt: skip

# Where one verdict ends and the next begins, set on the runs that `python -m benchmarks diagnosis` plants to tune on.
WORSE = 1.2  # times the train loss before training, or at the best epoch: training makes things worse
BACK = 0.1  # of all that the train loss had fallen: a rise of both losses that a penalty alone does not make
WIDE = 0.3  # width of the interval of validation accuracy beyond which it says nothing
FEWEST = 30  # validation examples, with fewer of which an interval itself is not to be trusted
TWINS = 0.05  # share of the validation examples that training has seen, or as good as
HARM = 0.02  # of the least validation loss: a rise that is worth a word
LEARNT = 0.5  # share of the wrong labels that the model repeats
MOVES = 0.03  # of all that validation loss has fallen: what it fell in that time where it still does
OPEN = 0.03  # a gap of accuracy that is worth a word
FOLDS = 5  # that a search is proposed to have
LOW = 0.85  # a train accuracy below which training itself has not got there


@dataclass(frozen=True)
class NextStep:
    """What to do next: `said` in words; `settings` by path, `regularizer`s to add, or `epochs` to train on, if any.

    `unseal`: to measure it on the test set. `look`: at the data, where pairs that look alike are shown. `folds`: of a
    search, so that all examples validate in turn.
    """

    said: str
    regularizer: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 0
    unseal: bool = False
    look: bool = False
    folds: int = 0

    @property
    def elsewhere(self) -> bool:
        """Whether it is done in another tab, and not by a run."""
        return self.look or bool(self.folds)

    def __bool__(self) -> bool:
        """Whether it can be done by a button."""
        return bool(self.regularizer or self.settings or self.epochs or self.unseal or self.elsewhere)

    def recipe(self, recipe: Recipe) -> Recipe:
        """The recipe with this step taken: what was turned on the way of the knobs that it sets is left out."""
        name = self.regularizer.partition("(")[0]
        stay = [turn for turn in recipe.turns() if turn[1] not in self.settings and turn[1].partition(".")[0] != name]
        recipe = recipe.replace(changes="; ".join(f"{step}: {path}={value!r}" for step, path, value in stay))
        if self.regularizer:
            others = [r for r in recipe.regularizers if r.name != name]
            recipe = recipe.replace(regularizers=[*others, *recipe.replace(regularizers=self.regularizer).regularizers])
        return recipe.turned(self.settings).replace(epochs=recipe.epochs + self.epochs)


@dataclass(frozen=True)
class Verdict:
    """What kind of run it is so far, the `evidence` in numbers, one plain sentence, and the `next_step`."""

    kind: str
    sentence: str
    evidence: Mapping[str, float]
    next_step: NextStep

    def __str__(self) -> str:
        return self.sentence


def diagnose(run: Run) -> Verdict:
    """The verdict on a run, finished or under way."""
    about = run.files.read("environment.json") or {}
    lost = run.state == "failed" and any("no longer a finite number" in text for text in run.messages)
    known = {"twins": about.get("twins", 0.0), "examples": about.get("examples", math.inf)}
    known["baseline"] = (run.baseline or {}).get("accuracy", math.nan)
    return verdict(run.rows, present(run), **known, diverged=lost)


def present(run: Run) -> Recipe:
    """The run's recipe with its knobs as they stand now, whatever they were turned from."""
    played = run.played
    return played.replace(changes="").turned({path: value for _, path, value in played.turns()})


def verdict(
    rows: Sequence[Row],
    recipe: Recipe,
    *,
    twins: float = 0.0,
    examples: float = math.inf,
    baseline: float = math.nan,
    diverged: bool = False,
) -> Verdict:
    """The same from rows. `twins`: share of the validation examples that are (nearly) among the training ones.

    `recipe`: with its knobs as they stand now.
    `examples`: how many validation examples there are. `baseline`: validation accuracy of the plain baseline.
    `diverged`: the run ended since its loss was no number.
    """
    if len(rows) < 2 and not diverged:
        said = "Nothing to say yet: no epoch is over."
        return Verdict(LEARNING, said, {}, NextStep("Wait for the first epochs."))
    seen = evidence(rows) | {"twins": twins, "examples": examples, "baseline": baseline}
    seen["valid_low"], seen["valid_high"] = wilson(seen["valid_accuracy"], examples)
    kind = _kind(rows, seen, diverged)
    said, step = SAYING[kind](seen, recipe)
    if seen["best_accuracy"] < baseline:
        said += f" The plain baseline is ahead on validation: {baseline:.3f} against {seen['best_accuracy']:.3f}."
        step = _towards(recipe) if kind == WELL and seen["best_high"] < baseline else step
    return Verdict(kind, said, seen, step)


def _kind(rows: Sequence[Row], seen: Mapping[str, float], diverged: bool) -> str:
    """The first that holds, the most pressing one first."""
    if diverged or not math.isfinite(seen["train_loss"]) or seen["train_loss"] > WORSE * seen["train_loss_before"]:
        return DIVERGING
    known = not math.isnan(seen["memorised"])
    if seen["valid_high"] - seen["valid_low"] > WIDE or seen["examples"] < FEWEST:
        return TOO_FEW
    if seen["twins"] > TWINS or (not known and seen["gap_high"] < 0 and seen["gap_loss_high"] < 0):
        return LEAKING
    worse = seen["rise_low"] > seen["luck"] and seen["rise"] > HARM * (seen["valid_loss"] - seen["rise"])
    if worse and seen["train_loss"] < seen["train_loss_best"]:
        return MEMORISING if known and seen["memorised"] > LEARNT else OVERFITTING
    least, fell = seen["train_loss_best"], seen["train_loss_before"] - seen["train_loss_best"]
    if worse and seen["train_loss"] > max(WORSE * least, least + BACK * fell):  # both get worse: no overfitting
        return DIVERGING
    if len(rows) < 4 or (seen["falling"] > MOVES and seen["best_epoch"] > (1 - RECENT) * seen["epoch"]):
        return LEARNING
    if seen["train_accuracy"] < LOW and seen["gap_low"] < OPEN:
        return UNDERFITTING
    return GAP if seen["gap_low"] > 0 and seen["gap"] > OPEN else WELL


Said = tuple[str, NextStep]


def _diverging(seen: Mapping[str, float], recipe: Recipe) -> Said:
    rate = recipe.lr / 10
    before, best = seen["train_loss_before"], seen["train_loss_best"]
    how = f"train loss is {seen['train_loss']:.3g}, and was {before:.3g} before training"
    if seen["train_loss"] <= before:
        how = f"since epoch {seen['best_epoch']:.0f} train loss went up from {best:.3g} to {seen['train_loss']:.3g}"
        how += f", and validation loss by {_of(seen, 'rise')}"
    return f"Diverging: {how}. Steps are too long.", NextStep(f"Start again with lr={rate:g}", settings={"lr": rate})


def _too_few(seen: Mapping[str, float], recipe: Recipe) -> Said:
    said = (
        f"Too few validation examples to tell{_many(seen)}: accuracy on others may lie anywhere from "
        f"{seen['valid_low']:.2f} to {seen['valid_high']:.2f}."
    )
    if recipe.data.label_noise:  # every example validates once, by a label that is right
        return said, NextStep("Get more validation examples")
    return said, NextStep(f"Cross-validate: a search over {FOLDS} folds validates on all", folds=FOLDS)


def _many(seen: Mapping[str, float]) -> str:
    return f" ({seen['examples']:.0f})" if math.isfinite(seen["examples"]) else ""


def _leaking(seen: Mapping[str, float], recipe: Recipe) -> Said:
    if seen["twins"] > TWINS:
        said = f"Leaking: {seen['twins']:.0%} of the validation examples are, or nearly are, among the training ones."
    else:
        said = (
            f"Leaking, or parts of two kinds: validation does better than training, by {-seen['gap']:.3f} "
            f"[{-seen['gap_high']:.3f}, {-seen['gap_low']:.3f}] of accuracy."
        )
    return said, NextStep("Look at near copies under Data; a group keeps together what belongs together", look=True)


def _memorising(seen: Mapping[str, float], recipe: Recipe) -> Said:
    said = (
        f"Memorising wrong labels: {seen['memorised']:.0%} of them are repeated, {seen['memorised_before']:.0%} at "
        f"epoch {seen['best_epoch']:.0f}, since when validation loss rose by {_of(seen, 'rise')}."
    )
    return said, _remedy(recipe)


def _overfitting(seen: Mapping[str, float], recipe: Recipe) -> Said:
    said = f"Overfitting: validation loss is {_of(seen, 'rise')} above its minimum at epoch {seen['best_epoch']:.0f}"
    if seen["gap_high"] < 0:
        wrong = "" if math.isnan(seen["memorised"]) else ", some of which are wrongly labelled"
        behind = f"lower on the training examples{wrong}: their gap is {_of(seen, 'gap')}"
        return f"{said}, though accuracy is {behind}.", _remedy(recipe)
    return f"{said}, and the gap of accuracy is {_of(seen, 'gap')}.", _remedy(recipe)


def _learning(seen: Mapping[str, float], recipe: Recipe) -> Said:
    more = max(5, round(seen["epoch"]))
    said = f"Still learning: of all that validation loss has fallen, {seen['falling']:.0%} fell in the last epochs."
    return said, NextStep(f"Train on for {more} epochs", epochs=more)


def _underfitting(seen: Mapping[str, float], recipe: Recipe) -> Said:
    by = "" if math.isnan(seen["memorised"]) else ", by their right labels"
    said = (
        f"Underfitting: on the training examples themselves accuracy is {seen['train_accuracy']:.3f}{by}; the gap of "
        f"accuracy is {_of(seen, 'gap')}."
    )
    strong = [path for path in STRONG if path in recipe.places()]
    if strong:
        value = recipe.places()[strong[0]][1] / 10
        return said, NextStep(f"Weaken it: {strong[0]}={value:g}", settings={strong[0]: value})
    return said, _towards(recipe)


def _towards(recipe: Recipe) -> NextStep:
    """What lets the model fit more."""
    if recipe.scope.name == "head":
        deeper = recipe.replace(scope="blocks(last=1)")
        if recipe.data.domain != "points" and not any(r.unfit(deeper) for r in recipe.regularizers):
            return NextStep("Let the backbone's last block train too", settings={"scope": "blocks(last=1)"})
        if not recipe.scope.layers:
            return NextStep("Give the head a hidden layer", settings={"scope.layers": 1})
    return NextStep("Take a higher learning rate or a larger backbone", settings={"lr": min(1e-1, 3 * recipe.lr)})


def _gap(seen: Mapping[str, float], recipe: Recipe) -> Said:
    how = "hardly risen" if seen["rise_low"] > 0 else "not risen beyond chance" if seen["rise"] > 0 else "not risen"
    if seen["rise_low"] > 0 and seen["rise_low"] <= seen["luck"]:
        how = f"risen no more than its scatter from epoch to epoch makes: {seen['luck']:.3f}"
    said = (
        f"A generalisation gap without overfitting: accuracy is better on training examples by {_of(seen, 'gap')}, and "
        f"validation loss has {how} ({_of(seen, 'rise')})."
    )
    return said, _remedy(recipe)


def _well(seen: Mapping[str, float], recipe: Recipe) -> Said:
    said = (
        f"Fitting well: accuracy is {seen['valid_accuracy'] + seen['gap']:.3f} on training and "
        f"{seen['valid_accuracy']:.3f} on validation examples; the gap is {_of(seen, 'gap')}."
    )
    return said, NextStep("Unseal the test set, once", unseal=True)


SAYING: dict[str, Callable[[Mapping[str, float], Recipe], Said]] = {
    DIVERGING: _diverging,
    TOO_FEW: _too_few,
    LEAKING: _leaking,
    MEMORISING: _memorising,
    OVERFITTING: _overfitting,
    LEARNING: _learning,
    UNDERFITTING: _underfitting,
    GAP: _gap,
    WELL: _well,
}


def _of(seen: Mapping[str, float], name: str) -> str:
    """A number with its interval."""
    return f"{seen[name]:.3f} [{seen[f'{name}_low']:.3f}, {seen[f'{name}_high']:.3f}]"


def _remedy(recipe: Recipe) -> NextStep:
    """The first remedy that the recipe has not taken yet; else more of the first that it has."""
    own = {r.name: r for r in recipe.regularizers}
    if "l2" not in own:
        return NextStep("Add L2", regularizer="l2(strength=0.1)")
    if own["l2"].strength < 0.1:
        return NextStep("Make L2 stronger", settings={"l2.strength": min(0.3, max(0.1, 3 * own["l2"].strength))})
    if "early-stopping" not in own:
        return NextStep("Stop at the best epoch", regularizer="early-stopping")
    if "dropout" not in own:
        return NextStep("Add dropout", regularizer="dropout(rate=0.5)")
    return NextStep("Get more training examples: the regularizers at hand are in use")
