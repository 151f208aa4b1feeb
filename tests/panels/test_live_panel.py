"""One run as it goes, from run folders written by hand and from runs in a thread of this process."""

from __future__ import annotations

import asyncio
import contextlib
import os

import pytest
from panels.by_hand import DRIVEN, PAYLOAD, TOLD, driven, points, row, said, shown, written

import workbench as wb
from workbench import queue
from workbench.panels import live_panel
from workbench.panels.live_panel import LivePanel

PRESSED = {  # which buttons can be pressed in each state, Start aside
    "new": {"Resume"},
    "queued": {"Stop"},
    "running": {"Pause", "Stop"},
    "paused": {"Resume", "Stop"},
    "stopped": {"Resume"},
    "finished": set(),
    "failed": {"Resume"},
    "interrupted": {"Resume"},
}


def enabled(panel):
    buttons = (panel.pause_button, panel.resume_button, panel.stop_button)
    return {button.description for button in buttons if not button.disabled}


@pytest.mark.parametrize("state", TOLD)
def test_only_buttons_that_do_something_can_be_pressed(state):
    run = written(state, epochs=1)
    with driven(run) if state in DRIVEN else contextlib.nullcontext():
        panel = LivePanel(run)
        assert run.state == state and enabled(panel) == PRESSED[state] and panel.start_button.disabled
        assert said(panel.progress).startswith(f"{state.capitalize()} · epoch 1 of 4")
        assert not LivePanel(run, recipe=wb.Recipe()).start_button.disabled


def test_without_a_run_it_says_what_to_do_next():
    panel = LivePanel()
    assert said(panel.progress) == "Nothing runs. Choose a run below." and not enabled(panel)
    assert panel.picker.options == (("none", ""),) and panel.start_button.disabled
    assert panel.chart.widget.layout.title.text == "No epoch has been measured yet."
    assert said(LivePanel(recipe=wb.Recipe()).progress) == "Nothing runs. Start trains the recipe."


def test_every_button_says_what_it_does():
    panel = LivePanel(recipe=wb.Recipe())
    parts = (panel.start_button, panel.pause_button, panel.resume_button, panel.stop_button)
    assert all(part.tooltip for part in (*parts, panel.pace, panel.picker, panel.others))


def test_a_run_is_opened_again_from_its_folder_with_every_epoch():
    run = written("finished", epochs=4)
    for given in (run, str(run.folder), run.folder.name):
        panel = LivePanel(given)
        assert points(panel) == ([0, 1, 2, 3, 4], [2 / (at + 1) for at in range(5)])
        assert points(panel, "best epoch") == ([2], [1]) and points(panel, "gap")[1] == [0.4] * 5
        assert said(panel.progress) == "Finished · epoch 4 of 4 · 2 s of training"
    other = LivePanel()
    other.show(run.folder.name)
    assert points(other)[0] == [0, 1, 2, 3, 4] and other.picker.value == str(run.folder)


def test_the_rows_after_going_on_replace_those_that_were_lost():
    run = written("interrupted", epochs=3)
    for event in ({"event": "resumed", "step": 10}, {"event": "row"} | row(2, train_loss=9.0)):
        run.files.tell(**event)
    assert points(LivePanel(run)) == ([0, 1, 2], [2, 1, 9])


def test_progress_time_left_and_machine():
    run = written("running", epochs=1)
    with driven(run) as files:
        panel = LivePanel(run)
        assert said(panel.machine) == "starting"
        about = {"device": "cpu", "device_name": "x86_64", "precision": "bfloat16"}
        files.write("environment.json", about)
        files.tell("progress", step=25, steps=100, seconds=10.0, memory=2 * 2**30, memory_of=24 * 2**30)
        panel.refresh()
        assert said(panel.progress) == "Running · epoch 1 of 4 · 25% · 30 s left"
        assert 'role="status"' in panel.progress.value
        assert said(panel.machine) == "CPU, bfloat16 · 2.0 of 24 GB"
        files.tell("progress", step=50, steps=100, seconds=600.0, memory=2**29, memory_of=80 * 2**30)
        files.write("environment.json", about | {"device": "cuda:0", "device_name": "NVIDIA H100"})
        panel.refresh()
        assert said(panel.progress) == "Running · epoch 1 of 4 · 50% · 10 min 0 s left"
        assert said(panel.machine) == "NVIDIA H100 (cuda:0), bfloat16 · 0.5 of 80 GB"
        files.tell("paused", step=50)
        panel.refresh()
        assert said(panel.progress) == "Paused · epoch 1 of 4 · 50%"


def test_what_comes_while_it_draws_is_drawn_next_time(monkeypatch):
    monkeypatch.setattr(live_panel, "EVERY", 0.0)
    run = written("running", epochs=1)

    async def watched():
        with driven(run) as files:
            panel = LivePanel(run)
            told = []

            def pausing(_):
                if not told:
                    told.append(files.tell("paused", step=9))

            monkeypatch.setattr(panel.mixer, "show", pausing)
            files.tell("row", **row(2))
            await shown(lambda: enabled(panel) == PRESSED["paused"])
            assert told and said(panel.progress).startswith("Paused · epoch 2 of 4")
            panel.close()

    asyncio.run(watched())


def test_a_run_that_failed_before_it_began_is_not_said_to_be_starting():
    panel = LivePanel(written("failed"))
    assert said(panel.progress) == "Failed · epoch 0 of 4" and said(panel.machine) == ""
    assert "it broke" in panel.messages.value and said(LivePanel(written("queued")).machine) == "starting"


def test_all_messages_are_listed_in_a_box_that_scrolls():
    run = written("stopped")
    for at in range(60):
        run.files.tell("note", text=f"note {at}")
    panel = LivePanel(run)
    assert panel.messages.value.count("<li>") == 60 and 'role="log"' in panel.messages.value
    assert "note 59<" in panel.messages.value and "note 0<" in panel.messages.value
    assert "overflow-y: auto" in panel.messages.value and "max-height" in panel.messages.value


def test_of_a_run_whose_process_is_gone_cause_and_way_out_are_shown():
    panel = LivePanel(written("interrupted", epochs=1))
    assert "killed, or out of memory" in panel.messages.value and "Resume" in panel.messages.value


def test_a_run_says_whom_it_waits_for_and_moves_up_when_that_goes_on(monkeypatch):
    monkeypatch.setattr(live_panel, "EVERY", 0.0)
    first, second = written("paused", epochs=1), written("queued")

    async def watched():
        with driven(first) as files:
            tickets = [queue.ticket(run.folder, os.getpid()) for run in (first, second)]
            panel = LivePanel(second)
            name = first.folder.name
            assert said(panel.progress) == f"Queued behind {name} (paused): resume or stop it · epoch 0 of 4"
            files.tell("continued", step=3)
            await shown(lambda: said(panel.progress) == f"Queued behind {name} (running) · epoch 0 of 4")
            tickets[0].unlink()
            await shown(lambda: said(panel.progress) == "Queued · epoch 0 of 4")
            panel.close()

    asyncio.run(watched())


def test_a_trace_has_at_most_500_points():
    run = written("new")
    for epoch in range(1500):
        run.files.tell("row", **row(epoch, valid_loss=abs(epoch - 777)))
    panel = LivePanel(run)
    epochs = points(panel)[0]
    assert max(len(trace.x) for trace in panel.chart.widget.data) == len(epochs) and 490 < len(epochs) <= 500
    assert {0, 777, 1499} <= {*epochs}


def test_other_runs_are_laid_over_it_and_taken_away():
    first, second = written("finished", epochs=3), written("stopped", epochs=2)
    panel = LivePanel(first)
    said_of = "head, glyph-resnet, digits, no regularizer"
    assert {*panel.others.options} == {(f"{r.folder.name}: {said_of}", str(r.folder)) for r in (first, second)}
    panel.others.value = (str(first.folder), str(second.folder))
    names = {run.folder.name: len(points(panel, f"{run.folder.name}, train")[0]) for run in (first, second)}
    assert names == {first.folder.name: 4, second.folder.name: 3}
    panel.others.value = ()
    assert points(panel)[0] == [0, 1, 2, 3] and not panel.error.value


def test_runs_can_be_compared_where_none_is_watched():
    runs = [written("finished", epochs=3), written("finished", epochs=1)]
    panel = LivePanel()
    panel.others.value = tuple(str(run.folder) for run in runs)
    assert [len(points(panel, f"{run.folder.name}, train")[0]) for run in runs] == [4, 2]


def test_a_run_is_picked_let_go_and_picked_again():
    run = written("finished", epochs=2)
    panel = LivePanel(run)
    panel.picker.value = ""
    assert panel.run is None and said(panel.machine) == "" and points(panel)[0] == []
    panel.picker.value = str(run.folder)
    assert points(panel)[0] == [0, 1, 2] and panel.run.folder == run.folder


def test_runs_that_were_made_meanwhile_are_offered_when_overlays_are_opened():
    panel = LivePanel()
    run = written("finished", epochs=1)
    panel.children[-1].selected_index = 0
    assert [value for _, value in panel.others.options] == [str(run.folder)]


def test_a_damaged_run_is_listed_and_its_error_is_shown():
    run = written("finished", epochs=1)
    (run.folder / "recipe.json").write_text("{")
    panel = LivePanel()
    assert panel.others.options == ((f"{run.folder.name}: cannot be read", str(run.folder)),)
    panel.picker.value = str(run.folder)
    assert "recipe.json cannot be read" in said(panel.error) and 'role="alert"' in panel.error.value


def test_pause_resume_and_stop_ask_the_run_to():
    run = written("running")
    panel = LivePanel(run)
    with driven(run) as files:
        for button, state in (("pause", "paused"), ("stop", "stopped")):
            getattr(panel, f"{button}_button").click()
            assert files.control()["state"] == state
        files.tell("paused", step=3)
        panel.resume_button.click()
        assert files.control()["state"] == "running" and not panel.error.value


def test_the_pace_is_the_runs_own_while_it_is_under_way():
    run = written("running")
    with driven(run) as files:
        files.ask(pace=4)
        panel = LivePanel(run)
        assert panel.pace.value == 4 and files.control()["n"] == 1
        panel.pace.value = 2
        assert files.control()["pace"] == 2
        files.tell("stopped", step=3)
        panel.refresh()
        panel.pace.value = 0
        assert files.control()["pace"] == 2  # nothing runs that it could slow


def test_start_trains_the_recipe_and_follows_it_to_the_end(here, tiny, monkeypatch):
    monkeypatch.setattr(live_panel, "EVERY", 0.0)
    asked = []
    recipe = wb.Recipe(wb.Digits(per_class=2), tiny, epochs=3)

    async def pressed():
        panel = LivePanel(recipe=lambda: asked.append("recipe") or recipe)
        panel.start_button.click()
        assert panel.run.recipe == recipe and "Stop" in enabled(panel)
        assert panel.picker.value == str(panel.run.folder)
        await shown(lambda: said(panel.progress).startswith("Finished"))
        return panel

    panel = asyncio.run(pressed())
    assert asked == ["recipe"] and not enabled(panel) and not panel.error.value
    assert points(panel) == ([0, 1, 2, 3], [row["train_loss"] for row in panel.run.rows])
    assert "20 training" in panel.messages.value and said(panel.machine).startswith("CPU, ")
    assert len(points(panel, "plain baseline")[0]) == 2


def test_resume_goes_on_at_the_pace_that_stands_there(here, tiny):
    recipe = wb.Recipe(wb.Digits(per_class=2), tiny, epochs=3)
    run = written("new", recipe=recipe)
    next(rows := wb.train(recipe, run.folder))
    rows.close()
    run.pace(0.001)
    panel = LivePanel(run)
    assert run.state == "stopped" and enabled(panel) == {"Resume"}
    panel.resume_button.click()
    assert run.files.control()["pace"] == 0 and run.join().state == "finished"
    panel.refresh()
    assert points(panel)[0] == [0, 1, 2, 3]


def test_it_follows_a_folder_that_another_process_writes(monkeypatch):
    monkeypatch.setattr(live_panel, "EVERY", 0.0)
    run, seen, statuses = written("running"), [], []

    async def watched():
        with driven(run) as files:
            panel = LivePanel(str(run.folder))
            panel.on_status = statuses.append
            for epoch in range(3):
                files.tell("row", **row(epoch))
                await shown(lambda n=epoch: len(points(panel)[0]) == n + 1)
                seen.append(said(panel.progress))
            files.tell("paused", step=20)
            await shown(lambda: enabled(panel) == {"Resume", "Stop"})
            files.tell("continued", step=20)
            await shown(lambda: enabled(panel) == {"Pause", "Stop"})
        await shown(lambda: said(panel.progress).startswith("Interrupted"))
        assert enabled(panel) == {"Resume"} and not panel.error.value

    asyncio.run(watched())
    assert seen == [f"Running · epoch {at} of 4" for at in range(3)] and statuses[0] == "starting"


def test_an_error_of_a_look_goes_with_the_next_that_went_well(monkeypatch):
    monkeypatch.setattr(live_panel, "EVERY", 0.0)
    run = written("running", epochs=1)

    async def watched():
        with driven(run) as files:
            panel = LivePanel(run)
            with monkeypatch.context() as broken:
                broken.setattr(live_panel, "machine", lambda run, state: 1 / 0)
                files.tell("row", **row(2))
                await shown(lambda: said(panel.error) == f"{live_panel.UNSEEN}: division by zero")
            files.tell("row", **row(3))
            await shown(lambda: len(points(panel)[0]) == 4 and not said(panel.error))
            panel.close()

    asyncio.run(watched())


def test_between_two_redraws_nothing_is_drawn_and_the_end_always_is(monkeypatch):
    assert live_panel.EVERY >= 0.5  # seconds: at most two redraws a second
    monkeypatch.setattr(live_panel, "EVERY", float("inf"))
    run = written("running", epochs=1)

    async def watched():
        with driven(run) as files:
            panel = LivePanel(run)
            files.tell("row", **row(2))
            await asyncio.sleep(3 * live_panel.LOOK)
            assert points(panel)[0] == [0, 1]
            files.tell("finished", step=20, seconds=1.0)
        await shown(lambda: points(panel)[0] == [0, 1, 2])

    asyncio.run(watched())


def test_closed_it_follows_no_more_and_the_run_goes_on():
    run = written("running", epochs=1)

    async def closed():
        with driven(run) as files:
            panel = LivePanel(run)
            await asyncio.sleep(0)
            panel.close()
            files.tell("row", **row(2))
            await asyncio.sleep(0.3)
            assert run.state == "running" and files.control()["n"] == 0
            return panel

    panel = asyncio.run(closed())
    assert said(panel.progress) == "Running · epoch 1 of 4" and panel.chart.widget.comm is None


def refused():
    return wb.Recipe(epochs=0)


def hostile():
    raise ValueError(PAYLOAD)


@pytest.mark.parametrize(
    ("recipe", "rule"), [(refused, "epochs must be a whole number in [1, 100000], got 0."), (hostile, PAYLOAD)]
)
def test_start_with_what_is_invalid_shows_the_error_and_starts_nothing(recipe, rule):
    panel = LivePanel(recipe=recipe)
    panel.start_button.click()
    assert said(panel.error) == rule and 'role="alert"' in panel.error.value
    assert panel.run is None and wb.runs().empty
