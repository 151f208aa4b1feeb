"""The run folder: half-written lines, damaged checkpoints, what is kept."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from workbench.errors import BrokenRun
from workbench.folder import RunFolder, new


@pytest.fixture
def folder(tmp_path):
    return new("abc", tmp_path)


def put(folder, step, keep=()):
    folder.save({"w": torch.full((50,), float(step))}, {"step": step, "epoch": step}, keep=set(keep))


def test_folders_are_numbered(tmp_path):
    assert [new("abc", tmp_path).path.name for _ in range(3)] == ["abc-1", "abc-2", "abc-3"]


def test_events_come_back_in_order_and_only_whole_lines_count(folder):
    folder.tell("row", step=1, loss=0.5)
    with open(folder.path / "events.jsonl", "ab") as file:
        file.write(b'{"event": "row", "st')
    assert [e["event"] for e in folder.events()] == ["row"]
    folder.tell("row", step=2, loss=0.4)
    assert [row["step"] for row in folder.rows()] == [1, 2]
    assert [row["step"] for row in RunFolder(folder.path).rows()] == [1, 2]


def test_two_threads_that_read_see_each_event_once(folder):
    for step in range(400):
        folder.tell("row", step=step)
    viewer, looks = RunFolder(folder.path), []
    own = open(folder.path / "events.jsonl", "ab")  # noqa: SIM115
    threads = [threading.Thread(target=lambda: looks.extend(len(viewer.rows()) for _ in range(300))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for step in range(400, 800):
        own.write(b'{"event": "row", "step": %d}\n' % step)
        own.flush()
    for thread in threads:
        thread.join()
    own.close()
    assert [row["step"] for row in viewer.rows()] == [*range(800)] and max(looks) <= 800


def test_rows_beyond_a_resumed_step_are_void(folder):
    for step in (0, 5, 10, 15):
        folder.tell("row", step=step, old=True)
    folder.tell("resumed", step=7)
    folder.tell("row", step=10, old=False)
    assert [(row["step"], row["old"]) for row in folder.rows()] == [(0, True), (5, True), (10, False)]


def test_the_last_two_and_the_best_are_kept(folder):
    for step in range(6):
        put(folder, step, keep=[1])
    assert folder.steps() == [1, 4, 5]


def test_fifty_flipped_bytes_are_refused_and_the_one_before_is_used(folder):
    draw = random.Random(0)
    put(folder, 1)
    put(folder, 2)
    whole = {p: p.read_bytes() for p in (folder.path / "checkpoints" / "2").iterdir()}
    for _ in range(50):
        path = draw.choice(sorted(whole))
        content = bytearray(whole[path])
        if draw.random() < 0.3:
            content = content[: draw.randrange(len(content))]
        else:
            content[draw.randrange(len(content))] ^= draw.randrange(1, 256)
        path.write_bytes(content)
        (tensors, place), said = folder.newest()
        assert place["step"] == 1 and (tensors["w"] == 1).all()
        assert "checkpoint of step 2" in said[0] and "the one before is used" in said[0]
        path.write_bytes(whole[path])
    assert folder.newest()[0][1]["step"] == 2


def test_with_none_whole_there_is_none(folder):
    put(folder, 1)
    (folder.path / "checkpoints" / "1" / "state.json").write_text("{}")
    found, said = folder.newest()
    assert found is None and "damaged" in said[0]
    with pytest.raises(BrokenRun, match=r"the checkpoint of step 1 in .* is damaged"):
        folder.load(1)
    assert RunFolder(folder.path.parent / "none").newest() == (None, [])


def test_orphans_are_cleared(folder):
    put(folder, 1)
    (folder.path / "checkpoints" / ".2-77").mkdir()
    (folder.path / ".control.json-77-1").write_text("half")
    folder.clear_orphans()
    left = {path.name for path in folder.path.glob("**/.*")}
    assert folder.steps() == [1] and left <= {".control.lock"}


def test_viewers_that_ask_at_once_while_a_driver_clears_lose_nothing(folder):
    def ask(viewer):
        for turn in range(25):
            RunFolder(folder.path).ask(knobs={f"{viewer}.{turn}": turn})

    with ThreadPoolExecutor(5) as pool:
        asking = [pool.submit(ask, viewer) for viewer in range(4)]
        while not all(each.done() for each in asking):
            RunFolder(folder.path).clear_orphans()
        for each in asking:
            each.result()
    assert folder.control()["n"] == 100 and len(folder.control()["knobs"]) == 100


def test_control_counts_up_and_keeps_knobs(folder):
    folder.ask(knobs={"lr": 0.1})
    folder.ask(state="paused", knobs={"l2.strength": 1.0})
    assert folder.control() == {"n": 2, "state": "paused", "knobs": {"lr": 0.1, "l2.strength": 1.0}} | {
        "pace": 0,
        "marks": 0,
    }


def test_a_full_disk_is_said_and_leaves_no_part(folder, monkeypatch):
    from workbench import folder as module
    from workbench.errors import DiskFull

    put(folder, 1)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_sync", full)
    with pytest.raises(DiskFull, match=r"no room to write .* bytes free"):
        put(folder, 2)
    monkeypatch.undo()
    assert (
        folder.steps() == [1]
        and not list((folder.path / "checkpoints").glob(".*"))
        and folder.newest()[0][1]["step"] == 1
    )


def test_a_checkpoint_is_synced_as_windows_wants_it_too(folder, monkeypatch):
    from workbench import folder as module

    opened, plainly = [], module.os.open
    monkeypatch.setattr(module.os, "open", lambda path, flags, *more: opened.append((Path(path), flags)) or
                        plainly(path, flags, *more))  # fmt: skip
    put(folder, 1)
    assert {path.is_dir() for path, _ in opened} == {True, False}
    opened.clear()
    monkeypatch.setattr(module, "SYNCS_FOLDERS", False)
    put(folder, 2)
    synced = [(path.name, flags) for path, flags in opened if not flags & module.os.O_CREAT]
    assert synced == [("tensors.safetensors", module.os.O_RDWR)] and folder.newest()[0][1]["step"] == 2


def test_a_line_that_is_no_event_is_skipped(folder):
    folder.tell("row", step=1)
    with open(folder.path / "events.jsonl", "ab") as file:
        file.write(b'7\n[]\n{"step": 3}\n\xff\xfe\n')
    folder.tell("row", step=2)
    assert [row["step"] for row in folder.rows()] == [1, 2]


@pytest.mark.parametrize("event", ["started", "launched"])
def test_one_that_ends_between_two_looks_is_not_interrupted(folder, monkeypatch, event):
    """Its events are read while it is under way, and its process is looked for once it is gone."""
    folder.tell(event, pid=0)

    def gone(*_):
        if folder.events()[-1]["event"] == event:
            folder.tell("finished")
        return False

    monkeypatch.setattr(RunFolder, "driven", property(gone))
    monkeypatch.setattr("workbench.folder.breathes", gone)
    assert folder.state == "finished"
    monkeypatch.setattr(RunFolder, "driven", property(lambda _: False))
    monkeypatch.setattr("workbench.folder.breathes", lambda _: False)
    folder.tell(event, pid=0)
    assert folder.state == "interrupted"
