"""Symmetries are found where there are any, in whatever units, and nowhere else."""

from fractions import Fraction

import numpy as np
import pytest

from kansym.structure.reduction import Combination, Product, identity, tried
from kansym.structure.scaling import hidden_offset
from kansym.structure.surrogate import fit_surrogate
from kansym.structure.symmetry import find_reduction


def rows(n_columns, n_rows=800, low=1.0, high=3.0, seed=0):
    return np.random.default_rng(seed).uniform(low, high, (n_rows, n_columns))


def followed(x, y):
    """Reductions until there is no more."""
    reductions = []
    while x.shape[1]:
        reduction = find_reduction(x, y)
        if reduction is None:
            break
        reductions.append(reduction)
        x, y = reduction.columns(x), y / reduction.factor_values(x)
    return reductions, x, y


# Law, number of columns, and to how many it reduces.
LAWS = {
    "monomial": (lambda x: 2 * x[:, 0] ** 2 / x[:, 1], 2, 1),
    "difference of squares": (lambda x: x[:, 2] * (x[:, 0] ** 2 + x[:, 1] ** 2), 3, 1),
    "gaussian": (lambda x: np.exp(-(((x[:, 0] - x[:, 1]) / x[:, 2]) ** 2)) / x[:, 2], 3, 1),
    "gravity": (
        lambda x: x[:, 0] / ((x[:, 1] - x[:, 2]) ** 2 + (x[:, 3] - x[:, 4] + 3) ** 2),
        5,
        2,
    ),
    "wave of a product": (lambda x: x[:, 0] * np.cos(3 * x[:, 1] * x[:, 2]), 3, 1),
    "fast wave": (lambda x: np.sin(9 * x[:, 0] * x[:, 1] / x[:, 2]), 3, 1),
    "wave along a direction": (lambda x: np.sin(1.3 * x[:, 0] + 0.61 * x[:, 1]), 2, 1),
    "three columns along a direction": (lambda x: np.tanh(0.7 * x[:, 0] - 0.31 * x[:, 1] + 0.23 * x[:, 2]), 3, 1),
    "real exponent": (lambda x: x[:, 0] ** 1.37 * np.tanh(x[:, 1]), 2, 1),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_law_reduces_to_its_smallest_problem(name):
    law, n_columns, least = LAWS[name]
    x = rows(n_columns)
    _, smaller, _ = followed(x, law(x))
    assert smaller.shape[1] == least


@pytest.mark.parametrize("name", ["gaussian", "gravity"])
def test_the_smaller_target_is_a_function_of_the_smaller_columns(name):
    """Moving along a symmetry changes the columns, but neither the new columns nor the quotient."""
    law, n_columns, _ = LAWS[name]
    x = rows(n_columns)
    reductions, *_ = followed(x, law(x))
    first = reductions[0]
    other = rows(n_columns, seed=7)
    new, quotient = first.columns(other), law(other) / first.factor_values(other)
    shift = np.zeros(n_columns)
    combined = next(c for c in first.coordinates if isinstance(c, Combination))
    i, j = np.flatnonzero([float(c) for c in combined.coefficients])
    shift[i], shift[j] = 0.1, -0.1 * float(combined.coefficients[i] / combined.coefficients[j])
    moved = other + shift
    assert np.allclose(first.columns(moved)[:, 0], new[:, 0])
    assert np.allclose(law(moved) / first.factor_values(moved), quotient)


def test_scalings_are_dimensional_analysis():
    """A pendulum with damping: period, length, gravity; the one dimensionless group is found."""
    x = rows(4)
    length, gravity, mass, damping = x.T
    y = np.sqrt(length / gravity) * np.exp(damping / (mass * np.sqrt(gravity / length)) / 3)
    _, smaller, _ = followed(x, y)
    assert smaller.shape[1] == 1
    group = np.log(smaller[:, 0])
    expected = np.log(damping / mass * np.sqrt(length / gravity))
    slope = np.polyfit(expected, group, 1)[0]
    assert np.allclose(group, slope * expected + np.mean(group - slope * expected))


@pytest.mark.parametrize("units", [(1e-9, 1e6, 1.0), (1e3, 1e3, 1e-20)])
def test_units_do_not_matter(units):
    x = rows(3)
    law = lambda x: x[:, 2] * (x[:, 0] ** 2 + x[:, 1] ** 2 * (units[0] / units[1]) ** 2)  # noqa: E731
    scaled = x * np.array(units)
    _, smaller, _ = followed(scaled, law(scaled))
    assert smaller.shape[1] == 1


@pytest.mark.parametrize("level", [0.01, 0.05])
def test_noise_leaves_clear_symmetries(level):
    x = rows(3, 1500)
    y = x[:, 2] * np.exp(-((x[:, 0] - x[:, 1]) ** 2))
    noisy = y + level * np.sqrt(np.mean(y**2)) * np.random.default_rng(3).normal(size=len(y))
    _, smaller, _ = followed(x, noisy)
    assert smaller.shape[1] == 1


@pytest.mark.parametrize(
    "law",
    [
        lambda x: np.sin(x[:, 0]) + np.exp(x[:, 1]),
        lambda x: np.exp(x[:, 0]) / (1 + x[:, 1] ** 2),
        lambda x: x[:, 0] + x[:, 1] ** 2 + 1,
    ],
)
def test_no_symmetry_is_made_up(law):
    x = rows(2)
    assert find_reduction(x, law(x)) is None


def test_products_and_combinations_take_only_the_columns_they_name():
    x = np.array([[2.0, np.nan, 3.0]])
    assert Product((Fraction(2), Fraction(0), Fraction(-1))).values(x) == pytest.approx(4 / 3)
    assert Combination((Fraction(1), Fraction(-1))).values(x[:, [0, 2]]) == pytest.approx(-1.0)


@pytest.mark.parametrize("y", [np.zeros(50), np.ones(50)])
def test_constant_targets_and_columns_do_not_disturb(y):
    x = rows(2, 50)
    x[:, 1] = 1.0
    reduction = find_reduction(x, y)
    assert reduction is None or np.all(np.isfinite(reduction.factor_values(x)))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("exponent", [Fraction(1), Fraction(-1)])
def test_a_factor_that_vanishes_or_is_infinite_on_a_row_is_no_reduction(exponent):
    x = rows(2)
    x[3, 0] = 0.0
    assert tried(x, x[:, 1] ** 2, None, tuple(identity(2)), (exponent, Fraction(0)), seed=0) is None


def offset_of(x, y):
    model = fit_surrogate(x, y)
    assert model is not None
    return hidden_offset(x, y, model)


@pytest.mark.parametrize("offset", [3.4, -0.2])
def test_a_hidden_offset_is_found_and_none_is_made_up(offset):
    x = rows(2)
    law = x[:, 0] * x[:, 1] / (x[:, 0] + x[:, 1])
    found = offset_of(x, law + offset)
    assert found is not None
    assert found[0] == pytest.approx(offset, abs=10 * found[1] * np.std(law) + 1e-12)
    assert offset_of(x, law) is None
    other = np.sin(x[:, 0]) + np.exp(x[:, 1])
    assert offset_of(x, other) is None


def test_the_error_of_a_target_is_allowed_for():
    x = rows(2)
    law = x[:, 0] * x[:, 1] / (x[:, 0] + x[:, 1])
    # A polynomial that is the law to 1e-4: its own model is exact, and knows no symmetry.
    approximate = law + 1e-4 * (x[:, 0] - 2) ** 3
    assert find_reduction(x, approximate) is None
    assert find_reduction(x, approximate, error=1e-3) is not None


def test_of_many_columns_the_merger_that_makes_a_model_fit_is_found_at_a_glance():
    x = np.random.default_rng(0).uniform(1, 3, (500, 6))
    reduction = find_reduction(x, np.sin(3 * x[:, 0] * x[:, 1]) * x[:, 2] + x[:, 3:].sum(axis=1))
    assert reduction is not None
    assert reduction.coordinates == (Product(tuple(Fraction(k) for k in (1, 1, 0, 0, 0, 0))),)


@pytest.mark.parametrize("n_columns", [5, 8])
def test_a_model_that_does_not_follow_rough_data_says_nothing_of_symmetries(n_columns):
    x = np.random.default_rng(0).uniform(1, 3, (1000, n_columns))
    steps = np.floor(2 * x[:, 0]) * np.sign(x[:, 1] - 2) * x[:, 2] + np.floor(3 * x[:, 3])
    assert find_reduction(x, steps + 20) is None


def test_the_error_of_an_offset_is_that_of_what_it_leaves():
    """A small power is nearly a logarithm and its offset far away, beside which all that varies is small."""
    x = rows(2)
    law = 10 * (x[:, 0] ** 0.1 - 1) + x[:, 0] * x[:, 1] / 20
    found = offset_of(x, law + 3e-4 * np.sin(30 * x[:, 0] * x[:, 1]))
    assert found is not None
    offset, error = found
    left = np.median(np.abs(law - offset))
    assert left > 10 * np.std(law)
    assert 0 < error * left < 1e-3 * np.std(law)


def test_logarithms_of_a_ratio_merge_however_long_plain_columns_do_well():
    """Polynomials in the columns are ahead at low degrees, those in their logarithms far ahead at high ones."""
    x = np.column_stack([rows(2) * 50, rows(1, seed=1)])
    law = 5 * np.log(x[:, 0] / x[:, 1]) / np.sqrt(x[:, 2]) + 0.25 * np.sqrt(x[:, 2])
    reduction = find_reduction(x, law)
    assert reduction is not None
    assert reduction.columns(x).shape[1] == 2
    assert reduction.error < 1e-10
