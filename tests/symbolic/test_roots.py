"""Roots in products: the same values on the rows, one root of one exponent, defined in no fewer places."""

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.library import Library, SymbolicFunction, default_library
from kansym.symbolic.complexity import complexity
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.polishing import polish
from kansym.symbolic.roots import gathered_roots, is_root
from kansym.symbolic.rows import Rows
from kansym.symbolic.signs import resolve_signs

X, Y, Z = sympy.symbols("x0 x1 x2", real=True)
POSITIVE = Rows.from_arrays(np.random.default_rng(0).uniform(0.5, 2.0, (30, 3)), np.zeros(30))
HALF, THIRD = sympy.Rational(1, 2), sympy.Rational(1, 3)

exponents = st.sampled_from([HALF, -HALF, 3 * HALF, THIRD, -2 * THIRD, sympy.Integer(1), sympy.Integer(-2)])
bases = st.sampled_from([X, Y, Z, X * Y, X / Z**2, X + Y, Y**2 / X, sympy.exp(X), sympy.Float(2.5)])
products = st.lists(st.tuples(bases, exponents), min_size=1, max_size=4).map(
    lambda powers: sympy.Mul(*[base**exponent for base, exponent in powers])
)


def values(expression, rows=POSITIVE):
    return compile_expression(expression, rows.variables)(rows.columns)


@settings(max_examples=60, deadline=None)
@given(products, products)
def test_values_stay_and_each_exponent_has_one_root(first, second):
    law = resolve_signs(first + sympy.sin(second), POSITIVE)
    gathered = gathered_roots(law, POSITIVE)
    np.testing.assert_allclose(values(gathered), values(law), rtol=1e-11)
    for product in gathered.atoms(sympy.Mul):
        of_products = [abs(factor.exp) for factor in product.args if is_root(factor) and factor.base.free_symbols]
        assert len(of_products) == len(set(of_products))


@pytest.mark.parametrize(
    ("proposed", "written"),
    [
        (sympy.sqrt(X) * sympy.sqrt(Y), sympy.sqrt(X * Y)),
        (sympy.sqrt(X) / sympy.sqrt(Y), sympy.sqrt(X / Y)),
        (1 / (sympy.sqrt(X) * sympy.sqrt(Y)), 1 / sympy.sqrt(X * Y)),
        (sympy.exp(-1 / sympy.sqrt(X / (Y * Z**2))), sympy.exp(-Z * sympy.sqrt(Y / X))),
        (sympy.sqrt(X) * sympy.sqrt(Y - 3), sympy.sqrt(X * (Y - 3))),
        (X**THIRD * sympy.sqrt(Y), X**THIRD * sympy.sqrt(Y)),
        (X**2.5 * Y**2.5, X**2.5 * Y**2.5),
    ],
)
def test_examples(proposed, written):
    assert gathered_roots(proposed, POSITIVE) == written


def test_what_is_negative_stays_under_its_root():
    rows = Rows.from_arrays(-POSITIVE.columns, np.zeros(30))
    law = sympy.sqrt(X * Y) * sympy.sqrt(X / (Y * Z**2))
    gathered = gathered_roots(law, rows)
    np.testing.assert_allclose(values(gathered, rows), values(law, rows), rtol=1e-12)


def test_functions_of_the_users_library():
    sinc = SymbolicFunction(
        "sinc",
        lambda xp, x: xp.sinc(x / np.pi),
        lambda xp, x: (xp.cos(x) - xp.sinc(x / np.pi)) / x,
        sympy.sinc,
    )
    library = Library([*default_library().names, sinc])
    law = 2.5 * sympy.sqrt(X * sympy.sinc(Y))
    columns = POSITIVE.columns
    target = 2.5 * np.sqrt(columns[:, 0] * np.sin(columns[:, 1]) / columns[:, 1])
    fit = polish(law, Rows.from_arrays(columns, target), library=library)
    assert fit is not None
    assert fit.loss < 1e-25


def test_the_polished_formula_is_defined_where_a_product_of_roots_is_not():
    law = 2 * sympy.sqrt(X) * sympy.sqrt(Y) / (Y + sympy.Rational(9, 10))
    fit = polish(law, Rows.from_arrays(POSITIVE.columns, values(law)))
    assert fit is not None
    assert fit.expression == 2 * sympy.sqrt(X * Y) / (Y + sympy.Rational(9, 10))
    assert complexity(fit.expression) < complexity(law)
