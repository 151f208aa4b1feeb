"""Reports: parameters are checked and injected as literals, and whatever happens to the kernel, a page is left."""

from __future__ import annotations

import ast
import json
import math

import nbformat
import pytest
from helpers import notebook
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadParameter, ReportFailed
from workbench.report import as_values, check_parameters, checked, declared, read_values, report, write_results

DECLARED = """
'''What can be set.'''
live: bool = True  # a comment
epochs: int = 5
lr: float = 1e-3
name: str = "a"
share = -0.5
"""
THERE = {"live": ("bool", True), "epochs": ("int", 5), "lr": ("float", 1e-3)}
THERE |= {"name": ("str", "a"), "share": ("float", -0.5)}


@pytest.fixture
def source(tmp_path):
    """A notebook that declares some parameters and shows what it got."""
    here = tmp_path / "here"
    here.mkdir()
    cells = ["import workbench as wb\nwb.check_parameters()", "print('got', epochs, repr(lr), repr(name), live)"]
    return notebook(here / "tiny.ipynb", *cells, parameters=DECLARED)


def outputs(path):
    """The text that an executed notebook's cells left."""
    cells = nbformat.read(path, as_version=4).cells
    return "".join(out.get("text", "") + out.get("ename", "") for cell in cells for out in cell.get("outputs", []))


# -- what a notebook declares -----------------------------------------------------------------------------------------


def test_parameters_and_their_types_are_those_of_the_tagged_cell(source, tmp_path):
    assert declared(source) == THERE
    assert declared(notebook(tmp_path / "none.ipynb", "x = 1", parameters="")) == {}


@pytest.mark.parametrize("line", ["import os", "epochs: int", "a = b = 1", "a, b = 1, 2", "epochs += 1", "f()"])
def test_a_parameter_that_is_no_assignment_is_refused(line, tmp_path):
    with pytest.raises(BadParameter, match=r"a parameter is assigned as `name: type = value`, got"):
        declared(notebook(tmp_path / "odd.ipynb", parameters=line))


@pytest.mark.parametrize("value", ["2 * 3", "[1, 2]", "{}", "os.sep", "f'{1}'", "b'x'", "1j"])
def test_a_parameter_that_is_no_plain_scalar_is_refused(value, tmp_path):
    with pytest.raises(BadParameter, match=r"a parameter's value is a number, a text or a truth, got"):
        declared(notebook(tmp_path / "odd.ipynb", parameters=f"x = {value}"))


def test_what_is_no_notebook_is_refused_with_the_nearest(source, tmp_path):
    with pytest.raises(BadParameter, match=r"there is no notebook .*tiy.ipynb'. Did you mean 'tiny.ipynb'\? There are"):
        report(source.with_name("tiy.ipynb"), tmp_path)
    with pytest.raises(BadParameter, match="there is no notebook"):
        report(tmp_path / "nowhere" / "a.ipynb", tmp_path)
    for content in ("no JSON", "[]", "{}", '{"cells": 3}'):
        (tmp_path / "odd.ipynb").write_text(content)
        with pytest.raises(BadParameter, match=r"odd.ipynb cannot be read as a notebook"):
            report(tmp_path / "odd.ipynb", tmp_path / "out")
    with pytest.raises(BadParameter, match=r"the parameters of .*odd.ipynb are no Python: .*, line 2"):
        declared(notebook(tmp_path / "odd.ipynb", parameters="a = 1\n%matplotlib inline"))


# -- what is given ----------------------------------------------------------------------------------------------------


def test_values_come_in_the_declared_types():
    given = {"live": False, "epochs": 3, "lr": 1, "name": "5"}
    assert checked(THERE, given) == given and type(checked(THERE, given)["lr"]) is float


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epoch": 1}, r"the notebook has no parameter 'epoch'. Did you mean 'epochs'\? There are: live, epochs, lr"),
        ({"epochs": 1.5}, "epochs must be a whole number, such as 5, got 1.5"),
        ({"epochs": "1"}, "epochs must be a whole number, such as 5, got '1'"),
        ({"epochs": True}, "epochs must be a whole number, such as 5, got True"),
        ({"live": 1}, "live must be true or false, such as True, got 1"),
        ({"lr": "fast"}, "lr must be a number, such as 0.001, got 'fast'"),
        ({"lr": True}, "lr must be a number, such as 0.001, got True"),
        ({"lr": math.nan}, "lr must be a number, such as 0.001, got nan"),
        ({"share": math.inf}, "share must be a number, such as -0.5, got inf"),
        ({"name": 5}, "name must be text, such as 'a', got 5"),
        ({"name": None}, "name must be text, such as 'a', got None"),
        ({"name": "\ud800"}, "name must be text, such as 'a', got"),
    ],
)
def test_unknown_names_and_wrong_types_are_refused(given, message):
    with pytest.raises(BadParameter, match=message):
        checked(THERE, given)


@settings(deadline=None)
@given(name=st.text())
def test_a_name_that_is_not_declared_is_refused_whatever_it_is(name):
    if name not in THERE:
        with pytest.raises(BadParameter, match="the notebook has no parameter"):
            checked(THERE, {name: 1})


@settings(deadline=None, max_examples=300)
@given(
    live=st.booleans(),
    epochs=st.integers(),
    lr=st.floats(allow_nan=False, allow_infinity=False),
    name=st.one_of(st.text(), st.text(alphabet="\\\"'\n\r\0{}#ab"), st.just("'''\"\"\"\nimport os")),
)
def test_every_value_reaches_the_notebook_as_a_plain_literal(live, epochs, lr, name):
    from papermill.parameterize import parameterize_notebook

    values = {"live": live, "epochs": epochs, "lr": lr, "name": name}
    cell = nbformat.v4.new_code_cell(DECLARED, metadata={"tags": ["parameters"]})
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    content = nbformat.v4.new_notebook(cells=[cell], metadata=kernel)
    content.metadata["papermill"] = {}
    put_in = parameterize_notebook(content, checked(THERE, values)).cells[1]
    assert put_in.metadata["tags"] == ["injected-parameters"]
    body = ast.parse(put_in.source).body
    assert all(isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) for node in body)
    assert {node.targets[0].id: ast.literal_eval(node.value) for node in body} == values


def test_words_of_the_command_line_are_read_as_plain_scalars():
    read = {"5": 5, "-2.5": -2.5, "1e-3": 1e-3, "1E5": 1e5, "true": True, "null": None, "": "", "a=b": "a=b"}
    read |= {text: text for text in ("2024-01-01", "[1, 2]", "{", "40: l2.strength=0.1", "&a [*a]", "ab", "1" * 5000)}
    for text, value in read.items():
        assert as_values(["epochs=1", f"l2.strength={text}"]) == {"epochs": 1, "l2.strength": value}
    for word in ("a", "=5", " =5"):
        with pytest.raises(BadParameter, match=f"a parameter is written name=value, got '{word}'"):
            as_values([word])


@settings(deadline=None)
@given(name=st.text(alphabet=st.characters(exclude_characters="=", exclude_categories=["Cs"])), value=st.text())
def test_no_word_of_the_command_line_breaks_the_reading(name, value):
    if name.strip():
        [(read, found)] = as_values([f"{name}={value}"]).items()
        assert read == name.strip() and (found is None or isinstance(found, bool | int | float | str))


def test_a_file_of_values(tmp_path):
    path = tmp_path / "values.yaml"
    path.write_text("epochs: 3\nlr: 1e-3\nregularizers: [l2(strength=1e-3), dropout]\nper_class:\n")
    assert read_values(path) == {
        "epochs": 3,
        "lr": 1e-3,
        "regularizers": "l2(strength=1e-3), dropout",
        "per_class": None,
    }
    for content, message in {
        "a: [1": "cannot be read as YAML: while parsing",
        "- a": "must hold plain knobs",
        "": "must hold plain knobs",
        "a: &a [1]\nb: [*a, *a]": "must hold plain knobs",
    }.items():
        path.write_text(content)
        with pytest.raises(BadParameter, match=message) as caught:
            read_values(path)
        assert "\n" not in str(caught.value)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadParameter, match=r"none\.yaml is not there: name a file of knobs"):
        read_values(tmp_path / "none.yaml")
    for each in (path, tmp_path):
        with pytest.raises(BadParameter, match="cannot be read as YAML"):
            read_values(each)


# -- a whole report ---------------------------------------------------------------------------------------------------


def test_braces_in_a_path_are_braces_and_no_secret_is_written(source, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "canary-8c1f")
    before = source.read_bytes()
    folder = tmp_path / "{name} {0}"
    page = report(source, folder, {"epochs": 3, "lr": 2, "name": "{epochs}</script>"}, progress=False)
    assert page == folder / "tiny.html" and sorted(p.name for p in folder.iterdir()) == ["tiny.html", "tiny.ipynb"]
    assert outputs(folder / "tiny.ipynb") == "got 3 2.0 '{epochs}</script>' False\n"
    assert source.read_bytes() == before
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"canary-8c1f" in path.read_bytes()]


def test_a_report_never_overwrites_its_notebook(source, tmp_path):
    before = source.read_bytes()
    (tmp_path / "link").symlink_to(source.parent)
    linked = tmp_path / "hard"
    linked.mkdir()
    (linked / "tiny.ipynb").hardlink_to(source)
    for folder in (source.parent, source.parent / ".." / "here", tmp_path / "link", linked):
        with pytest.raises(BadParameter, match=r"must not overwrite .*tiny.ipynb: name another folder"):
            report(source, folder)
    assert source.read_bytes() == before and not (source.parent / "tiny.html").exists()


@pytest.mark.parametrize("limit", [0, -1.5, math.nan])
def test_a_limit_is_more_than_nothing(limit, source, tmp_path):
    with pytest.raises(BadParameter, match=r"the limit must be more than 0 seconds, got"):
        report(source, tmp_path / "out", limit=limit)


def test_out_of_time_is_said_and_what_was_done_is_kept(tmp_path):
    slow = "import time\ntry:\n    time.sleep(600)\nexcept KeyboardInterrupt:\n    print('stopped')\n    raise"
    source = notebook(tmp_path / "slow.ipynb", "print('first')", slow, "print('never')")
    with pytest.raises(
        ReportFailed, match=r"slow.ipynb took more than its 2 s, the last in cell 3. What was .*slow.html"
    ):
        report(source, tmp_path / "out", limit=2, progress=False)
    assert outputs(tmp_path / "out" / "slow.ipynb") == "first\nstopped\nKeyboardInterrupt"
    assert "first" in (tmp_path / "out" / "slow.html").read_text()


def test_a_kernel_that_dies_is_said_and_what_was_done_is_kept(tmp_path):
    source = notebook(tmp_path / "dies.ipynb", "print('first')", "import os\nos.kill(os.getpid(), 9)", "print('never')")
    with pytest.raises(ReportFailed, match=r"the kernel of dies.ipynb died: killed, or out of memory. What was .*html"):
        report(source, tmp_path / "out", progress=False)
    assert outputs(tmp_path / "out" / "dies.ipynb") == "first\n"
    assert "first" in (tmp_path / "out" / "dies.html").read_text()


def test_a_kernel_that_is_not_there_is_said(source, tmp_path):
    content = nbformat.read(source, as_version=4)
    content.metadata["kernelspec"]["name"] = "fortran"
    nbformat.write(content, source)
    with pytest.raises(ReportFailed, match=r"tiny.ipynb wants the kernel 'fortran', which is not installed"):
        report(source, tmp_path / "out", progress=False)


def test_figures_and_rows_are_written(tmp_path):
    import pandas as pd
    import plotly.graph_objects as go

    table = pd.DataFrame({"epoch": [0, 1], "loss": [0.1 + 0.2, None]})
    folder = write_results(tmp_path / "a" / "b", {"run": go.Figure(layout={"title": "é <b>"})}, {"rows": table})
    assert pd.read_csv(folder / "rows.csv").equals(table)
    assert json.loads((folder / "run.json").read_text())["layout"]["title"]["text"] == "é <b>"


# -- the check inside a notebook --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epoch": 1, "lr": math.nan}, r"BadParameter: the notebook has no parameter 'epoch'. Did you mean 'epochs'\?"),
        ({"epochs": "3"}, r"BadParameter: epochs must be a whole number, such as 5, got '3'"),
    ],
)
def test_plain_papermill_is_as_safe(given, message, source, tmp_path):
    import papermill
    from papermill.exceptions import PapermillExecutionError

    with pytest.raises(PapermillExecutionError, match=message):
        papermill.execute_notebook(str(source), str(tmp_path / "out.ipynb"), given, progress_bar=False)


@pytest.fixture
def shell():
    """IPython in this process, as a notebook's kernel has it."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.run_line_magic("config", "HistoryManager.enabled = False")
    yield shell
    InteractiveShell.clear_instance()


def cells(shell, *sources):
    """Run these and then the check; its error is raised."""
    for each in (*sources, "from workbench.report import check_parameters\ncheck_parameters()"):
        found = shell.run_cell(each, store_history=True)
    found.raise_error()


def test_the_check_by_hand(shell):
    with pytest.raises(BadParameter, match="no cell before this one declares parameters: run that cell first"):
        cells(shell, "import os", "# Parameters\nepochs = 3")
    cells(shell, DECLARED)
    cells(shell, DECLARED, "# Parameters\nepochs = 3\nname = 'x'")
    cells(shell, DECLARED, "import os", "%pwd")
    with pytest.raises(BadParameter, match=r"epochs must be a whole number, such as 5, got 0\.5"):
        cells(shell, DECLARED, "# Parameters\nepochs = 0.5")
    with pytest.raises(BadParameter, match="no parameter 'backbon'"):
        cells(shell, DECLARED, "# Parameters\nbackbon = 'x'\nlr = float('nan')")
    with pytest.raises(BadParameter, match="live must be true or false, such as 1, got 1"):
        cells(shell, "live: bool = 1")


def test_the_check_outside_a_notebook_does_nothing():
    check_parameters()
