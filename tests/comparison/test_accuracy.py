import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import r2_score as reference_r2

from kansym.comparison.accuracy import error_in_noise, r2_score, relative_error, root_mean_square, typical_size

GENERATOR = np.random.default_rng(0)
TRUTH = GENERATOR.normal(size=50)
PREDICTED = TRUTH + 0.1 * GENERATOR.normal(size=50)


@given(st.integers(-250, 250))
def test_nothing_depends_on_the_unit_of_y(exponent):
    unit = 10.0**exponent
    truth, predicted = TRUTH * unit, PREDICTED * unit
    assert root_mean_square(truth) / unit == pytest.approx(np.sqrt(np.mean(TRUTH**2)))
    assert r2_score(predicted, truth) == pytest.approx(reference_r2(TRUTH, PREDICTED))
    size = typical_size(truth)
    assert relative_error(predicted, truth, size) == pytest.approx(relative_error(PREDICTED, TRUTH, size / unit))
    expected = error_in_noise(PREDICTED, TRUTH, 0.1, 1.0)
    assert error_in_noise(predicted, truth, 0.1 * unit, unit) == pytest.approx(expected)


def test_a_pole_neither_hides_nor_dominates():
    truth = np.append(np.ones(99), 1e12)
    near_the_pole = truth.copy()
    near_the_pole[-1] *= 1 + 1e-7
    elsewhere = truth.copy()
    elsewhere[0] += 1e-3
    assert relative_error(near_the_pole, truth, typical_size(truth)) < 1e-7
    assert relative_error(elsewhere, truth, typical_size(truth)) > 1e-5


def test_values_that_are_not_finite():
    wrong = np.array([1.0, np.nan])
    assert relative_error(wrong, np.array([1.0, 2.0]), 1.0) == np.inf
    assert relative_error(wrong, np.array([1.0, np.nan]), 1.0) == 0
    assert r2_score(wrong, np.array([1.0, 2.0])) is None
    assert r2_score(np.array([1e200, 1.0]), np.array([1.0, 2.0])) is None
    assert r2_score(np.ones(2), np.ones(2)) is None


def test_typical_size_of_mostly_zeros_is_not_zero():
    assert typical_size(np.array([0.0, 0.0, 0.0, 2.0])) == 1.0
    assert relative_error(np.zeros(4), np.zeros(4), 0.0) == 0
    assert relative_error(np.ones(4), np.zeros(4), 0.0) == np.inf


def test_errors_in_noise_grow_with_the_truth_beyond_its_size():
    truth = np.array([0.0, 1.0, 100.0])
    assert error_in_noise(truth + np.array([0.1, 0.1, 10.0]), truth, sigma=0.1, size=1.0) == pytest.approx(1.0)
