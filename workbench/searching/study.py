"""A study: a search that survives; its settings and trials in a folder, the trials' results in optuna's storage."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from workbench.checks import known, whole
from workbench.choices import Options, entry
from workbench.errors import BadKnob, BrokenRun, RunFailed
from workbench.folder import ENDED, RunFolder
from workbench.recipe import Recipe
from workbench.searching import space as spaces
from workbench.searching.results import Direction, around, ended, importance, must_be_new, rows_of, table
from workbench.searching.space import Space
from workbench.searching.stopping import METRICS, StoppingRule
from workbench.searching.storing import add_trials, answering, trial_of
from workbench.searching.strategies import Strategy

if TYPE_CHECKING:
    import optuna
    import pandas as pd

    from workbench.searching.winning import Winner

MOST = 10_000  # trials of a study


class Study:
    """A search in a folder. `trials` are those that ended; a search that was stopped or killed goes on by its name."""

    def __init__(self, folder: str | Path):
        self.files = RunFolder(folder)
        self._rounds: dict[Path, RunFolder] = {}  # each remembers how far it has read

    def __repr__(self) -> str:
        done = len(self.results())
        told = f"{done} of {max(done, self.asked)} trials" if self.files.path.is_dir() else "not there"
        return f"Study({self.name!r}, {told})"

    @property
    def folder(self) -> Path:
        """Where everything of it lies."""
        return self.files.path

    @property
    def name(self) -> str:
        """What it is called: its folder's name."""
        return self.files.path.name

    # -- what was asked for -------------------------------------------------------------------------------------------

    @property
    def about(self) -> dict[str, Any]:
        """What stands in `study.json`."""
        if (found := self.files.read("study.json")) is None:
            raise BrokenRun(f"{self.folder} holds no study.json: it is no study. wb.studies() lists those there are.")
        return dict(found)

    @property
    def recipe(self) -> Recipe:
        """What all trials start from."""
        return Recipe.from_dict(self.about["recipe"])

    @property
    def space(self) -> Space:
        """The knobs that move, and over what."""
        return spaces.read(self.about["space"])

    @property
    def strategy(self) -> Strategy:
        """Who proposes."""
        found: Strategy = entry(Strategy, self.about["strategy"])
        return found

    @property
    def stopping(self) -> StoppingRule:
        """Who ends trials early."""
        found: StoppingRule = entry(StoppingRule, self.about["stopping"])
        return found

    @property
    def metric(self) -> str:
        """What is to be best: loss, accuracy or f1, on the validation part."""
        return str(self.about["metric"])

    @property
    def folds(self) -> int:
        """Into how many folds each trial is cross-validated; 0: it has the validation part as it is."""
        return int(self.about.get("folds", 0))

    @property
    def elsewhere(self) -> str:
        """The address of the person's own database, empty where there is none."""
        return str(self.about.get("storage", ""))

    @property
    def asked(self) -> int:
        """How many trials there shall be."""
        return int(self.about["trials"])

    @property
    def minutes(self) -> float | None:
        """After how many it stops, each time that it goes on; None: when its trials are done."""
        found: float | None = self.about.get("minutes")
        return found

    def change(self, **what: Any) -> Study:
        """Go on otherwise: with so many `trials` in all, or `minutes`, another `strategy`, `stopping` or `space`."""
        about = self.about
        for name, value in what.items():
            known(name, ("trials", "strategy", "stopping", "space", "minutes"), "a study cannot change its")
            if name == "trials":
                about["trials"] = whole("trials", value, 1, MOST)
            elif name == "minutes":
                about["minutes"] = minutes_of(value)
            elif name == "space":
                space, first = spaces.space_of(self.recipe, value), spaces.read(about["first"])
                about["space"] = spaces.written(spaces.held(space, first, f"{self.name} was begun"))
            else:
                about[name] = entry(Strategy if name == "strategy" else StoppingRule, value).spelled()
        self.files.write("study.json", about)
        return self

    def add(self, settings: Mapping[str, Any]) -> Study:
        """Have these settings tried next: one trial more in all. Knobs that are left out are the recipe's own."""
        first = spaces.read(self.about["first"])
        for path in settings:
            known(path, first, f"{self.name} does not search over")
        places = self.recipe.turned(settings).places()
        tried = {path: spaces.plain(places[path][1]) for path in first}
        for path, domain in first.items():
            if isinstance(domain, Options) and tried[path] not in domain.values:
                raise BadKnob(f"{path} must be one of {', '.join(map(repr, domain.values))}, got {tried[path]!r}.")
        must_be_new(self, tried)
        self.change(trials=self.asked + 1)
        self.files.write("by_hand.json", [*self.by_hand(), tried])
        return self

    def by_hand(self) -> list[dict[str, Any]]:
        """Settings that a person added, in order."""
        return list(self.files.read("by_hand.json") or [])

    # -- what came out ------------------------------------------------------------------------------------------------

    @cached_property
    def storage(self) -> optuna.Study:
        """The study in optuna's storage: a database of the person's own, else SQLite in the folder."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        where = self.elsewhere or f"sqlite:///{self.folder / 'study.db'}"
        made = FileLock(self.folder / ".storage.lock", timeout=60)  # two that make its tables at once fail
        with answering(self.name, where), made:
            return optuna.create_study(
                study_name=self.name, storage=where, load_if_exists=True, direction=self.direction
            )

    @property
    def direction(self) -> Direction:
        """Whether a lower or a higher value is better."""
        return "minimize" if METRICS[self.metric][1] > 0 else "maximize"

    def ranked(self) -> list[dict[str, Any]]:
        """The trials that came to a value, the best first."""
        sign = METRICS[self.metric][1]
        finished = [each for each in self.results() if each["state"] != "failed"]
        return sorted(finished, key=lambda each: (sign * each["value"], each["number"]))

    def stored(self) -> list[dict[str, Any]]:
        """What the storage knows: the trials of rounds that are done."""
        there = self.elsewhere or (self.folder / "study.db").exists()
        with answering(self.name, self.elsewhere):
            told = self.storage.get_trials(deepcopy=False) if there else []
        return [{"number": t.number, **t.user_attrs.get("result", t.user_attrs), "value": t.value} for t in told]

    def results(self) -> list[dict[str, Any]]:
        """What is known of each trial that ended, by number: settings, state, value, its best row, and how it went."""
        found = {each["number"]: each for each in self.stored()}
        for folder in self.rounds()[-1:]:
            found = ended(folder) | found
        return [found[number] for number in sorted(found)]

    def keep(self, results: Sequence[Mapping[str, Any]]) -> None:
        """Put what trials came to into the storage, those that are there already left out."""
        have, first = len(self.stored()), spaces.read(self.about["first"])
        new = sorted((each for each in results if each["number"] >= have), key=lambda each: each["number"])
        with answering(self.name, self.elsewhere):
            add_trials(self.storage, [trial_of(each, around(first, each["settings"])) for each in new])

    @property
    def trials(self) -> pd.DataFrame:
        """A row a trial: number, state, the knobs, the value, and what it reached at its best epoch."""
        return table(self)

    @property
    def best(self) -> dict[str, Any] | None:
        """The trial with the best value: its number, settings, value and best row; None where none came to one."""
        return next(iter(self.ranked()), None)

    def recipe_of(self, number: int) -> Recipe:
        """The recipe of a trial."""
        for each in self.results():
            if each["number"] == number:
                return self.recipe.turned(each["settings"])
        raise BadKnob(f"there is no trial {number}; {self.name} has {len(self.stored())} that ended, from 0.")

    def importance(self, by: str = "fanova") -> dict[str, float]:
        """How much of the value's variance each knob explains, the largest first; `by`: fanova or ped-anova."""
        return importance(self.space, self.direction, self.ranked(), by)

    def winner(self, seeds: int = 5, rivals: int = 2) -> Winner:
        """The best settings again over seeds, beside the runners-up and on the test set, which this unseals."""
        from workbench.searching import winning

        return winning.winner(self, seeds, rivals)

    # -- while it runs ------------------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """queued, running, paused, stopped, finished, failed, or interrupted (its process is gone)."""
        state = self.files.state
        held = state == "running" and any(each.state == "paused" for each in self._networks())
        return "paused" if held else state

    def pause(self) -> None:
        """Hold at the next step."""
        self._ask("paused")

    def stop(self) -> None:
        """End at the next step; `resume`, or the same search again, goes on from there."""
        self._ask("stopped")

    def _ask(self, state: str) -> None:
        """Ask the driver, and the whole network that trains just now, which looks at its own folder."""
        self.files.ask(state=state)
        for each in self._networks():
            each.ask(state=state)

    def _networks(self) -> list[RunFolder]:
        """The trial that is a run of its own and under way, if one is."""
        each = [*self.folder.glob("trials/*/recipe.json"), *self.folder.glob("trials/*/fold-*/recipe.json")]
        found = sorted(each, key=lambda path: path.stat().st_mtime)  # not **: checkpoints go while one looks
        return [each for each in [RunFolder(path.parent) for path in found[-1:]] if each.driven]

    def resume(self) -> Study:
        """Go on: from a pause at once, else in a new process, for as many minutes again where they were counted."""
        self._ask("running")
        if self.state not in ("running", "paused", "queued"):
            from workbench.worker import launch

            launch(self.files, self.recipe, search=True, minutes=self.minutes)
        return self

    async def wait(self) -> Study:
        """Let other cells and buttons work until the search ends; its error is raised here, an interrupt stops it."""
        try:
            while self.state not in (*ENDED, "interrupted"):
                await asyncio.sleep(0.2)
        except (asyncio.CancelledError, KeyboardInterrupt):
            self.stop()
            raise
        return self.join()

    def join(self) -> Study:
        """The same for a script: block until the search has ended; its error is raised here."""
        while (state := self.state) not in (*ENDED, "interrupted"):
            time.sleep(0.05)
        if state == "interrupted":
            raise RunFailed(f"the process of {self.name} ended without a word; study.resume() goes on.")
        if state == "failed":
            last = next(event for event in reversed(self.files.events()) if event["event"] == "failed")
            raise RunFailed(f"{last['kind']}: {last['message']} (log: {self.folder / 'worker.log'})")
        return self

    def rounds(self) -> list[RunFolder]:
        """The folders of the rounds, in order."""
        return [self._rounds.setdefault(p, RunFolder(p)) for p in sorted(self.folder.glob("rounds/*"))]

    def rows(self) -> dict[int, list[dict[str, Any]]]:
        """Every trial's rows by number, those of trials under way too."""
        return {number: rows for folder in self.rounds() for number, rows in rows_of(folder).items()}


def minutes_of(value: Any) -> float | None:
    """So many minutes, or the error that says what they can be."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not value > 0):
        raise BadKnob(f"minutes must be more than 0, got {value!r}; left out, a search takes as long as its trials do.")
    return value if value is None or math.isfinite(value) else None
