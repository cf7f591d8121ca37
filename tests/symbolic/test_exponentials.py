"""Sums of exponentials: the solutions of linear differential equations, read off integrals of the data."""

import numpy as np
import pytest
import sympy

from kansym.library import Library, default_library
from kansym.symbolic.constants import refit
from kansym.symbolic.exponentials import sums_of_exponentials
from kansym.symbolic.rows import Rows

LAWS = {
    "decay with an offset": (lambda t: 5 + 3 * np.exp(-t / 300), 100.0, 2000.0),
    "two decays": (lambda t: 3.1 * (np.exp(-0.25 * t) - np.exp(-1.3 * t)), 0.0, 12.0),
    "three decays": (lambda t: 0.1 * np.exp(-t) + 0.9 * np.exp(-3 * t) + 1.6 * np.exp(-5 * t), 0.0, 1.2),
    "cosh": (lambda t: 3.3 * np.cosh(t / 3.3), -5.0, 5.0),
    "damped wave": (lambda t: 2.1 * np.exp(-0.3 * t) * np.cos(2.4 * t + 0.5), 0.0, 10.0),
    "damped wave about a drift": (lambda t: np.exp(-0.4 * t) * np.cos(3 * t) + 0.3 * t - 1, -2.0, 9.0),
    "critically damped": (lambda t: 1 - np.exp(-1.7 * t) * (1 + 0.4 * t), 0.0, 4.0),
    "driven oscillation": (lambda t: np.cos(2 * t) + 0.5 * np.exp(-0.4 * t) * np.cos(3 * t), 0.0, 12.0),
}


def rows_of(law, n_rows=300, noise=0.0, seed=0):
    function, low, high = LAWS[law]
    generator = np.random.default_rng(seed)
    x = generator.uniform(low, high, n_rows)
    y = function(x)
    return Rows.from_arrays(x[:, None], y + noise * np.sqrt(np.mean(y**2)) * generator.normal(size=n_rows))


def fits(rows, library=None):
    return [refit(formula, rows) for formula, _ in sums_of_exponentials(rows, library or default_library())]


@pytest.mark.parametrize("law", LAWS)
def test_laws_without_noise_are_exact(law):
    rows = rows_of(law)
    assert min(fit.loss for fit in fits(rows)) < 1e-20 * rows.variance


@pytest.mark.parametrize("law", ["decay with an offset", "two decays", "cosh", "damped wave"])
def test_with_noise_the_rest_is_the_noise(law):
    noise = 0.02
    rows = rows_of(law, 400, noise)
    expected = (noise * np.sqrt(np.mean(LAWS[law][0](rows.columns[:, 0]) ** 2))) ** 2
    best = min(fits(rows), key=lambda fit: fit.bits)
    assert best.loss < 1.1 * expected
    assert len(best.constants) <= 7


def test_repeated_values_of_x_and_the_order_of_rows_do_not_matter():
    rows = rows_of("two decays", 60)
    shuffled = np.random.default_rng(1).permutation(np.repeat(np.arange(60), 3))
    again = Rows.from_arrays(rows.columns[shuffled], rows.target[shuffled])
    first, second = (list(sums_of_exponentials(some, default_library())) for some in (rows, again))
    assert [formula.count(sympy.exp) for formula, _ in first] == [formula.count(sympy.exp) for formula, _ in second]
    assert min(fit.loss for fit in fits(again)) < 1e-20


def test_two_rates_that_are_one_are_written_as_one():
    best = min(fits(rows_of("critically damped")), key=lambda fit: fit.bits)
    assert not best.expression.has(sympy.sin, sympy.cos)
    assert len(best.expression.atoms(sympy.exp)) == 1


def test_only_functions_of_the_library_are_proposed():
    without_waves = [formula for formula, _ in sums_of_exponentials(rows_of("damped wave"), Library(["x", "exp"]))]
    assert without_waves
    assert not any(formula.has(sympy.sin, sympy.cos) for formula in without_waves)


@pytest.mark.parametrize("x", [[1.0, 2.0, 3.0], [1.0] * 20, np.linspace(0, 1e-200, 30)])
def test_too_few_or_hopeless_rows_give_no_error(x):
    rows = Rows.from_arrays(np.array(x)[:, None], np.arange(float(len(x))))
    proposed = [formula for formula, _ in sums_of_exponentials(rows, default_library())]
    assert all(formula.free_symbols <= set(rows.variables) for formula in proposed)


def test_values_that_differ_over_decades_only_are_one_value_of_the_range():
    x = np.concatenate([np.geomspace(1e-200, 1e-30, 20), np.linspace(0.0, 1e9, 30)])
    rows = Rows.from_arrays(x[:, None], np.exp(-2e-9 * x))
    fits = [refit(formula, rows) for formula, _ in sums_of_exponentials(rows, default_library())]
    assert min(fit.loss for fit in fits) < 1e-20


def test_without_a_range_nothing_is_proposed():
    rows = Rows.from_arrays(np.zeros((30, 1)), np.arange(30.0))
    assert list(sums_of_exponentials(rows, default_library())) == []
