"""The search panel, by value: what moves, who proposes, its trials as they come."""

from __future__ import annotations

import asyncio
import json
import threading
import time

import pytest
from ipywidgets import Widget
from panels.by_hand import PAYLOAD, said, shown

import workbench as wb
from workbench.errors import BadData
from workbench.folder import RunFolder
from workbench.panels import search_figures, search_panel
from workbench.panels.search_panel import SearchPanel
from workbench.panels.winner_box import HONEST
from workbench.searching import driving

pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = wb.Digits(per_class=5)


@pytest.fixture
def recipe():
    return wb.Recipe(SMALL, regularizers="l2", epochs=2, lr=1e-2)


def test_what_moves_follows_from_the_recipe_and_can_be_narrowed(recipe):
    panel = SearchPanel(recipe)
    assert [*panel.choice.editor.rows] == ["lr", "l2.strength"]
    assert said(panel.choice.plan) == "32 trials over 2 knobs; a grid of 4 values a range would take 16."
    panel.choice.editor.rows["lr"].parts[1].value = 0.05
    panel.choice.editor.adder.value = "epochs"
    panel.choice.editor.adder.value = "scope"
    panel.choice.editor.rows["scope"].parts[0].value = "head; head(layers=1)"
    space = panel.choice.editor.value()
    assert space["lr"] == wb.Range(1e-5, 0.05, log=True) and space["epochs"] == wb.Range(1, 100)
    assert len(space["scope"].values) == 2 and panel.choice.editor.adder.value == "+ add a knob"
    panel.choice.editor.rows["l2.strength"].remove.click()
    assert [*panel.choice.editor.value()] == ["lr", "epochs", "scope"]
    panel.choice.strategies.dropdown.value = "grid"
    assert said(panel.choice.plan).startswith("32 trials over 3 knobs")  # 4 x 4 x 2
    panel.close()


def test_what_is_wrong_is_said_at_once_and_refused_at_the_start(recipe):
    panel = SearchPanel(recipe)
    panel.choice.editor.rows["lr"].parts[0].value = 0.2
    assert "`low < high`" in said(panel.choice.plan)
    panel.start_button.click()
    assert "`low < high`" in said(panel.error) and panel.study is None and wb.studies().empty
    panel.choice.editor.rows["lr"].parts[0].value = 1e-3
    panel.choice.editor.adder.value = "scope"
    panel.choice.editor.rows["scope"].parts[0].value = PAYLOAD
    assert "a choice is written" in said(panel.choice.plan) and PAYLOAD not in panel.choice.plan.value
    panel.close()


def test_another_recipe_brings_its_knobs_and_keeps_what_was_narrowed(recipe):
    panel = SearchPanel(recipe)
    panel.choice.editor.rows["lr"].parts[0].value = 1e-3
    panel.choice.follow_recipe(recipe.replace(regularizers="dropout"))
    assert [*panel.choice.editor.rows] == ["lr", "dropout.rate"] and panel.choice.editor.value()["lr"].low == 1e-3
    panel.close()


def test_a_search_is_started_watched_extended_and_its_recipe_taken(recipe):
    taken = []

    async def act():
        panel = SearchPanel(lambda: recipe, use=taken.append)
        assert panel.pause_button.disabled and panel.stop_button.disabled and panel.extend_button.disabled
        panel.choice.strategies.dropdown.value = "random"
        panel.choice.strategies.knobs.controls["trials"].main.value = 6
        panel.choice.name.value = "mine"
        panel.start_button.click()
        assert not said(panel.error) and panel.picker.value == "mine"

        def there():
            return f"{said(panel.progress)!r}, {said(panel.error)!r}"

        await shown(lambda: len(panel.grid.rows) == 6)
        await shown(lambda: "mine: finished, 6 of 6 trials" in said(panel.progress), instead=there)
        assert all(slot.figure.outputs for slot in panel.figures.slots) and not panel.extend_button.disabled
        panel.more.value = 3
        panel.extend_button.click()
        await shown(lambda: "mine: finished, 9 of 9 trials" in said(panel.progress), instead=there)
        panel.grid.ticked = ["4"]
        panel.use_button.click()
        assert taken == [wb.open_study("mine").recipe_of(4)]
        other = SearchPanel(recipe)
        await shown(lambda: "mine" in dict(other.picker.options))  # folders are read off the loop
        other.picker.value = "mine"
        assert len(other.grid.rows) == 9 and other.grid.rows == panel.grid.rows
        assert {"lr", "l2.strength", "value", "gap"} <= {column["key"] for column in other.grid.columns}
        panel.close()
        other.close()

    asyncio.run(act())


def test_its_end_is_seen_though_a_look_at_it_went_wrong(recipe, monkeypatch):
    wb.search(recipe, "random(trials=2)", name="ended")
    monkeypatch.setattr(search_panel, "LOOK", 0.01)

    async def act():
        panel = SearchPanel(recipe)
        panel._task.cancel()  # its own looks; those here are counted
        panel.study, own, looks = wb.open_study("ended"), panel._tell, []

        def tell():
            looks.append(1)
            if len(looks) == 1:
                raise OSError("the storage is locked")
            own()

        monkeypatch.setattr(panel, "_tell", tell)
        await panel._following()
        assert len(looks) == 2 and "ended: finished, 2 of 2 trials" in said(panel.progress)
        assert not said(panel.error) and len(panel.grid.rows) == 2  # the look after it went well
        panel.close()

    asyncio.run(act())


def test_a_study_of_another_recipe_is_refused_and_nothing_is_lost(recipe):
    study = wb.search(recipe, "random(trials=4)", name="taken")
    panel = SearchPanel(recipe.replace(epochs=3), study="taken")
    assert len(panel.grid.rows) == 4 and "taken: finished, 4 of 4 trials" in said(panel.progress)
    panel.choice.name.value = "taken"
    panel.start_button.click()
    assert "the study taken searches otherwise: epochs is 2 there and 3 here." in said(panel.error)
    assert panel.study.name == "taken" and len(study.trials) == 4
    panel.close()


def test_a_search_that_ends_while_it_is_looked_at_is_shown_to_have_ended(recipe, monkeypatch):
    study = wb.search(recipe, "random(trials=4)", name="ends")
    states = ["running", "running", "running"]  # of the files: then it is what they say
    monkeypatch.setattr(type(study), "state", property(lambda self: states.pop() if states else self.files.state))

    async def act():
        monkeypatch.setattr("workbench.panels.search_panel.LOOK", 0.01)
        panel = SearchPanel(recipe, study="ends")
        await shown(lambda: "ends: finished, 4 of 4 trials" in said(panel.progress), 5)
        assert panel.stop_button.disabled and not panel.extend_button.disabled
        panel.close()

    asyncio.run(act())


# -- what it will cost ------------------------------------------------------------------------------------------------


def test_the_price_stands_beside_each_scope_before_anything_starts(recipe, tiny):
    async def act():
        panel = SearchPanel(recipe.replace(backbone=tiny))
        assert "Trying a few steps" in said(panel.choice.costs)
        await shown(
            lambda: "scope all" in panel.choice.prices.value,
            instead=lambda: said(panel.choice.costs) + said(panel.choice.prices),
        )
        assert said(panel.choice.costs).startswith("32 trials: about ")
        assert "8 at once on kept features. The grid: " in said(panel.choice.costs)
        assert said(panel.choice.prices).startswith("32 trials withtimememoryscope head, as chosen")
        for scope in ("blocks", "norms"):
            assert f"scope {scope}" in panel.choice.prices.value
        panel.choice.minutes.value = 0.5
        await shown(lambda: "0.5 minutes are enough for all 32 trials." in said(panel.choice.costs))
        panel.choice.minutes.value = 1e-4
        await shown(lambda: "0.0001 minutes are enough for about 0 of the 32 trials." in said(panel.choice.costs))
        panel.choice.editor.rows["lr"].parts[0].value = 0.2
        assert panel.choice.prices.value == "" and said(panel.choice.costs) == ""
        panel.close()

    asyncio.run(act())


def test_what_has_no_price_is_said_in_words(recipe, monkeypatch):
    def broken(*_):
        raise RuntimeError(PAYLOAD)

    monkeypatch.setattr("workbench.panels.search_choice.price", broken)

    async def act():
        panel = SearchPanel(recipe)
        await shown(lambda: said(panel.choice.costs) == PAYLOAD)
        assert PAYLOAD not in panel.choice.costs.value and panel.choice.value()["recipe"] == recipe
        panel.close()

    asyncio.run(act())


def test_within_a_bench_nothing_is_tried_before_the_tab_is_opened():
    async def act():
        bench = wb.Workbench(wb.Recipe(SMALL))
        assert said(bench.search.choice.costs) == "" and "trials over" in said(bench.search.choice.plan)
        bench.tabs.selected_index = 1
        assert "Trying a few steps" in said(bench.search.choice.costs)
        bench.close()

    asyncio.run(act())


def test_minutes_end_a_search(recipe):
    async def act():
        panel = SearchPanel(recipe, now=False)
        panel.choice.minutes.value = 1e-6
        panel.choice.name.value = "short"
        panel.start_button.click()
        await shown(lambda: "short: stopped, 0 of 32 trials; the time is over" in said(panel.progress))
        panel.close()

    asyncio.run(act())


def test_what_ended_a_search_is_said(recipe, tmp_path):
    def ends(name):
        panel = SearchPanel(recipe, study=name, now=False)
        told = said(panel.progress)
        panel.close()
        return told

    wild = recipe.replace(optimizer="sgd", epochs=3)
    wb.search(wild, "grid", {"lr": [1e11, 2e11], "l2.strength": [0.1]}, name="none")
    assert ends("none").startswith("none: finished, 2 of 2 trials; None of the 2 trials came to a value. Trial 0: the")
    wb.search(recipe, "random(trials=4)", {"batch_size": [16, 32]}, name="few")
    assert ends("few") == "few: finished, 2 of 4 trials; Every setting in the space was tried: 2 trials."
    gone = recipe.replace(data=wb.Images(str(tmp_path / "gone")), backbone=wb.backbone("test_resnet", "random"))
    with pytest.raises(BadData):
        wb.search(gone, "random(trials=4)", name="gone")
    assert ends("gone").startswith("gone: failed, 0 of 4 trials; ") and str(tmp_path / "gone") in ends("gone")


# -- what is watched --------------------------------------------------------------------------------------------------


def test_every_figure_can_be_chosen_and_what_cannot_be_drawn_is_said(recipe):
    wb.search(recipe, "random(trials=5)", name="figures")
    wb.search(recipe, "random(trials=2)", name="few")
    panel = SearchPanel(recipe, study="figures", now=False)
    first, second = panel.figures.slots
    titles = {}
    for kind in search_figures.FIGURES:
        first.kind.value = kind
        [output] = first.figure.outputs
        titles[kind] = output["data"]["text/plain"]
    assert len({*titles.values()}) == 6  # best so far and parallel coordinates say the same
    first.kind.value = search_figures.GAP
    assert first.knob.value == "l2.strength" and titles[search_figures.GAP].endswith("against l2.strength.")
    first.knob.value = "lr"
    assert first.figure.outputs[0]["data"]["text/plain"].endswith("against lr.")
    first.kind.value = search_figures.CONTOUR
    first.other.value = "lr"
    assert first.row.children == (first.kind, first.knob, first.other) and first.figure.outputs
    second.kind.value = search_figures.NONE
    assert second.row.children == (second.kind,) and second.figure.outputs == ()
    panel.picker.value = "few"
    assert "a contour takes two knobs and at least 4 trials" in said(first.said) and first.figure.outputs == ()
    panel.picker.value = ""
    assert first.figure.outputs == () and panel.grid.rows == []
    panel.close()


def test_trials_are_followed_within_a_round(recipe):
    study = driving.prepared({"recipe": recipe, "strategy": "random(trials=4)"}, "inside")
    study.files.tell("started")
    folder = driving.open_round(study)
    folder.tell("begun", trials=[0, 1, 2, 3])
    with driving.FileLock(study.folder / ".lock"):
        panel = SearchPanel(recipe, study="inside", now=False)
        assert said(panel.progress) == "inside: running, 0 of 4 trials; 4 under way, epoch 0 of 2"
        for number in range(4):
            folder.tell("row", trial=number, epoch=1, valid_loss=2.0)
        panel.refresh()
        assert said(panel.progress).endswith("4 under way, epoch 1 of 2")
        curves = panel.figures.slots[1].figure.outputs[0]["data"]["application/vnd.plotly.v1+json"]
        assert [trace["name"] for trace in curves["data"]] == ["under way (4)"]
        assert not panel.stop_button.disabled and panel.winner.button.disabled
        panel.extend_button.click()  # its driver sees it
        assert not said(panel.error) and study.asked == 20 and "0 of 20 trials" in said(panel.progress)
        panel.close()


def test_a_search_that_goes_on_while_its_last_look_is_drawn_is_followed(recipe, monkeypatch):
    wb.search(recipe, "random(trials=4)", name="again")
    drawing, drawn = threading.Event(), threading.Event()

    async def act():
        monkeypatch.setattr("workbench.panels.search_panel.LOOK", 0.01)
        panel = SearchPanel(recipe, study="again")
        make = panel.figures.make

        def slowly(asked):  # in its thread, as on a machine that is busy
            if threading.current_thread() is not threading.main_thread():
                drawing.set()
                drawn.wait(30)
            return make(asked)

        monkeypatch.setattr(panel.figures, "make", slowly)
        panel.follow()
        await shown(drawing.is_set)
        panel.more.value = 2
        panel.extend_button.click()
        drawn.set()
        await shown(lambda: "again: finished, 6 of 6 trials" in said(panel.progress) and len(panel.grid.rows) == 6)
        panel.close()

    asyncio.run(act())


def test_a_trial_opens_as_a_run_of_its_own(recipe, here):
    watched = []
    study = wb.search(recipe, "random(trials=4)", name="opens")
    panel = SearchPanel(recipe, study="opens", watch=watched.append, now=False)
    assert panel.open_button.disabled
    panel.grid.ticked = ["2"]
    for _ in range(2):  # the second time it is there
        panel.open_button.click()
        watched[-1].join()
    assert not said(panel.error) and [run.folder for run in watched] == [study.folder / "trials" / "2"] * 2
    assert watched[0].recipe == study.recipe_of(2) and watched[0].note == "trial 2 of opens"
    value = study.results()[2]["value"]
    assert min(row["valid_loss"] for row in watched[0].rows[1:]) == pytest.approx(value, abs=1e-5)
    panel.close()


def test_the_winner_takes_two_presses_and_is_shown_beside_its_rivals(recipe):
    wb.search(recipe, "random(trials=4)", name="wins")
    wb.search(recipe, "random(trials=1)", name="other")

    async def act():
        panel = SearchPanel(recipe, study="wins", now=False)
        await shown(lambda: "other" in dict(panel.picker.options))  # folders are read off the loop
        winner = panel.winner
        winner.button.click()
        assert winner.armed and said(winner.said) == HONEST and "look at the test set" in HONEST
        panel.stop_button.click()  # something else is pressed
        assert not winner.armed and winner.button.description == "Winner …"
        winner.button.click()
        winner.button.click()
        assert winner.button.disabled and "over 5 seeds" in said(winner.said)
        panel.picker.value = "other"
        await shown(lambda: not winner.working)
        assert said(winner.said) == ""
        panel.picker.value = "wins"
        assert "The search had found" in said(winner.said)
        assert said(winner.said).startswith("Trial ") and winner.rivals.value.count("<tr>") == 3
        assert not winner.button.disabled
        told = winner.said.value, winner.rivals.value
        panel.picker.value = "other"
        assert winner.said.value == winner.rivals.value == ""
        panel.picker.value = "wins"  # what was found of it is found again
        assert (winner.said.value, winner.rivals.value) == told
        panel.close()

    asyncio.run(act())


# -- how smooth it is -------------------------------------------------------------------------------------------------


@pytest.fixture
def many():
    """A study of 200 trials of 40 epochs in one round, 192 of them done, and that round's folder."""
    recipe = wb.Recipe(SMALL, regularizers="l2, dropout", epochs=40)
    study = driving.prepared({"recipe": recipe, "strategy": "random(trials=200)"}, "many")
    study.files.tell("started")
    settings = wb.Random().propose(study.space, [], 0, 200)
    folder = RunFolder(study.folder / "rounds" / "00000")
    folder.path.mkdir(parents=True)
    folder.write("round.json", {"first": 0, "settings": settings})
    row = {"epoch": 40, "valid_loss": 0.21234567891234, "valid_accuracy": 0.9123456789, "gap_accuracy": 0.0312345678}
    row |= {"valid_low": 0.8912345678, "valid_high": 0.9312345678, "low": -0.0112345678, "high": 0.0712345678}
    of = {"state": "finished", "how": "fused with 15 others", "seconds": 0.1, "epochs": 40, "row": row}
    told = [
        row | {"event": "row", "trial": n, "epoch": e, "valid_loss": 2 / (e + 1)} for n in range(192) for e in range(41)
    ]
    told += [row | {"event": "row", "trial": n, "epoch": 0} for n in range(192, 200)]
    results = [{"number": n, "settings": settings[n], "value": 0.2 + 1 / (n + 1), **of} for n in range(192)]
    told += [{"event": "done", "results": results}]
    (folder.path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in told))
    return study, folder


def test_two_hundred_trials_send_at_most_four_messages_a_second_and_keep_a_notebook_small(many, monkeypatch):
    study, folder = many
    sent = []

    async def act():
        panel = SearchPanel(study.recipe, study=study, now=False)
        await shown(lambda: all(slot.figure.outputs for slot in panel.figures.slots))
        monkeypatch.setattr(Widget, "send_state", lambda self, key=None: sent.append((time.monotonic(), type(self))))
        began = time.monotonic()
        while time.monotonic() - began < 4.5:
            folder.tell("row", trial=192, epoch=1 + len(sent), valid_loss=1.0)
            await asyncio.sleep(0.3)
        study.files.tell("finished")
        await shown(lambda: "many: finished" in said(panel.progress))
        await asyncio.sleep(1.5)
        by_itself = [*sent]
        for kinds in ([search_figures.BEST, search_figures.CURVES], [search_figures.SLICES, search_figures.CONTOUR]):
            for slot, kind in zip(panel.figures.slots, kinds, strict=True):
                changed, slot.kind.value = slot.kind.value != kind, kind
                assert said(slot.said) == (
                    "Drawing …" if changed else ""
                )  # off the loop, so that the kernel answers meanwhile
            await shown(lambda: not any(said(slot.said) for slot in panel.figures.slots))
            assert all(slot.figure.outputs for slot in panel.figures.slots)
            state = Widget.get_manager_state(drop_defaults=False)["state"]
            assert len(json.dumps(state, indent=1)) < 1e6  # a notebook is written with indents
            assert not [each for each in state.values() if each["model_name"] == "FigureModel"]
        panel.close()
        return by_itself

    with driving.FileLock(study.folder / ".lock"):
        sent = asyncio.run(act())
    busiest = max(sum(at <= other < at + 1 for other, _ in sent) for at, _ in sent)
    assert busiest <= 4 and {"Output", "HTML", "Button"} <= {kind.__name__ for _, kind in sent}
