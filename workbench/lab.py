"""JupyterLab on the quickstart: token on, loopback only, nothing fetched from outside, no news pop-up."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from workbench import paths

QUICKSTART = "notebooks/quickstart.ipynb"
# The command-line switch for news silences the server, and the browser asks all the same (JupyterLab 4.6): so the
# setting behind the question is answered too. It is a default: who wants news turns them on under Notifications.
# Widgets' messages go to the kernel's main thread: sent to a subshell, which is the default, they are lost after the
# kernel was restarted ("Unknown subshell_id", JupyterLab 4.6 with ipykernel 7.4), and run on another thread before.
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/apputils-extension:kernels-settings": {"commsOverSubshells": "disabled"},
}


def command(extra: list[str]) -> list[str]:
    """The arguments for JupyterLab, `extra` ones last. The token stays on because nothing here turns it off."""
    root = paths.clone() or Path.cwd()
    start = f"/lab/tree/{QUICKSTART}" if (root / QUICKSTART).is_file() else "/lab"
    arguments = [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url={start}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    if sys.platform != "win32" and os.geteuid() == 0 and "--allow-root" not in extra:
        arguments.append("--allow-root")  # in a container one is root; loopback and the token guard what there is
    given = {each.split("=")[0] for each in extra}  # traitlets takes an option once: the user's
    if "--notebook-dir" in given:  # JupyterLab's short name for the root, in which the quickstart need not be
        given |= {"--ServerApp.root_dir", "--LabApp.default_url"}
    return [*(each for each in arguments if each.split("=")[0] not in given), *extra]


def settings() -> Path:
    """A folder for `JUPYTER_CONFIG_PATH` that holds our defaults; the user's own settings stay untouched and win."""
    folder = paths.cache() / "jupyter"
    file = folder / "labconfig" / "default_setting_overrides.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(SETTINGS, indent=1), encoding="utf-8")
    return folder


def main(argv: list[str]) -> int:
    """Run JupyterLab in this process until it is stopped; `argv` goes through to it, such as `--no-browser`."""
    from jupyterlab.labapp import LabApp

    others = os.environ.get("JUPYTER_CONFIG_PATH")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join([str(settings()), *([others] if others else [])])
    LabApp.launch_instance(command(argv))
    return 0
