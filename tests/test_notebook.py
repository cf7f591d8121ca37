"""The stop button of a notebook; skipped where Jupyter's kernel is not installed."""

import sys
import time

import pytest

jupyter_client = pytest.importorskip("jupyter_client")
pytest.importorskip("ipykernel")

FIT = """
import numpy as np
from kansym import KANRegressor
X = np.random.default_rng(0).uniform(1, 2, (100, 3))
y = np.sin(9 * X[:, 0] * X[:, 1]) + X[:, 2] + 0.3 * np.random.default_rng(1).normal(size=100)
seen = []
def note(progress):
    seen.append(progress.stage)
    print("stage", flush=True)
Y = np.column_stack([y] * N_OUTPUTS)
model = KANRegressor(time_limit=600, random_state=0).fit(X, Y, on_progress=note)
"""
ASK = "print(model.discoveries_[0].reason, np.isfinite(model.predict(X)).all(), len(model.fronts_[0]) > 0)"


@pytest.fixture(scope="module")
def kernel():
    manager = jupyter_client.KernelManager()
    manager.kernel_cmd = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=600)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def said(client, number, until=None):
    """What a cell prints, until a text occurs or the cell ends."""
    text = ""
    while True:
        message = client.get_iopub_msg(timeout=600)
        if message["parent_header"].get("msg_id") != number:
            continue
        content = message["content"]
        if message["msg_type"] == "error":
            return f"{text}{content['ename']}"
        text += content.get("text", "")
        if content.get("execution_state") == "idle" or (until is not None and until in text):
            return text


@pytest.mark.slow
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_the_stop_button_keeps_what_was_found(kernel, n_outputs):
    manager, client = kernel
    cell = client.execute(FIT.replace("N_OUTPUTS", str(n_outputs)))
    assert "stage" in said(client, cell, until="stage")
    time.sleep(0.3)
    manager.interrupt_kernel()
    assert "Error" not in said(client, cell)
    assert said(client, client.execute(ASK)) == "interrupted True True\n"
