"""Quotients of polynomials as null vectors: what is one is found whatever its constants, what is none is not."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.symbolic.relations import Relation, exact_quotients
from kansym.symbolic.rows import Rows

X, Y, Z = sympy.symbols("x0 x1 x2", real=True)


def rows_of(law, n_variables=3, n_rows=600, low=0.5, high=4.0, seed=0):
    columns = np.random.default_rng(seed).uniform(low, high, (n_rows, n_variables))
    values = sympy.lambdify((X, Y, Z)[:n_variables], law)(*columns.T)
    return Rows.from_arrays(columns, np.broadcast_to(values, n_rows).astype(float))


def error_of(formula, rows):
    with np.errstate(all="ignore"):
        predicted = sympy.lambdify(rows.variables, formula)(*rows.columns.T)
    return np.nan_to_num(np.abs(predicted - rows.target), nan=np.inf).max() / np.abs(rows.target).max()


LAWS = {
    "harvest": 20 - X - X * Y / (1 + 0.5 * X**2),
    "predator": X * (4 - X - Y / (1 + X)),
    "inhibition": 3.7 * X / (1.3 * (1 + Y / 0.41) + X * (1 + Z / 2.2)),
    "two fractions": 1.37 * X / (0.23 + Y) + 2.7 / (Z + 1.9),
    "parallel": X * Y / (X + Y) + Z**2,
    "polynomial": 0.31 * X**3 - 1.7 * X * Y + 0.4,
    "root": sympy.sqrt(2.3 + X / (1.7 + Y)),
    "negative root": -sympy.sqrt(2.3 + X / (1.7 + Y)),
    "exponential": sympy.exp(-X / (Y + Z)),
    "negative exponential": -sympy.exp(-X / (Y + Z)),
    "logarithm": sympy.log(1 + X / Y),
    "angle": sympy.acos(X / (X + Y)),
}


@pytest.mark.parametrize("name", LAWS)
def test_every_spelling_of_a_law_is_the_law(name):
    rows = rows_of(LAWS[name])
    formulas = [formula for formula, _ in exact_quotients(rows)]
    assert formulas
    fresh = rows_of(LAWS[name], low=0.3, high=5.0, seed=1)
    assert max(error_of(formula, fresh) for formula in formulas) < 1e-7


def test_the_first_spelling_is_the_one_a_reader_would_write():
    first = next(exact_quotients(rows_of(LAWS["harvest"])))[0]
    assert sympy.simplify(first - (20 - X - 2 * X * Y / (2 + X**2))) == 0
    assert sympy.count_ops(first) <= 7
    first = next(exact_quotients(rows_of(LAWS["predator"])))[0]
    assert first == X * (4 - X - Y / (1 + X))


def test_a_quotient_is_shortened_where_its_coefficients_nearly_agree():
    # y·(x + 0.4) is nearly a multiple of the denominator; z is none.
    above = {(1, 1, 0): -0.15, (0, 1, 0): -0.0604, (1, 0, 0): 0.9, (0, 0, 1): 0.3}
    relation = Relation(above, {(1, 0, 0): 1.0, (0, 0, 0): 0.4}, bits=10.0)
    shorter = relation.shortened((X, Y, Z), 0.05, (1.0, 1.0, 1.0))
    assert shorter
    for form in shorter:
        assert float(form.subs({X: 1.3, Y: 0.7, Z: 2.0})) == pytest.approx(1.77 / 1.7 - 0.105, rel=0.01)
    assert min(len(form.atoms(sympy.Float)) for form in shorter) == 4
    exact = relation.shortened((X, Y, Z), 1e-6, (1.0, 1.0, 1.0))
    assert all(len(form.atoms(sympy.Float)) > 4 for form in exact)


@pytest.mark.parametrize("units", [(1e-3, 1.0), (1e3, 1.0), (1.0, 1e3), (1e-6, 1e6)])
def test_a_quotient_is_shortened_alike_in_all_units(units):
    first, second = units
    above = {(1, 1): -0.15 / first / second, (0, 1): -0.0604 / second, (1, 0): 0.9 / first}
    relation = Relation(above, {(1, 0): 1.0 / first, (0, 0): 0.4}, bits=10.0)
    form = relation.shortened((X, Y), 0.05, (5.0 * first, 3.0 * second))[0]
    assert float(form.subs({X: 1.3 * first, Y: 0.7 * second})) == pytest.approx(1.17 / 1.7 - 0.105, rel=0.01)
    assert len(form.atoms(sympy.Float)) <= 4


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0.2, 5.0), min_size=4, max_size=4),
    st.lists(st.sampled_from([1, X, Y, X * Y, X**2, Y**2]), min_size=4, max_size=4, unique=True),
    st.floats(1e-6, 1e6),
)
def test_any_constants_and_any_unit_of_the_target(constants, monomials, unit):
    first, second, third, fourth = (c * m for c, m in zip(constants, monomials, strict=True))
    law = unit * (first + second) / (third + fourth)
    rows = rows_of(law, n_variables=2)
    if rows.is_constant:
        return
    assert min(error_of(formula, rows) for formula, _ in exact_quotients(rows)) < 1e-8


@pytest.mark.parametrize(
    "law",
    [sympy.sqrt(X + sympy.sin(Y)), sympy.exp(0.2 * X) + Y, sympy.sin(X) * Y + Z, X**0.37 * Y + Z],
    ids=str,
)
def test_what_is_no_quotient_is_not_approximated_by_one(law):
    # Narrow ranges, where quotients of some degree come as close as rounding.
    assert not list(exact_quotients(rows_of(law, low=0.1, high=1.0)))


@pytest.mark.parametrize(
    "law",
    [(X - Y) / sympy.sqrt(1 + Z**2), (X - Y) / sympy.sqrt(1 - X**2 / (9 * Z) ** 2), sympy.sqrt(X + Z) / (X - 1.7 * Y)],
    ids=str,
)
def test_roots_that_change_sign(law):
    rows = rows_of(law)
    assert rows.target.min() < 0 < rows.target.max()
    formulas = [formula for formula, _ in exact_quotients(rows)]
    assert min(error_of(formula, rows) for formula in formulas) < 1e-9


def test_laws_of_one_variable_of_high_degree():
    law = 1.45 + 0.0042 / X**2 + 0.0001 / X**4
    rows = rows_of(law, n_variables=1, low=0.3, high=0.9)
    assert error_of(next(exact_quotients(rows))[0], rows) < 1e-12


def test_noise_leaves_no_relation():
    rows = rows_of(LAWS["harvest"])
    noisy = rows.target + 1e-6 * np.random.default_rng(0).normal(size=len(rows))
    assert not list(exact_quotients(Rows.from_arrays(rows.columns, noisy)))


def test_a_relation_of_more_monomials_costs_more_to_name():
    short = next(exact_quotients(rows_of(X / (1 + Y))))[1]
    long = next(exact_quotients(rows_of((X + 0.3 * X * Z) / (1 + Y + 0.7 * Z))))[1]
    assert 0 < short < long


@pytest.mark.parametrize("n_rows", [1, 3, 10])
def test_few_rows_prove_nothing(n_rows):
    assert not list(exact_quotients(rows_of(LAWS["inhibition"], n_rows=n_rows)))


def test_a_column_of_zeros_does_no_harm_and_a_constant_target_is_no_relation():
    rows = rows_of(X / Y)
    empty = Rows.from_arrays(rows.columns * [1.0, 1.0, 0.0], rows.target)
    assert next(exact_quotients(empty))[0] == X / Y
    assert not list(exact_quotients(Rows.from_arrays(rows.columns, np.zeros(len(rows)))))


def test_it_stops_when_told():
    assert not list(exact_quotients(rows_of(LAWS["harvest"]), lambda: True))
