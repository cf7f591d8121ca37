"""A formula of the smaller problem is, lifted, one of the whole; and laws that need a symmetry are found through it."""

from typing import Any

import numpy as np
import pytest
import sympy

from kansym.discovery.budget import Budget
from kansym.discovery.candidates import Candidates
from kansym.discovery.outcome import SearchSettings
from kansym.discovery.single import discover
from kansym.discovery.view_search import ViewSearch
from kansym.discovery.views import View, reduced_views, views_of_waves
from kansym.library import default_library
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.rows import Rows

LAWS = {
    "gaussian": lambda x: np.exp(-(((x[:, 0] - x[:, 1]) / x[:, 2]) ** 2)) / x[:, 2],
    "energy": lambda x: 0.5 * x[:, 0] * (x[:, 1] ** 2 + x[:, 2] ** 2),
    "offset": lambda x: 3.4 + x[:, 2] * x[:, 0] / (x[:, 0] + x[:, 1]),
    "quotient": lambda x: x[:, 0] / (x[:, 1] + x[:, 2]) + x[:, 0] / x[:, 1],
}


def rows_of(law, seed=0, n_rows=500):
    x = np.random.default_rng(seed).uniform(1.0, 3.0, (n_rows, 3))
    return Rows.from_arrays(x, law(x))


@pytest.mark.parametrize("name", LAWS)
def test_views_shrink_and_lift_exactly(name):
    rows = rows_of(LAWS[name])
    views = reduced_views(rows, 0, lambda: False)
    assert [view.rows.n_variables for view in views] == sorted({v.rows.n_variables for v in views}, reverse=True)
    assert len(views) > 1
    for view in views:
        # Any formula of the view will do: its value times the factor is that of the lifted one.
        formula = sympy.Add(*[(k + 1.5) * u**2 for k, u in enumerate(view.rows.variables)], 0.25)
        inside = compile_expression(formula, view.rows.variables)(view.rows.columns)
        lifted = compile_expression(view.lift(formula), rows.variables)(rows.columns)
        factor, offset = (
            compile_expression(sympy.sympify(part), rows.variables)(rows.columns) for part in (view.factor, view.offset)
        )
        assert np.allclose(lifted, factor * inside + offset, rtol=1e-12)
        assert np.allclose(view.rows.target * factor + offset, rows.target, rtol=1e-12)


def test_weights_of_a_view_measure_residuals_in_the_users_units():
    rows = rows_of(LAWS["energy"])
    view = reduced_views(rows, 0, lambda: False)[-1]
    factor = compile_expression(view.factor, rows.variables)(rows.columns)
    guess = view.rows.target * 1.01
    assert view.unit * view.rows.loss(guess) == pytest.approx(rows.loss(factor * guess), rel=1e-6)


@pytest.mark.parametrize("name", LAWS)
def test_laws_are_found_through_their_symmetries(name):
    rows = rows_of(LAWS[name])
    settings = SearchSettings(default_library())
    found = discover(rows, settings, Budget(60.0, None), seed=0)
    assert found.reason == "an exact formula was found"
    other = rows_of(LAWS[name], seed=1)
    best = found.front[len(found.front) - 1].expression
    assert np.allclose(compile_expression(best, rows.variables)(other.columns), other.target, rtol=1e-7)


def test_noise_ends_the_search_where_a_law_explains_all_but_it():
    rows = rows_of(LAWS["energy"], n_rows=1000)
    noise = 0.02 * np.sqrt(np.mean(rows.target**2)) * np.random.default_rng(1).normal(size=len(rows))
    noisy = Rows.from_arrays(rows.columns, rows.target + noise)
    views = reduced_views(noisy, 0, lambda: False)
    assert views[-1].noise == pytest.approx(float(np.var(noise)), rel=0.25)
    assert reduced_views(rows, 0, lambda: False)[-1].noise < 1e-12


def test_the_whole_is_a_view_of_itself():
    rows = rows_of(LAWS["energy"])
    view = View.of(rows)
    assert view.lift(rows.variables[0] + 1) == rows.variables[0] + 1
    assert (view.bits, view.unit, view.factor) == (0.0, 1.0, 1)


def test_a_power_times_an_exponential_takes_one_projection():
    temperature = np.random.default_rng(0).uniform(250.0, 900.0, 200)
    rows = Rows.from_arrays(temperature[:, None], 0.02 * temperature**1.6 * np.exp(-2100.0 / temperature))
    candidates = Candidates(rows, default_library(), 40, Budget(None), np.random.default_rng(0))
    ViewSearch(candidates, default_library(), candidates.budget, seed=0).monomials(View.of(rows))
    assert candidates.exact


def test_a_law_is_preferred_to_exponentials_that_come_within_rounding_of_it():
    generator = np.random.default_rng(0)
    mass, speed = np.exp(generator.uniform(np.log([0.1, 3e-4]), np.log([10.0, 0.33]), (1000, 2))).T
    rows = Rows.from_arrays(np.column_stack([mass, speed]), mass / np.sqrt(1 - speed**2))
    found = discover(rows, SearchSettings(default_library()), Budget(60.0))
    best = found.front[len(found.front) - 1]
    assert found.confidence.exact
    assert not best.expression.has(sympy.exp)
    assert best.complexity <= 14


def test_a_wave_takes_the_place_of_its_columns_and_lifts_exactly():
    x = np.random.default_rng(0).uniform(1.0, 7.0, (500, 4))
    rows = Rows.from_arrays(x, x[:, 0] * x[:, 1] * (2 + np.cos(x[:, 2] - x[:, 3])) ** 1.5)
    (view,) = views_of_waves(View.of(rows), ("cos", "sin"), 0, lambda: False)
    assert view.rows.n_variables == 1
    assert view.bits > 0
    (u,) = view.rows.variables
    lifted = compile_expression(view.lift((2 + u) ** sympy.Rational(3, 2)), rows.variables)(rows.columns)
    assert np.allclose(lifted, rows.target, rtol=1e-12)
    assert views_of_waves(View.of(rows_of(LAWS["quotient"])), ("cos", "sin"), 0, lambda: False) == ()


def test_what_a_formula_leaves_and_what_it_is_multiplied_by_lift_exactly():
    rows = rows_of(LAWS["energy"])
    x0, x1, _ = rows.variables
    formula = x0 * x1**2 / 2
    values = compile_expression(formula, rows.variables)(rows.columns)
    for view in (View.divided(rows, formula, values), View.without(rows, formula, values)):
        inside = sympy.Symbol("inside", real=True)
        lifted = sympy.lambdify([*rows.variables, inside], view.lift(inside))
        assert np.allclose(lifted(*rows.columns.T, view.rows.target), rows.target, rtol=1e-12)
    divided = View.divided(rows, formula, values)
    guess = 1.01 * divided.rows.target
    assert divided.unit * divided.rows.loss(guess) == pytest.approx(rows.loss(values * guess), rel=1e-6)


def test_rows_where_a_formula_is_zero_do_not_say_what_it_is_multiplied_by():
    x = np.random.default_rng(0).integers(0, 4, (200, 2)).astype(float)
    rows = Rows.from_arrays(x, x[:, 0] * (1 + x[:, 1] / 100))
    view = View.divided(rows, rows.variables[0], x[:, 0])
    assert view.is_finite
    assert np.allclose(view.rows.target, 1 + view.rows.columns[:, 1] / 100)
    assert 0 < len(view.rows) < len(rows)


def test_a_share_lifts_from_its_complement():
    rows = Rows.from_arrays(np.random.default_rng(0).uniform(1, 3, (50, 2)), np.linspace(0.1, 0.9, 50))
    x0, x1 = rows.variables
    view = View(rows, rows.variables, factor=x0, offset=x1)
    assert view.is_share
    assert not View.of(Rows.from_arrays(rows.columns, rows.target + 0.1)).is_share
    inside = sympy.Symbol("inside", real=True)
    lifted = sympy.lambdify([x0, x1, inside], view.complement.lift(inside))
    expected = sympy.lambdify([x0, x1, inside], view.lift(inside))(*rows.columns.T, rows.target)
    assert np.allclose(lifted(*rows.columns.T, view.complement.rows.target), expected, rtol=1e-12)


def test_one_column_of_several_in_a_power():
    rows = rows_of(LAWS["energy"])
    view = View.of(rows).in_power(sympy.S.Half, 1)
    variables = view.rows.variables
    assert np.allclose(view.rows.columns[:, 1] ** 2, rows.columns[:, 1])
    assert view.lift(sympy.Mul(*variables)) == sympy.sqrt(rows.variables[1]) * sympy.Mul(
        rows.variables[0], rows.variables[2]
    )
    assert view.bits > 0


@pytest.mark.parametrize("part", ["x0/x1", "x0*x1"])
def test_the_root_of_a_product_of_negative_columns_lifts_to_its_values(part):
    columns = np.random.default_rng(0).uniform(-3, -1, (40, 2))
    variables = sympy.symbols("x0 x1", real=True)
    expression: Any = sympy.parse_expr(part, {str(v): v for v in variables})
    product = compile_expression(expression, variables)(columns)
    whole = View.of(Rows.from_arrays(columns, product))
    assert not whole.has_positive_factors
    view = View(Rows.from_arrays(product[:, None], product), (expression,)).in_power(sympy.S.Half)
    (u,) = view.rows.variables
    lifted = compile_expression(view.lift(u**2), variables)(columns)
    assert np.allclose(lifted, product, rtol=1e-12)


def test_a_view_in_a_power_lifts_to_the_same_values():
    rows = rows_of(LAWS["quotient"])
    x = rows.columns
    quotient = Rows.from_arrays((x[:, 0] ** 2 / x[:, 1])[:, None], rows.target)
    a, b = rows.variables[:2]
    view = View(quotient, (a**2 / b,), factor=b, has_positive_factors=True).in_power(sympy.S.Half)
    (u,) = view.rows.variables
    inside = compile_expression(1 + u**3, (u,))(view.rows.columns)
    lifted = compile_expression(view.lift(1 + u**3), rows.variables)(x)
    assert np.allclose(inside * x[:, 1], lifted, rtol=1e-12)
    assert not view.lift(u).has(sympy.Abs)
