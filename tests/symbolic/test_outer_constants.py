"""Logarithms and real powers of quotients: found whatever the outer constant, and nothing where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.library import Library, default_library
from kansym.symbolic.constants import refit
from kansym.symbolic.normal_form import normal_form
from kansym.symbolic.outer_constants import laws_of_outer_function, laws_with_outer_constant
from kansym.symbolic.rows import Rows

SYMBOLS = X, Y, Z = sympy.symbols("x0 x1 x2", real=True)
LIBRARY = default_library()


def rows_of(law, n_variables=2, n_rows=500, low=0.5, high=4.0, seed=0):
    columns = np.random.default_rng(seed).uniform(low, high, (n_rows, n_variables))
    return Rows.from_arrays(columns, sympy.lambdify(SYMBOLS[:n_variables], law)(*columns.T))


def best_of(rows, library=LIBRARY):
    fits = [refit(normal_form(law), rows, library=library) for law, _ in laws_with_outer_constant(rows, library)]
    return min(fits, key=lambda fit: fit.loss, default=None)


LAWS = {
    "voltage": (0.0257 * sympy.log((X + 0.04 * Y) / (Z + 0.3)), 3),
    "level": (10 / sympy.log(10) * sympy.log(1 + 3.1 * X * Y), 2),
    "falling level": (7 - 2.3 * sympy.log(X + 0.4 * Y), 2),
    "real power": ((1 + 0.3 * X + Y) ** 1.7, 2),
    "negative": (-((1 + 0.3 * X * Y) ** -1.43), 2),
    "one column": (3.2 * (X / (1.9 + X)) ** 1.31, 1),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_law_is_found_up_to_rounding(name):
    law, n_variables = LAWS[name]
    rows = rows_of(law, n_variables)
    fit = best_of(rows)
    assert fit is not None
    assert fit.loss < 1e-20 * rows.variance
    fresh = rows_of(law, n_variables, low=0.3, high=5.0, seed=1)
    predicted = sympy.lambdify(fresh.variables, fit.expression)(*fresh.columns.T)
    assert np.abs(predicted - fresh.target).max() < 1e-8 * np.ptp(fresh.target)


FUNCTIONS = {
    "magnetisation": (2.4 * sympy.tanh(0.67 * X / (Y + 1.3)), 2),
    "negative": (-1.9 * sympy.tanh(0.3 * X**2 + 0.2 * Y), 2),
    "angle": (1.9 * sympy.atan((X - Y) / (Z + 0.7)), 3),
    "less than a quarter turn": (1.3 * sympy.sin(0.3 * X * Y / (Y + 1)), 2),
    "rate above a background": (0.3 + 1.7 * sympy.exp(-1.2 * X / (Y + 0.6)), 2),
    "approach from below": (5 - 1.7 * sympy.exp(-0.4 * X * Y), 2),
    "reciprocal of a logarithm": (3.1 / (0.4 + sympy.log(1 + 2.2 * X / Y)), 2),
    "one column": (sympy.tanh(0.67 / (X + 0.3)), 1),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("unit", [1e-7, 1.0, 1e9])
def test_a_function_of_a_quotient_is_found_up_to_rounding(name, unit):
    law, n_variables = FUNCTIONS[name]
    rows = rows_of(unit * law, n_variables)
    fits = (refit(normal_form(law), rows) for law, _ in laws_of_outer_function(rows, LIBRARY))
    fit = next((fit for fit in fits if fit.loss < 1e-20 * rows.variance), None)
    assert fit is not None
    fresh = rows_of(unit * law, n_variables, low=0.3, high=5.0, seed=1)
    predicted = sympy.lambdify(fresh.variables, fit.expression)(*fresh.columns.T)
    assert np.abs(predicted - fresh.target).max() < 1e-7 * np.ptp(fresh.target)


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("magnetisation", "tanh"),
        ("angle", "arctan"),
        ("less than a quarter turn", "sin"),
        ("rate above a background", "exp"),
        ("reciprocal of a logarithm", "log"),
    ],
)
def test_functions_of_quotients_are_those_of_the_library(name, needed):
    rows = rows_of(*FUNCTIONS[name])
    names = ["x", "x^2", "exp", "log", "sin", "tanh", "arctan"]
    assert any(law.has(LIBRARY[needed].sympy(X).func) for law, _ in laws_of_outer_function(rows, Library(names)))
    without = Library([other for other in names if other != needed])
    assert not any(law.has(LIBRARY[needed].sympy(X).func) for law, _ in laws_of_outer_function(rows, without))


def test_where_there_is_no_function_of_a_quotient_none_is_proposed():
    rows = rows_of(FUNCTIONS["magnetisation"][0])
    assert list(laws_of_outer_function(rows, LIBRARY))
    assert not list(laws_of_outer_function(rows, LIBRARY, lambda: True))
    noise = 1e-4 * np.random.default_rng(0).normal(size=len(rows))
    one_denormal = np.where(np.arange(len(rows)) == 7, 1e-310, rows.target)
    others = (rows.target + noise, one_denormal, np.full(len(rows), 3.0), np.zeros(len(rows)))
    for target in (*others, rows_of(sympy.sin(X) * Y).target):
        assert not list(laws_of_outer_function(Rows.from_arrays(rows.columns, target), LIBRARY))


@settings(max_examples=20, deadline=None)
@given(st.floats(0.2, 5.0), st.floats(-4.0, 4.0), st.sampled_from([1e-6, 1.0, 1e6]))
def test_any_outer_constant_and_unit(constant, offset, unit):
    rows = rows_of(unit * (offset + constant * sympy.log(1 + X + 0.7 * X * Y)))
    fit = best_of(rows)
    assert fit is not None
    assert fit.loss < 1e-18 * rows.variance


def test_noise_leaves_nothing():
    rows = rows_of(LAWS["level"][0])
    noise = 1e-4 * np.random.default_rng(0).normal(size=len(rows))
    assert best_of(Rows.from_arrays(rows.columns, rows.target + noise)) is None


@pytest.mark.parametrize("law", [sympy.sin(X) * Y, sympy.exp(-(X**2)) + Y, sympy.tanh(X * Y)])
def test_what_is_no_such_law_is_not_exact(law):
    rows = rows_of(law)
    fit = best_of(rows)
    assert fit is None or fit.loss > 1e-16 * rows.variance


def test_the_library_few_rows_constant_targets_and_a_stop():
    level = LAWS["level"][0]
    assert best_of(rows_of(level), Library(["x", "x^2", "exp"])) is None
    assert best_of(rows_of(level, n_rows=9)) is None
    assert best_of(Rows.from_arrays(rows_of(level).columns, np.full(500, 3.0))) is None
    assert not list(laws_with_outer_constant(rows_of(level), LIBRARY, lambda: True))
