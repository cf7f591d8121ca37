"""Quotients under noise: the law's monomials and no others, whatever the units, and never a pole among the rows."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.symbolic.fitted_quotients import fitted_quotients
from kansym.symbolic.rows import Rows

SYMBOLS = sympy.symbols("x0:5", real=True)
A, B, C, D, E = SYMBOLS

LAWS = {
    "resonance": (B**2 / ((A - 3.1) ** 2 + B**2 / 4), [(1, 6), (0.2, 2)]),
    "inhibition": (A * B / (3.1 * (1 + C / 1.7) + B), [(1, 9), (0.5, 20), (0, 8)]),
    "thin lens": (1 / ((A - 1) * (1 / B - 1 / C)), [(1.3, 1.9), (5, 20), (25, 60)]),
    "parallel and in series": (A * B / (C + D) + E, [(0.5, 2)] * 5),
    "polynomial": (0.7 * A**2 - 1.3 * A * B + 2, [(-2, 2), (-2, 2)]),
    "negative": (-A / (0.4 + B), [(0.5, 2), (0.1, 3)]),
    # All monomials up to the degrees of these have a common factor with zeros among the rows.
    "relaxation and a line": (1.5 / (1 + 0.49 * A**2) + 0.4 * B, [(0.1, 8), (0.2, 3)]),
    "driven oscillator": (A / ((B**2 - 2.2) ** 2 + 0.8), [(0.5, 2), (0.2, 3)]),
}


def noisy_rows(law, ranges, n_rows=800, noise=0.01, seed=0):
    generator = np.random.default_rng(seed)
    low, high = np.array(ranges, dtype=float).T
    columns = generator.uniform(low, high, (n_rows, len(low)))
    clean = sympy.lambdify(SYMBOLS[: len(low)], law)(*columns.T)
    sigma = noise * np.sqrt(np.mean(clean**2))
    return Rows.from_arrays(columns, clean + sigma * generator.normal(size=n_rows)), clean, sigma


def values(formula, rows):
    return sympy.lambdify(rows.variables, formula)(*rows.columns.T)


def monomials_of(expression):
    """Exponents of the numerator and of the denominator."""
    parts = sympy.fraction(sympy.together(expression))
    return [set(sympy.Poly(part, *SYMBOLS).monoms()) for part in parts]


@pytest.mark.parametrize("name", LAWS)
def test_the_first_is_the_law_to_a_tenth_of_the_noise(name):
    law, ranges = LAWS[name]
    rows, clean, sigma = noisy_rows(law, ranges)
    formula, _ = next(fitted_quotients(rows))
    assert np.sqrt(np.mean((values(formula, rows) - clean) ** 2)) < 0.1 * sigma
    assert monomials_of(formula) == monomials_of(law)


def test_a_beam_that_widens_is_found_though_noise_makes_some_values_negative():
    rows, clean, sigma = noisy_rows(3 * sympy.exp(-(A**2) / (0.5 + 0.3 * B**2)), [(0, 2), (0, 3)], n_rows=400)
    assert (rows.target < 0).any()
    with np.errstate(all="ignore"):  # the others may be roots of negative numbers
        errors = [np.sqrt(np.mean((values(formula, rows) - clean) ** 2)) for formula, _ in fitted_quotients(rows)]
    assert np.nanmin(errors) < 0.1 * sigma


def test_what_coefficients_say_of_each_other_within_their_errors_shortens_a_quotient():
    rows, clean, sigma = noisy_rows(0.9 * A / (0.4 + A) - 0.15 * B, [(0.05, 5), (0, 3)], n_rows=400)
    formulas = [formula for formula, _ in fitted_quotients(rows)]
    short = min(formulas, key=lambda formula: len(formula.atoms(sympy.Float)))
    assert len(short.atoms(sympy.Float)) == 3
    assert np.sqrt(np.mean((values(short, rows) - clean) ** 2)) < 0.5 * sigma  # before its constants are fitted again


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(-6, 6), min_size=4, max_size=4))
def test_units_do_not_matter(decades):
    rows, clean, sigma = noisy_rows(*LAWS["inhibition"])
    units = 10.0 ** np.array(decades)
    scaled = Rows.from_arrays(rows.columns * units[:3], rows.target * units[3])
    formula, _ = next(fitted_quotients(scaled))
    assert np.sqrt(np.mean((values(formula, scaled) / units[3] - clean) ** 2)) < 0.1 * sigma


def test_rows_of_little_weight_say_little():
    rows, clean, sigma = noisy_rows(*LAWS["inhibition"])
    wrong = np.arange(len(rows)) % 5 == 0
    target = np.where(wrong, rows.target + 3.0, rows.target)
    weighted = Rows.from_arrays(rows.columns, target, np.where(wrong, 1e-9, 1.0))
    formula, _ = next(fitted_quotients(weighted))
    assert np.sqrt(np.mean((values(formula, weighted) - clean) ** 2)) < 0.1 * sigma


@pytest.mark.parametrize("noise", [0.0, 1e-3, 0.3])
def test_there_is_no_pole_among_the_rows(noise):
    rows, _, _ = noisy_rows(sympy.sin(3 * A) + B, [(-2, 2), (-2, 2)], n_rows=200, noise=noise)
    formulas = [formula for formula, _ in fitted_quotients(rows)]
    assert formulas
    for formula in formulas:
        with np.errstate(all="ignore"):
            predicted = values(formula, rows)
        inside = np.isfinite(predicted)
        assert np.abs(predicted[inside]).max() < 1e3 * np.abs(rows.target).max()


@pytest.mark.parametrize("n_rows", [1, 2, 5, 11])
def test_few_rows_have_no_quotients(n_rows):
    rows, _, _ = noisy_rows(*LAWS["inhibition"], n_rows=n_rows)
    assert not list(fitted_quotients(rows))


@pytest.mark.parametrize("levels", [2, 3])
def test_columns_of_few_values(levels):
    generator = np.random.default_rng(1)
    columns = np.column_stack([generator.integers(0, levels, 400), generator.uniform(0.5, 3, 400)]).astype(float)
    clean = (1 + columns[:, 0]) / (0.4 + columns[:, 1])
    rows = Rows.from_arrays(columns, clean + 0.01 * generator.normal(size=400))
    formula, _ = next(fitted_quotients(rows))
    assert np.sqrt(np.mean((values(formula, rows) - clean) ** 2)) < 0.003


@pytest.mark.parametrize(("of_column", "of_target"), [(1.0, 1e100), (1.0, 1e-200), (1e-170, 1.0), (1e150, 1.0)])
def test_numbers_at_the_ends_of_doubles_raise_nothing(of_column, of_target):
    rows, _, _ = noisy_rows(*LAWS["inhibition"], n_rows=200)
    scaled = Rows.from_arrays(rows.columns * of_column, rows.target * of_target)
    formulas = [formula for formula, _ in fitted_quotients(scaled)]
    assert formulas
    assert all(np.isfinite(float(number)) for formula in formulas for number in formula.atoms(sympy.Float))


def test_a_target_of_many_decades_raises_nothing():
    generator = np.random.default_rng(0)
    columns = np.column_stack([generator.uniform(1, 3, 300), generator.uniform(0, 22, 300)])
    target = columns[:, 0] * np.exp(-(columns[:, 1] ** 2)) * (1 + 0.02 * generator.normal(size=300))
    assert list(fitted_quotients(Rows.from_arrays(columns, target)))


def test_constants_and_a_stop():
    rows, _, _ = noisy_rows(*LAWS["inhibition"])
    assert not list(fitted_quotients(Rows.from_arrays(rows.columns, np.full(len(rows), 2.0))))
    assert not list(fitted_quotients(rows, lambda: True))
    columns = rows.columns.copy()
    columns[:, 2] = 0.0
    without = Rows.from_arrays(columns, 2 * columns[:, 0] / (1 + columns[:, 1]))
    formula, _ = next(fitted_quotients(without))
    assert np.allclose(values(formula, without), without.target)
