"""The network with one hidden node in closed form, against problems whose answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.structure.spectral import centre, one_node, orthonormal, spline_design


def columns_of(low, high, n_rows=600, n_columns=2, seed=0):
    return np.random.default_rng(seed).uniform(low, high, (n_rows, n_columns))


def correlation(first, second, weights=None):
    return abs(np.cov(np.stack([first, second]), aweights=weights)[0, 1]) / np.sqrt(
        np.cov(first, aweights=weights) * np.cov(second, aweights=weights)
    )


def test_the_example_of_the_article():
    x = columns_of(-1, 1)
    best = one_node(x, np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2))[0]
    assert best.correlation > 0.9995
    assert correlation(best.curves[:, 0], np.sin(np.pi * x[:, 0])) > 0.9995
    assert correlation(best.curves[:, 1], x[:, 1] ** 2) > 0.9995
    assert correlation(best.transformed, np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2) > 0.999


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        (lambda u, v: u * v, (np.log, np.log)),
        (lambda u, v: u / v, (np.log, np.log)),
        (lambda u, v: 1 / (u + v**2), (lambda u: u, np.square)),
        (lambda u, v: np.sqrt(u**2 + v**2), (np.square, np.square)),
    ],
)
def test_one_node_explains_what_is_a_function_of_a_sum(target, parts):
    x = columns_of(0.5, 2.5)
    best = one_node(x, target(*x.T))[0]
    assert best.correlation > 0.9999
    for column, curve, part in zip(x.T, best.curves.T, parts, strict=True):
        assert correlation(curve, part(column)) > 0.9995


def test_a_column_that_does_not_matter_gets_no_curve():
    x = columns_of(0.5, 2.5)
    best = one_node(x, np.exp(x[:, 0]))[0]
    assert best.correlation > 0.99999
    assert np.std(best.curves[:, 1]) < 1e-3


def test_what_needs_two_nodes_is_not_explained():
    x = columns_of(-1, 1)
    waves = one_node(x, np.cos(3 * np.pi * x[:, 0]) * x[:, 1] + np.sin(2 * np.pi * x[:, 0] * x[:, 1]))[0]
    assert waves.correlation < 0.8
    noise = one_node(x, np.random.default_rng(1).normal(size=len(x)))[0]
    assert noise.correlation < 0.5


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 4), st.integers(60, 400))
def test_the_pairs_are_normalised_and_ordered(seed, n_columns, n_rows):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n_rows, n_columns))
    y = np.sin(x).sum(axis=1) + 0.3 * generator.normal(size=n_rows)
    weights = generator.uniform(0.5, 2, n_rows)
    pairs = one_node(x, y, weights)
    correlations = [pair.correlation for pair in pairs]
    assert correlations == sorted(correlations, reverse=True)
    for pair in pairs:
        assert 0 <= pair.correlation <= 1 + 1e-9
        assert pair.curves.shape == x.shape
        assert np.average(pair.transformed, weights=weights) == pytest.approx(0, abs=1e-7)
        assert np.average(pair.transformed**2, weights=weights) == pytest.approx(1, rel=1e-6)
        assert np.average(pair.node**2, weights=weights) == pytest.approx(pair.correlation**2, rel=1e-5, abs=1e-9)
        covariance = np.average(pair.node * pair.transformed, weights=weights)
        assert covariance == pytest.approx(pair.correlation**2, rel=1e-5, abs=1e-9)


def test_integer_weights_are_repeated_rows():
    x = columns_of(0.5, 2, n_rows=300)
    y = x[:, 0] * x[:, 1] + 0.01 * np.random.default_rng(2).normal(size=300)
    spoiled = y.copy()
    spoiled[:60] = 5.0
    weights = np.where(np.arange(300) < 60, 1e-9, 1.0)
    assert one_node(x, spoiled, weights)[0].correlation > 0.98
    assert one_node(x, spoiled)[0].correlation < 0.98


@pytest.mark.parametrize("n_rows", [1, 2, 5, 10])
def test_few_rows_give_nothing(n_rows):
    x = columns_of(0, 1, n_rows=n_rows, n_columns=3)
    assert one_node(x, x.sum(axis=1)) == ()


def test_poor_columns_do_not_break_it():
    x = columns_of(0.5, 2, n_columns=6)
    x[:, 1] = np.arange(600) % 2  # binary
    x[:, 2] = 3.0  # constant
    x[:, 3] = x[:, 0]  # duplicate
    x[:, 4] = np.round(x[:, 4], 1)  # ties
    x[:, 5] *= 1e9
    best = one_node(x, np.exp(x[:, 0] + 0.5 * x[:, 1]))[0]
    assert np.all(np.isfinite(best.curves))
    assert best.correlation > 0.999
    assert correlation(best.curves[:, 1], x[:, 1]) > 0.999
    assert np.ptp(best.curves[:, 2]) < 1e-6


@pytest.mark.parametrize("target", [np.zeros(200), np.arange(200) % 2, np.repeat(np.arange(4.0), 50)])
def test_poor_targets_do_not_break_it(target):
    for pair in one_node(columns_of(0, 1, n_rows=200), target.astype(float)):
        assert np.isfinite(pair.correlation)
        assert np.all(np.isfinite(pair.curves))


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_units_do_not_matter(unit):
    x = columns_of(0.5, 2)
    y = x[:, 0] * x[:, 1]
    first, second = one_node(x, y)[0], one_node(x * unit, y / unit)[0]
    assert second.correlation == pytest.approx(first.correlation, abs=1e-6)
    assert correlation(first.node, second.node) > 1 - 1e-6


def test_the_seed_makes_it_reproducible():
    x = columns_of(-1, 1)
    y = np.sin(x[:, 0]) + x[:, 1] ** 2
    first, second = one_node(x, y, seed=3)[0], one_node(x, y, seed=3)[0]
    np.testing.assert_array_equal(first.curves, second.curves)


# --- its parts ------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.integers(4, 25), st.integers(2, 200))
def test_rows_of_the_design_sum_to_one(seed, n_basis, n_rows):
    x = np.random.default_rng(seed).normal(size=n_rows) * 10.0 ** np.random.default_rng(seed).integers(-9, 9)
    design = spline_design(x, n_basis)
    assert design.shape[0] == n_rows
    assert design.shape[1] <= max(n_basis, 4)
    np.testing.assert_allclose(design.sum(axis=1), 1, rtol=1e-9)
    assert np.all(design >= -1e-12)


def test_points_off_the_knots_are_moved_to_the_ends():
    inside = np.linspace(0, 1, 50)
    design = spline_design(np.array([-5.0, 0.0, 1.0, 7.0]), 8, inside)
    np.testing.assert_array_equal(design[0], design[1])
    np.testing.assert_array_equal(design[2], design[3])


def test_few_values_get_an_indicator_each():
    design = spline_design(np.array([0.0, 1.0, 0.0, 2.0]), 10)
    np.testing.assert_array_equal(design, np.eye(3)[[0, 1, 0, 2]])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 8), st.booleans())
def test_orthonormal_spans_the_same_space(seed, n_columns, dependent):
    generator = np.random.default_rng(seed)
    design = generator.normal(size=(40, n_columns))
    if dependent:
        design = np.hstack([design, design[:, :1] * 2])
    basis, back = orthonormal(design)
    np.testing.assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-9)
    np.testing.assert_allclose(design @ back, basis, atol=1e-7)
    np.testing.assert_allclose(basis @ (basis.T @ design), design, atol=1e-7)
    assert basis.shape[1] == n_columns


def test_centre_takes_the_weighted_mean_out():
    design, weights = columns_of(0, 1, n_rows=30), np.random.default_rng(1).uniform(0.1, 2, 30)
    np.testing.assert_allclose(weights @ centre(design, weights), 0, atol=1e-12)
