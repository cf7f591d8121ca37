"""Laws with a constant inside one function: found whatever the constants, and nothing where there is no such law."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import sympy

from kansym.library import Library, default_library
from kansym.symbolic.constants import refit
from kansym.symbolic.inner_constants import laws_with_inner_constant
from kansym.symbolic.normal_form import normal_form
from kansym.symbolic.rows import Rows

X, Y = sympy.symbols("x0 x1", real=True)
LIBRARY = default_library()


def rows_of(law, n_variables=2, n_rows=400, low=0.2, high=5.0, seed=0):
    columns = np.random.default_rng(seed).uniform(low, high, (n_rows, n_variables))
    values = sympy.lambdify((X, Y)[:n_variables], law)(*columns.T)
    return Rows.from_arrays(columns, np.broadcast_to(values, n_rows).astype(float))


def best_of(rows, library=LIBRARY, most=12):
    """The best of the first formulas after the fit that every proposal gets; none is asked for after an exact one."""
    fits = []
    for formula, _ in itertools.islice(laws_with_inner_constant(rows, library), most):
        fits.append(refit(normal_form(formula), rows, library=library))
        if fits[-1].loss < 1e-18 * rows.variance:
            break
    return min(fits, key=lambda fit: fit.loss, default=None)


LAWS = {
    "growth": (9.5 / (1 + 25.0 * sympy.exp(-0.83 * X)), 1),
    "double exponential": (7.2 * sympy.exp(-3.1 * sympy.exp(-0.55 * X)), 1),
    "cooling": (Y + 0.7 * (12.0 - Y) * sympy.exp(-0.37 * X), 2),
    "wave with phase": (Y * sympy.sin(2.4 * X + 0.6) + 0.3, 2),
    "damped wave": (Y * sympy.exp(-0.35 * X) * sympy.cos(2.4 * X + 0.6), 2),
    "real power": (Y / (0.7 + Y + 0.3 * X**1.63), 2),
    "shifted logarithm": (Y * sympy.log(X + 1.7) + Y**2, 2),
    "shifted root": ((1 + 0.4 * Y) * sympy.sqrt(X + 0.63) + 2.1, 2),
    "heat capacity": (24.9 * (3.1 / X) ** 2 * sympy.exp(3.1 / X) / (sympy.exp(3.1 / X) - 1) ** 2, 1),
    "soliton": (X**2 / sympy.cosh(0.8 * X) ** 2, 1),
    "rate of a gate": (0.01 * (X + 7.0) / (1 - sympy.exp(-(X + 7.0) / 2.3)), 1),
    "entropy of mixing": (-X * sympy.log(X) - (6.3 - X) * sympy.log(6.3 - X) + 0.7 * X * (6.3 - X), 1),
    "activation": (1 + Y * sympy.exp(-3.7 / X), 2),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_law_is_found_up_to_rounding(name):
    law, n_variables = LAWS[name]
    rows = rows_of(law, n_variables)
    fit = best_of(rows)
    assert fit is not None
    assert fit.loss < 1e-18 * rows.variance
    fresh = rows_of(law, n_variables, low=0.1, high=6.0, seed=1)
    predicted = sympy.lambdify(fresh.variables, fit.expression)(*fresh.columns.T)
    assert np.abs(predicted - fresh.target).max() < 1e-6 * np.ptp(fresh.target)


def test_the_unit_of_the_column_does_not_matter():
    growth = LAWS["growth"][0]
    for unit in (1e-6, 1.0, 1e6):
        rows = rows_of(growth, 1)
        scaled = Rows.from_arrays(rows.columns * unit, rows.target)
        fit = best_of(scaled)
        assert fit is not None
        assert fit.loss < 1e-18 * rows.variance


def test_noise_leaves_nothing_to_find():
    rows = rows_of(LAWS["cooling"][0])
    noisy = Rows.from_arrays(rows.columns, rows.target + 1e-3 * np.random.default_rng(0).normal(size=len(rows)))
    assert best_of(noisy) is None


def test_functions_that_the_library_lacks_are_not_used():
    rows = rows_of(LAWS["cooling"][0])
    without = Library(["x", "x^2", "log", "sqrt"])
    assert not any(f.has(sympy.exp) for f, _ in laws_with_inner_constant(rows, without))


@pytest.mark.parametrize("n_rows", [2, 5, 12])
def test_few_rows_are_no_proof(n_rows):
    assert best_of(rows_of(LAWS["cooling"][0], n_rows=n_rows)) is None


def test_a_constant_column_or_target_is_left_alone():
    rows = rows_of(LAWS["growth"][0])
    columns = np.column_stack([rows.columns[:, 0], np.ones(len(rows))])
    fit = best_of(Rows.from_arrays(columns, rows.target))
    assert fit is not None
    assert fit.loss < 1e-18 * rows.variance
    assert best_of(Rows.from_arrays(rows.columns, np.full(len(rows), 3.0))) is None


def test_it_stops_when_told():
    assert not list(laws_with_inner_constant(rows_of(LAWS["cooling"][0]), LIBRARY, lambda: True))
