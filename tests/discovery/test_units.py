"""Numbers of any size: what is found in powers of ten is, written in the user's units, what would have been found."""

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym import KANRegressor
from kansym.discovery import Budget, Progress, SearchSettings, discover
from kansym.discovery.units import Units
from kansym.library import default_library
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.rows import Rows

SETTINGS = SearchSettings(default_library())


def rows_of(exponents=(0, 0), power=0, n_rows=200):
    x = np.random.default_rng(0).uniform(1.0, 3.0, (n_rows, len(exponents)))
    y = x[:, 0] * x[:, 1] ** 2 / 2
    return Rows.from_arrays(x * 10.0 ** np.array(exponents), y * 10.0**power, names=["m", "v"])


def test_ordinary_numbers_stay_as_they_are():
    assert Units.of(rows_of((3, -3), 2)).are_ordinary
    assert Units.of(Rows.from_arrays(np.zeros((3, 1)), np.zeros(3))).are_ordinary


@pytest.mark.parametrize(
    ("sizes", "shared"),
    [
        ((1e-9, 1e-8, 1e-10), (-8, -8, -10)),
        ((1e5, 1e6, 1.0), (6, 6, 0)),
        ((1e-9, 1e-7), (-9, -7)),
        ((1e4, 1e5), (5, 5)),
    ],
)
def test_columns_of_nearly_one_size_share_a_unit(sizes, shared):
    x = np.random.default_rng(0).uniform(0.9, 1.1, (50, len(sizes))) * np.array(sizes)
    assert Units.of(Rows.from_arrays(x, np.arange(50.0))).columns == shared


@given(st.tuples(st.integers(-30, 30), st.integers(-30, 30)), st.integers(-60, 60))
@settings(max_examples=40, deadline=None)
def test_a_formula_has_the_values_of_the_scaled_one(exponents, power):
    rows = rows_of(exponents, power, n_rows=20)
    units = Units.of(rows)
    scaled = units.scaled(rows)
    sizes = np.abs(np.log10(np.median(np.abs(np.column_stack([scaled.columns, scaled.target])), axis=0)))
    assert np.all(sizes < 5)
    m, v = rows.variables
    found = 1.7 * m * v**2 / (v + 0.3) + sympy.Rational(1, 3) * sympy.exp(-v / 7) + 2
    inside = compile_expression(found, rows.variables)(scaled.columns)
    written = units.expression(found, rows)
    outside = compile_expression(written, rows.variables)(rows.columns)
    assert np.allclose(outside, inside * 10.0**units.target, rtol=1e-11)


@pytest.mark.parametrize("exponents", [(-27, 8), (0, 7), (30, 0)])
def test_laws_of_large_and_small_numbers_are_found_in_textbook_form(exponents):
    rows = rows_of(exponents, exponents[0] + 2 * exponents[1])
    seen: list[Progress] = []
    found = discover(rows, SETTINGS, Budget(None), on_progress=seen.append)
    m, v = rows.variables
    best = found.front[len(found.front) - 1]
    assert best.expression == m * v**2 / 2
    assert best.loss < 1e-25 * rows.variance
    told = [progress.best for progress in seen if progress.best is not None]
    assert told[-1].expression == best.expression


def test_networks_take_the_users_numbers():
    generator = np.random.default_rng(0)
    X = generator.uniform(1.0, 3.0, (300, 3)) * [1e-19, 1.0, 1e7]
    y = 1e12 * (X[:, 0] * 1e19 + np.sin(X[:, 2] * 1e-7))
    model = KANRegressor(hidden_widths=(1,), time_limit=20, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.9999
    predicted = model.predict_network(X)
    assert 1 - np.mean((predicted - y) ** 2) / np.var(y) > 0.999
