"""The recipe as controls, by value, both ways, for every entry of every menu."""

from __future__ import annotations

import asyncio
import re
import threading

import pytest
import traitlets
import yaml
from helpers import noisy_folder
from panels.by_hand import PAYLOAD, another, holds, move, said, shown
from PIL import Image

import workbench as wb
from workbench.choices import Menu, entries, menu_base
from workbench.errors import BadData
from workbench.panels.recipe_panel import RecipePanel

MENUS = {k.name: k.domain.of for k in wb.Recipe.knobs() if isinstance(k.domain, Menu)}
SINGLE = [
    (f, name) for f, of in MENUS.items() if f not in ("regularizers", "backbone") for name in entries(menu_base(of))
]
PLAIN = [k.name for k in wb.Recipe.knobs() if not isinstance(k.domain, Menu) and k.name != "changes"]


class Watched(RecipePanel):
    """A panel that counts the notifications of its value."""

    def __init__(self, **knobs):
        self.told = []
        super().__init__(wb.Recipe(**knobs))
        self.observe(lambda change: self.told.append(change.new), "value")

    def part(self, field):
        return self.training[field] if field in self.training else getattr(self, field)


def varied(kind):
    """An entry with every knob at another value than its default."""
    return kind(**{knob.name: another(knob, knob.default) for knob in kind.knobs()})


@pytest.mark.parametrize(("field", "name"), SINGLE)
def test_an_entry_is_shown_and_chosen(field, name):
    kind = entries(menu_base(MENUS[field]))[name]
    panel = Watched()
    part = panel.part(field)
    if getattr(panel.value, field).name != name:
        part.dropdown.value = name
        assert panel.told == [wb.Recipe(**{field: name})] and getattr(panel.value, field) == kind()
    panel.value = wb.Recipe(**{field: varied(kind)})
    panel.told.clear()
    assert part.dropdown.value == name
    assert all(holds(part.knobs.controls[k], value) for k, value in varied(kind).values().items())
    for at, knob in enumerate(kind.knobs()):
        move(part.knobs.controls[knob.name], knob.default)
        assert getattr(getattr(panel.value, field), knob.name) == knob.default and len(panel.told) == at + 1
    assert panel.value == wb.Recipe(**{field: kind()})


@pytest.mark.parametrize("name", entries(menu_base("regularizers")))
def test_a_regularizer_is_added_shown_turned_and_removed(name):
    kind = entries(menu_base("regularizers"))[name]
    data = {"language": "docstrings", "speech": "vowels"}.get(kind.domains[0], "digits")
    bare = wb.Recipe(data, scope="all" if kind.within else "head")
    panel = Watched()
    panel.value = bare
    panel.told.clear()
    panel.regularizers.adder.value = name
    assert panel.value.regularizers == (kind(),) and len(panel.told) == 1
    panel.value = bare.replace(regularizers=[varied(kind)])
    panel.told.clear()
    controls = panel.regularizers.rows[name].controls
    assert all(holds(controls[key], value) for key, value in varied(kind).values().items())
    for at, knob in enumerate(kind.knobs()):
        move(controls[knob.name], knob.default)
        assert getattr(panel.value.regularizers[0], knob.name) == knob.default and len(panel.told) == at + 1
    panel.regularizers.removers[name].click()
    assert panel.value == bare and len(panel.told) == len(kind.knobs()) + 1 and not panel.regularizers.rows


def test_what_does_not_fit_is_not_offered_and_where_it_stands_already_it_is_told():
    panel = Watched()
    assert not {"cutmix", "drop-path", "token-masking"} & {*panel.regularizers.adder.options}
    panel.value = wb.Recipe(scope="all")
    assert {"cutmix", "drop-path"} < {
        *panel.regularizers.adder.options
    } and "neftune" not in panel.regularizers.adder.options
    panel.value = wb.Recipe(scope="all", regularizers="drop-path")
    panel.scope.dropdown.value = "head"
    assert "drop-path acts within the backbone" in said(panel.error)
    with pytest.raises(wb.errors.BadChoice, match="drop-path acts within the backbone, of which scope='head' keeps"):
        panel.checked()
    panel.regularizers.removers["drop-path"].click()
    assert not said(panel.error) and panel.checked() == wb.Recipe()


@pytest.mark.parametrize("name", PLAIN)
def test_a_knob_of_training_is_shown_and_turned(name):
    knob = next(k for k in wb.Recipe.knobs() if k.name == name)
    panel, value = Watched(), another(knob, knob.default)
    panel.value = wb.Recipe(**{name: value})
    assert holds(panel.training[name], value) and len(panel.told) == 1
    move(panel.training[name], knob.default)
    assert panel.value == wb.Recipe() and len(panel.told) == 2


def test_another_backbone_is_the_value():
    panel = Watched()
    panel.value = wb.Recipe(backbone=wb.backbone("glyph-vit", "random"))
    assert [recipe.backbone for recipe in panel.told] == [wb.backbone("glyph-vit", "random")]
    assert "backbone=\"glyph-vit(weights='random')\"" in panel.copy.text


def test_a_tables_columns_are_offered_and_what_was_guessed_is_said(tmp_path):
    rows = "".join(f"u{at % 9},text number {at},{'ab'[at % 2]},2020\n" for at in range(40))
    (tmp_path / "own.csv").write_text("author,message,kind,year\n" + rows)

    async def act():
        panel = RecipePanel(wb.Recipe(wb.Table(str(tmp_path / "own.csv"))))
        columns = panel.data.knobs.controls
        await shown(lambda: columns["text"].main.placeholder.startswith("guessed"))
        assert {role: columns[role].main.placeholder for role in ("text", "label", "group", "time")} == {
            "text": "guessed: message",
            "label": "guessed: kind",
            "group": "guessed: author",
            "time": "none",
        }
        assert columns["label"].main.options == ("author", "message", "kind", "year")
        columns["label"].main.value = "year"  # picked from the list
        assert panel.value.data.label == "year"
        panel.close()

    asyncio.run(act())


def test_a_value_that_is_no_recipe_is_refused():
    panel = Watched()
    with pytest.raises(traitlets.TraitError):
        panel.value = "digits"
    assert panel.value == wb.Recipe() and not panel.told


def test_all_of_a_recipe_is_shown_and_one_notification_is_sent():
    panel = Watched()
    panel.value = wb.Recipe(
        *("images", "glyph-convnext", "blocks(last=2)", "l2, early-stopping(patience=3)", "sgd", 0.02),
        schedule="cosine(last=0.5)", epochs=7, seed=3,
    )  # fmt: skip
    assert len(panel.told) == 1
    assert [panel.part(f).dropdown.value for f in ("data", "scope", "optimizer", "schedule")] == [
        *("images", "blocks", "sgd", "cosine")
    ]
    assert [*panel.regularizers.rows] == ["l2", "early-stopping"]
    assert panel.fold.titles == ("Training: 7 epochs, lr 0.02, batches of 32",)


WRONG = {
    "epochs": "epochs must be a whole number in [1, 100000], got 0.",
    "lr": "lr must be in [0, 1e+12], got -1.0.",
    "batch_size": "batch_size must be a whole number in [1, 65536], got 0.",
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_invalid_shows_the_rule_and_keeps_the_last_good_value(name):
    panel = Watched()
    move(panel.training[name], -1.0 if name == "lr" else 0)
    assert said(panel.error) == WRONG[name] and 'role="alert"' in panel.error.value
    assert panel.value == wb.Recipe() and not panel.told
    with pytest.raises(wb.errors.BadKnob, match="must be"):
        panel.checked()
    move(panel.training[name], getattr(wb.Recipe(), name))
    assert panel.error.value == "" and panel.checked() == wb.Recipe() and not panel.told


def test_an_invalid_knob_of_an_entry_shows_its_rule_too():
    panel = Watched(regularizers="dropout")
    move(panel.regularizers.rows["dropout"].controls["rate"], 1.0)
    assert said(panel.error) == "dropout.rate must be in [0, 0.99], got 1.0."
    move(panel.data.knobs.controls["per_class"], "a few")
    assert said(panel.error) == "digits.per_class must be a whole number in [1, 100], got 'a few'."
    assert panel.value == wb.Recipe(regularizers="dropout") and not panel.told
    panel.value = wb.Recipe(regularizers="dropout", epochs=3)
    assert panel.error.value == "" and holds(panel.regularizers.rows["dropout"].controls["rate"], 0.2)
    assert holds(panel.data.knobs.controls["per_class"], None)


def test_no_control_goes_on_saying_what_was_refused_once_the_error_is_gone():
    panel = Watched()
    move(panel.training["epochs"], 0)
    move(panel.training["batch_size"], 0)
    move(panel.training["batch_size"], 32)
    assert panel.error.value == "" and holds(panel.training["epochs"], 20)


def test_the_sliders_stay_while_one_is_dragged():
    panel = Watched(regularizers="l2", schedule="cosine")
    slider = panel.regularizers.rows["l2"].controls["strength"].parts[1]
    places, written = (0.0101, 0.0123456, 0.0200001), []
    slider.observe(lambda change: written.append(change.new), "value")
    for place in places:
        slider.value = place
    assert panel.regularizers.rows["l2"].controls["strength"].parts[1] is slider
    assert written == [*places]  # nothing but the hand has moved it
    assert [recipe.regularizers[0].strength for recipe in panel.told] == [0.0101, 0.0123, 0.02]
    lr = panel.training["lr"].parts[1]
    lr.value = 0.05
    assert panel.training["lr"].parts[1] is lr and panel.value.lr == 0.05


def test_every_input_says_what_it_does():
    panel = Watched(regularizers=", ".join(entries(menu_base("regularizers"))))
    for field in MENUS:
        if field not in ("backbone", "regularizers"):
            knob = next(k for k in wb.Recipe.knobs() if k.name == field)
            assert panel.part(field).dropdown.tooltip.startswith(knob.help)
    rows = [row.controls for row in panel.regularizers.rows.values()]
    for control in (c for controls in (*rows, panel.data.knobs.controls) for c in controls.values()):
        assert all(part.tooltip.startswith(control.knob.help) for part in control.parts)
    assert panel.regularizers.adder.tooltip and panel.copy.tooltip
    assert "python -m workbench run FILE" in panel.save.tooltip  # no notebook takes such a file


RECIPES = [
    wb.Recipe(),
    *(wb.Recipe(**{f: varied(entries(menu_base(MENUS[f]))[n])}) for f, n in SINGLE),
    wb.Recipe(regularizers=[varied(kind) for kind in entries(menu_base("regularizers")).values()], lr=1e-5, seed=7),
    wb.Recipe(wb.Images(folder='it\'s "mine", (all): #1\\x'), wb.backbone("glyph-vit", "random"), changes="4: lr=0.1"),
]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.id)
def test_copied_code_and_saved_parameters_give_the_equal_recipe(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    panel = RecipePanel(recipe)
    assert eval(panel.copy.text, {"wb": wb}) == recipe and panel.code.value == panel.copy.text
    panel.save.click()
    path = tmp_path / f"recipe-{recipe.id}.yaml"
    assert said(panel.said) == f"Saved: {path}"
    assert wb.Recipe.from_dict(yaml.safe_load(path.read_text(encoding="utf-8"))) == recipe


def test_what_cannot_be_saved_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    panel = RecipePanel()
    (tmp_path / f"recipe-{panel.value.id}.yaml").mkdir()
    panel.save.click()
    assert said(panel.said).startswith("Not saved: ") and "wb-error" in panel.said.value


def test_copying_shows_the_code_where_the_browser_refused():
    panel = RecipePanel()
    panel.copy.set_state({"worked": True, "copied": 1})
    assert said(panel.said) == "Copied:" and panel.code.layout.display == ""
    panel.copy.set_state({"worked": False, "copied": 2})
    assert "did not let it be copied" in said(panel.said)


def test_beside_a_kernel_it_counts_what_trains_and_only_what_is_there_last(tiny):
    class Counting(RecipePanel):
        asked = ()

        def counted(self, recipe):
            self.asked += (recipe,)
            return super().counted(recipe)

    async def dragged():
        panel = Counting(wb.Recipe(wb.Digits(per_class=2), tiny))
        await shown(lambda: panel.counts.value)
        assert said(panel.counts) == (
            "head: trains 970 weights on the last layer's mean over the picture; "
            "the network's 372,688 stay as they were drawn."
        )
        panel.asked = ()
        for at in range(1, 20):
            panel.training["lr"].parts[1].value = at / 200
        panel.scope.dropdown.value = "all"
        await shown(lambda: "all: trains" in panel.counts.value)
        assert said(panel.counts) == (
            "all: trains all of the network's 372,688 weights and the head's 970 on the last layer's mean over the "
            "picture; nothing stays frozen."
        )
        assert panel.asked[-1] == panel.value and len(panel.asked) < 20
        panel.more.selected_index = 0
        await shown(lambda: "wb-table" in panel.table.value)
        panel.close()
        return panel.table.value

    table = asyncio.run(dragged())
    trained, hyper = (
        table.index("parameter, trained: set by gradient steps (all)"),
        table.index("hyperparameter: set by"),
    )
    assert trained < table.index('<th scope="row">test_resnet</th><td>372,688</td>') < hyper
    assert hyper < table.index('<th scope="row">lr</th><td>0.095</td>')


def test_what_is_counted_late_does_not_stand_under_an_entry_that_is_refused(tiny):
    counting = threading.Event()

    class Slow(RecipePanel):
        def counted(self, recipe):
            counting.wait(30)
            return super().counted(recipe)

    async def act():
        panel = Slow(wb.Recipe(wb.Digits(per_class=2), tiny))
        await asyncio.sleep(0.05)
        panel.training["lr"].main.value = -1.0
        counting.set()
        await asyncio.sleep(0.3)
        assert "lr" in said(panel.error) and panel.counts.value == ""
        panel.training["lr"].main.value = 0.02
        await shown(lambda: "head: trains 970 weights" in said(panel.counts))
        panel.close()

    asyncio.run(act())


def test_data_that_cannot_be_loaded_is_told_letter_by_letter(tmp_path):
    async def looked():
        panel = RecipePanel(wb.Recipe(wb.Images(folder=str(tmp_path / PAYLOAD))))
        await shown(lambda: panel.counts.value)
        panel.close()
        return panel.counts

    counts = asyncio.run(looked())
    assert said(counts) == (
        "images.folder must be a folder, or a zip, with a sub-folder for each class; "
        f"{str(tmp_path / PAYLOAD)!r} is not there."
    )
    assert PAYLOAD not in counts.value and "wb-error" in counts.value


def test_a_search_for_a_backbone_says_how_many_there_are_and_waits_for_no_probe():
    async def looked():
        panel, held = RecipePanel(), threading.Event()
        panel._in_background(held.wait, lambda *_: None)  # a probe that takes long
        found = panel.backbone
        await shown(lambda: "372,400 parameters" in said(found.about))
        found.fold.selected_index = 0
        await shown(lambda: said(found.told).startswith("200 of 2,"))
        found.words.value = "vit large"
        await shown(lambda: re.fullmatch(r"\d\d found\.", said(found.told)))
        assert len(found.list.options) > 90 and found.list.options[0][0].startswith("vit_large")
        found.words.value = "no such thing"
        await shown(lambda: "nothing has 'no such thing'" in found.list.options[0][0])
        held.set()
        panel.close()

    asyncio.run(looked())


def test_backbones_that_were_tried_on_other_data_are_not_listed_any_more(tmp_path, monkeypatch):
    from workbench.panels import backbone_picker

    begun, held = threading.Event(), threading.Event()

    def slowly(data):
        begun.set()
        held.wait(30)
        raise BadData("it is not there")

    monkeypatch.setattr(backbone_picker, "_shortlist", slowly)

    async def looked():
        panel = RecipePanel(wb.Recipe(wb.Images(folder=str(tmp_path))).replace(backbone=""))
        found = panel.backbone
        await shown(begun.is_set)
        assert found.list.options[0][0].startswith("trying each")
        panel.value = panel.value.replace(data=wb.Digits(), backbone="glyph-resnet")
        assert found.list.options == (("looking …", ""),)
        await shown(lambda: said(found.told).startswith("200 of 2,"))
        held.set()  # now what was tried on the folder comes
        await shown(lambda: panel.counts.value)  # which the same thread does next
        assert len(found.list.options) == 200
        panel.close()

    asyncio.run(looked())


def test_reading_says_how_far_it_is_and_ends_where_other_data_is_chosen(tmp_path, monkeypatch):
    from workbench import cost, progress

    monkeypatch.setattr(cost, "before", lambda recipe: {"total": 20.0, "reading": 20.0, "features": 0, "epoch": 0})
    monkeypatch.setattr(progress, "EVERY", 0.0)
    noisy_folder(tmp_path / "own", each=2)
    left, go_on, shape = [], threading.Event(), RecipePanel._shape

    def slowly(panel, data):
        if not data.own:
            return shape(panel, data)
        try:
            for done in range(1, 100):
                progress.tell("pictures read", done, 100)
                go_on.wait(0.05)
        except InterruptedError:
            left.append(done)
            raise

    monkeypatch.setattr(RecipePanel, "_shape", slowly)

    async def looked():
        panel = RecipePanel()
        panel.value = wb.Recipe(wb.Images(str(tmp_path / "own")), "glyph-resnet")
        await shown(lambda: re.fullmatch(r"About 20 s .*Pictures read: \d+ of 100\.", said(panel.counts)))
        panel.value = wb.Recipe()
        await shown(lambda: ": trains " in said(panel.counts))
        assert len(left) == 1 and left[0] < 99
        panel.close()

    asyncio.run(looked())


def test_own_data_asks_for_a_backbone_and_offers_those_that_fit(tmp_path, monkeypatch):
    from workbench import cost

    monkeypatch.setattr(cost, "forward_seconds", lambda backbone, side: 0.5)
    monkeypatch.setattr(cost, "held_bytes", lambda backbone, side: 0.0)
    for name in ("ants", "bees"):
        (tmp_path / name).mkdir()
        for at in range(20):
            Image.new("RGB", (32, 32), (at * 10, 0, len(name) * at)).save(tmp_path / name / f"{at}.png")

    async def looked():
        panel = RecipePanel()
        panel.data.dropdown.value = "images"
        assert panel.value.backbone.architecture == "" and panel.backbone.fold.selected_index == 0
        assert "none is taken in silence" in said(panel.backbone.about)
        panel.data.knobs.controls["folder"].main.value = str(tmp_path)
        await shown(lambda: "40 examples of 96 px. About 0 s to read 40 of them, once." in said(panel.counts))
        await shown(lambda: len(panel.backbone.list.options) > 3)
        offered = panel.backbone.list.options
        assert offered[0][0].startswith("mobilenetv4") and "head 20 s, all weights 44 s an epoch" in offered[0][0]
        panel.backbone.list.value = "glyph-vit"
        assert panel.value.backbone.architecture == "glyph-vit"
        await shown(lambda: "About 16 s to the first epoch" in said(panel.counts))
        await shown(lambda: ": trains " in said(panel.counts))
        panel.data.dropdown.value = "digits"
        assert panel.value.backbone.architecture == "glyph-vit"
        panel.close()

    asyncio.run(looked())


@pytest.mark.parametrize(
    ("data", "backbone", "said_of"),
    [("docstrings", "docs-bert", "on the mean of the last layer's tokens; the encoder's"),
     ("vowels(per_class=9)", "formant-encoder", "on the last layer's mean and spread over a clip; the encoder's")],
)  # fmt: skip
def test_texts_and_recordings_bring_backbones_that_fit_and_what_trains(data, backbone, said_of):
    async def looked():
        panel = RecipePanel()
        panel.data.dropdown.value = data.partition("(")[0]
        panel.value = panel.value.replace(data=data)
        assert panel.value.backbone.architecture == backbone == panel.backbone.name.value
        await shown(lambda: said_of in said(panel.counts))
        panel.backbone.fold.selected_index = 0
        await shown(lambda: len(panel.backbone.list.options) > 1 and panel.backbone.name.options)
        offered = [name for _, name in panel.backbone.list.options]
        assert backbone in offered and not {"glyph-resnet", "resnet18"} & {*offered, *panel.backbone.name.options}
        panel.close()

    asyncio.run(looked())
