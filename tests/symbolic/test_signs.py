"""Signs that the rows decide: same values on the rows, fewer bars and minuses."""

import numpy as np
import pytest
import sympy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kansym.symbolic.complexity import complexity
from kansym.symbolic.evaluation import compile_expression, count_constants
from kansym.symbolic.rows import Rows
from kansym.symbolic.signs import resolve_signs

X, Y = sympy.symbols("x0 x1", real=True)
POSITIVE = Rows.from_arrays(np.array([[2.0, 0.5], [3.0, 0.25], [1.5, 0.75]]), np.zeros(3))
MIXED = Rows.from_arrays(np.array([[2.0, -0.5], [-3.0, 0.25], [1.5, 0.75]]), np.zeros(3))

floats = st.integers(-800, 800).filter(bool).map(lambda k: sympy.Float(k / 100))
leaves = st.one_of(st.sampled_from([X, Y]), floats, st.sampled_from([sympy.Integer(1), sympy.Integer(-2)]))


def _inner(children):
    several = st.lists(children, min_size=2, max_size=3)
    return st.one_of(
        st.tuples(st.sampled_from([sympy.Abs, sympy.exp, sympy.sin]), children).map(lambda pair: pair[0](pair[1])),
        several.map(lambda terms: sympy.Add(*terms)),
        several.map(lambda factors: sympy.Mul(*factors)),
        st.tuples(children, st.sampled_from([2, 3, -1, -3, sympy.Rational(1, 2)])).map(
            lambda t: t[0] ** t[1] if t[0].free_symbols else t[0]
        ),
    )


expressions = st.recursive(leaves, _inner, max_leaves=9).filter(
    lambda tree: not tree.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo, sympy.I)
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(expressions, st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), min_size=3, max_size=3))
def test_values_on_the_rows_stay(expression, columns):
    rows = Rows.from_arrays(np.array(columns), np.zeros(3))
    tape = compile_expression(expression, rows.variables)
    value, slopes = tape.value_and_jacobian(rows.columns)
    resolved = resolve_signs(expression, rows)
    after = compile_expression(resolved, rows.variables)(rows.columns)
    with np.errstate(all="ignore"):
        slack = 1e-9 * np.abs(value) + 1e-12 * (1 + np.abs(slopes * tape.constants).sum(axis=1))
    judged = np.isfinite(slack) & (np.abs(value) < 1e9)
    assert np.all(np.isclose(after, value, rtol=0, atol=np.where(judged, slack, 0)) | ~judged)
    assert count_constants(resolved) <= count_constants(expression)
    assert resolve_signs(resolved, rows) == resolved


@pytest.mark.parametrize(
    ("expression", "rows", "expected"),
    [
        (sympy.Abs(X), POSITIVE, X),
        (sympy.Abs(X), MIXED, sympy.Abs(X)),
        (sympy.Abs(X - 5), POSITIVE, 5 - X),
        (sympy.Abs(X - Y), POSITIVE, X - Y),
        (3 / sympy.Abs(X - 1), POSITIVE, 3 / (X - 1)),
        (sympy.exp(-sympy.Abs(X)), POSITIVE, sympy.exp(-X)),
        (sympy.Abs(sympy.Abs(X) - 5), POSITIVE, 5 - X),
        (sympy.Abs(X) ** sympy.Float(1.7), POSITIVE, X ** sympy.Float(1.7)),
        (-3 / (1 - X), MIXED, 3 / (X - 1)),
        (-2.5 * X * (1 - Y), MIXED, 2.5 * X * (Y - 1)),
        (-2.5 * X, MIXED, -2.5 * X),
        (X - Y, MIXED, X - Y),
        (sympy.Float(2.5), MIXED, sympy.Float(2.5)),
    ],
)
def test_examples(expression, rows, expected):
    resolved = resolve_signs(expression, rows)
    assert resolved == expected
    assert complexity(resolved) <= complexity(expression) + 2


def test_one_row_at_zero_decides_nothing_wrong():
    rows = Rows.from_arrays(np.array([[0.0], [2.0]]), np.zeros(2))
    assert resolve_signs(sympy.Abs(X), rows) == X


def test_undefined_values_keep_their_bars():
    rows = Rows.from_arrays(np.array([[-1.0], [2.0]]), np.zeros(2))
    assert resolve_signs(sympy.Abs(sympy.log(X)), rows) == sympy.Abs(sympy.log(X))
