"""Description length: more of anything costs more bits, and noise buys nothing."""

import math

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kansym.symbolic.constants import refit
from kansym.symbolic.description import (
    EXACT,
    constant_bits,
    evidence,
    member_bits,
    number_bits,
    residual_bits,
    tree_bits,
)
from kansym.symbolic.rows import Rows

X, Y = sympy.symbols("x0 x1", real=True)
losses = st.floats(1e-18, 1.0)
sizes = st.integers(20, 10_000)


@settings(max_examples=100, deadline=None)
@given(losses, losses, sizes, st.integers(0, 8), st.floats(1e-9, 1e9))
def test_evidence_is_antisymmetric_in_the_losses_and_free_of_units(first, second, n_rows, n_constants, unit):
    speaks = evidence(first, second, 1.0, n_rows, n_constants)
    assert speaks == pytest.approx(-evidence(second, first, 1.0, n_rows, n_constants))
    assert (speaks > 0) == (first > second) or speaks == 0
    assert evidence(first * unit, second * unit, unit, n_rows, n_constants) == pytest.approx(speaks, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(losses, losses, sizes, st.integers(0, 8))
def test_residual_bits_fall_with_the_loss_and_grow_with_constants(first, second, n_rows, n_constants):
    low, high = sorted((first, second))
    assert residual_bits(low, 1.0, n_rows, n_constants) <= residual_bits(high, 1.0, n_rows, n_constants)
    assert residual_bits(low, 1.0, n_rows, n_constants) < residual_bits(low, 1.0, n_rows, n_constants + 1)


@pytest.mark.parametrize("loss", [0.0, 1e-30, EXACT])
def test_losses_below_rounding_are_equal(loss):
    assert residual_bits(loss, 1.0, 100, 2) == residual_bits(EXACT, 1.0, 100, 2)
    assert evidence(1.0, loss, 1.0, 100, 2) == evidence(1.0, EXACT, 1.0, 100, 2)


@pytest.mark.parametrize(
    ("arguments", "bits"),
    [
        ((math.inf, 1.0, 100, 1), math.inf),
        ((math.nan, 1.0, 100, 1), math.inf),
        ((0.5, 1.0, 5, 3), math.inf),
        ((0.0, 0.0, 100, 1), 0.0),
        ((0.1, 0.0, 100, 1), math.inf),
    ],
)
def test_residual_bits_at_the_limits(arguments, bits):
    assert residual_bits(*arguments) == bits


@pytest.mark.parametrize(("loss", "n_rows"), [(math.nan, 100), (math.inf, 100), (0.5, 3)])
def test_no_evidence_without_freedom_or_a_finite_loss(loss, n_rows):
    assert evidence(1.0, loss, 1.0, n_rows, 3) == -math.inf


@pytest.mark.parametrize(
    ("shorter", "longer"),
    [
        (X, X + Y),
        (X, X**2),
        (X**2, X**3),
        (X**2, X**17),
        (sympy.exp(X), sympy.sin(X)),
        (sympy.sin(X), sympy.tan(X)),
        (sympy.tanh(X), sympy.asin(X)),
        (2 * X, sympy.Rational(129, 4) * X),
        (X + 1, X + 7),
    ],
)
def test_tree_bits_prefer_the_common(shorter, longer):
    assert tree_bits(shorter) < tree_bits(longer)


def test_the_value_of_a_fitted_constant_costs_nothing_in_the_tree():
    assert tree_bits(2.5 * X) == tree_bits(sympy.Float(123.456789) * X)


def test_a_member_of_a_family_costs_its_rare_functions_and_the_constants_that_became_exact():
    proposed = 2.1 * sympy.exp(X**2) + 0.49
    assert member_bits(proposed, proposed) == 0
    assert member_bits(proposed, 2 * sympy.exp(X**2) + 0.49) == number_bits(sympy.Integer(2))
    assert member_bits(proposed, 2.1 * sympy.exp(X**2)) == 0
    assert member_bits(sympy.tan(X), sympy.tan(X)) > member_bits(sympy.sin(X), sympy.sin(X)) > 0


@pytest.mark.parametrize(("number", "bits"), [(1, 0), (-1, 0), (2, 2), (-2, 2), (sympy.Rational(1, 2), 2), (4, 4)])
def test_number_bits(number, bits):
    assert number_bits(sympy.sympify(number)) == bits


def test_a_constant_costs_half_the_logarithm_of_the_rows():
    assert constant_bits(1024) == 5
    assert constant_bits(0) == constant_bits(2) == 0.5


@pytest.mark.parametrize("n_rows", [12, 30, 300])
def test_noise_does_not_pay_for_a_free_sine(n_rows):
    paid = 0
    for seed in range(20):
        generator = np.random.default_rng(seed)
        x = np.linspace(0, 1, n_rows)
        rows = Rows.from_arrays(x[:, None], 2 * x + 0.1 * generator.normal(size=n_rows))
        line = refit(1.5 * X + 0.1, rows)
        wave = refit(line.expression + 0.05 * sympy.sin(9.5 * X + 0.3), rows)
        paid += wave.bits < line.bits
    assert paid <= 1


@settings(max_examples=100, deadline=None)
@given(st.integers(4, 300), st.floats(0.1, 1.0), st.integers(0, 3))
def test_evidence_is_the_chance_of_noise_to_gain_as_much_by_two_constants(n_rows, ratio, constants):
    """Λ of two constants more that explain nothing has the distribution function Λ^(ν/2)."""
    chance = stats.beta((n_rows - constants) / 2, 1).cdf(ratio)
    assert evidence(1.0, ratio, 1.0, n_rows, constants) == pytest.approx(-math.log2(chance), rel=1e-9, abs=1e-9)


def test_columns_that_are_left_out_have_to_be_said():
    x = sympy.symbols("x:4", real=True)
    proposed = sympy.Mul(*[variable**0.3 for variable in x])
    assert member_bits(proposed, x[0] ** 0.3) == pytest.approx(math.log2(4))
    assert member_bits(proposed, x[0] ** 0.3 * x[2] ** 0.2) == pytest.approx(math.log2(6))
    assert member_bits(proposed, proposed) == 0.0
