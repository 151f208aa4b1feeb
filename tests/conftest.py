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


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks when its own turn comes
def pytest_collection_modifyitems(items):
    """What xdist keeps on one worker: the tests of a file; and all that drive a browser, since two at once crawl."""
    for item in items:
        browser = item.get_closest_marker("browser") is not None
        item.add_marker(pytest.mark.xdist_group("browser" if browser else item.path.name))
