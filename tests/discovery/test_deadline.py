"""A deadline ends what does not ask for the time, and nothing of it is left afterwards."""

import contextlib
import dataclasses
import functools
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import sympy
import torch

from kansym import default_library
from kansym.discovery import Budget, NetworkSettings, SearchSettings, discover, networks
from kansym.discovery.deadline import TimeIsUp, call_within
from kansym.discovery.search import Search
from kansym.discovery.views import View
from kansym.symbolic.rows import Rows

X, Y, Z = sympy.symbols("x y z", real=True)


def running():
    return [thread.name for thread in threading.enumerate() if thread.name == "kansym-deadline"]


def test_what_ends_in_time_gives_its_result():
    assert call_within(60.0, lambda: 42) == 42
    assert call_within(float("inf"), lambda: 42) == 42
    assert running() == []


def test_an_error_of_the_function_comes_through():
    with pytest.raises(ZeroDivisionError):
        call_within(60.0, lambda: 1 / 0)
    assert running() == []


def test_simplification_that_would_run_for_ever_ends():
    without_end = (X + 2 * Y + 3 * Z + 1) ** 200 + (X - Y) ** 201 + Z  # a million terms
    with pytest.raises(TimeIsUp):
        call_within(0.05, lambda: sympy.factor(sympy.expand(without_end)))
    assert running() == []


def test_code_that_lets_no_error_pass_is_interrupted():
    def stubborn():
        while True:
            try:
                time.sleep(0.001)
            except Exception:
                continue

    with pytest.raises(TimeIsUp):
        call_within(0.02, stubborn)


def test_an_exception_that_was_swallowed_comes_again(monkeypatch):
    monkeypatch.setattr("kansym.discovery.deadline._AGAIN", 0.01)
    swallowed = []

    def swallowing():
        while len(swallowed) < 3:
            try:
                while True:
                    time.sleep(0.001)
            except TimeIsUp:
                swallowed.append(True)
        return "done"

    assert call_within(0.01, swallowing) == "done"
    assert running() == []


def test_no_exception_is_left_over():
    """Functions that end at about the time when the exception is sent."""
    for trial in range(100):
        with contextlib.suppress(TimeIsUp):
            call_within(0.001, functools.partial(time.sleep, 0.0008 + 0.000004 * trial))
        assert [abs(-step) for step in range(50)] == list(range(50))
    assert running() == []


PROFILED = """
import contextlib, cProfile, time
from kansym.discovery.deadline import TimeIsUp, call_within
for seconds in {seconds}:
    with contextlib.suppress(TimeIsUp):
        call_within(seconds, lambda: time.sleep(0.05))
cProfile.run("[(lambda: number)() for number in range(1000)]")
"""


@pytest.mark.parametrize("seconds", [[60.0], [0.01]], ids=["in time", "too late"])
def test_profilers_and_debuggers_work_afterwards(seconds):
    """A note of an exception that never comes makes Python 3.11 hang at the next function that is traced."""
    code = PROFILED.format(seconds=seconds)
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, timeout=600)


def test_each_thread_has_its_own_deadline():
    outcomes = {}

    def wait(name):
        while name == "short" or "short" not in outcomes:
            time.sleep(0.001)
        return "done"

    def work(name, seconds):
        try:
            outcomes[name] = call_within(seconds, lambda: wait(name))
        except TimeIsUp:
            outcomes[name] = "ended"

    threads = [threading.Thread(target=work, args=pair) for pair in (("short", 0.01), ("long", 600.0))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == {"short": "ended", "long": "done"}


# --------------------------------------------------------------------------------------------------------- in a search


def rows():
    X = np.random.default_rng(0).uniform(1, 2, (60, 2))
    return Rows.from_arrays(X, np.sin(7 * X[:, 0]) + X[:, 1] + np.random.default_rng(1).normal(size=60))


def search(budget):
    return discover(rows(), SearchSettings(default_library()), budget)


def stages_that_hang(self):
    yield "relevant columns"
    self._linear()
    while True:
        sympy.expand((X + Y) ** 3)


def test_a_step_that_hangs_costs_neither_the_limit_nor_what_was_found(monkeypatch):
    monkeypatch.setattr(Search, "stages", stages_that_hang)
    found = search(Budget(time_limit=0.5))
    assert found.reason == "the budget was used up"
    assert len(found.front) >= 1
    assert running() == []


@pytest.mark.parametrize("place", ["stages", "finished_front", "make_networks_of"])
def test_an_interrupt_anywhere_keeps_what_was_found(place, monkeypatch):
    usual, calls = getattr(Search, place), []

    def interrupted_once(self, *arguments):
        calls.append(place)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return usual(self, *arguments)

    monkeypatch.setattr(Search, place, interrupted_once)
    found = search(Budget(None, max_steps=5))
    assert found.reason == "interrupted"
    assert len(found.front) >= 1


def test_a_second_interrupt_ends_at_once(monkeypatch):
    def interrupted(self, *arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(Search, "stages", interrupted)
    monkeypatch.setattr(Search, "finished_front", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search(Budget(None, max_steps=5))


def test_an_interrupted_search_does_not_go_on_to_resample():
    budget = Budget(None, max_steps=None)

    def interrupt(progress):
        raise KeyboardInterrupt

    found = discover(rows(), SearchSettings(default_library()), budget, on_progress=interrupt)
    assert (found.reason, found.confidence.resamples) == ("interrupted", 0)
    assert budget.exhausted()


def test_a_budget_tells_how_long_a_step_may_take():
    now = [100.0]
    budget = Budget(10.0, clock=lambda: now[0])
    assert budget.patience == pytest.approx(9.7)
    now[0] += 9.0
    assert (budget.patience, budget.exhausted()) == (pytest.approx(0.7), False)
    now[0] += 0.3
    assert budget.exhausted()
    assert Budget(None).patience == float("inf")


def test_networks_that_take_too_long_are_done_without(monkeypatch):
    def hang(self, formula):
        while True:
            time.sleep(0.001)

    monkeypatch.setattr(Search, "make_networks_of", hang)
    found = search(Budget(time_limit=0.4))
    assert len(found.front) >= 1
    assert running() == []


def test_what_is_good_to_have_gets_a_share_of_the_limit_or_a_moment():
    now = [0.0]
    budget = Budget(100.0, clock=lambda: now[0])
    now[0] = 101.0
    assert budget.grace == pytest.approx(5.0)
    assert Budget(1.0, clock=lambda: 0.0).grace == pytest.approx(1.2)
    now[0] = 200.0
    assert budget.grace == 0.0
    assert Budget(None).grace == float("inf")


# --------------------------------------------------------------------------------------------------------- many columns


def wide_rows(n_rows, n_columns):
    X = np.random.default_rng(0).uniform(1, 2, (n_rows, n_columns))
    return Rows.from_arrays(X, X[:, 1] * X[:, 4])


def test_networks_of_a_formula_are_made_of_its_own_columns(monkeypatch):
    table, asked = wide_rows(50, 400), []
    whole = Search(table, SearchSettings(default_library()), Budget(None), 0)
    monkeypatch.setattr(whole, "_to_learn", lambda network, rows: asked.append(rows.n_variables) or rows)
    best = whole.best
    assert best is not None
    first, second = table.variables[1], table.variables[4]
    whole.make_networks_of(dataclasses.replace(best, expression=first * second))
    assert asked == [2]
    assert whole.symbolic is not None
    assert whole.network is not None
    assert whole.symbolic.widths[0] == whole.network.widths[0] == 400
    for network, tolerance in ((whole.symbolic, 1e-12), (whole.network, 0.1)):
        values = network.evaluate(torch.tensor(table.columns)).numpy()[:, 0]
        np.testing.assert_allclose(values, table.target, rtol=tolerance)
        assert {index[2] for index in network.edges() if index[0] == 0} == {1, 4}


@pytest.mark.parametrize(("n_columns", "widths"), [(100, (5,)), (101, (1,))])
def test_networks_of_many_columns_are_narrow(n_columns, widths):
    """A step of Levenberg-Marquardt cannot be interrupted, and takes the third power of nodes times columns."""
    assert networks._hidden_widths(NetworkSettings(), 0.5, wide_rows(60, n_columns)) == widths


def test_powers_of_hundreds_of_columns_are_not_looked_for(monkeypatch):
    asked = []
    monkeypatch.setattr("kansym.discovery.view_search.search_span", lambda *data, **options: asked.append(1) or [])
    for n_columns, times in ((300, 1), (301, 0)):
        asked.clear()
        table = wide_rows(20, n_columns)
        Search(table, SearchSettings(default_library()), Budget(None), 0).of_view.monomials(View.of(table))
        assert len(asked) == times


def test_no_decomposition_in_one_piece_is_wider_than_a_part_of_the_rows(monkeypatch):
    """Columns that all go with the target would make an additive model of five thousand curves."""
    from kansym.structure import relevance

    generator = np.random.default_rng(0)
    common = generator.normal(size=(800, 1))
    columns = common + 0.1 * generator.normal(size=(800, 250))
    usual, widths = relevance.orthonormal, []

    def watched(design):
        widths.append(design.shape[1])
        return usual(design)

    monkeypatch.setattr(relevance, "orthonormal", watched)
    relevance.relevant_columns(columns, common[:, 0])
    assert 0 < max(widths) <= 400
