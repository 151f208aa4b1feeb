"""What the tests of the panels share: no spare process, no widget left over, runs in a thread of this process."""

from __future__ import annotations

import contextlib
import os
import threading

import pytest


@pytest.fixture(autouse=True)
def nothing_left(monkeypatch):
    """A panel keeps no process ready here, and its widgets end with the test."""
    from ipywidgets import Widget

    monkeypatch.setattr("workbench.panels.live_panel.warm", lambda: None)
    yield
    Widget.close_all()


@pytest.fixture
def ready(monkeypatch):
    """A process that waits for a job, as a first panel leaves it, and none after it. It imports torch while we do."""
    from workbench import worker

    worker.warm()
    monkeypatch.setattr(worker, "warm", lambda: None)


@pytest.fixture
def here(monkeypatch):
    """Runs that are started train in a thread of this process, by the same code as in one of their own."""
    threads = []

    def serve(files, recipe):
        from workbench.folder import RunFolder
        from workbench.recording import record

        with contextlib.suppress(Exception):  # it stands in the folder, where the panel reads it
            for _ in record(recipe, RunFolder(files.path)):
                pass

    def launch(files, recipe, **_):
        files.tell("launched", pid=os.getpid())
        threads.append(threading.Thread(target=serve, args=(files, recipe)))
        threads[-1].start()

    monkeypatch.setattr("workbench.worker.launch", launch)
    yield
    for thread in threads:
        thread.join(60)
