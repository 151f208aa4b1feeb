"""The rounds of a study: the one that was left, or the next one, as its strategy proposes it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import OtherRecipe
from workbench.folder import RunFolder
from workbench.searching.results import ended
from workbench.searching.stopping import METRICS
from workbench.searching.study import MOST

if TYPE_CHECKING:
    from workbench.datasets.base import Data
    from workbench.searching.study import Study

Settings = dict[str, Any]


def open_round(study: Study, most: int = MOST) -> RunFolder | None:
    """The round that was left half-way, or the next one; None where all that was asked for is done.

    Of one that was left, what is not done yet is proposed anew where strategy or space are others by now.
    """
    results = study.stored()
    rounds = [each for each in study.rounds() if each.read("round.json")]
    last: dict[str, Any] = rounds[-1].read("round.json") if rounds else {"first": 0, "settings": []}
    if last["first"] + len(last["settings"]) > len(results):
        if last.get("by", _by(study)) != _by(study):
            last = _renewed(study, rounds[-1], last)
        if last["settings"]:
            return rounds[-1]
    left = study.asked - len(results)
    if left < 1:
        return None
    known = [each["settings"] for each in results]
    size = min(left, study.strategy.size, most)
    hand = [each for each in study.by_hand() if each not in known][:size]
    settings = hand + _proposed(study, results, hand, size - len(hand))
    if not settings:
        study.files.tell("note", text=f"Every setting in the space was tried: {len(results)} trials.")
        return None
    folder = RunFolder(study.folder / "rounds" / f"{len(rounds):05d}")
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.write("round.json", {"first": len(results), "settings": settings, "by": _by(study)})
    return folder


def _by(study: Study) -> list[Any]:
    """Who proposes over what; how many trials in all is another matter."""
    return [re.sub(r"\btrials=\d+", "", study.about["strategy"]), study.about["space"]]


def _proposed(study: Study, results: list[Any], others: list[Settings], count: int) -> list[Settings]:
    sign = METRICS[study.metric][1]
    tried = [(each["settings"], None if each["state"] == "failed" else sign * each["value"]) for each in results]
    tried += [(each, None) for each in others]
    return study.strategy.propose(study.space, tried, study.recipe.seed, count) if count else []


def _renewed(study: Study, folder: RunFolder, about: Mapping[str, Any]) -> dict[str, Any]:
    """The round with its done trials, and new settings where trials among them are not; the rest is cut off."""
    first, settings, done = about["first"], list(about["settings"]), ended(folder)
    dropped = [number for number in range(first, first + len(settings)) if number not in done]
    settings = settings[: max(done, default=first - 1) + 1 - first]
    holes = [number - first for number in dropped if number - first < len(settings)]
    fresh = _proposed(study, [*study.stored(), *done.values()], [], len(holes))
    for at, found in zip(holes, fresh, strict=False):
        settings[at] = found
    for number in dropped:
        shutil.rmtree(study.folder / "trials" / str(number), ignore_errors=True)
    shutil.rmtree(folder.path / "pass", ignore_errors=True)
    folder.tell("dropped", trials=dropped)
    found = {"first": first, "settings": settings, "by": _by(study)}
    folder.write("round.json", found)
    text = f"{len(dropped)} trials that were not done are proposed anew: strategy or space are others now."
    study.files.tell("note", text=text)
    return found


def same_data(study: Study) -> Data:
    """The data of the study's recipe; an error where they are others than when it was begun."""
    data: Data = study.recipe.data.load()
    held = study.files.read("data.json")
    now = {"fingerprint": data.fingerprint, "examples": len(data.labels), "classes": len(data.classes)}
    if held is None:
        study.files.write("data.json", now)
    elif held["fingerprint"] != now["fingerprint"]:
        then, here = (f"{each['examples']:,} examples of {each['classes']} classes" for each in (held, now))
        raise OtherRecipe(
            f"the study {study.name} was begun on other data under the same name: {then} then, {here} now, and results "
            "cannot be told apart; put back what changed, or give this search another name."
        )
    return data
