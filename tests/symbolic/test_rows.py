"""Rows: units, weights and samples."""

import math

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.symbolic.rows import Rows


@pytest.fixture
def rows():
    generator = np.random.default_rng(0)
    return Rows.from_arrays(generator.normal(size=(20, 3)), generator.normal(size=20), generator.uniform(0.5, 2, 20))


def test_variables_are_real_and_named():
    rows = Rows.from_arrays(np.zeros((3, 2)), np.zeros(3), names=["flow rate", "lambda"])
    assert [variable.name for variable in rows.variables] == ["flow rate", "lambda"]
    assert all(isinstance(variable, sympy.Symbol) and variable.is_real for variable in rows.variables)
    assert rows.n_variables == 2
    assert len(rows) == 3


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0.1, 10)), min_size=2, max_size=20), st.floats(1e-6, 1e6))
def test_only_the_ratios_of_weights_count(pairs, factor):
    target, weights = (np.array(part) for part in zip(*pairs, strict=True))
    columns = np.zeros((len(target), 1))
    first = Rows.from_arrays(columns, target, weights)
    second = Rows.from_arrays(columns, target, weights * factor)
    assert first.weights.mean() == pytest.approx(1)
    np.testing.assert_allclose(first.weights, second.weights)
    assert first.variance == pytest.approx(second.variance)


def test_the_variance_is_the_loss_of_the_best_constant(rows):
    constants = np.linspace(-1, 1, 2001)
    best = min(rows.loss(np.full(20, constant)) for constant in constants)
    assert rows.variance == pytest.approx(rows.loss(np.full(20, rows.mean)))
    assert rows.variance <= best <= rows.variance * 1.001


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e200])
def test_a_prediction_that_is_not_finite_has_infinite_loss(rows, bad):
    predicted = rows.target.copy()
    predicted[3] = bad
    assert rows.loss(predicted) == math.inf
    assert rows.loss(rows.target) == 0


def test_take_select_and_sample(rows):
    assert rows.take(np.array([2, 5])).target.tolist() == rows.target[[2, 5]].tolist()
    chosen = rows.select([2, 0])
    assert chosen.variables == (rows.variables[2], rows.variables[0])
    np.testing.assert_array_equal(chosen.columns, rows.columns[:, [2, 0]])
    assert rows.sample(20, np.random.default_rng(0)) is rows
    sample = rows.sample(7, np.random.default_rng(0))
    places = [rows.target.tolist().index(value) for value in sample.target]
    assert len(sample) == 7
    assert places == sorted(set(places))
    np.testing.assert_array_equal(sample.columns, rows.columns[places])
