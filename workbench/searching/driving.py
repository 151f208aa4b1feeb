"""The driver of a study: proposes rounds, trains them, fused where they can be, and keeps what came out."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from workbench import paths, progress
from workbench.errors import BadKnob, Interrupted, RunBusy
from workbench.folder import RunFolder
from workbench.recipe import Recipe
from workbench.searching.fusing import EPOCHS, Stopped, together
from workbench.searching.preparing import prepared
from workbench.searching.results import result_of
from workbench.searching.stopping import METRICS, StoppingRule
from workbench.searching.strategies import Strategy
from workbench.searching.study import MOST, Study

if TYPE_CHECKING:
    import pandas as pd

Result = dict[str, Any]
ALL_TRIED = "Every setting in the space was tried."
TIMED = 16  # trials of a round where minutes are counted


def search(
    recipe: Recipe | None = None,
    strategy: Strategy | str | None = None,
    space: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    stopping: StoppingRule | str | None = None,
    metric: str | None = None,
    folds: int | None = None,
    storage: str | None = None,
    trials: int | None = None,
    minutes: float | None = None,
) -> Study:
    """Search in this process, with a progress bar, and return the study.

    `name`: a study of this name goes on, with what it had where nothing else is said. `strategy`: `random` where none
    is named. `space`: knob paths to a `Range` or a list of values; left out, the learning rate and the numbers of the
    recipe's regularizers. `metric`: what shall be best on the validation part, `loss`, `accuracy` or `f1`. `folds`:
    training and validation part together are cut into so many, and each validates once; 0, the validation part as it
    is. `storage`: the address of a database for optuna, such as `postgresql://...`; left out, SQLite in the study's
    folder. `trials`: so many in all, else as many as the strategy says. `minutes`: nothing is begun after so long.
    """
    from tqdm import tqdm

    asked: dict[str, Any] = {"recipe": recipe, "strategy": strategy, "space": space, "stopping": stopping}
    asked |= {"metric": metric, "folds": folds, "storage": storage}
    _check_minutes(minutes)
    study = prepared(asked, name, trials)
    study.files.ask(state="running")
    sign, best = METRICS[study.metric][1], study.best
    with (
        tqdm(total=study.asked, initial=len(study.results()), desc=f"search {study.name}", unit="trial") as bar,
        progress.told_to(lambda what, done, total: bar.set_postfix_str(f"{what}: {done:,} of {total:,}")),
    ):
        try:
            for result in drive(study, minutes):
                bar.update(1)
                if result["value"] is not None and (not best or sign * result["value"] < sign * best["value"]):
                    best = result
                if best:
                    bar.set_postfix_str(f"best {study.metric}: {best['value']:.4g}", refresh=False)
        except KeyboardInterrupt:
            raise Interrupted(f"Interrupted. wb.search(name={study.name!r}) goes on.") from None
    if (told := study.files.events()[-2:]) and told[0].get("text") == ALL_TRIED:
        print(f"{ALL_TRIED[:-1]}: {len(study.results())} trials.", file=sys.stderr)
    return study


def start_search(
    recipe: Recipe | None = None,
    strategy: Strategy | str | None = None,
    space: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    stopping: StoppingRule | str | None = None,
    metric: str | None = None,
    folds: int | None = None,
    storage: str | None = None,
    trials: int | None = None,
    minutes: float | None = None,
) -> Study:
    """The same in a process of its own, at once or after what was started before; returns the Study to watch."""
    from workbench.worker import launch

    asked: dict[str, Any] = {"recipe": recipe, "strategy": strategy, "space": space, "stopping": stopping}
    asked |= {"metric": metric, "folds": folds, "storage": storage}
    _check_minutes(minutes)
    study = prepared(asked, name, trials)
    if study.state not in ("running", "paused", "queued"):
        study.files.ask(state="running")
        launch(study.files, recipe or study.recipe, search=True, minutes=minutes)
    return study


def _check_minutes(minutes: float | None) -> None:
    if minutes is not None and not minutes > 0:
        raise BadKnob(
            f"minutes must be more than 0, got {minutes!r}; left out, a search takes as long as its trials do."
        )


def open_study(name: str | Path) -> Study:
    """The study of this name, or in this folder."""
    path = Path(name).expanduser()
    study = Study(path if path.exists() or path.is_absolute() else paths.studies() / path)
    _ = study.about
    return study


def studies() -> pd.DataFrame:
    """All studies, the newest first: name, trials so far and asked for, strategy, knobs, the best value."""
    import pandas as pd

    lines = []
    for path in sorted(paths.studies().glob("*/study.json"), key=lambda path: -path.stat().st_mtime):
        study = Study(path.parent)
        found, best = study.about, study.best
        line = {"name": study.name, "trials": len(study.results()), "asked": study.asked}
        line |= {"strategy": found["strategy"], "stopping": found["stopping"], "knobs": ", ".join(found["space"])}
        lines.append(line | {"metric": study.metric, "best": best["value"] if best else None})
    columns = ["name", "trials", "asked", "strategy", "stopping", "knobs", "metric", "best"]
    return pd.DataFrame(lines, columns=columns)


def drive(study: Study, minutes: float | None = None) -> Iterator[Result]:
    """Round after round until there are as many trials as were asked for, or somebody stops it; yields each result."""
    lock = FileLock(study.folder / ".lock", timeout=0.5)
    end = math.inf if minutes is None else time.monotonic() + 60 * minutes
    most = MOST if minutes is None else TIMED  # in a round, which is gone through to its end
    try:
        lock.acquire()
    except Timeout:
        raise RunBusy(f"another process drives {study.folder}; wb.open_study({study.name!r}) watches it.") from None
    try:
        study.files.clear_orphans()
        study.files.tell("started", pid=os.getpid())
        while (folder := _open_round(study, most)) is not None:
            yield from _train(study, folder, end)
        study.files.tell("finished")
    except Stopped as why:
        study.files.tell("stopped", why=str(why))
    except Exception as error:
        study.files.tell("failed", kind=type(error).__name__, message=str(error))
        raise
    finally:
        lock.release()


def _open_round(study: Study, most: int = MOST) -> RunFolder | None:
    """The round that a killed driver left, or the next one; None where all that was asked for is done."""
    results = study.stored()
    rounds = [each for each in study.rounds() if each.read("round.json")]
    last: dict[str, Any] = rounds[-1].read("round.json") if rounds else {"first": 0, "settings": []}
    if last["first"] + len(last["settings"]) > len(results):
        return rounds[-1]
    left = study.asked - len(results)
    if left < 1:
        return None
    strategy, space = study.strategy, study.space
    known = [each["settings"] for each in results]
    size = min(left, strategy.size, most)
    hand = [each for each in study.by_hand() if each not in known][:size]
    sign = METRICS[study.metric][1]
    tried = [(each["settings"], None if each["state"] == "failed" else sign * each["value"]) for each in results]
    tried += [(each, None) for each in hand]
    count = size - len(hand)
    settings = hand + (strategy.propose(space, tried, study.recipe.seed, count) if count else [])
    if not settings:
        study.files.tell("note", text=ALL_TRIED)
        return None
    folder = RunFolder(study.folder / "rounds" / f"{len(rounds):05d}")
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.write("round.json", {"first": len(results), "settings": settings})
    return folder


def _train(study: Study, folder: RunFolder, end: float) -> Iterator[Result]:
    """Train what of the round is not done yet, then keep the results of all of it; nothing is begun after `end`."""
    from workbench.learners.plan import fused

    about = folder.read("round.json")
    numbered = dict(enumerate(about["settings"], about["first"]))
    done = {event["result"]["number"]: event["result"] for event in folder.events() if event["event"] == "done"}
    left = [number for number in numbered if number not in done]
    base = study.recipe
    recipes = {number: base.turned(numbered[number]) for number in left}
    before = {number: rows for number, rows in study.rows().items() if number not in left}
    for group in fused(list(recipes.values())):
        if time.monotonic() > end:
            raise Stopped("the time is over")
        some = {left[at]: recipes[left[at]] for at in group}
        for number, about_it in _heard(study, together(study, folder, some, before)):
            result = result_of(number, numbered[number], about_it.pop("rows"), study.metric, **about_it)
            folder.tell("done", result=result)
            done[number] = result
            yield result
    study.keep(list(done.values()))


def _heard(study: Study, work: Iterator[Any]) -> Iterator[Any]:
    """The same, while what is read or computed first tells the study's folder how far it is, once a second."""
    told = 0.0

    def listen(what: str, done: int, total: int) -> None:
        nonlocal told
        if what != EPOCHS and time.monotonic() - told >= 1.0:
            told = time.monotonic()
            study.files.tell("preparing", what=what, done=done, total=total)

    with progress.told_to(listen):
        yield from work
