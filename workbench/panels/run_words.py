"""A run in words: its line in a list, where it is, on what machine, what it had to say."""

from __future__ import annotations

import re
from typing import Any

from workbench.cost import lasting
from workbench.panels.text import escaped
from workbench.run import Run
from workbench.waiting import behind

UNDER_WAY = ("running", "paused", "queued")
DULL = re.compile(r"\w+=(None|''|'none'|'as is'|'centred'|'pretrained'|'refuse'|0|0\.0)(, |(?=\)))")  # mostly defaults


def in_a_line(folder: Any) -> str:
    """A run in one line, from its plain recipe: building the recipe could import timm."""
    from workbench.folder import RunFolder

    try:
        recipe = RunFolder(folder).read("recipe.json")["recipe"]
        scope = "head" if recipe["scope"].startswith("head(layers=0") else recipe["scope"]
        parts = [scope, recipe["backbone"], recipe["data"], recipe["regularizers"] or "no regularizer"]
        short = [DULL.sub("", part).replace(", )", ")").replace("()", "") for part in parts]
        return f"{folder.name}: {', '.join(short)}"
    except Exception:
        return f"{folder.name}: cannot be read"


def standing(run: Run, state: str) -> str:
    """Its state, and whom it waits for: `queued behind 1a2b3c4d-1 (paused): resume or stop it`."""
    before = behind(run.folder) if state == "queued" else ""
    return f"{state} {before}".strip()


def progress(run: Run, state: str, stands: str) -> str:
    """Where the run is: `Running · epoch 7 of 20 · 35 % · 12 s left`; `stands`: what `standing` says of it."""
    told, rows = run.progress, run.rows
    epochs = (run.files.read("recipe.json") or {"recipe": {"epochs": 0}})["recipe"]["epochs"]
    epoch = rows[-1]["epoch"] if rows else 0
    parts = [stands[:1].upper() + stands[1:], f"epoch {epoch} of {epochs}"]
    if not rows and state == "running" and (getting := run.preparing):
        return f"Running · {getting['what']}: {getting['done']:,} of {getting['total']:,}"
    steps, step = told.get("steps"), told.get("step", 0)
    if state in ("running", "paused") and steps:
        parts.append(f"{step / steps:.0%}")
        if step and state == "running":
            parts.append(f"{lasting(told['seconds'] / step * (steps - step))} left")
    elif rows and state not in UNDER_WAY:
        parts.append(f"{_brief(rows[-1]['seconds'])} of training")
    return " · ".join(parts)


def _brief(seconds: float) -> str:
    return lasting(seconds) if seconds >= 1 else f"{seconds:.1f} s"


def machine(run: Run, state: str) -> str:
    """Device, numbers and memory, of a GPU its own, as text: `CPU, float32 · 0.9 of 24 GB`."""
    about, told = run.files.read("environment.json"), run.progress
    if about is None:
        return "starting" if state in UNDER_WAY else ""
    name = "CPU" if about["device"] == "cpu" else f"{about['device_name']} ({about['device']})"
    held, there = told.get("memory"), told.get("memory_of")
    return f"{name}, {about['precision']}{f' · {held / 2**30:.1f} of {there / 2**30:.0f} GB' if held and there else ''}"


def listed(messages: list[str]) -> str:
    """All messages as HTML, the newest in sight: the box scrolls, and starts at its end."""
    inside = "".join(f"<li>{escaped(text)}</li>" for text in messages)
    box = f'<div role="log"><ul class="wb-note" style="margin: 2px 0 2px 18px; padding: 0">{inside}</ul></div>'
    # A column laid out from its end keeps its end in sight while lines are added
    scrolled = (
        '<div tabindex="0" style="max-height: 12em; overflow-y: auto; display: flex; flex-direction: column-reverse">'
    )
    return f"{scrolled}{box}</div>" if inside else ""
