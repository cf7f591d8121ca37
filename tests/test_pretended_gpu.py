"""The tests of a GPU on a device that is pretended: none of them may mix tensors of two places."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Every operation that the plugin stands on, and two slips: a table without its device, and a look at numbers there.
USE = """
import pytest, torch

@pytest.mark.gpu
def test_numbers_live_there():
    there = torch.arange(4.0, device="cuda")
    assert there.is_cuda
    assert there.device.type != "cpu"
    total = (there.requires_grad_() * torch.ones(4).cuda()).sum()
    total.backward()
    assert there.grad.is_cuda
    assert float(total) == 6.0
    assert there.grad.tolist() == [1.0] * 4
    assert not there.cpu().is_cuda

@pytest.mark.gpu
def test_a_slip():
    torch.zeros(3, device="cuda") + torch.zeros(3)

@pytest.mark.gpu
def test_a_look():
    torch.zeros(3, device="cuda").numpy()
"""


def run_there(*arguments, folder=ROOT):
    """Run pytest on the pretended device, in a process of its own, as a process keeps the device to its end."""
    command = (sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "tests.pretended_gpu", "--color=no", *arguments)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=550)


def test_the_device_is_strict(tmp_path):
    (tmp_path / "test_use.py").write_text(USE)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = gpu\n")
    report = run_there("test_use.py", folder=tmp_path).stdout
    assert "Expected all tensors to be on the same device" in report
    assert re.search(r"2 failed, 1 passed", report), report
    assert "FAILED test_use.py::test_a_slip" in report
    assert "FAILED test_use.py::test_a_look" in report


@pytest.mark.slow
def test_the_tests_of_a_gpu_pass_there():
    run = run_there("tests/network", "tests/export", "tests/symbolic/test_span_devices.py")
    passed = re.search(r"(\d+) passed, \d+ deselected in", run.stdout)
    assert run.returncode == 0, run.stdout
    assert passed is not None, run.stdout
    assert int(passed[1]) >= 15
