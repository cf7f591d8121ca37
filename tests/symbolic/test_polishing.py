"""The last fit of a formula: constants exact where the data allow, the shortest of equal forms, nothing lost by it."""

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.symbolic.complexity import complexity
from kansym.symbolic.constants import assess, refit
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.polishing import polish
from kansym.symbolic.rows import Rows

X, Y = sympy.symbols("x0 x1", real=True)


def polished_on(rows, expression):
    fit = polish(expression, rows)
    assert fit is not None
    return fit


def rows_of(law, n_rows=60, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    columns = rng.uniform(0.5, 2.0, (n_rows, 2))
    y = compile_expression(law, (X, Y))(columns)
    return Rows.from_arrays(columns, y + noise * rng.standard_normal(n_rows))


@pytest.mark.parametrize(
    ("proposed", "written"),
    [
        (2.0 * sympy.sin(X) * sympy.cos(X) + Y**2 / 2, sympy.sin(2 * X) + Y**2 / 2),
        (sympy.cos(1.0 * X) ** 2 - sympy.sin(1.0 * X) ** 2, sympy.cos(2 * X)),
        (sympy.sin(X) * sympy.cos(Y) + 1.0 * sympy.cos(X) * sympy.sin(Y), sympy.sin(X + Y)),
        (1.0 * sympy.sin(X) ** 2, sympy.sin(X) ** 2),
        (sympy.sin(X) * sympy.cos(1.0 * Y), sympy.sin(X) * sympy.cos(Y)),
        (1.0 / (1.0 / X + 1.0 / Y), X * Y / (X + Y)),
    ],
)
def test_the_shortest_of_equal_forms_is_written(proposed, written):
    assert polished_on(rows_of(written), proposed).expression == written


@settings(max_examples=20, deadline=None)
@given(st.floats(0.2, 3.0), st.floats(0.2, 3.0), st.integers(0, 5))
def test_other_forms_are_no_other_formulas(first, second, seed):
    law = first * sympy.sin(second * X) * sympy.cos(second * X) + Y
    rows = rows_of(law, noise=0.01, seed=seed)
    polished, fitted = polished_on(rows, law), refit(law, rows)
    assert complexity(polished.expression) <= complexity(law)
    assert polished.loss == pytest.approx(assess(polished.expression, rows).loss, rel=1e-9)
    assert polished.loss <= fitted.loss * 1.5


def test_the_row_that_made_a_constant_exact_does_not_predict_itself():
    """A pole beside one row: that it stands at 3/2 is known from that row alone, however exact it looks."""
    x = np.array([0.2, 0.5, 0.9, 1.2, 1.47, 1.8, 2.2, 2.6, 3.0])
    y = 1.0 + 0.03 / (x - 1.5) ** 2 + 0.05 * np.random.default_rng(0).standard_normal(len(x))
    rows = Rows.from_arrays(x[:, None], y)
    fitted = refit(1.0 + 0.03 / (X - 1.4999) ** 2, rows)
    polished = polished_on(rows, fitted.expression)
    assert sympy.Rational(-3, 2) in polished.expression.atoms(sympy.Rational)
    assert polished.left_out_loss >= fitted.left_out_loss > 2 * assess(polished.expression, rows).left_out_loss


def test_exact_laws_are_as_good_on_rows_left_out():
    law = 2 * X * sympy.exp(-Y)
    polished = polished_on(rows_of(law, n_rows=6), 1.999 * X * sympy.exp(-1.001 * Y))
    assert polished.expression == law
    assert polished.left_out_loss < 1e-20


def test_a_formula_that_is_not_defined_on_every_row_has_no_fit():
    assert polish(sympy.sqrt(X - 1.0), rows_of(X)) is None
