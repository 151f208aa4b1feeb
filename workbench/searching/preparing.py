"""A study before it is driven: what was asked for, in a folder; or what is wrong with it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench import paths
from workbench.checks import nearest, whole
from workbench.choices import entry
from workbench.datasets.folds import check_folds
from workbench.errors import BadChoice, BadKnob, BrokenRun, OtherRecipe
from workbench.fine_tuning import sources
from workbench.recipe import Recipe
from workbench.searching import space as spaces
from workbench.searching.stopping import METRICS, StoppingRule
from workbench.searching.storing import shown, unsaid
from workbench.searching.strategies import Strategy
from workbench.searching.study import MOST, Study, minutes_of

LONGEST = 100  # letters of a name


def prepared(asked: Mapping[str, Any], name: str | None = None, trials: int | None = None) -> Study:
    """The study's folder with what was asked for, by the names that `search` gives it; None: nothing was said.

    A new one, or that of this name where recipe, metric, folds and storage agree.
    """
    many, minutes = None if trials is None else whole("trials", trials, 1, MOST), minutes_of(asked.get("minutes"))
    metric = asked.get("metric")
    if metric is not None and metric not in METRICS:
        raise BadKnob(f"metric must be one of {', '.join(METRICS)}, got {metric!r}.")
    _check_name(name)
    recipe, folds = asked.get("recipe"), asked.get("folds")
    study = Study(paths.studies() / name if name else _free(f"search-{(recipe or Recipe()).id}"))
    held = study.files.read("study.json")
    if folds:
        check_folds((recipe or study.recipe if held else recipe or Recipe()).data, folds)
    if held is None:
        if name and recipe is None:
            near = nearest(name, [path.parent.name for path in paths.studies().glob("*/study.json")])
            raise BadChoice(f"there is no study {name!r}.{near} A new one takes a recipe: wb.search(recipe, ...).")
        return _begun(study, recipe or Recipe(), asked, many)
    _must_agree(study, held, asked)
    study.change(**{key: asked[key] for key in ("strategy", "stopping", "space") if asked.get(key) is not None})
    longer = study.strategy.many(study.space) if asked.get("strategy") is not None else 0
    study.change(trials=many or max(study.asked, longer), minutes=minutes)
    now, since = study.about, len(study.results())
    for key in ("strategy", "stopping", "space"):
        if now[key] != held[key]:
            text = f"From trial {since} on: {key} {now[key]}, where it was {held[key]}."
            study.files.tell("note", text=text)
            print(text, file=sys.stderr)
    return study


def _check_name(name: str | None) -> None:
    if name is not None and (Path(name).name != name or not name.strip(". ") or len(name) > LONGEST):
        rule = f"a study's name must be that of one folder: without /, not empty, at most {LONGEST} letters"
        raise BadKnob(f"{rule}, got {name[:LONGEST]!r}.")


def _must_agree(study: Study, held: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """What a study cannot change on its way must be as it was, where something was said."""
    apart = {key: (held.get(key, asked[key]), asked[key]) for key in ("metric", "folds", "storage") if asked.get(key)}
    if recipe := asked.get("recipe"):
        then, now = (each.places() for each in (Recipe.from_dict(held["recipe"]), recipe))
        for path in dict.fromkeys([*then, *now]):
            first, second = (str(of[path][1]) if path in of else "not there" for of in (then, now))
            apart[path] = first, second
    said = {key: map(shown if key == "storage" else str, pair) for key, pair in apart.items() if pair[0] != pair[1]}
    told = [f"{key} is {then} there and {now} here" for key, (then, now) in said.items()]
    if told:
        more = f", and {len(told) - 3} more" if len(told) > 3 else ""
        way = f"wb.search(name={study.name!r}) goes on with its own, or give this one another name."
        raise OtherRecipe(f"the study {study.name} searches otherwise: {'; '.join(told[:3])}{more}. {way}")


def _begun(study: Study, recipe: Recipe, asked: Mapping[str, Any], many: int | None) -> Study:
    strategy: Strategy = entry(Strategy, asked.get("strategy") or "random")
    stopping: StoppingRule = entry(StoppingRule, asked.get("stopping") or "none")
    space = spaces.space_of(recipe, asked.get("space"))
    trials, written = many or strategy.many(space), spaces.written(space)
    study.folder.mkdir(parents=True, exist_ok=True)
    about = {"recipe": recipe.to_dict(), "sources": sources(recipe), "metric": asked.get("metric") or "loss"}
    about |= {"folds": asked.get("folds") or 0, "storage": asked.get("storage") or ""}
    about |= {"strategy": strategy.spelled(), "stopping": stopping.spelled(), "trials": trials}
    about |= {"minutes": minutes_of(asked.get("minutes"))}
    study.files.write("study.json", about | {"space": written, "first": written})
    try:
        if study.elsewhere and study.stored():
            raise OtherRecipe(f"the storage holds a study {study.name} already; give this one another name.")
    except Exception as error:
        shutil.rmtree(study.folder)
        if isinstance(error, BrokenRun):
            way = "check its address, and that the driver of its kind is installed"
            said = unsaid(str(error.__cause__), asked["storage"])
            raise BrokenRun(f"nothing was begun, the storage does not answer ({said}): {way}.") from error
        raise
    return study


def _free(stem: str) -> Path:
    for n in range(1, 1_000_000):
        if not (paths.studies() / f"{stem}-{n}").exists():
            return paths.studies() / f"{stem}-{n}"
    raise BrokenRun(f"{paths.studies()} is full of studies of {stem}.")
