"""The README lists the things that are there."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from pathlib import Path

import pytest

import workbench as wb
from benchmarks.__main__ import CASES
from workbench import paths
from workbench.__main__ import _parser
from workbench.choices import MENUS, entries, menu_base

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
TREE = re.search(r"## The tree\n\n```\n(.*?)```", README, re.S).group(1)
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)
KINDS = {  # what a name in the code stands for
    "run": "workbench.run.Run",
    "study": "workbench.searching.study.Study",
    "two": "workbench.comparing.Comparison",
}


def test_the_tree_names_every_module_and_nothing_else():
    inside = TREE[TREE.index("workbench/") : TREE.index("notebooks/")]
    named = set(re.findall(r"(?:^|\s)([a-z_]+(?:\.py|/))(?=\s)", inside)) - {"workbench/"}
    package = ROOT / "workbench"
    there = {p.name for p in package.glob("*.py") if p.name != "__init__.py"}
    there |= {f"{p.name}/" for p in package.iterdir() if (p / "__init__.py").is_file()}
    assert named == there


def test_the_menus_name_every_entry():
    for menu in MENUS:
        line = re.search(rf"^\| {menu} \| (.*) \|$", README, re.M).group(1)
        named = set(re.findall(r"`([^`]+)`", line))
        if menu == "backbones":
            from workbench.backbones.cards import cards

            assert named == set(cards())
        else:
            found = entries(menu_base(menu)).items()
            assert named == {name for name, kind in found if kind.__module__.startswith("workbench.")}


def regularizers():
    """The table of regularizers as the README shall have it."""
    menu = wb.menu("regularizers")
    lines = ["| name | what it does | when it helps | knobs |", "|---|---|---|---|"]
    own = {
        name for name, kind in entries(menu_base("regularizers")).items() if kind.__module__.startswith("workbench.")
    }
    for row in menu[menu["name"].isin(own)].to_dict("records"):
        cells = [f"`{row['name']}`", row["what it does"], row["when it helps"], row["knobs"]]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def test_the_table_of_regularizers_is_what_the_code_says():
    found = re.search(r"<!-- regularizers: begin -->\n(.*?)\n<!-- regularizers: end -->", README, re.S).group(1)
    assert found.strip() == regularizers()


def test_the_two_commands_and_the_picture():
    makefile = (ROOT / "Makefile").read_text()
    assert "make lab" in README and "make test" in README and "\nlab:" in makefile and "\ntest:" in makefile
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).is_file()


def test_the_rest_of_the_tree_is_there():
    lines = dict(re.findall(r"^(\w+/) +(.*(?:\n {19}.*)*)$", TREE, re.M))
    kept = {path.parent.relative_to(ROOT).parts[0] + "/" for path in ROOT.glob("*/*") if path.name != "__pycache__"}
    assert lines.keys() | {"workbench/", "docs/"} <= kept
    notebooks = {str(path.relative_to(ROOT / "notebooks")) for path in (ROOT / "notebooks").rglob("*.ipynb")}
    assert {*re.findall(r"[\w/]+\.ipynb", lines["notebooks/"])} == {n for n in notebooks if "checkpoint" not in n}
    for home in ("data/", "tests/"):
        for name in re.findall(r"\w+/|\w+\.md", lines[home]):
            assert (ROOT / home / name).exists(), name
    assert {*re.findall(r"(\w+)/", lines["tests/"])} < {path.name for path in (ROOT / "tests").iterdir()}


def test_the_files_that_it_names_are_there():
    for name in re.findall(r"`([\w/]+\.(?:py|md|ipynb|yml|toml|txt))`", README):
        assert (ROOT / name).is_file(), name


def test_the_commands_are_there():
    makefile = (ROOT / "Makefile").read_text()
    targets = {*re.findall(r"`?make ([a-z]+)", README)} - {"sure"}
    targets |= {*re.findall(r"`([a-z]+)`", re.search(r"`make help` lists the rest:(.*?)\.", README, re.S).group(1))}
    for target in targets:
        assert f"\n{target}:" in makefile, target
    (commands,) = (a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction))
    named = re.search(r"`python -m workbench ([a-z |\n]+)`", README).group(1)
    assert {*re.split(r"[\s|]+", named)} == {*commands.choices}
    cases = {*re.findall(r"\| `([a-z_]+)` \|$", README, re.M)}
    assert cases and cases <= {*CASES}


def test_the_environment_variables_are_read():
    places = (ROOT / "workbench", ROOT / "benchmarks")
    source = "".join(path.read_text() for place in places for path in place.rglob("*.py"))
    for name in {*re.findall(r"WORKBENCH_[A-Z]+", README)}:
        assert name in source, name


def test_the_names_in_the_code_are_there():
    for chain in {*re.findall(r"\bwb((?:\.[A-Za-z_]+)+)", README)}:
        assert _found(f"wb{chain}"), chain


def _found(chain):
    """What a name with dots stands for; plots and labs are modules, and the rest are names of the package."""
    value = wb
    for name in chain.split(".")[1:]:
        value = getattr(value, name)
    return value


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[0][:40])
def test_the_calls_in_the_code_have_knobs_that_are_there(block):
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("wb."):
            called = _found(ast.unparse(node.func))
            given = [None for each in node.args]
            inspect.signature(called).bind(*given, **{each.arg: None for each in node.keywords})


def test_what_is_asked_of_a_run_a_study_and_a_comparison_is_there():
    spans = "\n".join([*BLOCKS, *re.findall(r"`([^`\n]+)`", README)])
    for name, kind in KINDS.items():
        module, _, cls = kind.rpartition(".")
        held = getattr(__import__(module, fromlist=[cls]), cls)
        asked = {*re.findall(rf"(?<![\w.]){name}\.([a-z_]+)", spans)} - {"py"}
        assert asked and asked <= {*dir(held), *getattr(held, "__annotations__", {})}, name


@pytest.mark.usefixtures("one_thread")
def test_the_first_three_blocks_do_what_they_say(capsys):
    here = {}
    exec(BLOCKS[0], here)
    wb.fine_tune(here["recipe"], paths.runs() / "another-run-1", seed=1)
    exec(BLOCKS[1], here)
    assert here["same"].join().rows[-1]["epoch"] == 40 and here["arm"].recipe.changes.endswith("l2.strength=0.1")
    exec(BLOCKS[2], here)
    said = capsys.readouterr().out
    assert "gap_accuracy" in said and "accuracy" in said and "McNemar" in BLOCKS[2] and "; p " in said
