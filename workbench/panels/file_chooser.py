"""Choose a file or a folder below the folder that JupyterLab serves: by keyboard, and never outside of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import ipywidgets as widgets

from workbench.choices import Text
from workbench.panels.text import line, spoken

MOST = 2000  # entries of a folder that are looked at
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

    What lies outside of `root` is neither shown nor taken, whatever links or names say. `root`: by default what
    JupyterLab serves.
    """

    def __init__(self, domain: Text, take: Callable[[str], None], now: Callable[[], str], root: Path | None = None):
        self.domain, self._take, self._now, self._root = domain, take, now, root
        self.at, self.found = Path(), list[Path]()
        self.opener = _button("Browse", f"Look for a {domain.what} in the folders that JupyterLab serves")
        self.opener.on_click(lambda _: self.toggle())
        self.where, self.said = line(kind="strong"), line(kind="faint")
        self.list = widgets.Select(
            options=[], rows=7, tooltip="Folders end in /. Arrow keys move; Open or Take what is marked",
            layout=widgets.Layout(width="auto"),
        )  # fmt: skip
        self.enter = _button("Open", "Look into the folder that is marked")
        self.take = _button("Take", "Use what is marked; where nothing is, the folder that is shown")
        self.shut = _button("Close", "Leave it as it was")
        self.enter.on_click(lambda _: self._open())
        self.take.on_click(lambda _: self._taken())
        self.shut.on_click(lambda _: self.toggle())
        buttons = widgets.HBox([self.enter, self.take, self.shut])
        self.box = widgets.VBox([self.where, self.list, buttons, self.said], layout=widgets.Layout(display="none"))

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
            told.append(f"More than {MOST:,} entries: not all are shown; type the path.")
        seen = [path for path in there if not path.name.startswith(".")]
        odd = [path for path in seen if not path.name.isprintable()]
        away = [path for path in seen if path not in odd and not self._inside(path)]
        plain = [path for path in seen if path not in odd and path not in away]
        folders = [path for path in plain if path.is_dir()]
        self.found = folders + [path for path in plain if path.is_file() and self._fits(path)]
        told += [f"{len(away)} links that leave the served folder are not shown."] * bool(away)
        told += [f"{len(odd)} names with signs that cannot be shown are left out."] * bool(odd)
        self.said.value = spoken(" ".join(told), "faint")
        within = self.at.relative_to(self.root).as_posix()
        self.where.value = spoken(f"{self.root.name}/{'' if within == '.' else within}", "strong", "status")
        up = [(UP, -1)] if self.at != self.root else []
        names = [(f"{path.name}/" if path in folders else path.name, at) for at, path in enumerate(self.found)]
        self.list.options = up + names
        self.list.value = None
        self.take.disabled = not (names or self.domain.folders)

    def _fits(self, path: Path) -> bool:
        return path.name.lower().endswith(self.domain.files) if self.domain.files else False

    def _open(self) -> None:
        marked = self.list.value
        if marked == -1:
            self._show(self.at.parent if self.at != self.root else self.root)
        elif marked is not None and self.found[marked].is_dir() and self._inside(self.found[marked]):
            self._show(self.found[marked])
        else:
            self.said.value = spoken("Mark a folder to open.", "faint", "status")

    def _taken(self) -> None:
        marked = self.list.value
        path = self.at if marked is None else self.at.parent if marked == -1 else self.found[marked]
        if not self._inside(path) or not path.exists():  # it was changed meanwhile
            self._show(self.root)
        elif path.is_dir() and not self.domain.folders:
            self.said.value = spoken(f"Mark a file ({' '.join(self.domain.files)}).", "faint", "status")
        else:
            self.toggle()
            self._take(str(path))


def _button(name: str, tooltip: str) -> widgets.Button:
    return widgets.Button(description=name, tooltip=tooltip, layout=widgets.Layout(width="auto"))
