"""Whether a process is still there."""

import os
import subprocess
import sys

import pytest

from kansym.processes import may_run


def test_a_process_runs_until_it_has_ended():
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert may_run(process.pid)
    assert may_run(process.pid) == (os.name == "nt")


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell")
def test_numbers_that_no_process_can_have():
    assert not may_run(2**31 - 1)
    assert not may_run(2**80)
    assert may_run(1)  # of another user, for most
