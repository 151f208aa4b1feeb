"""What all tests share: runs and kept features in folders of their own, one thread, a tiny backbone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory, monkeypatch):
    """No test sees another's runs; what can be computed again is shared within the session."""
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path_factory.mktemp("runs")))
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("WORKBENCH_THREADS", "1")


@pytest.fixture
def one_thread():
    """torch on one thread: small steps on two crawl where other load is on the machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tiny():
    """A small network with random weights: quick, and there without any file."""
    import workbench as wb

    return wb.backbone("test_resnet", "random")


@pytest.fixture
def test_data() -> Path:
    """The folder of real public data, where `WORKBENCH_TEST_DATA` names it."""
    named = os.environ.get("WORKBENCH_TEST_DATA")
    if not named or not Path(named).is_dir():
        pytest.skip("WORKBENCH_TEST_DATA names no folder of real data")
    return Path(named)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file's tests stay on one worker; and all that drive a browser do, since two of those at once crawl."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.partition("::")[0]
            return "browser" if file.startswith("tests/browser/") else file

    return ByFile(config, log)
