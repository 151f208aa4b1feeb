"""Texts that are always there: docstrings of the libraries that the workbench needs, read without importing them."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from workbench import paths
from workbench.choices import Range, knob
from workbench.datasets.base import Data, Dataset, finish
from workbench.datasets.parting import positions
from workbench.datasets.ragged import Texts
from workbench.errors import BadData

LIBRARIES = {"pandas": "pandas", "plotly": "plotly", "python": "", "scikit-learn": "sklearn", "scipy": "scipy",
             "torch": "torch"}  # fmt: skip
MASK = "_"
WORD = re.compile(r"[\w-]+")
NAMES = re.compile(r"torch|pandas|sklearn|scikit|scipy|plotly|python|^(?:pd|px)$", re.I)
SECTION = re.compile(  # where a description ends, and a list of parameters or an example begins
    r"^ *(?:[A-Z][\w ]*\n *-{3,} *$"
    r"|(?:Args?|Arguments|Parameters|Returns?|Raises|Yields|Examples?|Notes?|Shape|Inputs?|Outputs?|Attributes)::? *$"
    r"|:\w+|@|>>>|\.\. )",
    re.M,
)
APART = {"test", "tests", "testing", "site-packages", "dist-packages", "idlelib", "lib2to3", "externals", "_vendor",
         "_vendored", "array_api_compat", "array_api_extra", "__pycache__"}  # fmt: skip  # tests, and others' code
RULES = 1  # how texts are chosen and masked; another number, another cache
EACH, OF_MODULE = 900, 25  # texts of a library, and of one of its modules
LARGE = 60_000  # bytes of a file that takes longer to parse than its 25 texts are worth
PARAGRAPHS, FEWEST, MOST = 4, 40, 1500  # paragraphs of a text, and its letters


class Documented(NamedTuple):
    """A docstring: whose, where, and its masked text."""

    library: str
    module: str
    name: str
    text: str


@dataclass(frozen=True)
class Docstrings(Dataset):
    """Which library does this describe? 5,000 docstrings of six libraries, their names masked; needs no network."""

    name = "docstrings"
    domain = "language"
    size: int = knob(64, Range(16, 256), "Tokens of a text that a model may see.", limits=(4, 512))
    per_class: int | None = knob(None, Range(1, 500), "Training texts a library; empty means all.", optional=True)
    label_noise: float = knob(0.0, Range(0.0, 0.6), "Share of the training labels made wrong.", limits=(0, 1))
    seed: int = knob(0, Range(0, 2**31 - 1), "Decides which texts a cut keeps, and the wrong labels; never the split.")

    def load(self) -> Data:
        import numpy as np

        held, versions = sample(), versions_of(LIBRARIES)
        classes = list(LIBRARIES)
        hashes = np.array([_plain(each.text).encode() for each in held], dtype=object)
        order = np.argsort(positions(hashes, self.seed), kind="stable")
        part = np.array([part_of(each.module) for each in held])[order]
        train, valid, test = (order[part == name] for name in ("train", "valid", "test"))
        texts = Texts(tuple(each.text for each in held), (), self.size)
        about = repr(versions).encode() + texts.digest()
        return finish(
            texts,
            np.array([classes.index(each.library) for each in held], dtype=np.int64),
            classes,
            (train, valid, test),
            per_class=self.per_class,
            label_noise=self.label_noise,
            seed=self.seed,
            notes=[f"Docstrings of {', '.join(f'{name} {version}' for name, version in versions.items())}."],
            keys=numbered(f"{each.module}:{each.name}" for each in held),
            groups=np.array([each.module for each in held], dtype=object),
            content=hashlib.sha256(about).digest(),
        )


def numbered(names: Iterable[str]) -> list[str]:
    """Names of which none is another's: the second of a kind has a 2 behind it, and so on."""
    seen, found = Counter[str](), []
    for name in names:
        seen[name] += 1
        found.append(f"{name} {seen[name]}" if seen[name] > 1 else name)
    return found


def part_of(module: str) -> str:
    """The part that all docstrings of a module are in, by a hash of its dotted path: 60 / 20 / 20."""
    place = positions([module.encode()], 0)[0]  # type: ignore[arg-type]
    return "train" if place < 0.6 else "valid" if place < 0.8 else "test"


def corpus(packages: Sequence[str] = tuple(LIBRARIES.values())) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every docstring to pretrain on: its module, and its paragraphs, masked as the data set's are.

    None of a module of the validation or the test part, and none that equals a text of theirs. `packages` are names
    that one imports, "" for the standard library. Reads a hundred megabytes: about a minute.
    """
    held_out = {_plain(each.text) for each in sample() if part_of(each.module) != "train"}
    for package in packages:
        for module, path in modules(package):
            if part_of(module) == "train":
                for _, paragraphs in documented(path):
                    if _plain(_joined(paragraphs)) not in held_out:
                        yield module, paragraphs


# -- reading -----------------------------------------------------------------------------------------------------------


def sample() -> list[Documented]:
    """The texts of the data set: a fixed sample of each library's modules, kept once it was read."""
    versions = versions_of(LIBRARIES)
    digest = hashlib.sha256(repr((RULES, versions)).encode()).hexdigest()[:16]
    path = paths.cache() / "docstrings" / f"{digest}.json"
    with suppress(OSError, ValueError, TypeError):
        return [Documented(*map(str, each)) for each in json.loads(path.read_text(encoding="utf-8"))]
    held = _unique([each for library, package in LIBRARIES.items() for each in _of_library(library, package)])
    aside = path.with_name(f".{os.getpid()}-{path.name}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps(held), encoding="utf-8")
        os.replace(aside, path)
    return held


def versions_of(libraries: dict[str, str]) -> dict[str, str]:
    """Each library's version."""
    import platform
    from importlib.metadata import version

    return {name: version(name) if package else platform.python_version() for name, package in libraries.items()}


@lru_cache(maxsize=32)
def modules(package: str) -> tuple[tuple[str, Path], ...]:
    """Modules of an installed package, "" for the standard library, with their files; in an order fixed by their names.

    Nothing is imported. Tests, and code that a package carries along from others, are left out.
    """
    root, found = _root(package), []
    for place, folders, files in os.walk(root):
        folders[:] = [each for each in folders if each not in APART]
        for file in files:
            if file.endswith(".py") and not file.startswith(("test_", "conftest")):
                path = Path(place) / file
                parts = [package, *path.relative_to(root).with_suffix("").parts]
                found.append((".".join(each for each in parts if each not in ("", "__init__")), path))
    return tuple(sorted(found, key=lambda each: hashlib.sha256(each[0].encode()).digest()))


def _root(package: str) -> Path:
    import sysconfig
    from importlib.util import find_spec

    if not package:
        return Path(sysconfig.get_path("stdlib"))
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise BadData(f"the package {package!r} is not installed, so its docstrings are not there.")
    return Path(spec.submodule_search_locations[0])


def documented(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The docstrings of a file: the name of what each describes, and its paragraphs, masked."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of backslashes in other people's strings
            tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    for name, text in _described(tree):
        if section := SECTION.search(text):
            text = text[: section.start()]
        blocks = [" ".join(each.split()) for each in re.split(r"\n\s*\n", _masked(text))]
        if paragraphs := tuple(each for each in blocks if each):
            yield name, paragraphs


def _described(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names and docstrings of a module, its classes, their methods and its functions."""
    held: list[ast.AST] = [tree]
    while held:
        node = held.pop()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
            text := ast.get_docstring(node)
        ):
            yield getattr(node, "name", ""), text
        if isinstance(node, ast.Module | ast.ClassDef | ast.If | ast.Try):
            held += reversed(node.body)


def _masked(text: str) -> str:
    return WORD.sub(lambda word: MASK if NAMES.search(word[0]) else word[0], text)


def _of_library(library: str, package: str) -> Iterator[Documented]:
    """The first `EACH` texts of a library, no two of them alike."""
    seen: set[str] = set()
    for module, path in modules(package):
        if path.stat().st_size > LARGE:
            continue
        for name, paragraphs in islice(documented(path), OF_MODULE):
            text = _joined(paragraphs)
            if len(text) >= FEWEST and _plain(text) not in seen:
                seen.add(_plain(text))
                yield Documented(library, module, name, text)
        if len(seen) >= EACH:
            return


def _joined(paragraphs: Sequence[str]) -> str:
    return "\n".join(paragraphs[:PARAGRAPHS])[:MOST]


def _unique(held: Sequence[Documented]) -> list[Documented]:
    """Without texts that two libraries share."""
    whose: dict[str, set[str]] = {}
    for each in held:
        whose.setdefault(_plain(each.text), set()).add(each.library)
    return [each for each in held if len(whose[_plain(each.text)]) == 1]


def _plain(text: str) -> str:
    return hashlib.sha256(" ".join(text.casefold().split()).encode("utf-8", "surrogatepass")).hexdigest()
