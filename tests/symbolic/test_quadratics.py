"""Roots of quadratic equations: every spelling is the law, and what is none is not proposed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.symbolic.quadratics import exact_roots_of_quadratics
from kansym.symbolic.rows import Rows

X, Y, Z = sympy.symbols("x0 x1 x2", real=True)


def rows_of(law, n_variables=2, n_rows=600, low=0.5, high=2.5, seed=0):
    columns = np.random.default_rng(seed).uniform(low, high, (n_rows, n_variables))
    return Rows.from_arrays(columns, sympy.lambdify((X, Y, Z)[:n_variables], law)(*columns.T))


def error_of(formula, rows):
    with np.errstate(all="ignore"):
        predicted = sympy.lambdify(rows.variables, formula)(*rows.columns.T)
    return np.nan_to_num(np.abs(predicted - rows.target), nan=np.inf).max() / np.abs(rows.target).max()


LAWS = {
    "moving body": (9 / sympy.sqrt(1 - X**2 / 9) - 9, 1),
    "hyperbola": (0.3 * X - sympy.sqrt(2 + X**2), 1),
    "cone": (sympy.sqrt(X**2 / 4 + Y**2 / 9) + 0.4 * Z, 3),
    "bound ligand": ((X + Y + 0.7 - sympy.sqrt((X + Y + 0.7) ** 2 - 4 * X * Y)) / 2, 2),
    "free share": (1 - (X + Y + Z - sympy.sqrt((X + Y + Z) ** 2 - 4 * X * Y)) / (2 * X), 3),
    "weak acid": ((-X + sympy.sqrt(X**2 + 4 * X * Y)) / 2, 2),
    "spherical beam": (X / (1 + sympy.sqrt(1 + Y / Z)), 3),
    "thrown from a height": (X * (X + sympy.sqrt(X**2 + 19.62 * Y)) / 9.81, 2),
}


@pytest.mark.parametrize("name", LAWS)
def test_every_spelling_is_the_law(name):
    law, n_variables = LAWS[name]
    rows, fresh = rows_of(law, n_variables), rows_of(law, n_variables, low=0.4, high=2.8, seed=1)
    formulas = [formula for formula, _ in exact_roots_of_quadratics(rows)]
    assert formulas
    assert max(error_of(formula, rows) for formula in formulas) < 1e-6
    assert min(error_of(formula, fresh) for formula in formulas) < 1e-9


def test_the_first_spelling_of_the_ligand_has_its_square():
    formula, _ = next(exact_roots_of_quadratics(rows_of(LAWS["bound ligand"][0])))
    powers: list[Any] = list(formula.atoms(sympy.Pow))
    (root,) = [power for power in powers if power.exp == sympy.S.Half]
    assert any(term.is_Pow and term.exp == 2 and term.base.is_Add for term in root.base.args)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.3, 3.0), min_size=3, max_size=3), st.floats(1e-6, 1e6), st.sampled_from([-1, 1]))
def test_any_constants_and_any_unit_of_the_target(constants, unit, sign):
    a, b, c = constants
    rows = rows_of(unit * (a * X + sign * sympy.sqrt(b + c * X * Y)))
    assert min(error_of(formula, rows) for formula, _ in exact_roots_of_quadratics(rows)) < 1e-8


@pytest.mark.parametrize(
    "law",
    [sympy.sin(X) + Y, sympy.tanh(X * Y) + X, sympy.exp(0.3 * X) * Y, X**0.37 + Y**1.9],
    ids=["sine", "saturation", "growth", "powers"],
)
def test_what_is_no_root_is_not_proposed(law):
    assert not list(exact_roots_of_quadratics(rows_of(law)))


def test_rows_where_the_branches_meet():
    x = np.linspace(-1, 1, 81)
    rows = Rows.from_arrays(x[:, None], 1 - np.sqrt(1 - x**2) / (x + 2))
    formulas = [formula for formula, _ in exact_roots_of_quadratics(rows)]
    inside = Rows.from_arrays(rows.columns[1:-1], rows.target[1:-1])
    assert min(error_of(formula, inside) for formula in formulas) < 1e-9


def test_lowest_terms_are_not_looked_for_when_it_is_told_to_stop():
    rows = rows_of(LAWS["free share"][0], 3)
    asked = []

    def stop():
        asked.append(True)
        return len(asked) > 3

    formulas = list(exact_roots_of_quadratics(rows, stop))
    assert len(formulas) == 2  # the formula for the roots, multiplied out and as it is
    assert len(list(exact_roots_of_quadratics(rows))) > 2


def test_quotients_are_left_to_others():
    assert not list(exact_roots_of_quadratics(rows_of(X / (1 + Y))))


def test_noise_constant_targets_few_rows_and_a_stop_leave_nothing():
    rows = rows_of(LAWS["bound ligand"][0])
    noisy = rows.target * (1 + 1e-8 * np.random.default_rng(0).normal(size=len(rows)))
    assert not list(exact_roots_of_quadratics(Rows.from_arrays(rows.columns, noisy)))
    assert not list(exact_roots_of_quadratics(Rows.from_arrays(rows.columns, np.ones(len(rows)))))
    assert not list(exact_roots_of_quadratics(rows_of(LAWS["bound ligand"][0], n_rows=12)))
    assert not list(exact_roots_of_quadratics(rows, lambda: True))


def test_rows_on_both_branches_have_no_root():
    columns = np.random.default_rng(0).uniform(0.5, 2.0, (300, 1))
    branch = np.where(np.arange(300) % 2, 1.0, -1.0)
    rows = Rows.from_arrays(columns, columns[:, 0] + branch * np.sqrt(1 + columns[:, 0]))
    assert not list(exact_roots_of_quadratics(rows))
