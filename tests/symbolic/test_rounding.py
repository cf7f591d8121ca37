"""Exact constants are found where the data say so, and not where they contradict."""

import math

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.symbolic import rounding
from kansym.symbolic.constants import refit
from kansym.symbolic.description import EXACT
from kansym.symbolic.evaluation import count_constants
from kansym.symbolic.normal_form import normal_form
from kansym.symbolic.rounding import exactness, round_constants, shorten_decimals
from kansym.symbolic.rows import Rows

X, Y = sympy.symbols("x0 x1", real=True)
POINTS = np.linspace(0.3, 3.0, 80)
FAR = np.linspace(1e3, 5e3, 80)


def rows_of(values, points=POINTS, noise=0.0, seed=0):
    generator = np.random.default_rng(seed)
    return Rows.from_arrays(points[:, None], values + noise * values.std() * generator.normal(size=len(values)))


def rounded(start, rows):
    return round_constants(refit(normal_form(sympy.sympify(start)), rows), rows)


@pytest.mark.parametrize(
    ("values", "start", "truth"),
    [
        (np.sin(np.pi * POINTS) / 2, 0.4 * sympy.sin(3.0 * X + 0.1) + 0.1, sympy.sin(sympy.pi * X) / 2),
        (POINTS**2, 1.1 * X ** sympy.Float(1.8) + 0.1, X**2),
        (3 * POINTS - 2, 2.9 * X - 1.5, 3 * X - 2),
        (2 / 3 * POINTS**1.5, 0.5 * X ** sympy.Float(1.3), 2 * X ** sympy.Rational(3, 2) / 3),
        (np.exp(-POINTS) / np.pi, 0.3 * sympy.exp(-0.9 * X), sympy.exp(-X) / sympy.pi),
        (np.pi * 1000 * POINTS, 3000.0 * X + 0.1, 1000 * sympy.pi * X),
        (np.log(POINTS), 1.1 * sympy.log(1.1 * X + 0.01) + 0.2, sympy.log(X)),
        ((POINTS - 1) ** 2, 1.2 * (1.1 * X - 0.9) ** 2 + 0.1, (X - 1) ** 2),
        (np.tanh(POINTS / 2), 0.9 * sympy.tanh(0.4 * X + 0.1) + 0.1, sympy.tanh(X / 2)),
        (2 * POINTS, 1.9 * X + 0.01 * sympy.sin(2.0 * X + 1.0), 2 * X),
        (
            POINTS**3 / np.expm1(POINTS),
            1.2 * X**3 / (sympy.exp(0.9 * X) - 0.9),
            X**3 / (sympy.exp(X) - 1),
        ),
        (5 / (4 + POINTS), 4.0 / (0.9 * X + 3.5), 5 / (X + 4)),
        (-np.cos(2 * np.pi * POINTS) / 12, -0.1 * sympy.cos(6.2 * X + 0.05), -sympy.cos(2 * sympy.pi * X) / 12),
    ],
    ids=lambda value: str(value) if isinstance(value, sympy.Basic) else "",
)
def test_exact_values_are_found_on_clean_data(values, start, truth):
    rows = rows_of(values)
    fit = rounded(start, rows)
    assert sympy.simplify(fit.expression - truth) == 0
    assert len(fit.constants) == 0
    assert exactness(fit, rows)


@pytest.mark.parametrize("denominator", [2000, -2000, 150, 7000])
def test_reciprocals_of_integers_are_found(denominator):
    rows = rows_of(3 * np.exp(FAR / denominator) if denominator < 0 else 3 * np.exp(-FAR / denominator), FAR)
    sign = 1 if denominator < 0 else -1
    fit = rounded(2.5 * sympy.exp(sympy.Float(sign * 1.1 / denominator) * X), rows)
    assert fit.expression == 3 * sympy.exp(sign * X / denominator)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([1, 2, 3, 4, 5, 6, 8, 10, 12]),
    st.integers(-300, 300).filter(bool),
    st.sampled_from([sympy.S.One, sympy.pi, 1 / sympy.pi]),
)
def test_rationals_and_multiples_of_pi_are_found(denominator, numerator, unit):
    value = sympy.Rational(numerator, denominator) * unit
    rows = rows_of(float(value) * np.sqrt(POINTS))
    fit = rounded(0.9 * float(value) * sympy.sqrt(X), rows)
    assert len(fit.constants) == 0
    assert float(sympy.N(fit.expression.subs(X, 1))) == pytest.approx(float(value), rel=1e-14)


@pytest.mark.parametrize("noise", [1e-6, 1e-4, 1e-2])
@pytest.mark.parametrize("seed", range(3))
def test_what_the_data_contradict_is_not_rounded(noise, seed):
    rows = rows_of(3.05 * POINTS**2, noise=noise, seed=seed)
    fit = rounded(2.9 * X**2, rows)
    assert fit.constants == pytest.approx([3.05], abs=0.05)
    assert fit.constants[0] != pytest.approx(3, abs=1e-3)


@pytest.mark.parametrize("value", [9.81, 6.02214076, 1.380649, 0.123456])
def test_measured_constants_of_clean_data_stay(value):
    rows = rows_of(value * np.exp(-POINTS))
    fit = rounded(0.9 * value * sympy.exp(-1.1 * X), rows)
    assert fit.expression.has(sympy.exp(-X))
    assert count_constants(fit.expression) == 1
    assert float(fit.constants[0]) == pytest.approx(value, rel=1e-12)


def test_noise_makes_round_numbers_likely():
    exact = 0
    for seed in range(12):
        fit = rounded(2.9 * X ** sympy.Float(2.1), rows_of(3 * POINTS**2, noise=0.02, seed=seed))
        exact += fit.expression == 3 * X**2
    assert exact >= 9


@pytest.mark.parametrize("noise", [0.0, 1e-3])
@pytest.mark.parametrize(("scale", "rate"), [(1.234567, 0.456789), (-0.0123456, 1.357913)])
def test_a_tie_between_two_constants_is_found(noise, scale, rate):
    rows = rows_of(scale * np.expm1(rate * POINTS), noise=noise)
    fit = rounded(1.1 * scale * sympy.exp(0.95 * rate * X) - 0.9 * scale, rows)
    assert len(fit.constants) == 2
    # c·(exp(a·x) − 1) in any of its writings
    assert float(sympy.N(fit.expression.subs(X, 0))) == pytest.approx(0, abs=1e-9)


def test_a_tie_with_a_ratio_of_two_is_found():
    rows = rows_of(1.234567 * (np.exp(0.456789 * POINTS) + 2 * POINTS))
    fit = rounded(1.2 * sympy.exp(0.46 * X) + 2.4 * X, rows)
    assert len(fit.constants) == 2
    assert fit.expression.has(2 * X)


def test_a_needless_term_goes_and_a_needed_one_stays():
    generator = np.random.default_rng(1)
    columns = generator.uniform(0.5, 2, (200, 2))
    noise = 0.05 * generator.normal(size=200)
    start = 2.2 * X + 0.1 * Y
    without = Rows.from_arrays(columns, 2.345 * columns[:, 0] + noise)
    assert rounded(start, without).expression.free_symbols == {X}
    needed = Rows.from_arrays(columns, 2.345 * columns[:, 0] + 0.1 * columns[:, 1] + noise)
    assert rounded(start, needed).expression.free_symbols == {X, Y}


@settings(max_examples=30, deadline=None)
@given(
    st.floats(0.1, 9),
    st.floats(-2, 2).filter(lambda rate: abs(rate) > 0.05),
    st.floats(-3, 3),
    st.sampled_from([0.0, 1e-8, 1e-3, 0.1]),
    st.integers(0, 99),
)
def test_rounding_stays_within_what_the_noise_allows(scale, rate, level, noise, seed):
    rows = rows_of(scale * np.exp(rate * POINTS) + level, noise=noise, seed=seed)
    before = refit(1.1 * scale * sympy.exp(1.05 * rate * X) + level + 0.1, rows)
    after = round_constants(before, rows)
    assert len(after.constants) <= len(before.constants)
    # A constant is worth at most half the logarithm of the rows in bits, or the digits that the data determine.
    allowed = 2 * max(before.loss, EXACT * rows.variance)
    assert after.loss <= allowed
    assert round_constants(after, rows).loss <= allowed


def test_a_stop_keeps_the_fit():
    rows = rows_of(3.05 * POINTS**2, noise=1e-2)
    fit = refit(2.9 * X ** sympy.Float(2.1) + 0.1, rows)
    assert round_constants(fit, rows, should_stop=lambda: True) == fit or len(fit.constants) == 3


def test_formulas_without_constants_stay():
    rows = rows_of(POINTS**2)
    assert round_constants(refit(X**2, rows), rows).expression == X**2


def test_exactness_is_relative_to_the_variance():
    rows, small = rows_of(POINTS**2), rows_of(1e-9 * POINTS**2)
    assert exactness(refit(X**2, rows), rows)
    assert exactness(refit(sympy.Float(2e-9) * X**2, small), small)
    assert not exactness(refit(sympy.Float(2e-9) * X, small), small)
    assert not exactness(refit(sympy.log(-X), rows), rows)


# --- decimals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.35, 4.905, 1.2e-9, 6.62607e-34, 273.15, -0.1])
def test_short_decimals_are_written_short(value):
    rows = rows_of(value * np.exp(-POINTS))
    fit = shorten_decimals(refit(0.9 * value * sympy.exp(-1.1 * X), rows), rows)
    assert sorted(fit.constants) == sorted([value, -1.0])
    assert exactness(fit, rows)


@settings(max_examples=30, deadline=None)
@given(st.floats(-9, 9).filter(lambda v: abs(v) > 1e-3), st.sampled_from([0.0, 1e-9, 1e-3, 0.3]), st.integers(0, 99))
def test_shortening_keeps_loss_and_number_of_constants(value, noise, seed):
    rows = rows_of(value * np.exp(-POINTS) + 0.77, noise=noise, seed=seed)
    before = refit(1.1 * value * sympy.exp(-0.95 * X) + 0.7, rows)
    after = shorten_decimals(before, rows)
    assert after.loss <= max(before.loss * (1 + 1e-9), EXACT * rows.variance)
    assert len(after.constants) == len(before.constants)
    assert after.expression.subs(X, 1.0) == pytest.approx(
        float(sympy.N(before.expression.subs(X, 1.0))), rel=1e-8, abs=1e-9
    )


def test_what_the_data_know_better_is_not_shortened():
    rows = rows_of(math.e * POINTS, noise=1e-3)
    fit = refit(2.5 * X, rows)
    assert shorten_decimals(fit, rows).constants[0] == fit.constants[0]


@pytest.mark.parametrize("value", [1e305, -1.7e308, float("inf"), float("nan")])
def test_the_largest_numbers_are_near_no_exact_one(value):
    assert list(rounding._exact_values(value, 1.0, 1000)) == []
