"""Predict, run, graded: what the lesson notebooks share."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.checks import known
from workbench.errors import BadChoice, BadData
from workbench.folder import write_json

if TYPE_CHECKING:
    import pandas as pd

FILE, HAND_IN, WHO = "predictions.json", "hand_in.json", "who.txt"
READS = 3  # of a folder that says it has not changed: what is written in the same moment says so too
WRITTEN = 2000  # letters of a reason, or of an answer, that are kept


def on_one_thread() -> None:
    """Have what this kernel starts from now on train on one thread of the CPU: a class sees the same numbers.

    `WORKBENCH_THREADS` and `WORKBENCH_DEVICE` that are set already stay as they are.
    """
    os.environ.setdefault("WORKBENCH_THREADS", "1")
    os.environ.setdefault("WORKBENCH_DEVICE", "cpu")


def spans(edges: Sequence[float], unit: str = " %") -> list[str]:
    """Names of the spans that `edges` cut, in their order: "below 60 %", "60 to 75 %", "75 % or more"."""
    if len(edges) < 1 or list(edges) != sorted(set(edges)):
        raise BadChoice(f"spans are cut by edges that rise, one at least, got {list(edges)}.")
    between = [f"{low:g} to {high:g}{unit}" for low, high in pairwise(edges)]
    return [f"below {edges[0]:g}{unit}", *between, f"{edges[-1]:g}{unit} or more"]


def span_of(value: float, edges: Sequence[float], unit: str = " %") -> str:
    """The span in which `value` lies; an edge belongs to the span above it."""
    return spans(edges, unit)[sum(value >= edge for edge in edges)]


class Kept:
    """One entry, by `name`, of the file that holds a lesson's state, in `folder`, beside what the lesson writes."""

    def __init__(self, name: str, folder: str | Path):
        self.name, self.file = name, Path(folder) / FILE

    def entry(self) -> dict[str, Any]:
        """What is kept of it; empty where nothing is."""
        found = stored(self.file).get(self.name)
        return found if isinstance(found, dict) else {}

    def write(self, entry: Mapping[str, Any] | None) -> None:
        """Keep this of it."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.file, stored(self.file) | {self.name: entry})


def stored(file: Path) -> dict[str, Any]:
    """A JSON file's object; empty where there is none, or something else."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(file.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


class Prediction(Kept):
    """What somebody expects before they see it; kept in `folder`, beside what the lesson writes.

    `options`: what may come out. `recorded`: what stands in where nobody was asked: headless, or not yet. A
    `PredictionPanel` asks. `classroom`: a folder that a class shares; there each student's answers are pooled.
    """

    def __init__(
        self,
        name: str,
        question: str,
        options: Sequence[str],
        recorded: str,
        folder: str | Path,
        classroom: str | Path = "",
    ):
        super().__init__(name, folder)
        self.question, self.options, self.recorded = question, tuple(options), recorded
        self.classroom = Classroom(classroom, folder) if str(classroom) else None
        self._came: tuple[str, ...] = ()
        self.on_graded: Callable[[], None] = lambda: None  # a panel that shows the grade, too
        known(recorded, self.options, f"the prediction {name} has no option")

    def __repr__(self) -> str:
        who = "Predicted" if self.theirs else "Nobody was asked; the recorded prediction"
        return f"{self.question}\n({' / '.join(self.options)})\n{who}: {self.answer}"

    @property
    def answer(self) -> str:
        """What was predicted, or what stands in for it."""
        return self._kept()[0] or self.recorded

    @property
    def reason(self) -> str:
        """Why, in their own words."""
        return self._kept()[1]

    @property
    def theirs(self) -> bool:
        """Whether somebody predicted it."""
        return bool(self._kept()[0])

    def keep(self, answer: str, reason: str = "") -> None:
        """Lock it in: a restarted kernel and a report find it again. The first answer is kept too, and how often."""
        known(answer, self.options, f"the prediction {self.name} has no option")
        before = self.entry()
        tries = int(before.get("tries", 0)) + (before.get("answer") != answer)
        first = str(before.get("first") or (before.get("answer") if self.theirs else "") or answer)
        self.write({"answer": answer, "reason": reason.strip()[:WRITTEN], "tries": tries, "first": first})
        self._pool(answer)

    def forget(self) -> None:
        """Be asked again; what came of the run before is no grade of the next answer."""
        before, self._came = self.entry(), ()
        first = before.get("first") or before.get("answer")
        self.write({"tries": before.get("tries", 0)} | ({"first": first} if first else {}))
        self._pool("")

    @property
    def grade(self) -> str:
        """The sentence on the prediction as it stands now; empty until `graded` was told what came out."""
        return self.graded(self._came) if self._came else ""

    def pooled(self) -> dict[str, int]:
        """How many of the class predicted each option; empty where no class shares a folder."""
        given = self.classroom.answers(self.name) if self.classroom else None
        return {} if given is None else {option: given.count(option) for option in self.options}

    def graded(self, right: Sequence[str]) -> str:
        """A sentence that holds the prediction against what came out. `right`: the best, and those level with it."""
        if not right:
            raise BadChoice(f"the prediction {self.name} is graded by one right option at least, got none.")
        for each in right:
            known(each, self.options, f"the prediction {self.name} has no option")
        news, self._came = tuple(right) != self._came, tuple(right)
        if self.theirs:
            self.write(self.entry() | {"came": list(right), "held": self.answer in right})
        if news:
            self.on_graded()
        who = "You predicted" if self.theirs else "The recorded prediction was"
        level = " and ".join(f"“{each}”" for each in right)
        if self.answer not in right:
            said = f"{who} “{self.answer}”; it came out otherwise: {level}. Such predictions teach most."
        elif len(right) > 1:
            said = f"{who} “{self.answer}”, and that holds: {level} cannot be told apart here."
        else:
            said = f"{who} “{self.answer}”, and so it came."
        reason = f" Your reason was: “{self.reason}” Would you still give it?" if self.theirs and self.reason else ""
        return f"{said}{reason}"

    def _kept(self) -> tuple[str, str]:
        """Answer and reason; empty where there are none, or the options are others now."""
        answer, reason = (self.entry().get(key) for key in ("answer", "reason"))
        return (str(answer), str(reason or "")) if answer in self.options else ("", "")

    def _pool(self, answer: str) -> None:
        if self.classroom is None:
            return
        try:
            self.classroom.give(self.name, answer)
        except OSError as error:
            raise BadData(
                f"Your prediction is kept, but the class does not see it: {self.classroom.shared} cannot be written "
                f"({error.strerror or error}). Whoever teaches must let everybody write to it (chmod 1777)."
            ) from error


class Classroom:
    """The folder that a class shares: a file a student and lesson, with what they predicted and no name.

    `folder`: the student's own, whose name is the lesson's, and where the number stands that stands for the student.
    Who has an account of their own must be able to write to `shared` (chmod 1777), and their files are read by all.
    """

    def __init__(self, shared: str | Path, folder: str | Path):
        self.own, self.shared = Path(folder), Path(shared).expanduser()
        self.lesson = self.own.resolve().name
        self._found: list[dict[str, Any]] = []
        self._looks: tuple[int, int] = (0, 0)  # when the folder changed last, and how often it was read since

    def who(self) -> str:
        """A number drawn once for this student and this lesson."""
        file = self.own / WHO
        with contextlib.suppress(OSError):
            if found := file.read_text(encoding="utf-8").strip():
                return found
        self.own.mkdir(parents=True, exist_ok=True)
        file.write_text(drawn := secrets.token_hex(8), encoding="utf-8")
        return drawn

    def give(self, name: str, answer: str) -> None:
        """Put this student's answer there; an empty one takes it back."""
        if not self.shared.is_dir():
            self.shared.mkdir(parents=True)
            self.shared.chmod(0o1777)
        file = self.shared / f"{self.lesson}.{self.who()}.json"
        write_json(file, stored(file) | {name: answer})
        file.chmod(0o644)

    def answers(self, name: str) -> list[str]:
        """What the class predicted so far, an entry a student who did. A folder that did not change is not read."""
        changed = self.shared.stat().st_mtime_ns if self.shared.is_dir() else 0
        since, reads = self._looks
        if changed != since or reads < READS:
            files = sorted(self.shared.glob("*.json")) if changed else []
            own = [file for file in files if file.name.startswith(f"{self.lesson}.")]
            self._found, self._looks = [stored(file) for file in own], (changed, reads + 1 if changed == since else 1)
        return [str(given) for each in self._found if (given := each.get(name))]


class Exercise(Kept):
    """A task that checks itself; how it went is kept beside the predictions.

    `solved(answer)`: whether it is; `hint`: what to look at where it is not; `why`: what there was to see.
    """

    def __init__(self, name: str, task: str, solved: Callable[[Any], bool], hint: str, why: str, folder: str | Path):
        super().__init__(name, folder)
        self.task, self.solved, self.hint, self.why = task, solved, hint, why

    def check(self, answer: Any = None) -> str:
        """A sentence on the answer; None is no answer yet. One that cannot be judged counts as no try."""
        if answer is None:
            return f"{self.task} (Not answered yet.)"
        try:
            right = bool(self.solved(answer))
        except Exception as error:
            return f"This answer cannot be judged: {str(error) or type(error).__name__}. {self.task}"
        before = self.entry()
        given = str(answer)[:WRITTEN]
        tries = int(before.get("tries", 0)) + (before.get("given") != given)  # to run all again is no try
        self.write({"task": self.task, "given": given, "solved": right, "tries": tries})
        return f"Solved. {self.why}" if right else f"Not yet. {self.hint}"


def hand_in(folder: str | Path, tables: Mapping[str, pd.DataFrame] | None = None, name: str = "") -> str:
    """Write `folder/hand_in.json`, what a student hands in: predictions, grades, exercises, and the rows measured.

    `name`: theirs, if they like. Returns a sentence that says where it lies and what is in it.
    """
    import datetime

    from workbench.surroundings import versions

    target = Path(folder)
    entries = {key: each for key, each in stored(target / FILE).items() if isinstance(each, dict)}
    rows = {key: json.loads(table.to_json(orient="records")) for key, table in (tables or {}).items()}
    about = {"lesson": target.resolve().name, "name": name.strip()[:WRITTEN], "versions": versions()}
    about |= {"when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")}
    asked = {key: each for key, each in entries.items() if "answer" in each or "first" in each}
    tasks = {key: each for key, each in entries.items() if "solved" in each}
    target.mkdir(parents=True, exist_ok=True)
    write_json(target / HAND_IN, about | {"predictions": asked, "exercises": tasks, "rows": rows})
    held, done = sum(bool(each.get("held")) for each in asked.values()), sum(each["solved"] for each in tasks.values())
    theirs = sum("answer" in each for each in asked.values())
    return (
        f"Hand in {target / HAND_IN}: {theirs} predictions of yours, of which {held} held; {done} of {len(tasks)} "
        f"exercises that you tried are solved; {sum(map(len, rows.values())):,} rows."
    )
