from __future__ import annotations

import numpy as np
import pytest

from kansym.structure.residuals import have_structure, noise_by_differences


def columns(n_rows=400, n_columns=3, seed=0):
    return np.random.default_rng(seed).uniform(-1, 2, (n_rows, n_columns))


def test_noise_has_none_but_for_one_time_in_a_thousand():
    found = [have_structure(columns(seed=s), np.random.default_rng(1000 + s).normal(size=400)) for s in range(200)]
    assert sum(found) <= 2


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_a_twentieth_of_the_variance_is_seen_in_any_unit(unit):
    x = columns(1000)
    noise = np.random.default_rng(1).normal(size=1000)
    signal = np.sin(2 * x[:, 0]) * x[:, 1]
    signal *= np.sqrt(0.05 / np.var(signal))
    assert have_structure(x * 7.0, unit * (noise + signal))
    assert not have_structure(x * 7.0, unit * noise)


def test_weights_say_which_rows_count():
    x = columns()
    residuals = np.random.default_rng(2).normal(size=400)
    spoilt = np.arange(400) < 60
    residuals[spoilt] += 8 * x[spoilt, 0]
    assert have_structure(x, residuals)
    assert not have_structure(x, residuals, np.where(spoilt, 1e-9, 1.0))


@pytest.mark.parametrize("n_rows", [1, 5, 20])
def test_few_rows_and_no_residuals_prove_nothing(n_rows):
    assert not have_structure(columns(n_rows), columns(n_rows)[:, 0])
    assert not have_structure(columns(), np.zeros(400))
    assert not have_structure(columns(), np.full(400, np.nan))


@pytest.mark.parametrize("noise", [0.0, 0.1, 1.0])
def test_differences_tell_noise_from_waves(noise):
    generator = np.random.default_rng(0)
    x = generator.uniform(0, 30, 3000)
    y = 2 * np.sin(3 * x) + x + noise * generator.standard_normal(3000)
    assert noise_by_differences(x, y) == pytest.approx(noise**2, rel=0.1, abs=1e-4)


def test_differences_know_lines_and_equal_values():
    x = np.array([3.0, 1.0, 2.0, 7.0])
    assert noise_by_differences(x, 2 * x + 1) == pytest.approx(0.0, abs=1e-25)
    assert noise_by_differences(np.zeros(4), np.array([0.0, 1.0, 0.0, 1.0])) == pytest.approx(2 / 3)
