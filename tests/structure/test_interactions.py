"""Pairs at a glance: the planted ones and no others, whatever the scales and tails of the columns."""

import numpy as np
import pytest

from kansym.structure.interactions import striking_pairs


@pytest.mark.parametrize("seed", range(4))
def test_nothing_strikes_in_noise(seed):
    generator = np.random.default_rng(seed)
    x, noise = generator.normal(size=(400, 80)), generator.standard_t(3, size=(400, 2))
    assert striking_pairs(x, noise, generator) == []


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_scales_and_tails_of_columns_do_not_matter(scale):
    generator = np.random.default_rng(1)
    x = generator.standard_t(2, size=(600, 60))
    residual = (np.tanh(x[:, 3]) * np.tanh(x[:, 50]) + 0.3 * generator.normal(size=600))[:, None]
    assert striking_pairs(scale * x, scale * residual, generator) == [(3, 50)]


def test_the_strengths_are_the_sums_they_stand_for():
    generator = np.random.default_rng(2)
    x = generator.permuted(np.tile(np.linspace(-1, 1, 301)[:, None], (1, 40)), axis=0)
    first, second = x[:, 5] * x[:, 9], 0.5 * (x[:, 2] ** 2 - 1 / 3) * x[:, 30]
    assert striking_pairs(x, (first + second)[:, None], generator) == [(5, 9), (2, 30)]
    assert striking_pairs(x, np.column_stack([first, second]), generator)[0] in {(5, 9), (2, 30)}


def test_too_many_columns_and_empty_residuals():
    generator = np.random.default_rng(3)
    assert striking_pairs(np.zeros((5, 2001)), np.ones((5, 1)), generator) == []
    assert striking_pairs(generator.normal(size=(50, 30)), np.zeros((50, 1)), generator) == []
