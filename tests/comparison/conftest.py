import os
import time
from pathlib import Path

import psutil
import pytest

FAKES = Path(__file__).parent / "fakes"


@pytest.fixture
def notes(tmp_path, monkeypatch):
    """Let processes find the fake methods, and return the folder where these leave notes."""
    folder = tmp_path / "notes"
    folder.mkdir()
    monkeypatch.setenv("FAKE_NOTES", str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FAKES), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
    monkeypatch.syspath_prepend(str(FAKES))
    return folder


def is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def is_gone():
    """Whether a process ends within some seconds."""

    def is_gone(pid, seconds=120.0):
        end = time.monotonic() + seconds
        while is_alive(int(pid)) and time.monotonic() < end:
            time.sleep(0.05)
        return not is_alive(int(pid))

    return is_gone


@pytest.fixture
def wait_for():
    """Wait for something to be true; fail if it does not get so."""

    def wait_for(what, seconds=300.0):
        end = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.02)
        return found

    return wait_for
