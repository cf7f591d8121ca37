"""Dips of the smallest angle: found from a coarse grid to rounding, and none where spaces share nothing."""

from __future__ import annotations

import numpy as np
import pytest

from kansym.symbolic.angles import Spaces

X = np.random.default_rng(0).uniform(0.0, 3.0, 80)
POWERS = np.column_stack([np.ones_like(X), X])


@pytest.mark.parametrize("rate", [-2.3, -0.7, -0.31])
def test_a_rate_is_found_to_rounding(rate):
    target = 1.7 + 0.4 * X + np.exp(rate * X)
    grid = -np.geomspace(0.1, 5.0, 12)[:, None]
    spaces = Spaces(lambda k: (np.column_stack([POWERS, np.exp(k[0] * X)]), target[:, None]), grid)
    assert spaces.angle(np.array([rate])) < 1e-12
    assert min(map(spaces.angle, grid)) > 1e-5
    found = spaces.dip()
    assert found is not None
    assert found[0] == pytest.approx(rate, rel=1e-6)


def test_two_constants():
    target = np.exp(-0.4 * X) * np.sin(3.0 * X + 0.3)
    grid = np.array([[a, w] for a in (-1.0, -0.5, -0.2) for w in (1.0, 2.0, 2.8, 4.0)])

    def spaces(constants):
        decay = np.exp(constants[0] * X)
        return np.column_stack([decay * np.sin(constants[1] * X), decay * np.cos(constants[1] * X)]), target[:, None]

    found = Spaces(spaces, grid).dip()
    assert found is not None
    np.testing.assert_allclose(found, [-0.4, 3.0], rtol=1e-6)


@pytest.mark.parametrize("matrices", [None, (POWERS, np.zeros((80, 1)))], ids=["not finite", "nothing"])
def test_what_has_no_angle_has_no_dip(matrices):
    spaces = Spaces(lambda k: matrices, np.ones((3, 1)))
    assert spaces.angle(np.ones(1)) == 1.0
    assert spaces.dip() is None


def test_spaces_that_share_nothing():
    noise = np.random.default_rng(1).normal(size=(80, 1))
    grid = -np.geomspace(0.1, 5.0, 12)[:, None]
    assert Spaces(lambda k: (np.column_stack([POWERS, np.exp(k[0] * X)]), noise), grid).dip() is None


def test_starts_that_are_not_finite_are_passed_over():
    target = (1.0 + np.exp(-0.7 * X))[:, None]

    def spaces(constants):
        finite = constants[0] > -3.0
        return (np.column_stack([np.ones_like(X), np.exp(constants[0] * X)]), target) if finite else None

    found = Spaces(spaces, np.array([[-9.0], [-6.0], [-1.0], [-0.3]])).dip()
    assert found is not None
    assert found[0] == pytest.approx(-0.7, rel=1e-6)
