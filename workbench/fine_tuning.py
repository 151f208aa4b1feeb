"""From a recipe to a run: in this process, or in one of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.errors import BadChoice, OtherRecipe
from workbench.folder import RunFolder, new
from workbench.progress import told_to
from workbench.recipe import Recipe
from workbench.run import Run
from workbench.waiting import told


def prepared(recipe: Recipe, folder: str | Path | None) -> Run:
    """A run's folder with its recipe in it: a new one, or `folder` where it is empty or holds the same recipe."""
    if not recipe.backbone.architecture:
        from workbench.backbones.naming import check_name

        check_name("")
    files = new(recipe.id) if folder is None else RunFolder(folder)
    files.path.mkdir(parents=True, exist_ok=True)
    held = files.read("recipe.json")
    if held is None:
        if any(not path.name.startswith(".") for path in files.path.iterdir()):
            raise OtherRecipe(f"{files.path} holds other files and no run; take another folder, or an empty one.")
        files.write("recipe.json", {"recipe": recipe.to_dict(), "sources": sources(recipe)})
    elif held["recipe"] != recipe.to_dict():
        raise OtherRecipe(f"{files.path} holds a run of another recipe; take another folder, or wb.open_run it.")
    return Run(files)


def sources(recipe: Recipe) -> dict[str, str]:
    """The source of each class that a notebook cell made, by name: what must be run again before the recipe is read."""
    found = {}
    for value in recipe.values().values():
        for each in value if isinstance(value, tuple) else (value,):
            if type(each).__module__ == "__main__":
                found[each.name] = _source(type(each)) or "(its source is not known)"
    return found


def _source(kind: type) -> str:
    """The text of a class, found by its methods: a cell is no file, so `inspect` does not find classes in it."""
    import ast
    import inspect
    import linecache

    for method in filter(inspect.isfunction, vars(kind).values()):
        lines, at = linecache.getlines(method.__code__.co_filename), method.__code__.co_firstlineno
        try:
            classes = [node for node in ast.walk(ast.parse("".join(lines))) if isinstance(node, ast.ClassDef)]
        except SyntaxError:
            continue
        for node in classes:
            if node.name == kind.__name__ and node.lineno <= at <= (node.end_lineno or 0):
                first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
                return "".join(lines[first - 1 : node.end_lineno])
    return ""


def train(recipe: Recipe, folder: str | Path | None = None) -> Iterator[dict[str, Any]]:
    """The same run in this process, a row an epoch; leaving the loop early stops it between two steps."""
    from workbench.recording import record

    run = prepared(recipe, folder)
    run.files.ask(state="running")
    return record(recipe, run.files)


def fine_tune(recipe: Recipe | None = None, folder: str | Path | None = None, **knobs: Any) -> Run:
    """Run `recipe` to its end in this process, with a progress bar.

    `folder`: left out, a new one; an unfinished run's goes on, a finished one's comes back as it is. `knobs`: of the
    recipe, set to these first.
    """
    from tqdm import tqdm

    if not isinstance(recipe, Recipe | None):
        raise BadChoice(f"fine_tune takes a recipe, such as wb.Recipe('digits'), got {recipe!r}.")
    recipe = (recipe or Recipe()).replace(**knobs)
    run = prepared(recipe, folder)
    if run.state == "finished":
        return run
    run.files.ask(state="running")
    from workbench import cost
    from workbench.recording import record

    if not run.rows and (expected := cost.foretold(recipe)):
        tqdm.write(expected, file=sys.stderr)
    with (
        tqdm(total=recipe.epochs, desc=f"{recipe.backbone} on {recipe.data}", unit="epoch") as bar,
        told_to(lambda what, done, total: bar.set_postfix_str(f"{what}: {done:,} of {total:,}")),
    ):
        said = len(told(run.files))
        for row in record(recipe, run.files):
            said = _told(run, said)
            bar.update(row["epoch"] - bar.n)
            shown = {"train": row["train_accuracy"], "valid": row["valid_accuracy"], "gap": row["gap_accuracy"]}
            bar.set_postfix({key: f"{value:.3f}" for key, value in shown.items()})
        _told(run, said)
    return run


def _told(run: Run, said: int) -> int:
    """Say the run's messages beyond the first `said`, above the bar; how many there are."""
    from tqdm import tqdm

    for message in (messages := told(run.files))[said:]:
        tqdm.write(message, file=sys.stderr)
    return len(messages)


def start(recipe: Recipe | Mapping[str, Any], folder: str | Path | None = None) -> Run:
    """Run in a process of its own, at once or after those that were started before; returns the Run to watch."""
    from workbench.worker import launch

    run = prepared(recipe if isinstance(recipe, Recipe) else Recipe.from_dict(recipe), folder)
    if run.state not in ("finished", "running", "paused", "queued"):
        run.files.ask(state="running")
        launch(run.files, run.recipe)
    return run
