"""Sums of curves: their factors are those of least squares, and a fit of the parameters ends where all are best."""

import numpy as np
import pytest
import sympy

from kansym.symbolic.constants import refit
from kansym.symbolic.curve_families import DECAY, GAUSSIAN, POWER, STEP, WAVE
from kansym.symbolic.fitted_sums import Background, CurveSum, orthonormal
from kansym.symbolic.rows import Rows

X = np.linspace(0.2, 5.0, 80)
STARTS = {
    "decays": (((DECAY, np.array([-3.0])), (DECAY, np.array([-0.3]))), Background.NONE),
    "decay to a level": (((DECAY, np.array([-1.0])),), Background.LEVEL),
    "peak on a line": (((GAUSSIAN, np.array([2.0, 0.7])),), Background.LINE),
    "wave and step": (((WAVE, np.array([3.0])), (STEP, np.array([2.5, 0.4]))), Background.LEVEL),
    "powers": (((POWER, np.array([-2.0])), (POWER, np.array([1.5]))), Background.NONE),
}


def rows_of(name, noise, weights=None):
    """Rows of a sum whose parameters are a little beside those of the start."""
    curves, background = STARTS[name]
    generator = np.random.default_rng(3)
    moved = tuple((family, start * generator.uniform(0.93, 1.07, len(start))) for family, start in curves)
    blank = CurveSum.of(moved, background, Rows.from_arrays(X[:, None], np.zeros(len(X))))
    factors = generator.uniform(1.0, 2.0, len(blank.factors))
    total = CurveSum(moved, background, factors, 0.0)
    truth = sympy.lambdify(sympy.Symbol("t"), total.written(sympy.Symbol("t")))(X)
    return Rows.from_arrays(X[:, None], truth + noise * generator.standard_normal(len(X)), weights)


def start_of(name, rows):
    curves, background = STARTS[name]
    return CurveSum.of(curves, background, rows)


@pytest.mark.parametrize("name", STARTS)
def test_a_sum_without_noise_is_found_to_the_last_digits(name):
    rows = rows_of(name, 0.0)
    total = start_of(name, rows).fitted(rows, 50)
    assert total.loss < 1e-24 * rows.variance
    assert total.n_constants == len(total.factors) + sum(len(parameters) for _, parameters in total.curves)


@pytest.mark.parametrize("name", STARTS)
def test_no_fit_of_all_constants_together_is_better(name):
    weights = np.random.default_rng(0).uniform(0.5, 2.0, len(X))
    rows = rows_of(name, 0.05, weights)
    total = start_of(name, rows).fitted(rows, 50)
    written = total.written(rows.variables[0])
    predicted = sympy.lambdify(rows.variables[0], written)(X)
    assert rows.loss(predicted) == pytest.approx(total.loss, rel=1e-9)
    assert total.loss <= refit(written, rows).loss * (1 + 1e-7)


def test_a_fit_is_never_worse():
    rows = Rows.from_arrays(X[:, None], np.random.default_rng(0).standard_normal(len(X)))
    for name in STARTS:
        start = start_of(name, rows)
        assert start.fitted(rows, 3).loss <= start.loss


@pytest.mark.parametrize("name", STARTS)
def test_the_tangent_is_that_of_what_is_written(name):
    rows = rows_of(name, 0.05)
    total = start_of(name, rows)
    tangent = total.tangent(X)
    assert tangent.shape == (len(X), total.n_constants)
    place = len(total.factors)
    for which, (family, parameters) in enumerate(total.curves):
        for at in range(len(parameters)):
            step = 1e-6 * parameters[at]
            moved = parameters.copy()
            moved[at] += step
            curves = (*total.curves[:which], (family, moved), *total.curves[which + 1 :])
            other = CurveSum(curves, total.background, total.factors, 0.0)
            values = [sympy.lambdify(rows.variables[0], one.written(rows.variables[0]))(X) for one in (total, other)]
            assert np.allclose((values[1] - values[0]) / step, tangent[:, place], rtol=1e-3, atol=1e-4)
            place += 1


def test_without_a_curve_the_others_stay():
    rows = rows_of("wave and step", 0.05)
    total = start_of("wave and step", rows)
    rest = total.without(0, rows)
    assert [family for family, _ in rest.curves] == [STEP]
    assert rest.factors.tolist() == [total.factors[0], total.factors[3]]
    assert rest.loss > total.loss


def test_lines_in_disguise_and_terms_that_cancel_are_unsound():
    rows = Rows.from_arrays(X[:, None], 1.0 + 0.2 * X + np.tanh(3 * (X - 2.0)))
    sound = CurveSum.of(((STEP, np.array([2.0, 1 / 3])),), Background.LINE, rows)
    assert sound.is_sound(rows)
    assert not CurveSum.of(((STEP, np.array([2.0, 1e4])),), Background.NONE, rows).is_sound(rows)
    assert not CurveSum.of(((DECAY, np.array([1e-6])),), Background.LEVEL, rows).is_sound(rows)
    assert CurveSum.of(((POWER, np.array([1.0])),), Background.LEVEL, rows).is_sound(rows)
    near = ((STEP, np.array([2.0, 1 / 3])), (STEP, np.array([2.0 + 1e-5, 1 / 3])))
    assert not CurveSum(near, Background.NONE, np.array([1e5, 1.0 - 1e5]), 0.0).is_sound(rows)


def test_columns_beyond_doubles_have_no_sum():
    rows = Rows.from_arrays(X[:, None], X)
    total = CurveSum.of(((DECAY, np.array([1e3])),), Background.NONE, rows)
    assert total.loss == float("inf")
    assert total.fitted(rows, 5) is total
    assert np.all(np.isnan(orthonormal(np.array([[np.inf], [1.0]]))))


def test_a_peak_far_from_all_rows_is_unsound():
    rows = Rows.from_arrays(X[:, None], np.exp(-0.5 * X))
    far = CurveSum.of(((GAUSSIAN, np.array([-40.0, 13.0])),), Background.NONE, rows)
    assert far.loss < 0.05 * rows.variance
    assert not far.is_sound(rows)
    assert CurveSum.of(((GAUSSIAN, np.array([1.0, 2.0])),), Background.NONE, rows).is_sound(rows)
