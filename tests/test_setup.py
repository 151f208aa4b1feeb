"""The set-up: pins, floors, targets, and how JupyterLab is opened."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from workbench import lab

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+]+")
FLOORS = {
    "jupyter_server": "2.20",
    "jupyterlab": "4.6.2",
    "transformers": "5.5",
    "pillow": "12.3",
    "torch": "2.10",
    "ipykernel": "7.4",
    "ray": "2.52",
}
TARGETS = ["lab", "report", "test", "check", "notebooks", "faults"]
PINNED = ["constraints.txt", "benchmarks/rivals.txt"]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pins(name: str) -> dict[str, Version]:
    parts = (line.split("==") for line in text(name).splitlines())
    return {canonicalize_name(package): Version(version) for package, version in parts}


def project() -> dict:
    return tomllib.loads(text("pyproject.toml"))


def requirements() -> list[Requirement]:
    extras = project()["project"]["optional-dependencies"]
    lists = [project()["project"]["dependencies"], *extras.values(), project()["dependency-groups"]["tools"]]
    return [Requirement(line) for lines in lists for line in lines]


def hooks() -> list[dict]:
    return yaml.safe_load(text(".pre-commit-config.yaml"))["repos"][0]["hooks"]


@pytest.mark.parametrize("name", PINNED)
def test_pins_are_names_and_versions_only_and_stand_once(name):
    lines = text(name).splitlines()
    assert [line for line in lines if not PIN.fullmatch(line)] == []
    assert len(pins(name)) == len(lines)


@pytest.mark.parametrize(("package", "floor"), FLOORS.items())
def test_pins_and_requirements_keep_the_floors(package, floor):
    assert pins("constraints.txt")[canonicalize_name(package)] >= Version(floor)
    declared = [r for r in requirements() if canonicalize_name(r.name) == canonicalize_name(package)]
    assert [str(r.specifier) for r in declared] == [f">={floor}"]


def test_every_requirement_is_pinned_within_its_range():
    pinned = pins("constraints.txt")
    wrong = [str(r) for r in requirements() if pinned.get(canonicalize_name(r.name)) not in r.specifier]
    assert wrong == [], "run `make pins`"


def test_what_is_installed_here_is_what_is_pinned():
    from importlib.metadata import distributions

    pinned = pins("constraints.txt")
    here = {canonicalize_name(found.name): Version(found.version).public for found in distributions()}
    other = {name: version for name, version in here.items() if name in pinned and version != pinned[name].public}
    assert other == {}, "run make again"  # what is pinned nowhere, somebody added
    assert len(here.keys() & pinned.keys()) > 100


def test_rivals_are_pinned_apart_and_are_no_compromised_release():
    rivals = pins("benchmarks/rivals.txt")
    assert {"accelerate", "lightning", "fastai"} <= set(rivals)
    assert not set(rivals) & set(pins("constraints.txt"))
    for package in ("lightning", "pytorch-lightning"):
        assert rivals[package] not in {Version("2.6.2"), Version("2.6.3")}


def test_extras_and_python():
    about = project()["project"]
    assert about["requires-python"] == ">=3.11"
    assert {"cluster", "app", "test"} == set(about["optional-dependencies"])
    assert about["license"] == "Apache-2.0"
    assert "Apache License" in text("LICENSE")
    assert project()["tool"]["hatch"]["build"]["targets"]["wheel"]["sources"] == {
        "data/weights": "workbench/data/weights"
    }


def test_environment_for_conda_and_binder():
    environment = yaml.safe_load(text("environment.yml"))
    assert environment["channels"] == ["conda-forge"]
    assert environment["dependencies"] == ["python=3.12", "pip", {"pip": ["-c constraints.txt", "-e ."]}]


@pytest.mark.parametrize("target", TARGETS)
def test_each_target_sets_itself_up(target):
    assert re.search(rf"^{target}: \$\(READY\)  ## \S", text("Makefile"), re.MULTILINE)


def test_set_up_is_done_again_only_when_pins_changed():
    assert "\n$(READY): pyproject.toml constraints.txt\n" in text("Makefile")


def test_hooks_run_what_make_check_runs():
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", text("Makefile"), re.MULTILINE)
    assert recipe
    commands = recipe[1].replace("$(BIN)/", ".venv/bin/")
    assert [hook["entry"] for hook in hooks() if hook["entry"] not in commands] == []
    assert len(hooks()) == len(recipe[1].splitlines())


def test_ci_runs_the_test_command_and_finds_data_only_where_it_is():
    script = text(".ci/run")
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100
    assert ["make check" in line for line in script.splitlines()[-2:]] == [True, False]  # the quick one first
    assert "make test" in script.splitlines()[-1]
    assert re.search(r'if \[\[ -d \$data \]\]; then\n  export WORKBENCH_TEST_DATA="\$data"\n', script)


def test_no_set_up_file_names_an_index_or_a_folder_of_one_machine():
    names = ["pyproject.toml", "environment.yml", "Makefile", ".ci/run", ".pre-commit-config.yaml", *PINNED]
    found = [n for n in names if re.search(r"https?://|index-url|find-links|/(?:root|home|opt|work|tmp)/", text(n))]
    assert found == []


def test_lab_listens_on_loopback_with_the_token_on():
    command = lab.command([])
    assert "--ServerApp.ip=127.0.0.1" in command
    assert not [
        part for part in command if re.search(r"token|password|disable_check|allow_origin", part, re.IGNORECASE)
    ]


def test_another_root_takes_the_place_of_ours():
    command = lab.command(["--notebook-dir=/some/where"])
    assert not [each for each in command if each.startswith(("--ServerApp.root_dir", "--LabApp.default_url"))]
    assert command[-1] == "--notebook-dir=/some/where" and "--ServerApp.ip=127.0.0.1" in command


def test_lab_opens_the_quickstart_in_the_clone_and_passes_the_rest_on(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / lab.QUICKSTART).touch()
    monkeypatch.setattr(lab.paths, "clone", lambda: tmp_path)
    command = lab.command(shlex.split("--no-browser --port=8899"))
    assert f"--ServerApp.root_dir={tmp_path}" in command
    assert f"--LabApp.default_url=/lab/tree/{lab.QUICKSTART}" in command
    assert command[-2:] == ["--no-browser", "--port=8899"]


def test_lab_without_a_clone_opens_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(lab.paths, "clone", lambda: None)
    monkeypatch.chdir(tmp_path)
    assert {f"--ServerApp.root_dir={tmp_path}", "--LabApp.default_url=/lab"} <= set(lab.command([]))


def test_lab_asks_for_no_news_and_no_updates():
    assert "--LabApp.news_url=None" in lab.command([])
    assert "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate" in lab.command([])
    program = (
        "import json; from jupyterlab_server.settings_utils import _get_overrides;"
        "print(json.dumps(_get_overrides('nowhere')[0]))"
    )
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": str(lab.settings())}
    seen = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(seen.stdout)["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


def test_the_image_for_a_hub_is_made_of_what_there_is():
    said = text("docs/hub/Dockerfile")
    copied = [source for line in re.findall(r"^COPY (.+)$", said, re.M) for source in line.split()[:-1]]
    assert {"constraints.txt", "workbench", "data", "notebooks"} <= {*copied}
    assert all((ROOT / source).exists() for source in copied)
    assert "grep -E '^torch(vision)?==' constraints.txt" in said
    assert {"torch", "torchvision"} <= {*pins("constraints.txt")}
    assert not re.findall(r"(?<!jupyterhub)==[0-9]", said)  # versions have one home
    assert ".[app]" in said and "app" in project()["project"]["optional-dependencies"]
