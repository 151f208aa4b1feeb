"""Runs side by side: their curves, what differs, who is better, class by class."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Iterable, Sequence
from typing import Any

import ipywidgets as widgets

from workbench import plots
from workbench.all_runs import open_run
from workbench.comparing import Comparison, compare
from workbench.panels.background import Background
from workbench.panels.chart import still
from workbench.panels.grid import Grid
from workbench.panels.live_panel import UNDER_WAY
from workbench.panels.runs_panel import ranged
from workbench.panels.text import line, spoken, style_sheet, table
from workbench.plots.curves import rows, watched
from workbench.run import Run

MOST = 12  # runs at once: more lines than colours tell nobody anything
LOOK = 2.0  # seconds between two looks at runs that go on
GOING = "A run goes on: its curves follow, and the rest comes again when it has ended."
HINT = "Tick two runs or more under Runs and press Compare."
SUMMARY = (
    "run",
    "folder",
    "note",
    "state",
    "best epoch",
    "accuracy",
    "precision",
    "recall",
    "F1",
    "gap",
    "seconds",
    "MB",
)
METRICS = {"recall": "recall", "precision": "precision", "f1": "F1", "support": "examples"}
PAIRED = ("a", "b", "examples", "accuracy, b − a", "only a right", "only b right", "loss, b − a", "p", "p (Holm)")


class ComparePanel(widgets.VBox):  # type: ignore[misc]
    """Compares `runs`: two or more, their names or folders. `show(runs)` compares others.

    What needs the runs' answers is computed off the kernel's loop; the curves and what differs stand there at once.
    While one of them goes on its curves follow, and the answers are asked for again when the last has ended.
    """

    def __init__(self, runs: Sequence[Run | str] = ()):
        import pandas  # noqa: F401  # plotly looks into it wherever it is imported, be it half by a thread

        self._in_background = Background("compare-panel")
        self.comparison: Comparison | None = None
        self._following: asyncio.Task[None] | None = None
        self.said, self.error = line(HINT, "faint"), line(kind="error")
        none = widgets.Layout(margin="0")
        self.sentences, self.pairs, self.differences, self.summary = (widgets.HTML(layout=none) for _ in range(4))
        self.curves, self.figures = widgets.Output(), widgets.Output()
        self.classes = Grid(ticks=False, label="classes", none="No class yet.")
        super().__init__(self._parts(), layout=widgets.Layout(width="100%", padding="4px"))
        self.add_class("wb-compare")
        if runs:
            self.show(runs)

    def _parts(self) -> list[Any]:
        self.parts = widgets.VBox(layout=widgets.Layout(display="none", width="100%"))
        self.parts.children = [
            *(line("Which is better, paired on the same validation examples", "head"), self.sentences, self.pairs),
            *(line("Each at its best epoch", "head"), self.summary),
            *(line("What differs", "head"), self.differences),
            *(line("Epoch by epoch", "head"), self.curves),
            *(line("Class by class", "head"), self.classes, self.figures),
        ]
        return [style_sheet(), self.said, self.error, self.parts]

    def show(self, runs: Sequence[Run | str]) -> None:
        """Compare these; an error is shown, and what was compared before stays where it stood."""
        self.error.value = ""
        try:
            if len(runs) > MOST:
                raise ValueError(f"at most {MOST} runs are shown at once, got {len(runs)}; wb.compare takes more.")
            found = compare([run if isinstance(run, Run) else open_run(run) for run in runs])
            self._show_files(found)
        except Exception as error:
            self.error.value = spoken(str(error) or type(error).__name__, "error")
            return
        self.comparison, self.parts.layout.display = found, ""
        self._clear()
        self.said.value = spoken("Asking each run for its answers …", "faint", "status")
        if not self._in_background(lambda: _answered(found), lambda told, kind: self._show_answers(found, told, kind)):
            self._show_answers(found, _answered(found), "faint")
        self._follow(found)

    def _follow(self, found: Comparison) -> None:
        self._let_go()
        if _under_way(found):
            with contextlib.suppress(RuntimeError):  # no kernel: nobody looks
                self._following = asyncio.get_running_loop().create_task(self._to_the_end(found))

    def _let_go(self) -> None:
        if self._following:
            self._following.cancel()
        self._following = None

    async def _to_the_end(self, found: Comparison) -> None:
        given, drawn = [*found.given.values()], 0
        while _under_way(found):
            if drawn != (drawn := sum(len(run.rows) for run in given)):
                self._show_files(found)
            await asyncio.sleep(LOOK)
        self._following = None  # this is it, and ends by itself
        self.show(given)

    def _show_files(self, found: Comparison) -> None:
        """What stands in the folders."""
        knobs = found.differences
        shown = [[path, *map(str, values)] for path, values in zip(knobs.index, knobs.to_numpy(), strict=True)]
        same = "The recipes are equal: what differs came about by chance."
        self.differences.value = table(shown, ["knob", *found.given]) if shown else spoken(same)
        lines = rows(dict(zip(shortened(found.given), found.given.values(), strict=True)))
        self.curves.outputs = (still(watched(lines)),)

    def _clear(self) -> None:
        """Nothing of other runs stays below the new ones."""
        self.sentences.value = self.pairs.value = self.summary.value = ""
        self.figures.outputs = ()
        self.classes.fill([])

    def _show_answers(self, found: Comparison, told: Any, kind: str) -> None:
        if found is not self.comparison:
            return  # others were asked for meanwhile
        self.said.value = spoken(GOING, "faint", "status") if _under_way(found) else ""
        if kind == "error":
            self.error.value = spoken(f"The answers cannot be compared: {told}", "error")
            return
        self.sentences.value, self.summary.value, self.pairs.value = told["texts"]
        self.classes.columns = told["columns"]
        self.classes.fill(told["rows"])
        self.figures.outputs = told["figures"]

    def close(self) -> None:
        """Let the thread go with the widget."""
        self._let_go()
        self._in_background.close()
        super().close()


def _under_way(found: Comparison) -> bool:
    return any(run.state in UNDER_WAY for run in found.given.values())


def _answered(found: Comparison) -> dict[str, Any]:
    """All that needs the runs' answers, ready to be shown; slow where they are not kept yet."""
    sentences = "".join(spoken(sentence, "strong") for sentence in found.pairs["said"])
    texts = (sentences, _summary(found), _pairs(found))
    if found.runs["low"].isna().any():  # not every run has answers
        return {"texts": texts, "columns": [], "rows": [], "figures": ()}
    columns, lines = _classes(found)
    figures = (still(plots.recalls(found)), still(plots.confusions(found.given)))
    return {"texts": texts, "columns": columns, "rows": lines, "figures": figures}


def _summary(found: Comparison) -> str:
    lines = []
    for row in found.runs.to_dict("records"):
        scores = [_number(row[f"valid_{key}"]) for key in ("precision", "recall", "f1")]
        cost = [_number(row["seconds"], ".1f"), _number((row["memory"] or math.nan) / 2**20, ".0f")]
        accuracy = ranged(row["valid_accuracy"], row["low"], row["high"])
        gap = ranged(row["gap_accuracy"], row["gap_low"], row["gap_high"])
        told = [row["name"], *("" if row[key] == row["name"] else row[key] for key in ("folder", "note")), row["state"]]
        lines.append([*told, _number(row["best_epoch"], ".0f"), accuracy, *scores, gap, *cost])
    said = [at for at, column in enumerate(zip(*lines, strict=True)) if any(column)]  # an empty column tells nothing
    return table([[each[at] for at in said] for each in lines], [SUMMARY[at] for at in said])


def _pairs(found: Comparison) -> str:
    several, lines = len(found.pairs) > 1, []
    for row in found.pairs.to_dict("records"):
        counts = [_number(row[key], ".0f") for key in ("only_a", "only_b")]
        tests = [_number(row[key], ".2g") for key in ("p", "p_holm")[: 1 + several]]
        accuracy = ranged(row["difference"], row["low"], row["high"])
        loss = ranged(row["loss_difference"], row["loss_low"], row["loss_high"])
        lines.append([row["a"], row["b"], str(row["examples"]), accuracy, *counts, loss, *tests])
    return table(lines, list(PAIRED[: 8 + several]))


def _classes(found: Comparison) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Columns and rows of the grid: metric by metric, so that a class's runs stand next to each other."""
    columns: list[dict[str, Any]] = [{"key": "class", "title": "class"}]
    lines: list[dict[str, Any]] = [{"key": str(name), "class": str(name)} for name in found.classes.index]
    short = dict(zip(found.given, shortened(found.given), strict=True))
    order = ("recall", "precision", "f1", "support")
    pairs: list[Any] = list(found.classes.columns)
    for name, metric in sorted(pairs, key=lambda pair: order.index(pair[1])):
        key = f"{metric} {name}"
        title = f"{METRICS[metric]}, {short.get(name, 'b − a')}"
        columns.append({"key": key, "title": title, "number": True, "shown": f"{key} said"})
        kind = ".0f" if metric == "support" else ".3f"
        for row, value in zip(lines, found.classes[name, metric], strict=True):
            row |= {key: None if math.isnan(value) else value, f"{key} said": _number(value, kind)}
    return columns, lines


def shortened(names: Iterable[str]) -> list[str]:
    """Short enough to stand over a column; numbered where two became alike."""
    short = [name if len(name) <= 30 else f"{name[:29]}…" for name in names]
    return short if len({*short}) == len(short) else [f"{at}: {name}" for at, name in enumerate(short, 1)]


def _number(value: Any, kind: str = ".3f") -> str:
    return "" if value is None or math.isnan(value) else format(value, kind)
