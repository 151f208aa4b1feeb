"""The run folder: recipe, events, control and checkpoints; files only."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from workbench import paths
from workbench.errors import BrokenRun, DiskFull, RunBusy

if TYPE_CHECKING:
    from torch import Tensor

STATES = ("running", "paused", "stopped")
ENDED = ("finished", "failed", "stopped")
UNDER_WAY = ("launched", "started", "paused", "continued")
SYNCS_FOLDERS = os.name != "nt"
FOR_READERS = {"note"}  # in the control file, and nothing to the run's driver


def write_json(path: Path, value: Any) -> None:
    """Write aside, sync, rename: a reader finds the old file or the new one, never half of one."""
    aside = path.with_name(f".{path.name}-{os.getpid()}-{time.monotonic_ns()}")
    try:
        with open(aside, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=1, ensure_ascii=True)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise _full(path, error) from error


def _full(path: Path, error: Exception) -> Exception:
    free = shutil.disk_usage(path.parent).free if path.parent.is_dir() else 0
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(
            f"no room to write {path} ({free:,} bytes free); make room, then go on from the last checkpoint."
        )
    return error


def new(recipe_id: str, root: Path | None = None) -> RunFolder:
    """Make an empty folder `<recipe id>-<n>` under `root`, `paths.runs()` if left out."""
    root = root or paths.runs()
    root.mkdir(parents=True, exist_ok=True)
    for n in range(1, 1_000_000):
        try:
            (root / f"{recipe_id}-{n}").mkdir()
        except FileExistsError:
            continue
        return RunFolder(root / f"{recipe_id}-{n}")
    raise BrokenRun(f"{root} is full of runs of {recipe_id}.")


class RunFolder:
    """A run's files. One process writes events and checkpoints; viewers write `control.json` alone."""

    def __init__(self, path: str | Path):
        self.path = Path(path).expanduser().resolve()
        self._read_until, self._partial, self._events = 0, b"", []  # type: ignore[var-annotated]
        self._counted: dict[str, tuple[int, list[dict[str, Any]]]] = {}
        self._reading = threading.RLock()  # a panel's loop reads it, and its thread

    # -- plain files --------------------------------------------------------------------------------------------------

    def read(self, name: str) -> Any:
        """What the JSON file `name` holds, None where it is not there."""
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, OSError) as error:
            raise BrokenRun(f"{self.path / name} cannot be read: {error}") from error

    def write(self, name: str, value: Any) -> None:
        """Put `value` into the JSON file `name`, whole or not at all."""
        write_json(self.path / name, value)

    # -- events -------------------------------------------------------------------------------------------------------

    def tell(self, event: str, **about: Any) -> None:
        """Append an event; what a kill left half-written before it is closed off first."""
        line = json.dumps({"event": event, "at": time.time(), **about}, ensure_ascii=True).encode()
        path = self.path / "events.jsonl"
        try:
            with open(path, "ab+") as file:
                if file.tell() and not _ends_in_newline(file):
                    line = b"\n" + line
                file.write(line + b"\n")
        except OSError as error:
            raise _full(path, error) from error

    def events(self) -> list[dict[str, Any]]:
        """All events so far; only what is new is read. Half a line is left for later, or skipped."""
        with self._reading:
            try:
                with open(self.path / "events.jsonl", "rb") as file:
                    file.seek(self._read_until)
                    fresh = file.read()
            except FileNotFoundError:
                return self._events
            self._read_until += len(fresh)
            *lines, self._partial = (self._partial + fresh).split(b"\n")
            for line in lines:
                with contextlib.suppress(ValueError):
                    told = json.loads(line)
                    if isinstance(told, dict) and "event" in told:
                        self._events.append(told)
            return self._events

    def rows(self) -> list[dict[str, Any]]:
        """The rows that count."""
        return self.counted("row")

    def counted(self, kind: str) -> list[dict[str, Any]]:
        """The `row` or `knob` events that count: those after a `resumed(step)` replace what stood beyond that step."""
        with self._reading:
            events, (seen, found) = self.events(), self._counted.get(kind, (0, []))
            for event in events[seen:]:  # what was counted before is kept: panels ask several times a second
                if event["event"] == "resumed":
                    found = [each for each in found if each["step"] <= event["step"]]
                elif event["event"] == kind:
                    found.append({key: value for key, value in event.items() if key not in ("event", "at")})
            self._counted[kind] = len(events), found
            return list(found)

    # -- control ------------------------------------------------------------------------------------------------------

    def control(self) -> dict[str, Any]:
        """What viewers ask for: `n`, `state`, `knobs`, `pace` (epochs a second, 0 for as fast as it goes), `marks`.

        `marks`: how often a checkpoint was asked for, of the moment of asking.
        """
        return {"n": 0, "state": "running", "knobs": {}, "pace": 0, "marks": 0} | (self.read("control.json") or {})

    def ask(self, **changes: Any) -> None:
        """Change the control file, with the next sequence number where it is the driver that shall see it."""
        for_driver = bool(changes.keys() - FOR_READERS)  # who drives a run looks again at every new number
        knobs = changes.pop("knobs", None) or {}
        with self._asking():
            now = self.control()
            now["knobs"] = now["knobs"] | knobs
            self.write("control.json", now | changes | {"n": now["n"] + for_driver})

    def _asking(self) -> FileLock:
        """Held by whoever changes the control file: of two viewers at once neither loses what it asked for."""
        return FileLock(self.path / ".control.lock", timeout=30)

    # -- checkpoints --------------------------------------------------------------------------------------------------

    def save(self, tensors: Mapping[str, Tensor], place: Mapping[str, Any], keep: set[int]) -> None:
        """Write the checkpoint of `place["step"]` aside, synced, then rename; prune to the last two and `keep`."""
        from safetensors.torch import save_file

        step, root = place["step"], self.path / "checkpoints"
        aside, final = root / f".{step}-{os.getpid()}", root / str(step)
        try:
            aside.mkdir(parents=True)
            save_file(dict(tensors), aside / "tensors.safetensors")
            _sync(aside / "tensors.safetensors")
            digest = hashlib.sha256((aside / "tensors.safetensors").read_bytes()).hexdigest()
            about = dict(place) | {"sha256": {"tensors.safetensors": digest}}
            about["self"] = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
            write_json(aside / "state.json", about)
            shutil.rmtree(final, ignore_errors=True)
            os.replace(aside, final)
            _sync(root)
        except (OSError, RuntimeError) as error:
            shutil.rmtree(aside, ignore_errors=True)
            raise _full(final, error) from error
        except Exception as error:  # safetensors raises an error of its own where the disk is full
            shutil.rmtree(aside, ignore_errors=True)
            raise DiskFull(f"could not write {final}: {error}") from error
        steps = self.steps()
        for old in set(steps[:-2]) - keep:
            shutil.rmtree(root / str(old), ignore_errors=True)

    def steps(self) -> list[int]:
        """Steps of which there is a checkpoint, in order."""
        root = self.path / "checkpoints"
        return sorted(int(p.name) for p in root.iterdir() if p.name.isdigit()) if root.is_dir() else []

    def load(self, step: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The checkpoint of `step`; `BrokenRun` where a byte of it changed."""
        from safetensors.torch import load

        at = self.path / "checkpoints" / str(step)
        try:
            about = json.loads((at / "state.json").read_text())
            given = about.pop("self")
            if hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest() != given:
                raise ValueError("state.json does not match its checksum")
            content = (at / "tensors.safetensors").read_bytes()
            if hashlib.sha256(content).hexdigest() != about["sha256"]["tensors.safetensors"]:
                raise ValueError("tensors.safetensors does not match its checksum")
            return load(content), about
        except Exception as error:
            raise BrokenRun(f"the checkpoint of step {step} in {self.path} is damaged: {error}") from error

    def take(self, other: RunFolder, step: int) -> None:
        """Copy another run's checkpoint of `step`."""
        source, final = (files.path / "checkpoints" / str(step) for files in (other, self))
        try:
            final.mkdir(parents=True)
            for path in source.iterdir():
                shutil.copyfile(path, final / path.name)
                _sync(final / path.name)
        except OSError as error:
            raise _full(final, error) from error

    def newest(self) -> tuple[tuple[dict[str, Tensor], dict[str, Any]] | None, list[str]]:
        """The newest checkpoint that is whole, or None; and a sentence on each damaged one after it."""
        said: list[str] = []
        for step in reversed(self.steps()):
            try:
                return self.load(step), said
            except BrokenRun as error:
                said.append(f"{error}; the one before is used.")
        return None, said

    def clear_orphans(self) -> None:
        """Remove what a killed writer left half-done; what a viewer is writing just now is none."""
        with self._asking():
            for orphan in [*self.path.glob("checkpoints/.*"), *self.path.glob(".*.json-*")]:
                shutil.rmtree(orphan) if orphan.is_dir() else orphan.unlink(missing_ok=True)

    # -- who drives it ------------------------------------------------------------------------------------------------

    @property
    def driven(self) -> bool:
        """Whether a process holds the lock of whoever drives it."""
        if not (self.path / ".lock").exists():
            return False
        with contextlib.suppress(Timeout), FileLock(self.path / ".lock", timeout=0):
            return False
        return True

    @property
    def state(self) -> str:
        """queued, running, paused, stopped, finished, failed, or interrupted (its process is gone); new before all."""
        for _ in range(2):  # once more where nobody drives it: it may have ended between the two looks
            told = (e for e in reversed(self.events()) if e["event"] in (*ENDED, *UNDER_WAY))
            last: dict[str, Any] = next(told, {"event": "new"})
            if last["event"] in (*ENDED, "new"):
                return str(last["event"])
            if last["event"] == "launched" and breathes(last["pid"]):
                return "queued"
            if last["event"] != "launched" and self.driven:
                return "paused" if last["event"] == "paused" else "running"
        return "interrupted"

    def remove(self) -> None:
        """Remove the folder, its recipe first: what is left where that fails is no run any more."""
        try:
            with FileLock(self.path / ".lock", timeout=0):
                (self.path / "recipe.json").unlink(missing_ok=True)
                shutil.rmtree(self.path)
        except Timeout:
            raise RunBusy(f"a process drives {self.path}: stop the run first, then delete it.") from None


def breathes(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _ends_in_newline(file: Any) -> bool:
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) == b"\n")


def _sync(path: Path) -> None:
    """Have what was written on the disk; Windows syncs no folders, and files only where they are open for writing."""
    folder = path.is_dir()
    if folder and not SYNCS_FOLDERS:
        return
    handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
