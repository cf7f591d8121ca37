import time

import numpy as np
import pytest
import sympy

from kansym.comparison.symbolic_equality import is_equal, is_equal_in_time, may_be_equal, with_exact_constants

X, Y = sympy.symbols("x y", real=True)
ROWS = np.random.default_rng(0).uniform(0.5, 2.0, (50, 2))

EQUAL = [
    (X * Y + X, X * (Y + 1)),
    (3 * X * Y, X * Y),
    (X * Y - 7, X * Y),
    (sympy.sin(X) ** 2, -(sympy.cos(X) ** 2)),
    (0.333333334 * X, X / 3),
    (sympy.sin(6.28318531 * X), sympy.sin(2 * sympy.pi * X)),
    (1.23456789 * X + Y, 1.23456812 * X + Y),
    ((X**2 - Y**2) / (X - Y), X + Y),
    (sympy.exp(X + Y), sympy.exp(X) * sympy.exp(Y)),
    (sympy.Abs(X) * 2.0, sympy.Abs(X)),
]
DIFFERENT = [
    (X * Y, X + Y),
    (1.2345 * X + Y, 1.2346 * X + Y),
    (sympy.Integer(1), X),
    (sympy.Integer(0), X),
    (sympy.sin(X), X),
]


@pytest.mark.parametrize(("expression", "truth"), EQUAL)
def test_equal(expression, truth):
    assert may_be_equal(expression, truth, [X, Y], ROWS)
    assert is_equal(expression, truth)


@pytest.mark.parametrize(("expression", "truth"), DIFFERENT)
def test_different(expression, truth):
    assert not is_equal(expression, truth)


@pytest.mark.parametrize(
    ("expression", "truth"),
    [(X * Y, X + Y), (1.24 * X + Y, 1.23 * X + Y), (sympy.log(X - 1), sympy.log(X)), (sympy.Integer(0), X)],
)
def test_numbers_alone_rule_out_most(expression, truth):
    assert not may_be_equal(expression, truth, [X, Y], ROWS)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.5, sympy.Rational(1, 2)),
        (-0.33333333, -sympy.Rational(1, 3)),
        (3.1415927, sympy.pi),
        (1.5707963, sympy.pi / 2),
        (2.9999999, sympy.Integer(3)),
        (1.2345678, sympy.Rational("1.23457")),
        (6.67430e-11, sympy.Rational("6.6743e-11")),
        (0.0, sympy.Integer(0)),
    ],
)
def test_exact_constants(value, expected):
    assert with_exact_constants(sympy.Float(value) + X) == expected + X


def test_a_child_answers_in_time():
    assert is_equal_in_time(X * Y + X, X * (Y + 1), [X, Y], 600) is True
    assert is_equal_in_time(X * Y, X + Y, [X, Y], 600) is False


def test_a_child_that_does_not_answer_is_ended():
    long = sympy.Add(1, *[sympy.sin(k * X) * sympy.cos(Y / k) for k in range(1, 12)])
    start = time.monotonic()
    assert is_equal_in_time(long**12, sympy.expand(long**3) * X, [X, Y], 3) is None
    assert time.monotonic() - start < 120  # the answer takes longer than anyone waits


def test_what_cannot_be_written_has_no_answer():
    assert is_equal_in_time(sympy.Heaviside(X), X, [X], 60) is None
