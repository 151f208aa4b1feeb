"""Every notebook: how it is built, that it runs headless, and that what it says shows in the rows that it writes."""

from __future__ import annotations

import ast
import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest
from helpers import noisy_folder, notebook, plain

import workbench as wb
from workbench.errors import BadData
from workbench.report import declared, report

pytestmark = pytest.mark.notebooks
ROOT = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(path for path in ROOT.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
QUICKSTART = ROOT / "quickstart.ipynb"
LESSONS = ROOT / "lessons"
LESSON_01 = LESSONS / "01_parameters_and_hyperparameters.ipynb"
FULL = os.environ.get("WORKBENCH_FULL") == "1"
LONG = ("your_own_images.ipynb", "your_own_recordings.ipynb")  # of the guides one runs each time
CANARY = "canary-5d20"

every = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.relative_to(ROOT).as_posix())


def code(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def parsed(cell):
    return compile(cell.source, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


# -- how they are built -----------------------------------------------------------------------------------------------


@every
def test_parameters_are_plain_and_checked(path):
    cells = code(path)
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert tagged == cells[:1]
    assert not tagged[0].source.startswith("# Parameters")  # so begins the cell that papermill puts in
    there = declared(path)
    assert all(type(value).__name__ == kind for kind, value in there.values())
    assert all(isinstance(node, ast.AnnAssign) for node in parsed(tagged[0]).body)
    assert there.get("live", ("bool", True)) == ("bool", True)
    assert "wb.check_parameters()" in cells[1].source.splitlines()


@every
def test_small_parameters_are_named_and_smaller(path):
    small, there = nbformat.read(path, as_version=4).metadata.workbench.small, declared(path)
    assert small and set(small) <= set(there)
    assert all(type(value).__name__ == there[name][0] for name, value in small.items())
    assert all(value <= there[name][1] for name, value in small.items() if isinstance(value, int))


@every
def test_the_last_cell_writes_to_the_folder_that_a_parameter_names(path):
    assert declared(path)["output"][0] == "str"
    last = parsed(code(path)[-1]).body[-1]
    assert ast.unparse(last).startswith("wb.write_results(output, ")


@every
def test_there_are_few_cells_and_their_functions_are_short(path):
    assert len(nbformat.read(path, as_version=4).cells) <= 24
    for cell in code(path):
        for node in ast.walk(parsed(cell)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno - node.lineno < 5, f"{node.name} belongs to the package"


@every
def test_nothing_that_it_left_is_committed(path):
    content = nbformat.read(path, as_version=4)
    nbformat.validate(content)
    for cell in content.cells:
        assert set(cell.metadata) <= {"tags"}
        assert cell.cell_type != "code" or (cell.outputs == [] and cell.execution_count is None)
    assert set(content.metadata) <= {"kernelspec", "language_info", "workbench"}
    assert content.cells[0].source.startswith("# ")


# -- that they run ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """A function that runs a notebook headless, once; returns its folders and the executed notebook."""
    done = {}

    def run(path):
        if path.name in LONG and not FULL:
            pytest.skip("run in full (WORKBENCH_FULL=1)")
        if path not in done:
            base = tmp_path_factory.mktemp(path.stem)
            parameters = {} if FULL else dict(nbformat.read(path, as_version=4).metadata.workbench.small)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("WORKBENCH_RUNS", str(base / "runs"))
                patch.setenv("WORKBENCH_CACHE", str(base / "cache"))
                patch.setenv("HF_TOKEN", CANARY)
                page = report(path, base / "pages", parameters | {"output": str(base / "results")}, progress=False)
            content = nbformat.read(page.with_suffix(".ipynb"), as_version=4)
            done[path] = SimpleNamespace(base=base, page=page, content=content, results=base / "results")
        return done[path]

    return run


@every
def test_it_runs_headless_to_one_page(path, reported):
    found = reported(path)
    assert found.page.stat().st_size < 6e6 and found.page.with_suffix(".ipynb").stat().st_size < 1e6
    outputs = [output for cell in found.content.cells for output in cell.get("outputs", [])]
    assert any("application/vnd.plotly.v1+json" in output.get("data", {}) for output in outputs)
    written = {file.suffix for file in found.results.iterdir()}
    assert written == {".json", ".csv"}
    assert all(len(pd.read_csv(file)) for file in found.results.glob("*.csv"))


@every
def test_nothing_is_muttered_on_stderr(path, reported):
    outputs = [output for cell in reported(path).content.cells for output in cell.get("outputs", [])]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]


@every
def test_no_secret_is_in_anything_that_it_wrote(path, reported):
    files = [file for file in reported(path).base.rglob("*") if file.is_file()]
    assert len(files) > 3
    assert not [file for file in files if CANARY.encode() in file.read_bytes()]


# -- what the quickstart says -----------------------------------------------------------------------------------------


@pytest.fixture
def quickstart(reported):
    """Its results by name, and its runs by the name that it gives them."""
    found = reported(QUICKSTART)
    tables = {file.stem: pd.read_csv(file) for file in found.results.glob("*.csv")}
    folders = zip(tables["best"]["run"], tables["best"]["folder"], strict=True)
    return tables, {name: wb.open_run(found.base / "runs" / folder) for name, folder in folders}


def test_pretrained_weights_beat_random_ones_and_the_baseline(quickstart):
    tables, runs = quickstart
    best = tables["best"].set_index("run")["valid_accuracy"]
    assert best["pretrained"] > best["random weights"] + 0.2
    assert best["pretrained"] > runs["pretrained"].baseline["accuracy"]


@pytest.mark.skipif(not FULL, reason="in a few epochs every weight does not come as far as the head")
def test_every_weight_gains_little(quickstart):
    _, runs = quickstart
    whole = next(run for name, run in runs.items() if name.startswith("all"))
    assert abs(whole.best["valid_accuracy"] - runs["pretrained"].best["valid_accuracy"]) < 0.05


def test_wrong_labels_are_learned_by_heart_unless_l2_holds(quickstart):
    ends = quickstart[0]["labels"].set_index("index")
    alone, held = ends.loc["no regularizer"], ends.loc["L2 of 0.1"]
    assert held["gap_accuracy"] < alone["gap_accuracy"] and held["memorised"] < alone["memorised"]
    assert held["valid_accuracy"] > alone["valid_accuracy"] and held["rise"] < alone["rise"]
    assert alone["rise_low"] > 0
    if FULL:
        assert alone["train_accuracy"] > 0.8 and held["train_accuracy"] == pytest.approx(0.6, abs=0.05)
        assert held["gap_accuracy"] < 0 < alone["gap_accuracy"]


def test_what_is_written_is_what_the_runs_hold(quickstart):
    tables, runs = quickstart
    for name, table in (("history", runs["pretrained"].history), ("gap", runs["pretrained"].gap)):
        pd.testing.assert_frame_equal(
            tables[name].astype(float), table.astype(float), check_exact=True, check_frame_type=False
        )
    for name, run in runs.items():
        row = tables["best"].set_index("run").loc[name]
        assert {key: row[key] for key in run.best} == run.best


def test_the_session_gives_the_numbers_of_the_report(quickstart):
    _, runs = quickstart
    assert len(runs) == 6
    for run in {run.folder: run for run in runs.values()}.values():
        assert plain(wb.fine_tune(run.recipe).rows) == plain(run.rows)


def test_the_guide_leaves_nothing_out_of_your_own_folder_unless_you_say_so(tmp_path, capsys):
    own = noisy_folder(tmp_path / "own")
    (own / "a" / "broken.png").write_bytes(b"no picture")
    parameters, *cells = [cell.source for cell in code(ROOT / "guides" / "your_own_images.ipynb")][:4]

    def opened(**chosen):
        names = {}
        exec(parameters, names)
        names |= {"folder": str(own)} | chosen
        for cell in cells:
            exec(cell, names)
        return names["data"]

    with pytest.raises(BadData, match=r"1 of 41 files cannot be read.*\n  a/broken.png: no picture in it"):
        opened()
    assert "a/broken.png" in capsys.readouterr().out
    assert len(opened(broken="leave out").keys) == 40
    assert "Left out: a/broken.png: no picture in it." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "baseline", "asked", "shown"),
    [("your_own_texts", "tf_idf", 1, "[CLS]"), ("your_own_recordings", "mel", 5, "<audio")],
)
def test_a_guide_to_texts_or_recordings_goes_from_faults_to_answers(name, baseline, asked, shown, reported):
    found = reported(ROOT / "guides" / f"{name}.ipynb")
    tables = {file.stem: pd.read_csv(file) for file in found.results.glob("*.csv")}
    outputs = [output for cell in found.content.cells for output in cell.get("outputs", [])]
    said = "".join(output.text for output in outputs if "text" in output)
    assert re.search(r"^3 of \d+ \w+ cannot be (used|read); mend them", said, re.M)
    assert "Left out: " in said and "are exact copies of others." in said
    assert re.search(r"^[1-9]\d* labels mended\. ", said, re.M) and "looks at this test set: 1" in said
    assert [*tables["runs"]["name"]] == ["head", "every weight", "mended", "longer"]
    assert tables["runs"].set_index("name")["valid_accuracy"]["longer"] > 0.5
    assert 0 < tables["test"][baseline].iloc[0] < 1 and len(tables["worst"]) == 16
    assert tables["answers"].iloc[:, 2:].sum(axis=1).tolist() == pytest.approx([1] * asked, abs=1e-4)
    assert any(shown in output.get("data", {}).get("text/html", "") for output in outputs)


# -- what lesson 01 says ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(LESSONS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_lesson_is_predicted_graded_checked_and_handed_in(path, reported):
    tables, _ = of_lesson(reported, path.stem)
    assert {"student", "classroom"} <= {*declared(path)} and tables
    assert json.loads((reported(path).results / "hand_in.json").read_text())["rows"]


@pytest.fixture
def parameters_lesson(reported):
    """The rows that it writes, by name."""
    return {file.stem: pd.read_csv(file) for file in reported(LESSON_01).results.glob("*.csv")}


def test_the_parameters_are_as_many_as_torch_counts(parameters_lesson):
    counted, torch = parameters_lesson["parameters"], parameters_lesson["torch"].iloc[0]
    weights = counted[counted["kind"] != "hyperparameter"]
    head, trained, frozen = (int(value.replace(",", "")) for value in weights["value"])
    assert (head, trained + frozen) == (torch["head"], torch["backbone"]) and trained == 0
    assert len(parameters_lesson["weights"]) == head < 0.01 * frozen
    domains = {"digits", "docstrings", "vowels"} if FULL else {"digits"}
    assert domains == {*parameters_lesson["domains"].columns} - {"kind", "name", "set by"}


def test_one_learning_rate_crawls_one_fits_best_one_overshoots(parameters_lesson):
    ends, rates = parameters_lesson["ends"].set_index("lr"), parameters_lesson["rates"]
    told = ends["verdict"]
    assert told[0.0001] == told[0.001] == "crawls" and told[10.0] == "overshoots"
    best = told[told == "fits best"].index.item()
    assert ends["valid_end"].idxmin() == best and ends["valid_end"][10.0] > ends["start"][10.0]
    slow = rates[rates["lr"] == 0.0001]["train_loss"]
    assert slow.is_monotonic_decreasing and slow.iloc[-1] > 0.9 * slow.iloc[0]  # still falling, and hardly begun


def test_more_parameters_in_the_head_bring_no_more_and_a_bottleneck_costs(parameters_lesson):
    heads = parameters_lesson["shapes"].set_index("head")
    linear, deep, narrow = (heads.loc[name] for name in ("head", "head(layers=3)", "head(layers=3, width=8)"))
    assert deep["parameters"] > 40 * linear["parameters"] and deep["ahead"] < 0.02
    assert narrow["ahead_high"] < 0 and narrow["parameters"] < 1.1 * linear["parameters"]


def test_pretraining_is_worth_most_where_labels_are_few(parameters_lesson):
    found = parameters_lesson["pretraining"].pivot_table(index=["data", "labels"], columns="start", values="accuracy")
    digits = found.loc["digits"]
    for other in ("random weights", "pixels"):
        assert digits["pretrained"].iloc[1] > digits[other].iloc[-1]  # few labels beat all without
    lead = found["pretrained"] - found.drop(columns="pretrained").max(axis=1)
    for data in {*found.index.get_level_values("data")}:
        assert lead[data].iloc[:2].min() > 0.1 and lead[data].iloc[-1] < lead[data].max()
    if FULL:
        assert {*found.index.get_level_values("data")} == {"digits", "docstrings", "vowels"} and lead.min() > 0


def test_from_nothing_takes_longer_to_come_as_far(parameters_lesson):
    ends = parameters_lesson["in_time"].groupby("name").agg({"seconds": "max", "accuracy": "max"})
    for labels in ("all labels", "20 a class"):
        assert ends["accuracy"][f"{labels}, pretrained"] > ends["accuracy"][f"{labels}, from nothing"]
    if FULL:
        assert ends["accuracy"]["all labels, from nothing"] > ends["accuracy"]["20 a class, from nothing"] + 0.2
        assert ends["seconds"]["all labels, from nothing"] > 2 * ends["seconds"]["all labels, pretrained"]


# -- what lessons 02, 03 and 05 say -----------------------------------------------------------------------------------


def of_lesson(reported, name):
    """The rows that a lesson writes, by name, and what its cells printed."""
    found = reported(LESSONS / f"{name}.ipynb")
    outputs = [output for cell in found.content.cells for output in cell.get("outputs", [])]
    said = "".join(output.text for output in outputs if "text" in output)
    assert "The recorded prediction was" in said and "Not answered yet" in said and "Hand in " in said
    return {file.stem: pd.read_csv(file) for file in found.results.glob("*.csv")}, said


def falls(history):
    """By how much validation accuracy ends below the best of epochs 5 to 9."""
    right = history.set_index("epoch")["valid_accuracy"]
    return right.loc[5:9].max() - right.iloc[-1]


def test_wrong_labels_are_learned_late_and_cost_what_was_understood(reported):
    tables, said = of_lesson(reported, "02_overfitting")
    lies, right = tables["history"], tables["right"]
    assert falls(lies) >= 0.03 and lies["train_accuracy"].iloc[-1] > 0.95
    assert lies["memorised"].iloc[5] < 0.4 and lies["memorised"].iloc[-1] > 0.9
    gap, healthy = tables["gap"].iloc[-1], tables["right_gap"].iloc[-1]
    assert gap["rise_low"] > 0 and gap["low"] > 0.2  # overfitting
    assert healthy["low"] > 0 and healthy["rise_low"] <= 0  # a gap alone
    assert right["valid_accuracy"].iloc[-1] > lies["valid_accuracy"].iloc[-1] + 0.15
    first, second = (tables[f"model_{name}"].iloc[-1] for name in "AB")
    assert first["rise_low"] > 0 >= second["rise_low"]
    assert abs(first["gap_accuracy"] - second["gap_accuracy"]) < 0.04
    assert "40% lies: " in said and tables["examples"]["repeated"].sum() >= 36


def test_the_dose_matters_and_so_does_more_data(reported):
    row = of_lesson(reported, "02_overfitting")[0]["remedies"].set_index("remedy")
    more = row.index[-1]
    assert (row.loc[["early stopping", "L2 of 0.1", more], "ahead_low"] > 0).all()
    assert row.loc["L2 of 0.001", "ahead"] < 0.5 * row.loc["L2 of 0.1", "ahead"]


@pytest.mark.skipif(not FULL, reason="over twenty seeds")
def test_validation_falls_with_every_seed(one_thread):
    recipe = wb.Recipe("digits(per_class=10, label_noise=0.4)", lr=1e-2, batch_size=25, epochs=60)
    drops = [falls(wb.labs.by_heart(recipe.turned({"data.seed": seed, "seed": seed})).history) for seed in range(20)]
    assert min(drops) >= 0.03


def test_l1_gives_zeros_l2_spreads_and_each_has_its_dose(reported):
    tables, _ = of_lesson(reported, "03_l1_l2_dropout")
    used = tables["used"].set_index("regularizer")
    assert used.loc["L1", "zeros"] > 0.3 and used.loc[["L2", "dropout"], "zeros"].max() < 0.01
    assert used.loc["L1", "features"] < used.loc["L2", "features"] == 96
    assert used.loc["L2", "strongest"] < used.loc["hardly any (the least L2)", "strongest"]
    for name in ("L1", "L2"):
        path = tables[name].set_index("value")["valid_loss"]
        assert path.index[0] < path.idxmin() < path.index[-1]  # too little, and too much
    tests = tables["tests"]
    assert {*tests["regularizer"]} == {"none", "L1", "L2", "dropout"}
    worst = tests[tests["level"] == 0.75].set_index(["test", "regularizer"])["accuracy"]["units deleted"]
    assert worst["dropout"] > worst["none"]


def test_what_is_redundant_is_told(reported):
    tables, _ = of_lesson(reported, "05_regularizers_compared")
    both, left = tables["both"].set_index("regularizer"), tables["left_out"].set_index("without")
    assert [*both.index] == ["l1", "l2", "dropout", "label-smoothing", "mixup"]
    for name in both.index:
        assert both.loc[name, "lost without it"] == pytest.approx(-left.loc[name, "ahead"])
    assert left.loc["all of them", "ahead"] < 0 < both["alone"].max()


# -- watched live -----------------------------------------------------------------------------------------------------


def test_a_run_that_was_watched_live_leaves_plain_figures_in_the_place_of_its_panel(tmp_path):
    small = "wb.Recipe(wb.Digits(per_class=2), wb.backbone('test_resnet', 'random'), epochs=2)"
    shown = f"import workbench as wb\nrun = await wb.show({small}, live=live)\nprint(run.state)"
    source = notebook(tmp_path / "live.ipynb", shown, parameters="live: bool = False")
    page = report(source, tmp_path / "out", {"live": True}, progress=False)
    left = nbformat.read(page.with_suffix(".ipynb"), as_version=4).cells[-1].outputs
    assert [list(output.get("data", {"text": 0})) for output in left] == [["application/vnd.plotly.v1+json"]] * 2 + [
        ["text"]
    ]
    assert left[2].text == "finished\n"
