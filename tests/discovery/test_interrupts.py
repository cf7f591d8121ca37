"""Ctrl-C while searches run side by side: the first returns what they have, a second one ends at once."""

import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from kansym import KANRegressor, default_library
from kansym.discovery import Budget, SearchSettings, discover
from kansym.discovery.interrupts import interrupt_as_file, interrupts_ignored
from kansym.symbolic.rows import Rows

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows sends no signal to one process")

X = np.random.default_rng(0).uniform(1, 2, (400, 6))
NOISE = 0.05 * np.random.default_rng(1).normal(size=(400, 2))
Y = np.sin(5 * X[:, :1] * X[:, 2:4] + X[:, 4:5] / X[:, 1:2]) + NOISE


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_is_a_file_and_the_second_an_interrupt():
    usual = signal.getsignal(signal.SIGINT)
    with interrupt_as_file() as flag:
        assert not Path(flag).exists()
        interrupt()
        assert Path(flag).exists()
        with pytest.raises(KeyboardInterrupt):
            interrupt()
    assert signal.getsignal(signal.SIGINT) is usual
    assert not Path(flag).parent.exists()


def test_without_one_nothing_is_left():
    usual = signal.getsignal(signal.SIGINT)
    with interrupt_as_file() as flag, interrupts_ignored():
        interrupt()
        assert not Path(flag).exists()
    assert signal.getsignal(signal.SIGINT) is usual


def test_other_threads_leave_signals_alone():
    seen = []

    def work():
        with interrupt_as_file(), interrupts_ignored():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]


def test_a_search_that_is_told_to_end_ends():
    budget = Budget(None, is_interrupted=lambda: budget.steps > 3)
    found = discover(Rows.from_arrays(X, Y[:, 0]), SearchSettings(default_library()), budget)
    assert found.reason == "interrupted"
    assert found.steps < 20


def test_searches_in_other_processes_return_what_they_have():
    timer = threading.Timer(3.0, interrupt)
    timer.start()
    model = KANRegressor(time_limit=200, n_jobs=2, random_state=0).fit(X, Y)
    timer.join()
    assert [discovery.reason for discovery in model.discoveries_] == ["interrupted", "interrupted"]
    assert np.isfinite(model.predict(X)).all()
