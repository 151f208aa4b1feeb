"""The README lists the things that are there."""

from __future__ import annotations

import re
from pathlib import Path

import workbench as wb
from workbench.choices import MENUS, entries, menu_base

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_tree_names_every_module_and_nothing_else():
    tree = re.search(r"## The tree\n\n```\n(.*?)```", README, re.S).group(1)
    inside = tree[tree.index("workbench/") : tree.index("notebooks/")]
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
            from workbench.backbones.vision import cards

            assert named == set(cards())
        else:
            assert named == set(entries(menu_base(menu)))


def test_the_two_commands_and_the_picture():
    makefile = (ROOT / "Makefile").read_text()
    assert "make lab" in README and "make test" in README and "\nlab:" in makefile and "\ntest:" in makefile
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).is_file()


def test_the_names_in_the_code_are_there():
    for name in set(re.findall(r"wb\.([A-Za-z_]+)", README)):
        assert getattr(wb, name)
