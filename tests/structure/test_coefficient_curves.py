"""The curves of a sum of products are those of the law, and the functions that do not occur are left out."""

import numpy as np
import pytest

from kansym.structure.coefficient_curves import coefficient_curves, function_pairs, function_span

R, X = np.random.default_rng(0).uniform(1, 4, (2, 800))
ONES = np.ones(800)
POWERS = np.column_stack([ONES, X, X**2, X**3])


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_curves_are_those_of_the_law(scale):
    first, second = np.sin(3 * R), np.log(R)
    found = coefficient_curves(R, POWERS, scale * (first * X + second * X**3), ONES, 1e-6)
    assert found is not None
    assert found.functions == (1, 3)
    assert found.unexplained < 1e-10
    assert np.allclose(found.curves / scale, np.column_stack([first, second]), atol=1e-4)


def test_errors_are_those_of_the_curves():
    truth = np.column_stack([np.sin(R), 1 / R])
    noise = 0.1 * np.random.default_rng(1).normal(size=800)
    found = coefficient_curves(R, POWERS[:, :2], truth[:, 0] + truth[:, 1] * X + noise, ONES, 0.1)
    assert found is not None
    actual = np.mean((found.curves - truth) ** 2, axis=0)
    assert np.all((0.2 * found.errors < actual) & (actual < 5 * found.errors))


def test_what_is_no_such_sum_gives_none():
    assert coefficient_curves(R, POWERS[:, :2], np.exp(R * X), ONES, 1e-6) is None
    noise = np.random.default_rng(1).normal(size=800)
    assert coefficient_curves(R, POWERS, noise, ONES, 0.5) is None
    assert function_pairs(R, POWERS, noise, ONES, 0.5) == []
    assert function_span(R, X, POWERS, noise, ONES, 0.5) is None


def test_decades_are_followed_in_logarithms():
    r = np.exp(3 * np.random.default_rng(0).uniform(-2, 2, 800))
    found = coefficient_curves(r, POWERS[:, :2], 1 / (1 + r) + X * r / (1 + r), ONES, 1e-4)
    assert found is not None
    assert np.allclose(found.curves[:, 1], r / (1 + r), atol=0.02)


def test_the_pair_of_the_law_comes_first():
    functions = np.column_stack([POWERS, np.log(X), np.sqrt(X), np.exp(X)])
    target = np.cos(2 * R) * np.sqrt(X) + R**1.3 * np.exp(X)
    assert function_pairs(R, functions, target, ONES, 1e-6)[0] == (5, 6)


def test_what_else_is_in_the_span_is_found_without_its_name():
    target = np.exp(R / 2) + R * np.sin(2 * X + 0.3)
    span = function_span(R, X, POWERS, target, ONES, 1e-6)
    assert span is not None
    assert (span.members, span.directions.shape) == ((0,), (800, 2))
    curve = np.sin(2 * X + 0.3)
    assert np.linalg.norm(curve - span.directions @ (span.directions.T @ curve)) < 1e-3 * np.linalg.norm(curve)


def test_a_function_that_is_not_finite_is_no_member():
    functions = np.column_stack([ONES, np.full(800, np.nan), np.log(X)])
    target = R + np.exp(R) * np.log(X)
    assert function_pairs(R, functions, target, ONES, 1e-6)[0] == (0, 2)
    span = function_span(R, X, functions, target, ONES, 1e-6)
    assert span is not None
    assert span.members == (0, 2)
    assert coefficient_curves(R, functions, target, ONES, 1e-6) is None


def test_few_rows_and_constants_give_none():
    few = slice(None, 20)
    assert coefficient_curves(R[few], POWERS[few], X[few], ONES[few], 1.0) is None
    assert function_span(R[few], X[few], POWERS[few], X[few], ONES[few], 1.0) is None
    assert coefficient_curves(R, POWERS, ONES, ONES, 1.0) is None
    assert coefficient_curves(ONES, POWERS, X, ONES, 1e-6) is None
