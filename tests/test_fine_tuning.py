"""From a recipe to a run: what a folder means, and what is written down of classes that a cell made."""

from __future__ import annotations

import gc

import pytest
from helpers import plain
from IPython.core.compilerop import CachingCompiler

import workbench as wb
from workbench import paths
from workbench.choices import entries
from workbench.errors import BadChoice, BadKnob, OtherRecipe
from workbench.fine_tuning import prepared, sources
from workbench.learners.schedules import Schedule

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def recipe(tiny):
    return wb.Recipe(wb.Digits(per_class=2), tiny, epochs=3, batch_size=10)


def held(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_without_a_folder_each_run_gets_a_new_one(recipe):
    first, second = wb.fine_tune(recipe), wb.fine_tune(recipe)
    assert [run.folder for run in (first, second)] == [paths.runs() / f"{recipe.id}-{n}" for n in (1, 2)]
    assert first.recipe == recipe and plain(first.rows) == plain(second.rows)


def test_a_folder_that_is_not_there_is_made(recipe, tmp_path):
    run = wb.fine_tune(recipe, tmp_path / "deep" / "down")
    assert run.folder == tmp_path / "deep" / "down" and run.state == "finished"


def test_a_finished_run_comes_back_and_nothing_is_written(recipe, tmp_path):
    wb.fine_tune(recipe, tmp_path / "run")
    before = held(tmp_path / "run")
    again = wb.fine_tune(wb.Recipe.from_dict(recipe.to_dict()), str(tmp_path / "run"))
    assert again.state == "finished" and held(tmp_path / "run") == before
    assert wb.start(recipe, tmp_path / "run").state == "finished" and held(tmp_path / "run") == before


def test_an_unfinished_run_goes_on_where_it_was(recipe, tmp_path):
    rows = wb.train(recipe, tmp_path / "run")
    first = [next(rows), next(rows)]
    rows.close()
    run = wb.open_run(tmp_path / "run")
    assert run.state == "stopped" and plain(run.rows) == plain(first)
    fresh = list(wb.train(recipe, tmp_path / "run"))
    assert [row["epoch"] for row in fresh] == [2, 3] and run.state == "finished"
    assert plain(run.rows) == plain(first + fresh) == plain(wb.fine_tune(recipe).rows)


def test_a_run_that_was_told_to_stop_goes_on_when_it_is_asked_for_again(recipe, tmp_path):
    run = prepared(recipe, tmp_path / "run")
    run.stop()
    assert wb.fine_tune(recipe, tmp_path / "run").state == "finished"


def test_another_recipes_folder_is_an_error_and_is_left_as_it_was(recipe, tmp_path):
    wb.fine_tune(recipe, tmp_path / "run")
    before = held(tmp_path / "run")
    for other in (recipe.replace(seed=1), recipe.replace(epochs=4), recipe.turned({"data.per_class": 3})):
        for verb in (wb.fine_tune, wb.start, wb.train):
            with pytest.raises(OtherRecipe, match="run holds a run of another recipe; take another folder, or"):
                verb(other, tmp_path / "run")
    assert held(tmp_path / "run") == before


def test_a_folder_of_other_things_is_an_error_and_is_left_as_it_was(recipe, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OtherRecipe, match="holds other files and no run; take another folder, or an empty one"):
        wb.fine_tune(recipe, tmp_path)
    assert held(tmp_path) == {(tmp_path / "thesis.txt").relative_to(tmp_path): b"mine"}


def test_what_a_kill_or_a_finder_left_does_not_make_a_folder_full(recipe, tmp_path):
    (tmp_path / ".recipe.json-1-1").write_text("{")
    (tmp_path / ".DS_Store").write_text("")
    assert wb.fine_tune(recipe, tmp_path).state == "finished"


def test_knobs_are_the_recipes(recipe, tiny):
    knobs = {"data": wb.Digits(per_class=2), "backbone": tiny, "epochs": 1, "batch_size": 10}
    assert wb.fine_tune(**knobs).recipe == recipe.replace(epochs=1) == wb.fine_tune(recipe, epochs=1).recipe
    with pytest.raises(BadChoice, match=r"Recipe has no knob 'epoch'\. Did you mean 'epochs'\?"):
        wb.fine_tune(recipe, epoch=1)
    with pytest.raises(BadKnob, match="epochs must be a whole number"):
        wb.fine_tune(recipe, epochs=0)


def test_a_recipe_as_plain_scalars_starts_too(recipe, tmp_path):
    wb.fine_tune(recipe, tmp_path / "run")
    assert wb.start(recipe.to_dict(), tmp_path / "run").recipe == recipe


def test_a_recipe_of_ours_alone_has_no_sources(recipe, tmp_path):
    assert sources(recipe.replace(regularizers="l2, dropout")) == {}
    assert prepared(recipe, tmp_path / "run").files.read("recipe.json") == {"recipe": recipe.to_dict(), "sources": {}}


SLOWER = '''\
@dataclass(frozen=True)
class Slower(Schedule):
    """Half the rate at every step."""

    name = "slower"
    share: float = wb.knob(0.5, wb.Range(0.1, 1.0), "What is left.")

    def factor(self, step, steps):
        return self.share  # a comment

'''
CELL = f"""\
from dataclasses import dataclass
import workbench as wb
from workbench.learners.schedules import Schedule

class Slower:  # a first try, of the same name
    def factor(self): ...

{SLOWER}
after = 1
"""


@pytest.fixture
def cell():
    """What a notebook's cell leaves behind: the names in it, its text where IPython puts it."""
    assert "slower" not in entries(Schedule)
    compiler = CachingCompiler()
    names = {"__name__": "__main__"}
    exec(compiler(CELL, compiler.cache(CELL), "exec"), names)
    yield names
    names.clear()
    gc.collect()  # a class that is gone is on no menu
    assert "slower" not in entries(Schedule)


def test_a_class_of_a_cell_is_written_down_with_its_source(cell, recipe, tmp_path):
    made = recipe.replace(schedule=cell["Slower"](share=0.25))
    assert sources(made) == {"slower": SLOWER.rstrip("\n") + "\n"}
    run = wb.fine_tune(made, tmp_path / "run")
    written = run.files.read("recipe.json")
    assert written["recipe"]["schedule"] == "slower(share=0.25)" and written["sources"] == sources(made)
    assert run.rows[-1]["lr"] == pytest.approx(0.25 * recipe.lr)
    again = {"__name__": "__main__"}
    exec("from dataclasses import dataclass\nimport workbench as wb\n"
         "from workbench.learners.schedules import Schedule\n" + written["sources"]["slower"], again)  # fmt: skip
    assert wb.Recipe.from_dict(written["recipe"]).schedule == again["Slower"](share=0.25)


def test_a_class_without_a_cell_says_that_its_source_is_not_known(recipe):
    names = {"__name__": "__main__"}
    exec(CELL, names)
    assert sources(recipe.replace(schedule=names["Slower"]())) == {"slower": "(its source is not known)"}
    names.clear()
    gc.collect()


def test_a_run_whose_class_is_gone_says_which_cell_to_run(recipe, tmp_path):
    run = prepared(recipe, tmp_path / "run")
    written = run.files.read("recipe.json")
    written["recipe"]["schedule"] = "slower(share=0.25)"
    run.files.write("recipe.json", written)
    with pytest.raises(
        BadChoice, match=r"no schedule called 'slower'.* If a notebook cell defines it, run that cell f"
    ):
        assert wb.open_run(run.folder).recipe
    run.files.write("recipe.json", written | {"sources": {"other": "class Other: ...", "slower": SLOWER}})
    with pytest.raises(BadChoice, match=r"run that cell first\. It was:\n\n@dataclass") as caught:
        assert wb.open_run(run.folder).recipe
    assert str(caught.value).endswith(SLOWER)


def test_the_time_to_the_first_epoch_is_told_before_a_new_run(recipe, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("workbench.cost.foretold", lambda recipe: "About 9 s to the first epoch.")
    wb.fine_tune(recipe, tmp_path / "run")
    assert "About 9 s to the first epoch.\n" in capsys.readouterr().err
    wb.fine_tune(recipe, tmp_path / "run")
    assert capsys.readouterr().err == ""
