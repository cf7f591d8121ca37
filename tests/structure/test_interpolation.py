"""Half of a curve tells the other half where it is exact, and by how much it is not."""

import numpy as np
import pytest

from kansym.structure.interpolation import held_out_error

LAWS = {
    "decay": (lambda x: np.exp(-x), 0, 5),
    "wave": (lambda x: np.sin(15 * x), -1, 1),
    "potential": (lambda r: 4 * (r**-12 - r**-6), 0.9, 2.5),
    "kink": (np.abs, -1, 1),
    "branch": (lambda x: np.sqrt(x + 1), -1, 1),
    "entropy": (lambda x: x * np.log(x), 1e-3, 2),
    "radiation": (lambda x: x**3 / np.expm1(x), 0.1, 12),
    "pole": (lambda x: 1 / (x - 0.5), 0, 2),
}


def curve(name, n_rows=200, noise=0.0, seed=0):
    law, low, high = LAWS[name]
    generator = np.random.default_rng(seed)
    x = generator.uniform(low, high, n_rows)
    y = law(x)
    return x, y + noise * np.std(y) * generator.standard_normal(n_rows)


@pytest.mark.parametrize("name", LAWS)
def test_laws_are_exact(name):
    assert held_out_error(*curve(name)) < 1e-12


@pytest.mark.parametrize("noise", [1e-6, 1e-3, 1e-1])
@pytest.mark.parametrize("name", LAWS)
def test_noise_is_its_own_size(name, noise):
    found = [held_out_error(*curve(name, noise=noise, seed=seed)) for seed in range(5)]
    assert np.median(found) == pytest.approx(noise, rel=0.4)


@pytest.mark.parametrize("unit", [1e-200, 1e-9, 1e9, 1e300])
def test_units_do_not_matter(unit):
    x, y = curve("radiation", noise=1e-3)
    expected = held_out_error(x, y)
    assert held_out_error(x, y * unit) == pytest.approx(expected, rel=1e-6)
    assert held_out_error(x * 1e9, y) == pytest.approx(expected, rel=1e-3)


def test_jumps_are_no_exact_curve():
    x = np.random.default_rng(0).uniform(0, 5, 300)
    assert held_out_error(x, np.random.default_rng(1).permutation(x)) > 0.1


def test_what_proves_nothing():
    x, y = curve("decay", n_rows=15)
    assert np.isnan(held_out_error(x, y))
    assert np.isnan(held_out_error(np.repeat(x, 20), np.repeat(y, 20)))
    x, y = curve("decay")
    assert np.isnan(held_out_error(x, np.full(len(x), 3.0)))
    assert np.isnan(held_out_error(x, np.zeros(len(x))))
    assert np.isnan(held_out_error(np.empty(0), np.empty(0)))


def test_the_order_of_rows_and_repeated_rows_do_not_matter():
    x, y = curve("wave", noise=1e-2)
    order = np.random.default_rng(1).permutation(np.tile(np.arange(len(x)), 3))
    assert held_out_error(x[order], y[order]) == held_out_error(x, y)
