"""The node count: one measure for every formula."""

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.symbolic.complexity import complexity

X, Y = sympy.symbols("x y", real=True)


@pytest.mark.parametrize(
    ("expression", "nodes"),
    [
        (X, 1),
        (sympy.Float(2.5), 1),
        (sympy.pi, 1),
        (X + Y, 3),
        (X + Y + 1, 4),
        (X * Y, 3),
        (-X, 3),
        (X / Y, 5),
        (X**2, 3),
        (sympy.sqrt(X), 3),
        (1 / X, 3),
        (sympy.exp(X), 2),
        (sympy.exp(-(X**2)), 6),
        (2.5 * X**2 + 1, 7),
        (sympy.exp(sympy.sin(sympy.pi * X) + Y**2), 9),
        (sympy.Mul(2.5, X + 1, evaluate=False), 5),
    ],
)
def test_examples(expression, nodes):
    assert complexity(expression) == nodes


@settings(max_examples=50, deadline=None)
@given(st.floats(-1e9, 1e9, allow_nan=False).filter(lambda value: value not in (0, 1)))
def test_the_value_of_a_constant_does_not_matter(value):
    assert complexity(sympy.Float(value) * sympy.sin(X)) == complexity(sympy.Float(2.5) * sympy.sin(X))


def test_a_function_adds_one_to_its_argument():
    for function in (sympy.exp, sympy.log, sympy.sin, sympy.tanh, sympy.Abs):
        assert complexity(function(X * Y + 2.5)) == 1 + complexity(X * Y + 2.5)
