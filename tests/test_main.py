"""The command line, command by command: what it prints, what it writes, and one line where it refuses."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from helpers import notebook, plain

import workbench as wb
from workbench import paths
from workbench.__main__ import main

COMMANDS = ("report", "run", "search", "predict", "menu", "pretrain", "runs", "lab")
ROOT = Path(__file__).parent.parent


@pytest.fixture
def saved(tmp_path, monkeypatch, tiny):
    """A recipe as the panel's button saves it."""
    from workbench.panels import RecipePanel

    monkeypatch.chdir(tmp_path)
    recipe = wb.Recipe(wb.Digits(per_class=5), tiny, regularizers="l2", epochs=2)
    panel = RecipePanel(recipe)
    panel.save.click()
    panel.close()
    [path] = tmp_path.glob("*.yaml")
    return recipe, str(path)


def refused(arguments, capsys):
    """What stands on stderr where a command refuses; exit code 2, nothing on stdout."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert not out and "Traceback" not in err
    assert err.count("\n") == 1 and err.endswith("\n")
    return err.strip()


# -- run, runs, predict -----------------------------------------------------------------------------------------------


def test_who_sits_in_front_of_it_is_told_at_once_that_it_begins(saved, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["run", saved[1], "-o", str(tmp_path / "here")]) == 0
    assert capsys.readouterr().err.startswith("Getting ready: torch, the data, the backbone …\n")


def test_run_takes_what_the_panel_saved_and_gives_the_same_rows(saved, capsys, tmp_path):
    recipe, path = saved
    assert main(["run", path, "-o", str(tmp_path / "here")]) == 0
    out, said = capsys.readouterr()
    run = wb.open_run(tmp_path / "here")
    assert run.recipe == recipe and run.state == "finished"
    assert plain(run.rows) == plain(wb.fine_tune(recipe).rows)
    assert run.gap.to_string(index=False) in said and set(json.loads(out)) == {"run", "best", "baseline", "verdict"}
    assert json.loads(out)["baseline"] == run.baseline and json.loads(out)["verdict"] == str(wb.diagnose(run))
    assert "Getting ready" not in said  # nobody sits in front of it
    assert json.loads(out)["run"] == str(tmp_path / "here") and json.loads(out)["best"] == run.best
    assert main(["run", path, "-o", str(tmp_path / "here")]) == 0  # it is finished: the same comes back
    assert json.loads(capsys.readouterr().out)["best"] == run.best


def test_run_with_other_knobs_and_a_look_at_the_test_set(saved, capsys):
    recipe, path = saved
    changes = ["-p", "epochs=1", "-p", "lr=1e-2", "-p", "l2.strength=0.1", "-p", "data.per_class=4"]
    assert main(["run", path, *changes, "--test"]) == 0
    out = capsys.readouterr().out
    run = wb.open_run(json.loads(out)["run"])
    turned = {"epochs": 1, "lr": 1e-2, "l2.strength": 0.1, "data.per_class": 4}
    assert run.recipe == recipe.turned(turned) != recipe
    tested = json.loads(out)["test"]
    assert tested["unsealed"] == 1 and 0 <= tested["low"] <= tested["accuracy"] <= tested["high"] <= 1
    assert tested["accuracy"] == json.loads((run.folder / "test.json").read_text())["accuracy"]


def test_a_recipe_written_by_hand(tmp_path, capsys):
    path = tmp_path / "hand.yaml"
    path.write_text("data: digits(per_class=3)\nbackbone: test_resnet(weights='random')\nlr: 1e-2\nepochs: 1\n")
    assert main(["run", str(path)]) == 0
    assert wb.open_run(json.loads(capsys.readouterr().out)["run"]).recipe.lr == 1e-2


def test_search_tries_many_and_goes_on_by_its_name(saved, capsys):
    _, path = saved
    asked = ["search", path, "--name", "first", "-p", "backbone=glyph-resnet"]
    over = ["--over", "lr=1e-3:1e-1", "--over", "l2.strength", "--over", "batch_size=16,32"]
    assert main([*asked, *over, "--trials", "5", "--stopping", "median"]) == 0
    first = json.loads(capsys.readouterr().out)
    study = wb.open_study("first")
    assert first == {"study": str(study.folder), "trials": 5, "best": study.best}
    assert study.space == {
        "lr": wb.Range(1e-3, 1e-1, log=True),
        "l2.strength": wb.Range(1e-4, 3e-1, log=True),
        "batch_size": wb.Options((16, 32)),
    }
    assert main([*asked, "--strategy", "bayesian", "--trials", "9", "--winner"]) == 0
    out, said = capsys.readouterr()
    found = json.loads(out)
    assert found["trials"] == 9 and found["winner"]["number"] == found["best"]["number"] == study.best["number"]
    assert "over 5 seeds" in said and "valid_accuracy" in said
    assert (study.strategy.name, study.stopping.name) == ("bayesian", "median")


@pytest.mark.parametrize(
    ("over", "rule"),
    [
        ("lr=1:2:3", "BadKnob: a range is written lr=LOW:HIGH, got 'lr=1:2:3'."),
        ("lr=a:b", "BadKnob: a range is written lr=LOW:HIGH, got 'lr=a:b'."),
        ("lr=0.1:0.001", "BadKnob: lr: the low end must be below the high end, got 'lr=0.1:0.001'."),
        ("lr=", "BadKnob: lr: '=' is followed by LOW:HIGH or by values, got 'lr='; lr alone is its own range."),
        ("l1.strength", "BadChoice: the recipe has no knob 'l1.strength'. Did you mean 'l2.strength'?"),
        ("lr=0:1", "BadKnob: `low < high`, and `0 < low` where `log`, must hold"),
    ],
)
def test_a_space_that_cannot_be_is_refused(saved, capsys, over, rule):
    assert main(["search", saved[1], "--over", over]) == 2
    assert capsys.readouterr().err.startswith(rule)
    assert not paths.studies().exists()


def test_runs_lists_them(saved, capsys):
    assert main(["runs"]) == 0 and capsys.readouterr().out == "There is no run yet.\n"
    run = wb.fine_tune(saved[0])
    assert main(["runs"]) == 0
    out = capsys.readouterr().out
    assert run.folder.name in out and "finished" in out and "digits" in out


def test_predict_answers_for_pictures_and_folders(tmp_path, capsys):
    from PIL import Image

    from workbench.predicting import files

    for label, shade in (("dark", 20), ("light", 230)):
        (tmp_path / "all" / label).mkdir(parents=True)
        for at in range(20):
            Image.new("RGB", (32, 32), (shade, shade + at, at)).save(tmp_path / "all" / label / f"{at}.png")
    data = wb.Images(folder=str(tmp_path / "all"), size=32)
    run = wb.fine_tune(wb.Recipe(data, wb.backbone("test_resnet", "random"), epochs=2))
    capsys.readouterr()
    asked = [str(tmp_path / "all" / "dark" / "3.png"), str(tmp_path / "all" / "light")]
    assert main(["predict", run.folder.name, *asked]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    names, read, _ = files(asked, data)
    assert table["input"].tolist() == names and len(names) == 21
    assert table.columns.tolist() == ["input", "answer", "dark", "light"]
    expected = run.predict(read)
    assert table["answer"].tolist() == expected["answer"].tolist()
    assert table["dark"].to_numpy() == pytest.approx(expected["dark"].to_numpy())


# -- menu, pretrain, lab, report --------------------------------------------------------------------------------------


def test_menus_are_printed_whole(capsys):
    from workbench.choices import MENUS, entries, menu_base

    assert main(["menu"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in MENUS)
    for menu in MENUS:
        assert main(["menu", menu]) == 0
        out = capsys.readouterr().out
        assert "..." not in out
        if menu != "backbones":
            assert all(f"{name} " in out for name in entries(menu_base(menu)))
    assert main(["menu", "--search", "glyph vit"]) == 0
    assert "glyph-vit" in capsys.readouterr().out
    assert main(["menu", "--search", "no such thing"]) == 0
    assert capsys.readouterr().out == "Nothing has that name.\n"


def test_pretrain_writes_weights_and_their_card(tmp_path, capsys, monkeypatch):
    from workbench.backbones import pretraining

    monkeypatch.setattr(pretraining, "reached", lambda *_: {"mean": 0.5, "spread": 0.1})
    assert main(["pretrain", "glyph-resnet", "--steps", "2", "--seed", "3", "-o", str(tmp_path / "w")]) == 0
    first, card = capsys.readouterr().out.split("\n", 1)
    assert first == str(tmp_path / "w" / "glyph-resnet.safetensors") and Path(first).is_file()
    assert json.loads(card) == json.loads(Path(first).with_suffix(".json").read_text())
    assert json.loads(card)["recipe"]["steps"] == 2 and json.loads(card)["seed"] == 3
    built = wb.backbone("glyph-resnet", first)
    assert wb.fine_tune(wb.Recipe(wb.Digits(per_class=2), built, epochs=1)).state == "finished"


def test_lab_gets_everything_behind_it(monkeypatch):
    from workbench import lab

    seen = []
    monkeypatch.setattr(lab, "main", lambda argv: seen.append(argv) or 7)
    assert main(["lab", "--no-browser", "-p", "--help"]) == 7
    assert seen == [["--no-browser", "-p", "--help"]]


def test_report_writes_a_page_and_one_that_fails_says_so(tmp_path, capsys):
    source = notebook(tmp_path / "a.ipynb", "print('got', epochs)", "assert epochs < 4, 'too many'")
    arguments = ["report", str(source), "-o", str(tmp_path / "out"), "--limit", "60"]
    assert main([*arguments, "-p", "epochs=3"]) == 0
    out = capsys.readouterr().out
    assert out == f"{tmp_path / 'out' / 'a.html'}\n"
    assert "got 3" in (tmp_path / "out" / "a.html").read_text()
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    said = f"ReportFailed: cell 3 of a.ipynb failed. AssertionError: too many. What was done until then: {tmp_path}"
    assert not out and err.splitlines()[-1].startswith(said) and "Traceback" not in err
    assert "too many" in (tmp_path / "out" / "a.html").read_text()


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "none.yaml"], "BadParameter: none.yaml is not there: name a file of knobs, such as"),
        (["run", "list.yaml"], "BadParameter: list.yaml must hold plain knobs"),
        (["run", "typo.yaml"], "BadChoice: a recipe has no knob 'epoch'. Did you mean 'epochs'?"),
        (["run", "good.yaml", "-p", "l2.strenght=1"], "BadChoice: the recipe has no knob 'l2.strenght'. Did you mean"),
        (["run", "good.yaml", "-p", "lr=fast"], "BadKnob: lr must be"),
        (["run", "good.yaml", "-p", "lr"], "BadParameter: a parameter is written name=value, got 'lr'."),
        (["run", "good.yaml", "-o", "good.yaml/x"], "NotADirectoryError: "),
        (
            ["report", "none.ipynb"],
            "BadParameter: there is no notebook 'none.ipynb'. Did you mean 'a.ipynb'? There are: a.ipynb.",
        ),
        (["report", "a.ipynb", "-p", "epoch=1"], "BadParameter: the notebook has no parameter 'epoch'. Did you mean"),
        (["report", "a.ipynb", "-p", "epochs=x"], "BadParameter: epochs must be a whole number, such as 5, got 'x'."),
        (["report", "a.ipynb", "-o", "good.yaml"], "FileExistsError: "),
        (["report", "a.ipynb", "-o", "."], "BadParameter: the report must not overwrite a.ipynb: name another folder."),
        (["report", "a.ipynb", "--limit", "0"], "BadParameter: the limit must be more than 0 seconds, got 0."),
        (["predict", "none", "x.png"], "BrokenRun: "),
        (["menu", "regularizrs"], "BadChoice: there is no menu 'regularizrs'. Did you mean 'regularizers'?"),
        (["pretrain", "glyph"], "BadChoice: there is no recipe to pretrain 'glyph'. Did you mean 'glyph-"),
    ],
)
def test_what_is_refused_is_one_line_and_exit_code_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("good.yaml").write_text(yaml.safe_dump(wb.Recipe("digits", regularizers="l2").to_dict()))
    Path("typo.yaml").write_text("epoch: 3\n")
    Path("list.yaml").write_text("- 3\n")
    notebook(tmp_path / "a.ipynb", "print(epochs)")
    assert refused(arguments, capsys).startswith(message)


def test_an_interrupt_is_told(monkeypatch, capsys):
    import workbench.all_runs
    from workbench.errors import Interrupted

    for error, said in ((KeyboardInterrupt(), "Interrupted.\n"), (Interrupted("go on"), "go on\n")):

        def stopped(error=error):
            raise error

        monkeypatch.setattr(workbench.all_runs, "runs", stopped)
        assert main(["runs"]) == 130
        assert capsys.readouterr().err == said


@pytest.mark.parametrize("command", COMMANDS[:-1])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"python -m workbench {command}" in capsys.readouterr().out


def test_the_commands_are_these_and_a_wrong_one_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert all(f"\n    {command} " in out for command in COMMANDS)
    for wrong in (["rum"], [], ["run"], ["menu", "a", "b"], ["report", "a.ipynb", "--limit", "soon"]):
        with pytest.raises(SystemExit) as ended:
            main(wrong)
        assert ended.value.code == 2


def test_the_command_as_a_process():
    def called(*arguments):
        command = [sys.executable, "-m", "workbench", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)

    good, bad = called("menu", "scopes"), called("run", "none.yaml")
    assert good.returncode == 0 and "head" in good.stdout and not good.stderr
    assert bad.returncode == 2 and not bad.stdout
    assert bad.stderr.startswith("BadParameter: none.yaml is not there") and bad.stderr.count("\n") == 1


def test_who_stops_reading_gets_no_traceback():
    command = f"{sys.executable} -m workbench menu scopes | true"
    read = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, check=False)
    assert read.stderr == ""
