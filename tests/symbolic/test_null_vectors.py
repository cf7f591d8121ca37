"""Relations between polynomials: found in the user's units, as short as they can be, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.symbolic.null_vectors import NULL, PolynomialSystem, exponents_up_to, lowest_relation, monomials


def never():
    return False


@pytest.mark.parametrize(("n_variables", "degree"), [(1, 4), (2, 3), (4, 2)])
def test_exponents_and_monomials(n_variables, degree):
    exponents = exponents_up_to(n_variables, degree)
    assert len(set(exponents)) == len(exponents)
    assert max(map(sum, exponents)) == degree
    columns = np.random.default_rng(0).uniform(-2, 2, (20, n_variables))
    for exponent, values in zip(exponents, monomials(columns, exponents).T, strict=True):
        np.testing.assert_allclose(values, np.prod(columns**exponent, axis=1))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0.2, 5.0), min_size=3, max_size=3),
    st.lists(st.floats(-6, 6), min_size=3, max_size=3),
)
def test_any_units(coefficients, decades):
    """``a·x + b·y² + c·x·t = 0`` whatever the units of x, y and t."""
    a, b, c = coefficients
    x, y = np.random.default_rng(0).uniform(1, 2, (2, 60))
    t = -(a * x + b * y**2) / (c * x)
    units = 10.0 ** np.array(decades)
    system = PolynomialSystem.of(np.column_stack([x, y]) * units[:2], [np.ones(60), t * units[2]], [2, 1])
    assert system.least() <= NULL
    found = system.sparsest(NULL)
    assert found is not None
    above, below = found.polynomials
    assert set(above) == {(1, 0), (0, 2)}
    assert set(below) == {(1, 0)}
    scale = below[(1, 0)] * units[2] / c
    found_a, found_b = above[(1, 0)] / scale, above[(0, 2)] * units[1] ** 2 / units[0] / scale
    np.testing.assert_allclose([found_a, found_b], [a, b], rtol=1e-7)


def test_many_columns_have_few_monomials_of_low_degree():
    assert len(exponents_up_to(60, 1)) == 61


def test_blocks_of_more_monomials_than_rows():
    x = np.random.default_rng(0).uniform(1, 2, (25, 2))
    system = PolynomialSystem.of(x, [np.ones(25), x[:, 0]], [8, 0])
    assert max(system.independent) == 45


def test_what_depends_on_other_columns_is_no_relation_of_the_target():
    x = np.random.default_rng(0).uniform(1, 2, (80, 1))
    columns = np.column_stack([x, 3 * x])
    target = np.random.default_rng(1).normal(size=80)
    assert PolynomialSystem.of(columns, [np.ones(80), target], [2, 1]).sparsest(NULL) is None


def test_the_lowest_degrees_come_first_and_few_rows_end_the_search():
    x = np.random.default_rng(0).uniform(1, 2, (40, 1))
    factors = [np.ones(40), -(1 + x[:, 0]) / (2 + x[:, 0])]
    found = lowest_relation(x, factors, [(1, 0), (1, 1), (2, 2)], never)
    assert found is not None
    assert max(sum(e) for part in found.polynomials for e in part) == 1
    assert lowest_relation(x[:9], [factor[:9] for factor in factors], [(1, 0), (1, 1), (2, 2)], never) is None
    assert lowest_relation(x, factors, [(1, 1)], lambda: True) is None


@pytest.mark.parametrize("curve", [np.sin, np.exp, lambda x: x**0.37], ids=["sine", "exponential", "power"])
def test_what_only_comes_near_is_no_relation(curve):
    x = np.random.default_rng(0).uniform(0.5, 2.5, (400, 1))
    y = curve(x[:, 0])
    steps = [(1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4)]
    assert lowest_relation(x, [np.ones(400), y, y**2], steps, never) is None
