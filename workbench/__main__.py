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
    predict = commands.add_parser("predict", help="a run's answers on pictures")
    predict.add_argument("folder", help="a run's folder, or its name")
    predict.add_argument("inputs", nargs="+", help="pictures, or folders of pictures")
    predict.set_defaults(do=_do_predict)
    menu = commands.add_parser("menu", help="what there is to choose")
    menu.add_argument("name", nargs="?", help="datasets, backbones, scopes, regularizers, optimizers or schedules")
    menu.add_argument("--search", default="", metavar="TEXT", help="backbones whose names contain these words")
    menu.set_defaults(do=_do_menu)
    pretrain = commands.add_parser("pretrain", help="make one of the small bundled backbones again")
    pretrain.add_argument("name", help="glyph-resnet, glyph-vit or glyph-convnext")
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


def _do_report(asked: argparse.Namespace) -> None:
    from workbench.report import as_values, report

    page = report(asked.notebook, asked.folder, as_values(asked.parameters), limit=asked.limit)
    print(page)


def _do_run(asked: argparse.Namespace) -> None:
    import json

    from workbench.fine_tuning import fine_tune
    from workbench.recipe import Recipe
    from workbench.report import as_values, read_values

    recipe = Recipe.from_dict(read_values(asked.recipe)).turned(as_values(asked.changes))
    run = fine_tune(recipe, asked.folder)
    print(run.gap.to_string(index=False))
    print(json.dumps({"run": str(run.folder), "best": run.best}, indent=1))
    if asked.test:
        print(json.dumps({"test": _short(run.test())}, indent=1))


def _short(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if not isinstance(value, list | dict)}


def _do_predict(asked: argparse.Namespace) -> None:
    from workbench.run import open_run

    print(open_run(asked.folder).predict(asked.inputs).to_csv(index_label="input"), end="")


def _do_menu(asked: argparse.Namespace) -> None:
    import pandas as pd

    from workbench.menus import menu

    if asked.search:
        from workbench.backbones.listing import search

        found = pd.DataFrame(search(asked.search))
    else:
        found = menu(asked.name)
    with pd.option_context("display.max_rows", None, "display.max_colwidth", 90, "display.width", 200):
        print(found.to_string(index=False) if len(found) else "Nothing has that name.")


def _do_pretrain(asked: argparse.Namespace) -> None:
    from workbench.backbones.pretraining import pretrain

    weights = pretrain(asked.name, asked.folder, seed=asked.seed, steps=asked.steps)
    print(weights)
    print(weights.with_suffix(".json").read_text(), end="")


def _do_runs(asked: argparse.Namespace) -> None:
    from workbench.run import runs

    found = runs()
    print(found.to_string(index=False) if len(found) else "There is no run yet.")


if __name__ == "__main__":
    sys.exit(main())
