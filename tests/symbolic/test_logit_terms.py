"""Sums of a few features that tell labels best: against scikit-learn, and what must not matter."""

import itertools

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from kansym.symbolic.labels import LabelledRows
from kansym.symbolic.logit_terms import sums_of_terms

NO_COST = 0.0


def rows_of(X, logits, seed=1):
    codes = (np.random.default_rng(seed).uniform(size=len(X)) < expit(logits)).astype(int)
    return LabelledRows.binary(X, codes, np.ones(len(X)), sympy.symbols(f"x0:{X.shape[1]}", real=True))


def columns(n_rows=400, n_columns=6, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, n_columns))


def sums(rows, features=None, cost=NO_COST, most=4):
    features = rows.columns if features is None else features
    return list(sums_of_terms(rows, features, np.full(features.shape[1], cost), most))


def fitted_by_scikit_learn(rows, chosen):
    """The same sum by another implementation: smoothed labels are two weighted rows each."""
    X = np.vstack([rows.columns[:, list(chosen)]] * 2)
    y = np.repeat([1, 0], len(rows))
    weights = np.concatenate([rows.goal, 1 - rows.goal])
    model = LogisticRegression(C=1e12, tol=1e-10, max_iter=1000).fit(X, y, sample_weight=weights)
    return np.concatenate([model.intercept_, model.coef_[0]])


def test_constants_are_those_of_maximum_likelihood():
    X = columns()
    rows = rows_of(X, 2 * X[:, 3] - X[:, 1] + 0.5)
    for found in sums(rows):
        np.testing.assert_allclose(found.constants, fitted_by_scikit_learn(rows, found.chosen), rtol=1e-3, atol=1e-3)


def test_the_misfit_is_that_of_the_constants():
    X = columns()
    rows = rows_of(X, 2 * X[:, 3] - X[:, 1] + 0.5)
    for found in sums(rows):
        logits = found.constants[0] + X[:, list(found.chosen)] @ found.constants[1:]
        assert found.misfit == pytest.approx(rows.misfit(logits), rel=1e-9)


def test_without_costs_the_misfit_falls_and_sums_are_the_best_of_their_length():
    X = columns(n_rows=150, n_columns=5)
    rows = rows_of(X, 2 * X[:, 3] - X[:, 1] + 0.5 * X[:, 0])
    found = sums(rows, most=2)
    misfits = [one.misfit for one in found]
    assert misfits == sorted(misfits, reverse=True)
    pairs = itertools.combinations(range(5), 2)

    def misfit(pair):
        constants = fitted_by_scikit_learn(rows, pair)
        return rows.misfit(constants[0] + X[:, list(pair)] @ constants[1:])

    assert found[1].misfit <= min(map(misfit, pairs)) + 1e-6


def test_a_feature_that_became_needless_is_exchanged():
    X = columns(n_rows=1500, n_columns=2)
    both = X.sum(axis=1) + 0.3 * np.random.default_rng(5).normal(size=1500)
    features = np.column_stack([both, X])  # the first alone is best, and the two others together
    found = sums(rows_of(X, 3 * X.sum(axis=1)), features, most=2)
    assert found[0].chosen == (0,)
    assert sorted(found[1].chosen) == [1, 2]


def test_features_that_cost_more_have_to_save_more():
    X = columns(n_columns=2)
    features = np.column_stack([X[:, 0], X[:, 0] + 1e-3 * X[:, 1]])
    rows = rows_of(X, 3 * features[:, 1])
    chosen = next(iter(sums_of_terms(rows, features, np.array([3.0, 40.0]), 1))).chosen
    assert chosen == (0,)


def test_it_ends_where_features_do_not_pay():
    X = columns(n_columns=20)
    assert len(sums(rows_of(X, 3 * X[:, 4]), cost=8.0, most=15)) <= 3


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 100), st.lists(st.floats(1e-6, 1e6), min_size=3, max_size=3), st.floats(-1e3, 1e3))
def test_units_do_not_matter(seed, scales, shift):
    X = columns(n_rows=120, n_columns=3, seed=seed)
    rows = rows_of(X, 2 * X[:, 0] - X[:, 2], seed)
    plain, scaled = sums(rows), sums(rows, X * scales + shift * np.array(scales))
    assert [one.chosen for one in plain] == [one.chosen for one in scaled]
    np.testing.assert_allclose([one.misfit for one in plain], [one.misfit for one in scaled], rtol=1e-5)


def test_copies_and_constants_are_not_added():
    X = columns(n_columns=1)
    features = np.column_stack([X, np.ones(len(X)), 3 * X + 1])
    assert [one.chosen for one in sums(rows_of(X, 2 * X[:, 0]), features)] in ([(0,)], [(2,)])


def test_classes_that_can_be_told_apart_have_finite_constants():
    X = np.r_[np.linspace(0, 1, 20), np.linspace(3, 4, 20)][:, None]
    rows = LabelledRows.binary(X, np.repeat([0, 1], 20), np.ones(40), sympy.symbols("x0,", real=True))
    (found,) = sums(rows)
    assert np.all(np.isfinite(found.constants))
    assert 0 < rows.loss(found.constants[0] + X[:, 0] * found.constants[1]) < 0.2


def test_nothing_is_found_in_no_features_or_no_time():
    X = columns()
    rows = rows_of(X, X[:, 0])
    assert sums(rows, np.empty((len(X), 0))) == []
    assert list(sums_of_terms(rows, X, np.zeros(6), 3, lambda: True)) == []
