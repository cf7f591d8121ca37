"""Sums of products are put together from the laws of their curves."""

import numpy as np
import pytest

from kansym.library import default_library
from kansym.symbolic.coefficient_curve_laws import laws_of_coefficient_curves
from kansym.symbolic.constants import refit
from kansym.symbolic.rows import Rows


def is_proposed(rows, noise=0.0):
    laws = laws_of_coefficient_curves(rows, default_library(), noise=noise)
    return any(refit(law, rows).loss <= max(1.02 * noise, 1e-18 * rows.variance) for law, _ in laws)


@pytest.mark.parametrize(
    "law",
    [
        lambda r, x: 3 / (r + 0.4) + x**2 * np.exp(-0.7 * r) + x * r,
        lambda r, x: 8.3 * x / (r - 0.4) - 9.7 / (np.sqrt(x) * r * (r + 0.4)),
        lambda r, x: np.exp(2.5 * (1 - np.exp(-0.3 * r)) + np.exp(-0.3 * r) * np.log(x)),
        lambda r, x: r**1.5 + np.log(r) * np.sin(1.7 * x + 0.4),
    ],
    ids=["a parabola", "two powers", "of the logarithm", "a function without a name"],
)
def test_a_law_of_two_columns_is_proposed(law):
    columns = np.random.default_rng(0).uniform(1, 4, (800, 2))
    assert is_proposed(Rows.from_arrays(columns, law(*columns.T)))


def test_a_law_of_three_columns_is_proposed():
    columns = np.random.default_rng(0).uniform(0.5, 3, (800, 3))
    a, b, t = columns.T
    assert is_proposed(Rows.from_arrays(columns, a * np.sin(2.4 * t) + b * np.cos(5.1 * t) + 0.3 * a * b))


def test_under_noise_the_structure_of_fewest_curves_is_taken():
    columns = np.random.default_rng(0).uniform(1, 4, (800, 2))
    r, x = columns.T
    y = 2 * np.exp(-0.5 * r) + x**2 * np.sin(3 * r)
    noise = 0.01 * np.std(y) * np.random.default_rng(1).normal(size=800)
    assert is_proposed(Rows.from_arrays(columns, y + noise), noise=float(np.mean(noise**2)))


@pytest.mark.parametrize("n_columns", [1, 5])
def test_of_other_numbers_of_columns_nothing_is_proposed(n_columns):
    columns = np.random.default_rng(0).uniform(1, 2, (200, n_columns))
    rows = Rows.from_arrays(columns, columns.sum(axis=1))
    assert list(laws_of_coefficient_curves(rows, default_library())) == []


def test_noise_alone_and_an_ended_budget_give_nothing():
    columns = np.random.default_rng(0).uniform(1, 4, (400, 2))
    alone = Rows.from_arrays(columns, np.random.default_rng(1).normal(size=400))
    assert list(laws_of_coefficient_curves(alone, default_library())) == []
    rows = Rows.from_arrays(columns, columns[:, 0] + columns[:, 1] ** 2 * np.log(columns[:, 0]))
    assert list(laws_of_coefficient_curves(rows, default_library(), should_stop=lambda: True)) == []
