"""Ctrl-C while searches run one after another or side by side: what they have, and at a second one the end at once."""

import os
import signal
import threading
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest

from kansym import KANRegressor, default_library
from kansym.discovery import Budget, SearchSettings, discover, discover_each, several, single
from kansym.discovery.interrupts import interrupt_as_file, interrupts_held_back, interrupts_ignored
from kansym.discovery.search import Search
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
        assert not flag.exists()
        interrupt()
        assert flag.exists()
        with pytest.raises(KeyboardInterrupt):
            interrupt()
    assert signal.getsignal(signal.SIGINT) is usual
    assert not flag.parent.exists()


def test_without_one_nothing_is_left():
    usual = signal.getsignal(signal.SIGINT)
    with interrupt_as_file() as flag, interrupts_ignored():
        interrupt()
        assert not flag.exists()
    assert signal.getsignal(signal.SIGINT) is usual


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="the system cannot hold signals back")
def test_one_that_is_held_back_comes_at_the_end():
    with interrupt_as_file() as flag:
        with interrupts_held_back():
            interrupt()
            assert not flag.exists()
        assert flag.exists()


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


# --------------------------------------------------------------------------------------------------------- odd moments

SETTINGS = SearchSettings(default_library())
TABLES = [Rows.from_arrays(X[:60], column) for column in Y[:60].T]


def ends_of(found):
    assert all(np.isfinite(formula.loss) for discovery in found for formula in discovery.front)
    return [discovery.reason for discovery in found]


def raising_first(monkeypatch, place, name, error=KeyboardInterrupt, times=1):
    """Have a function raise at its first calls."""
    usual, calls = getattr(place, name), []

    def function(*arguments, **options):
        calls.append(name)
        if len(calls) <= times:
            raise error
        return usual(*arguments, **options)

    monkeypatch.setattr(place, name, function)


def test_the_searches_that_follow_an_interrupted_one_do_not_begin(monkeypatch):
    raising_first(monkeypatch, Search, "stages")
    found = discover_each(TABLES, SETTINGS, [0, 0])
    assert ends_of(found) == ["interrupted", "interrupted"]
    assert found[1].steps == 0


def test_a_second_one_ends_all_searches_at_once(monkeypatch):
    raising_first(monkeypatch, Search, "stages", times=2)
    with pytest.raises(KeyboardInterrupt):
        discover_each(TABLES, SETTINGS, [0, 0])


def test_one_before_the_first_search_leaves_constants(monkeypatch):
    raising_first(monkeypatch, several, "discover")
    found = discover_each(TABLES, SETTINGS, [0, 0])
    assert ends_of(found) == ["interrupted", "interrupted"]
    assert [len(discovery.front) for discovery in found] == [1, 1]


def test_one_while_numbers_get_their_units_back_keeps_what_was_found(monkeypatch):
    table = Rows.from_arrays(X[:60] * 1e9, X[:60, 0] * 1e-9)
    raising_first(monkeypatch, single, "_restored")
    found = discover(table, SETTINGS, Budget(None, 20))
    assert ends_of([found]) == ["interrupted"]
    assert found.front[-1].r2 == pytest.approx(1.0)


def test_a_callback_that_asks_for_the_end_again_and_again_loses_nothing():
    model = KANRegressor(random_state=0).fit(X, Y, on_progress=lambda progress: True)
    assert ends_of(model.discoveries_) == ["interrupted", "interrupted"]
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("is_interrupted", [True, False])
def test_processes_that_end_at_an_interrupt_are_no_error(is_interrupted, monkeypatch):
    """Such as those of other work of the user, which import kansym when Ctrl-C comes."""

    def broken(*given):
        if is_interrupted:
            interrupt()
        raise BrokenProcessPool

    monkeypatch.setattr(several, "discover_side_by_side", broken)
    if is_interrupted:
        assert ends_of(discover_each(TABLES, SETTINGS, [0, 0], n_jobs=2)) == ["interrupted", "interrupted"]
    else:
        with pytest.raises(BrokenProcessPool):
            discover_each(TABLES, SETTINGS, [0, 0], n_jobs=2)
