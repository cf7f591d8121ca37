"""Families of curves: the values are what is written, and the slopes are those of the values."""

import numpy as np
import pytest
import sympy

from kansym.symbolic import curve_families
from kansym.symbolic.curve_families import CurveFamily

FAMILIES = {name: getattr(curve_families, name) for name in curve_families.__all__ if name != "CurveFamily"}
X = np.linspace(0.3, 4.0, 30)
T = sympy.Symbol("t", positive=True)


def test_all_are_here():
    assert len(FAMILIES) == 8
    assert all(isinstance(family, CurveFamily) for family in FAMILIES.values())


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_written_has_the_values(name):
    family = FAMILIES[name]
    grid = family.grid(X)
    factors = np.array([1.7, -0.6])[: family.n_columns]
    for parameters in grid[:: max(len(grid) // 15, 1)]:
        written = sympy.lambdify(T, family.written(T, parameters, factors))(X)
        assert np.allclose(written, family.values(X, parameters[None])[:, 0] @ factors, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", FAMILIES)
def test_slopes_are_those_of_the_values(name):
    family = FAMILIES[name]
    grid = family.grid(X)
    for parameters in grid[:: max(len(grid) // 15, 1)]:
        slopes = family.slopes(X, parameters)
        assert slopes.shape == (len(X), len(parameters), family.n_columns)
        for place, parameter in enumerate(parameters):
            step = np.zeros(len(parameters))
            step[place] = 1e-6 * max(abs(parameter), 1e-3)
            ahead, behind = (family.values(X, (parameters + sign * step)[None])[:, 0] for sign in (1, -1))
            expected = (ahead - behind) / (2 * step[place])
            assert np.allclose(slopes[:, place], expected, rtol=1e-4, atol=1e-5 * np.abs(slopes).max() + 1e-12)


def test_unsuitable_columns_have_no_curves():
    assert len(curve_families.POWER.grid(X - 1.0)) == 0
    assert len(curve_families.RISE.grid(X - 1.0)) == 0
