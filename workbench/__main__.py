"""The command line: `python -m workbench COMMAND --help`."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from workbench.errors import Interrupted, WorkbenchError


def main(argv: list[str] | None = None) -> int:
    """Do one command. Returns 0; 2 where the workbench refused, with its reason on stderr; 130 after an interrupt."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["lab"]:  # everything behind it is JupyterLab's
        from workbench import lab

        return lab.main(argv[1:])
    asked = _parser().parse_args(argv)
    try:
        asked.do(asked)
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (WorkbenchError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        print(str(error) if isinstance(error, Interrupted) else "Interrupted.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workbench", description="Fine-tune a model and see why it works.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _report(commands)
    _run(commands)
    _search(commands)
    predict = commands.add_parser("predict", help="a run's answers on pictures, texts or recordings")
    predict.add_argument("folder", help="a run's folder, or its name")
    predict.add_argument(
        "inputs", nargs="+", help="pictures or recordings, or folders of them; texts, or tables of them"
    )
    predict.add_argument("--broken", default="refuse", help="files that cannot be read: refuse, or 'leave out'")
    predict.set_defaults(do=_do_predict)
    menu = commands.add_parser("menu", help="what there is to choose")
    menu.add_argument(
        "name",
        nargs="?",
        help="datasets, backbones, scopes, regularizers, optimizers, schedules, strategies or stopping",
    )
    menu.add_argument("--search", default="", metavar="TEXT", help="backbones whose names contain these words")
    menu.set_defaults(do=_do_menu)
    pretrain = commands.add_parser("pretrain", help="make one of the small bundled backbones again")
    pretrain.add_argument("name", help="glyph-resnet, glyph-vit, glyph-convnext, docs-bert or formant-encoder")
    pretrain.add_argument("-o", "--folder", default="weights", help="where it goes (default: weights)")
    pretrain.add_argument("--seed", type=int, default=0)
    pretrain.add_argument("--steps", type=int, default=None, help="fewer than its recipe says")
    pretrain.set_defaults(do=_do_pretrain)
    runs = commands.add_parser("runs", help="all runs, the newest first")
    runs.set_defaults(do=_do_runs)
    commands.add_parser("lab", help="JupyterLab on the quickstart; the rest goes through to it")
    return parser


def _report(commands: Any) -> None:
    report = commands.add_parser("report", help="run a notebook headless to one self-contained page")
    report.add_argument("notebook")
    report.add_argument("-p", dest="parameters", action="append", default=[], metavar="NAME=VALUE", help="a parameter")
    report.add_argument("-o", "--folder", default="reports", help="where notebook and page go (default: reports)")
    report.add_argument("--limit", type=float, default=None, metavar="SECONDS", help="for the whole notebook")
    report.set_defaults(do=_do_report)


def _run(commands: Any) -> None:
    run = commands.add_parser("run", help="fine-tune by a recipe in YAML, as the panel saves it")
    run.add_argument("recipe", help="a YAML file of a recipe's knobs")
    run.add_argument("-p", dest="changes", action="append", default=[], metavar="KNOB=VALUE", help="another value")
    run.add_argument(
        "-o", "--folder", default=None, help="the run's folder (default: a new one); an unfinished goes on"
    )
    run.add_argument("--test", action="store_true", help="unseal the test set in the end")
    run.set_defaults(do=_do_run)


def _search(commands: Any) -> None:
    search = commands.add_parser("search", help="try many settings of a recipe, fused where they can be")
    search.add_argument("recipe", help="a YAML file of a recipe's knobs")
    search.add_argument("-p", dest="changes", action="append", default=[], metavar="KNOB=VALUE", help="another value")
    search.add_argument("--strategy", default=None, help="grid, random (the default), quasi-random, bayesian")
    search.add_argument("--stopping", default=None, help="none (the default), median, halving, hyperband, first-epoch")
    search.add_argument("--trials", type=int, default=None, help="so many in all (default: what the strategy says)")
    search.add_argument(
        "--folds", type=int, default=None, help="cross-validate each trial on so many folds (default: 0)"
    )
    search.add_argument("--storage", default=None, help="a database for optuna (default: SQLite in the study's folder)")
    search.add_argument("--minutes", type=float, default=None, help="stop after so long; it goes on by its name")
    search.add_argument(
        "--metric", default=None, help="what shall be best on the validation part: loss (the default), accuracy, f1"
    )
    search.add_argument(
        "--name", default=None, help="a study of this name goes on, with what it was begun with (default: a new one)"
    )
    search.add_argument(
        "--over", action="append", default=None, metavar="KNOB[=LOW:HIGH|A,B]",
        help="a knob that moves, over its own range or this one (default: lr and the regularizers' numbers)",
    )  # fmt: skip
    search.add_argument("--winner", action="store_true", help="train the best again over seeds; unseals the test set")
    search.set_defaults(do=_do_search)


def _do_search(asked: argparse.Namespace) -> None:
    import json

    from workbench.recipe import Recipe
    from workbench.report import as_values, read_values
    from workbench.searching import search

    recipe = Recipe.from_dict(read_values(asked.recipe)).turned(as_values(asked.changes))
    named = ("name", "stopping", "metric", "folds", "storage", "trials", "minutes")
    about = {name: getattr(asked, name) for name in named}
    _say_it_begins()
    if asked.name:
        _say_it_goes_on(asked.name)
    study = search(recipe, asked.strategy, _space(recipe, asked.over), **about)
    print(study.trials.to_string(index=False), file=sys.stderr)
    found = {"study": str(study.folder), "trials": len(study.results()), "best": study.best}
    if asked.winner:
        won = study.winner()
        print(won, file=sys.stderr)
        found["winner"] = {"number": won.number, "valid": won.valid, "test": won.test, "luck": won.luck}
    print(json.dumps(found, indent=1))


def _say_it_begins() -> None:
    """To a person in front of it, who would see nothing for some seconds."""
    if sys.stderr.isatty():
        print("Getting ready: torch, the data, the backbone …", file=sys.stderr, flush=True)


def _say_it_goes_on(name: str) -> None:
    """Where a study of this name is there, what of it holds wherever nothing else is asked for."""
    from contextlib import suppress

    from workbench.errors import WorkbenchError
    from workbench.searching import open_study

    with suppress(WorkbenchError, OSError):  # a new one
        study = open_study(name)
        done, over = len(study.results()), ", ".join(study.space)
        said = (
            f"The study {name} goes on: {done} trials done, {study.strategy}, stopping {study.stopping}, over {over}."
        )
        more = (
            ""
            if study.state == "finished"
            else " A round under way goes on from its last checkpoint, made once a minute."
        )
        print(f"{said} These hold where nothing else is asked for.{more}", file=sys.stderr)


def _space(recipe: Any, words: list[str] | None) -> dict[str, Any] | None:
    """A space from words: `lr`, `l2.strength=1e-4:1e-1` (by ratio where the knob's own range is) or `epochs=5,9`."""
    from workbench.checks import known
    from workbench.choices import Range
    from workbench.errors import BadKnob
    from workbench.report import as_values
    from workbench.spelling import split

    if words is None:
        return None

    found: dict[str, Any] = {}
    for word in words:
        path, given, text = word.partition("=")
        known(path, recipe.places(), "the recipe has no knob")
        domain = recipe.places()[path][0].domain
        if given and not text:
            raise BadKnob(
                f"{path}: '=' is followed by LOW:HIGH or by values, got {word!r}; {path} alone is its own range."
            )
        if ":" in text:
            parts = [as_values([f"{path}={part}"])[path] for part in text.split(":")]
            if len(parts) != 2 or not all(isinstance(part, int | float) for part in parts):
                raise BadKnob(f"a range is written {path}=LOW:HIGH, got {word!r}.")
            low, high = parts
            if not low < high:
                raise BadKnob(f"{path}: the low end must be below the high end, got {word!r}.")
            found[path] = Range(low, high, log=isinstance(domain, Range) and domain.log)
        else:
            found[path] = [as_values([f"{path}={part}"])[path] for part in split(text)] if text else None
    return found


def _do_report(asked: argparse.Namespace) -> None:
    from workbench.report import as_values, report

    page = report(asked.notebook, asked.folder, as_values(asked.parameters), limit=asked.limit)
    print(page)


def _do_run(asked: argparse.Namespace) -> None:
    import json

    from workbench.diagnosis import diagnose
    from workbench.fine_tuning import fine_tune
    from workbench.recipe import Recipe
    from workbench.report import as_values, read_values

    recipe = Recipe.from_dict(read_values(asked.recipe)).turned(as_values(asked.changes))
    _say_it_begins()
    run = fine_tune(recipe, asked.folder)
    print(run.gap.to_string(index=False), file=sys.stderr)  # for who looks; what a program reads is one JSON object
    found = {"run": str(run.folder), "best": run.best, "baseline": run.baseline, "verdict": str(diagnose(run))}
    print(json.dumps(found | ({"test": _short(run.test())} if asked.test else {}), indent=1))


def _short(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if not isinstance(value, list | dict)}


def _do_predict(asked: argparse.Namespace) -> None:
    from workbench.all_runs import open_run

    print(open_run(asked.folder).predict(asked.inputs, asked.broken).to_csv(index_label="input"), end="")


def _do_menu(asked: argparse.Namespace) -> None:
    import pandas as pd

    from workbench.menus import menu

    if asked.search:
        from workbench.backbones.listing import search

        found = pd.DataFrame(search(asked.search)).convert_dtypes()  # parameters of what is not here are not known
    else:
        found = menu(asked.name)
    with pd.option_context("display.max_rows", None, "display.max_colwidth", 90, "display.width", 200):
        print(found.to_string(index=False, na_rep="") if len(found) else "Nothing has that name.")


def _do_pretrain(asked: argparse.Namespace) -> None:
    from workbench.backbones.pretraining import pretrain

    weights = pretrain(asked.name, asked.folder, seed=asked.seed, steps=asked.steps)
    print(weights)
    print(weights.with_suffix(".json").read_text(), end="")


def _do_runs(asked: argparse.Namespace) -> None:
    from workbench.all_runs import runs

    found = runs()
    print(found.to_string(index=False, na_rep="") if len(found) else "There is no run yet.")


if __name__ == "__main__":
    sys.exit(main())
