"""The driver of a study: round after round is trained, fused where it can be, and what came out is kept."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from workbench import paths, progress
from workbench.errors import Interrupted, RunBusy, WorkbenchError
from workbench.recipe import Recipe
from workbench.searching.holding import left
from workbench.searching.preparing import prepared
from workbench.searching.results import ended, result_of
from workbench.searching.rounds import open_round, same_data
from workbench.searching.stopping import METRICS, StoppingRule
from workbench.searching.strategies import Strategy
from workbench.searching.study import MOST, Study
from workbench.searching.working import EPOCHS, Stopped, Work, failed

if TYPE_CHECKING:
    from workbench.searching.fusing import Done

Result = dict[str, Any]
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
    folder. `trials`: so many in all, else as many as the strategy says. `minutes`: after so long it stops between two
    steps, and goes on for as long again when it is resumed; left out, it takes as long as the trials do.
    """
    asked: dict[str, Any] = {"recipe": recipe, "strategy": strategy, "space": space, "stopping": stopping}
    asked |= {"metric": metric, "folds": folds, "storage": storage, "minutes": minutes}
    if name and (paths.studies() / name / "study.json").is_file():
        with _driving(
            paths.studies() / name
        ):  # else what is refused would change the study that another process drives
            pass
    study = prepared(asked, name, trials)
    study.files.ask(state="running")
    with _told(study) as tell:
        for result in drive(study, minutes):
            tell(result)
    return study


@contextmanager
def _told(study: Study) -> Iterator[Callable[[Result], None]]:
    """A progress bar, which is told of each result; the driver's notes are printed in the end."""
    from tqdm import tqdm

    sign, best, since = METRICS[study.metric][1], study.best, len(study.files.events())
    bar = tqdm(total=study.asked, initial=len(study.results()), desc=f"search {study.name}", unit="trial")

    def tell(result: Result) -> None:
        nonlocal best
        bar.update(1)
        if result["value"] is not None and (not best or sign * result["value"] < sign * best["value"]):
            best = result
        if best:
            bar.set_postfix_str(f"best {study.metric}: {best['value']:.4g}", refresh=False)

    try:
        with bar, progress.told_to(lambda what, done, total: bar.set_postfix_str(f"{what}: {done:,} of {total:,}")):
            yield tell
    except KeyboardInterrupt:
        command = f"on the command line: search RECIPE --name {study.name!r}"
        raise Interrupted(f"Interrupted. wb.search(name={study.name!r}) goes on; {command}.") from None
    for event in study.files.events()[since:]:
        if event["event"] == "note":
            print(event["text"], file=sys.stderr)


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
    asked |= {"metric": metric, "folds": folds, "storage": storage, "minutes": minutes}
    study = prepared(asked, name, trials)
    if study.state not in ("running", "paused", "queued"):
        study.files.ask(state="running")
        launch(study.files, recipe or study.recipe, search=True, minutes=minutes)
    return study


@contextmanager
def _driving(folder: Path) -> Iterator[None]:
    """The lock of who drives the study in this folder; an error where another process does."""
    lock = FileLock(folder / ".lock", timeout=0.5)  # a viewer that looks whether someone holds it is gone by then
    try:
        lock.acquire()
    except Timeout:
        raise RunBusy(f"another process drives {folder}; wb.open_study({folder.name!r}) watches it.") from None
    try:
        yield
    finally:
        lock.release()


def drive(study: Study, minutes: float | None = None) -> Iterator[Result]:
    """Round after round until there are as many trials as were asked for, or somebody stops it; yields each result."""
    end = math.inf if minutes is None else time.monotonic() + 60 * minutes
    most = MOST if minutes is None else TIMED  # in a round, so that what was learned comes to use in time
    with _driving(study.folder), progress.told_to(_preparing(study)):
        try:
            study.files.clear_orphans()
            study.files.tell("started", pid=os.getpid())
            data = None
            while (folder := open_round(study, most)) is not None:
                done = ended(folder)
                within = {*_numbered(folder)} - {*done}
                before = {number: rows for number, rows in study.rows().items() if number not in within}
                data = data or same_data(study)
                yield from _train(Work(study, folder, before, data, end), done)
            _tell_where_all_failed(study)
            study.files.tell("finished")
        except Stopped as why:
            study.files.tell("stopped", why=str(why))
        except Exception as error:
            study.files.tell("failed", kind=type(error).__name__, message=str(error))
            raise


def _numbered(folder: Any) -> dict[int, dict[str, Any]]:
    """The settings of a round's trials by number."""
    about = folder.read("round.json")
    return dict(enumerate(about["settings"], about["first"]))


def _train(work: Work, done: dict[int, Result]) -> Iterator[Result]:
    """Train what of the round is not done yet, then keep the results of all of it."""
    study, numbered = work.study, _numbered(work.folder)
    for some in _passes(work, numbered, done):
        new = [(number, about) for number, about in some if number not in done]
        results = [
            result_of(number, numbered[number], about.pop("rows"), study.metric, **about) for number, about in new
        ]
        work.folder.tell("done", results=results)
        done |= {result["number"]: result for result in results}
        yield from results
    study.keep(list(done.values()))


def _passes(work: Work, numbered: Mapping[int, Any], done: Mapping[int, Result]) -> Iterator[Done]:
    """What can train at once, one after the other; trials that cannot be begun fail, and leave the others alone."""
    from workbench.learners.plan import fused

    recipes = {}
    for number, settings in numbered.items():
        try:
            recipes[number] = work.study.recipe.turned(settings)
        except WorkbenchError as error:
            yield from _lost(work, [number], error) if number not in done else ()
    held = left(work.folder)
    if held and not {*held} <= {*done} and {*held} <= {*recipes}:
        yield from _group(work, {number: recipes[number] for number in held})
    numbers = [number for number in recipes if number not in done]
    for group in fused([recipes[number] for number in numbers]):
        work.must_go_on()
        yield from _group(work, {numbers[at]: recipes[numbers[at]] for at in group})


def _group(work: Work, recipes: Mapping[int, Recipe]) -> Iterator[Done]:
    """Trials that belong together, their rows known to the stopping rule from then on."""
    from workbench.searching.fusing import together  # with torch, for which a panel need not wait to be seen

    left = [*recipes]
    try:
        for some in together(work, recipes):
            left = [number for number in left if number not in dict(some)]
            work.before.update({number: about["rows"] for number, about in some})
            yield some
    except WorkbenchError as error:
        yield from _lost(work, left, error)


def _lost(work: Work, numbers: list[int], error: WorkbenchError) -> Iterator[Done]:
    """These trials failed before they began, for a reason of their own; what is wrong with the machine is raised."""
    if not work.is_of_a_trial(error):
        raise error
    yield [(number, failed(error)) for number in numbers]


def _tell_where_all_failed(study: Study) -> None:
    results = study.results()
    if results and all(each["state"] == "failed" for each in results):
        first = results[0]
        text = f"None of the {len(results)} trials came to a value. Trial {first['number']}: {first['reason']}"
        study.files.tell("note", text=text)


def _preparing(study: Study) -> progress.Listener:
    """Tells the study's folder how far what is read or computed first is, once a second."""
    told = 0.0

    def listen(what: str, done: int, total: int) -> None:
        nonlocal told
        if what != EPOCHS and time.monotonic() - told >= 1.0:
            told = time.monotonic()
            study.files.tell("preparing", what=what, done=done, total=total)

    return listen
