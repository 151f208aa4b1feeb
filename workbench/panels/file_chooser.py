"""Choose a file or a folder below the folder that JupyterLab serves: by keyboard, and never outside of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path

import ipywidgets as widgets

from workbench.choices import Text
from workbench.panels.text import line, spoken

MOST = 2000  # entries of a folder that are looked at
SHOWN = 100  # of them that are offered at once
UP = ".. the folder above"


def served() -> Path:
    """The folder that the Jupyter server of this kernel serves, else the working directory.

    The server starts its kernels with its own process id in JPY_PARENT_PID, and says in the file of that id, in
    Jupyter's runtime folder, what it serves (jupyter_server's `server_info`).
    """
    from jupyter_core.paths import jupyter_runtime_dir

    here = Path.cwd()
    try:
        about = json.loads(
            Path(jupyter_runtime_dir(), f"jpserver-{int(os.environ['JPY_PARENT_PID'])}.json").read_text()
        )
        root = Path(about["root_dir"]).resolve()
    except (KeyError, ValueError, TypeError, OSError):
        return here.resolve()
    return root if root.is_dir() else here.resolve()


class FileChooser:
    """A button that opens a list of folders, and of files that fit `domain`; `take` gets the path that is chosen.

    A button an entry, and no list: JupyterLab takes the arrow keys of a list for its own. What lies outside of `root`
    is neither shown nor taken, whatever links or names say. `root`: by default what JupyterLab serves.
    """

    def __init__(self, domain: Text, take: Callable[[str], None], now: Callable[[], str], root: Path | None = None):
        self.domain, self._take, self._now, self._root = domain, take, now, root
        self.at, self.there, self.found = Path(), list[Path](), list[Path]()
        self.opener = _button("Browse", f"Look for a {domain.what} in the folders that JupyterLab serves")
        self.opener.on_click(lambda _: self.toggle())
        self.where, self.said = line(kind="strong"), line(kind="faint")
        self.words = widgets.Text(placeholder="part of a name", tooltip="Show names that hold this alone",
                                  layout=widgets.Layout(width="auto"))  # fmt: skip
        self.words.observe(lambda _: self._offer(), "value")
        self.take = _button("Take this folder", "Use the folder that is shown")
        self.shut = _button("Close", "Leave it as it was")
        self.take.on_click(lambda _: self._taken(self.at))
        self.shut.on_click(lambda _: self.toggle())
        self.rows: list[widgets.Button] = []  # they stay where others are shown, and so does the keyboard's focus
        self.list = widgets.VBox([], layout=widgets.Layout(max_height="220px", overflow="auto", display="block"))
        buttons = widgets.HBox([*([self.take] if domain.folders else []), self.shut])
        shown = [self.where, buttons, self.words, self.list, self.said]
        self.box = widgets.VBox(shown, layout=widgets.Layout(display="none", padding="0 0 6px 10px"))

    @property
    def shown(self) -> bool:
        """Whether the list is open."""
        return bool(self.box.layout.display != "none")

    def toggle(self) -> None:
        """Open the list where the present value lies, or close it."""
        if self.shown:
            self.box.layout.display = "none"
            return
        self.root = (self._root or served()).resolve()
        now = Path(self._now() or ".").expanduser().resolve()
        starts = (now, now.parent, Path.cwd().resolve(), self.root)
        self._show(next(each for each in starts if each.is_dir() and self._inside(each)))
        self.box.layout.display = ""

    def _inside(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self.root)

    def _show(self, folder: Path) -> None:
        """List a folder of the root: folders first, then files that fit."""
        self.at, told = folder.resolve(), []
        try:
            with os.scandir(self.at) as entries:
                there = sorted(
                    (Path(each.path) for each in islice(entries, MOST + 1)), key=lambda path: path.name.lower()
                )
        except OSError as error:
            there, told = [], [f"This folder cannot be opened ({error.strerror})."]
        if len(there) > MOST:
            told.append(f"More than {MOST:,} entries: not all are looked at; type the path.")
        seen = [path for path in there if not path.name.startswith(".")]
        odd = [path for path in seen if not path.name.isprintable()]
        away = [path for path in seen if path not in odd and not self._inside(path)]
        plain = [path for path in seen if path not in odd and path not in away]
        folders = [path for path in plain if path.is_dir()]
        self.there = folders + [path for path in plain if path.is_file() and self._fits(path)]
        told += [f"{len(away)} links that leave the served folder are not shown."] * bool(away)
        told += [f"{len(odd)} names with signs that cannot be shown are left out."] * bool(odd)
        told += [f"No folder, and no file ({' '.join(self.domain.files) or 'folders only'})."] * (not self.there)
        self.said.value = spoken(" ".join(told), "faint")
        within = self.at.relative_to(self.root).as_posix()
        self.where.value = spoken(f"{self.root.name}/{'' if within == '.' else within}", "strong", "status")
        self.words.value = ""
        self._offer()

    def _offer(self) -> None:
        """A button for each entry whose name holds the words, `SHOWN` at most."""
        words = self.words.value.strip().lower()
        hits = [path for path in self.there if words in path.name.lower()]
        up = [self.at.parent] if self.at != self.root else []
        self.found = up + hits[:SHOWN]
        names = [UP] * len(up) + [f"{path.name}/" if path.is_dir() else path.name for path in hits[:SHOWN]]
        while len(self.rows) < len(names):
            self.rows.append(_button("", ""))
            self.rows[-1].on_click(partial(self._pressed, len(self.rows) - 1))
        for row, name in zip(self.rows, names, strict=False):
            row.description, row.tooltip = name, f"Open {name}" if name.endswith("/") or name == UP else f"Take {name}"
        self.list.children = self.rows[: len(names)]
        if len(hits) > SHOWN:
            self.said.value = spoken(f"{SHOWN} of {len(hits):,}: part of a name finds fewer.", "faint")

    def _fits(self, path: Path) -> bool:
        return path.name.lower().endswith(self.domain.files) if self.domain.files else False

    def _pressed(self, at: int, _: widgets.Button) -> None:
        """Open the folder, or take the file, whose button stands at this place."""
        path = self.found[at]
        if self._inside(path) and path.is_file():
            self._taken(path)
        else:  # a folder; or what it was has changed meanwhile
            self._show(path if self._inside(path) and path.is_dir() else self.root)
            if self.found:  # the keyboard goes on from the top of what is shown now
                self.rows[0].focus()

    def _taken(self, path: Path) -> None:
        if not self._inside(path) or not path.exists():
            self._show(self.root)
            return
        self.toggle()
        self._take(str(path))


def _button(name: str, tooltip: str) -> widgets.Button:
    return widgets.Button(description=name, tooltip=tooltip, layout=widgets.Layout(width="auto", flex="0 0 auto"))
