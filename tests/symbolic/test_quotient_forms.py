"""Spellings of quotients: each has the value of the quotient, and says what a reader would write."""

from __future__ import annotations

from typing import Any

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.symbolic.quotient_forms import (
    briefly,
    completed_squares,
    description_length,
    divided,
    factored,
    in_parts,
    polynomial_sum,
)

X, Y = sympy.symbols("x y", real=True)

exponents = st.tuples(st.integers(0, 3), st.integers(0, 3))
coefficients = st.integers(-40, 40).filter(bool).map(lambda k: k / 8)
polynomials = st.dictionaries(exponents, coefficients, min_size=1, max_size=5)


def value(form, x=1.37, y=0.61):
    return float(sympy.sympify(form).subs({X: x, Y: y}))


def of(expression):
    """The polynomial of an expression, by exponents."""
    terms: Any = sympy.Poly(sympy.expand(expression), X, Y).terms()
    return {(int(e[0]), int(e[1])): float(c) for e, c in terms}


@settings(max_examples=60, deadline=None)
@given(polynomials)
def test_spellings_of_a_polynomial_keep_its_value(part):
    expected = value(polynomial_sum(part, (X, Y)))
    for form in (completed_squares, briefly):
        assert value(form(part, (X, Y))) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert description_length(briefly(part, (X, Y))) <= description_length(polynomial_sum(part, (X, Y)))


@settings(max_examples=60, deadline=None)
@given(polynomials, polynomials)
def test_spellings_of_a_quotient_keep_its_value(above, below):
    denominator = value(polynomial_sum(below, (X, Y)))
    if abs(denominator) < 1e-3:
        return
    expected = value(polynomial_sum(above, (X, Y))) / denominator
    forms = [divided(above, below, 0, (X, Y)), in_parts(above, below, (X, Y)), *factored(above, below, (X, Y))]
    for form in forms:
        if form is not None:
            assert value(form) == pytest.approx(expected, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize(
    ("expanded", "written"),
    [
        ((X - 1.7 * Y) ** 2 + 3 * X, (X - 1.7 * Y) ** 2 + 3.0 * X),
        ((1 - X**2) ** 2 + Y**2, (1 - X**2) ** 2 + Y**2),
        (X**2 + Y**2, X**2 + Y**2),
        (X**2 + 3 * X * Y + Y**2, X**2 + 3.0 * X * Y + Y**2),
    ],
    ids=str,
)
def test_squares_are_completed_where_they_are_whole(expanded, written):
    form = completed_squares(of(expanded), (X, Y))
    assert sympy.simplify(form - written) == 0
    squares = [power for power in form.atoms(sympy.Pow) if power.base.is_Add]
    assert len(squares) == len([power for power in written.atoms(sympy.Pow) if power.base.is_Add])


@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_coefficients_at_the_ends_of_doubles(size):
    assert completed_squares({(2, 0): size, (0, 2): size}, (X, Y)) == polynomial_sum(
        {(2, 0): size, (0, 2): size}, (X, Y)
    )


def test_a_cube_is_written_as_one():
    assert briefly(of((X**2 + Y**2) ** 3), (X, Y)) == (X**2 + Y**2) ** 3


def test_fractions_of_each_power_are_in_lowest_terms():
    """The equation of Redlich and Kwong over one denominator, in u = √T."""
    above = of(8.314 * X**3 * Y * (Y + 0.08) - 3.2 * (Y - 0.08))
    below = of(X * Y * (Y - 0.08) * (Y + 0.08))
    form = in_parts(above, below, (X, Y))
    first, second = sorted(sympy.Add.make_args(form), key=sympy.count_ops)
    for term, expected in ((first, 8.314 * X**2 / (Y - 0.08)), (second, -3.2 / (X * Y * (Y + 0.08)))):
        assert value(term) == pytest.approx(value(expected), rel=1e-9)


@pytest.mark.parametrize(
    ("above", "below"),
    [(X + Y, X + Y + 1), (X * Y + 1, X + 2), (1 + X**2, sympy.Integer(1))],
    ids=["two variables below", "nothing cancels", "a polynomial"],
)
def test_there_are_no_parts_where_nothing_cancels(above, below):
    assert in_parts(of(above), of(below), (X, Y)) is None


def test_zeros_that_are_complex_cancel_in_pairs():
    form = in_parts(of(Y * (X**2 + 1) * (X - 3)), of((X**2 + 1) * (X + 2)), (X, Y))
    assert value(form) == pytest.approx(value(Y * (X - 3) / (X + 2)), rel=1e-9)
    assert not form.has(X**2)


def test_rationals_only_are_factored():
    assert factored(of((1 + 5**0.5) / 2 * X + Y), of(X + 1), (X, Y)) == []
