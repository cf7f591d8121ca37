"""The coefficients of a target that is linear in a column are those of the law."""

import numpy as np
import pytest

from kansym.structure.varying_coefficients import varying_coefficients


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_coefficients_are_those_of_the_law(scale):
    x = np.random.default_rng(0).uniform(1, 2, (600, 3))
    first, second = x[:, 0] * x[:, 1], np.sqrt(x[:, 0] ** 2 + x[:, 1])
    best = varying_coefficients(x, scale * (first + second * x[:, 2]))[0]
    assert (best.column, best.others) == (2, (0, 1))
    assert best.unexplained < 1e-10
    assert np.allclose(best.coefficients / scale, np.column_stack([first, second]), atol=1e-3)


def test_a_target_that_is_linear_in_no_column_gives_none():
    x = np.random.default_rng(0).uniform(1, 2, (600, 2))
    models = varying_coefficients(x, np.exp(x[:, 0] * x[:, 1]))
    assert all(model.unexplained > 1e-6 for model in models)


def test_decades_are_followed_in_logarithms():
    x = np.exp(np.random.default_rng(0).uniform(-5, 5, (800, 2)))
    weights = 1 / (1 + x[:, 1]) ** 2
    best = varying_coefficients(x, 1 / (1 + x[:, 0]) + x[:, 1] * x[:, 0] / (1 + x[:, 0]), weights)[0]
    assert best.column == 1
    assert np.allclose(best.coefficients[:, 1], x[:, 0] / (1 + x[:, 0]), atol=0.02)


@pytest.mark.parametrize("n_columns", [1, 7])
def test_other_numbers_of_columns_give_none(n_columns):
    x = np.random.default_rng(0).uniform(1, 2, (100, n_columns))
    assert varying_coefficients(x, x.sum(axis=1)) == ()


def test_few_rows_a_constant_and_an_ended_budget_give_none():
    x = np.random.default_rng(0).uniform(1, 2, (100, 2))
    assert varying_coefficients(x[:20], x[:20, 0]) == ()
    assert varying_coefficients(x, np.ones(100)) == ()
    assert varying_coefficients(x, x[:, 0] * x[:, 1], should_stop=lambda: True) == ()
