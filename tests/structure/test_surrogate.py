# pyright: reportOptionalMemberAccess=false
"""The smooth stand-in: it converges on smooth laws, its gradient is that of the law, and it knows noise from misfit."""

import numpy as np
import pytest

from kansym.structure.surrogate import fit_surrogate


def rows(n_rows=600, n_columns=2, low=1.0, high=3.0, seed=0):
    return np.random.default_rng(seed).uniform(low, high, (n_rows, n_columns))


LAWS = {
    "product": (lambda x: x[:, 0] * x[:, 1], lambda x: np.column_stack([x[:, 1], x[:, 0]])),
    "quotient": (lambda x: -x[:, 0] / x[:, 1], lambda x: np.column_stack([-1 / x[:, 1], x[:, 0] / x[:, 1] ** 2])),
    "distance": (lambda x: np.hypot(x[:, 0], x[:, 1]), lambda x: x / np.hypot(x[:, 0], x[:, 1])[:, None]),
    "pole": (
        lambda x: 1 / (x[:, 0] + 2 * x[:, 1]),
        lambda x: -np.array([1.0, 2.0]) / (x[:, :1] + 2 * x[:, 1:]) ** 2,
    ),
    "resonance": (
        lambda x: 1 / np.sqrt((1 - x[:, 0]) ** 2 + 0.01 * x[:, 1]),
        lambda x: (
            -np.column_stack([x[:, 0] - 1, 0.005 * np.ones(len(x))])
            / (((1 - x[:, 0]) ** 2 + 0.01 * x[:, 1]) ** 1.5)[:, None]
        ),
    ),
    "wave": (
        lambda x: np.sin(2 * x[:, 0]) + x[:, 1],
        lambda x: np.column_stack([2 * np.cos(2 * x[:, 0]), np.ones(len(x))]),
    ),
}


@pytest.mark.parametrize("name", LAWS)
def test_values_and_gradient_are_those_of_the_law(name):
    law, gradient = LAWS[name]
    x = rows()
    model = fit_surrogate(x, law(x))
    assert model.error < 1e-6
    assert np.allclose(model.values, law(x), rtol=1e-5)
    inside = model.interior
    assert np.allclose(model.gradient[inside], gradient(x)[inside], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_the_error_does_not_depend_on_units(scale):
    x = rows()
    reference = fit_surrogate(x, np.exp(x[:, 0]) / x[:, 1])
    scaled = fit_surrogate(x * 1e3, scale * np.exp(x[:, 0]) / x[:, 1])
    assert scaled.error == pytest.approx(reference.error, rel=0.5, abs=1e-10)


@pytest.mark.parametrize("level", [0.01, 0.1])
def test_noise_is_told_from_misfit(level):
    x = rows(1500)
    clean = np.exp(np.sin(x[:, 0])) * x[:, 1]
    sigma = level * np.sqrt(np.mean(clean**2))
    noisy = clean + sigma * np.random.default_rng(1).normal(size=len(x))
    assert fit_surrogate(x, noisy).noise == pytest.approx(sigma**2, rel=0.25)
    assert fit_surrogate(x, clean).noise < 1e-12 * sigma**2


def test_rounding_is_no_noise():
    x = rows() * [4.0, 0.2] + [0.0, 1.0]
    model = fit_surrogate(x, 1 - x[:, 0] ** (1 - x[:, 1]))
    assert model.error < 1e-13
    assert model.noise == 0.0


def test_an_oscillation_beyond_its_reach_is_not_taken_for_noise():
    x = rows(400, 3, 0.0, 10.0)
    model = fit_surrogate(x, np.sin(x[:, 0] * x[:, 1] * x[:, 2]))
    assert model.unexplained > 0.5


def test_errors_are_measured_on_the_product_with_the_factor():
    x = rows()
    y = x[:, 0] ** 3 * np.exp(x[:, 1])
    factor = x[:, 0] ** 3
    direct, divided = fit_surrogate(x, y), fit_surrogate(x[:, 1:], y / factor, factor=factor)
    assert divided.error < 1e-6
    noise = 0.05 * np.random.default_rng(2).normal(size=len(x))
    direct, divided = fit_surrogate(x, y + noise), fit_surrogate(x[:, 1:], (y + noise) / factor, factor=factor)
    assert divided.noise == pytest.approx(direct.noise, rel=0.3)


def test_too_few_rows_give_no_model():
    assert fit_surrogate(rows(5), np.arange(5.0)) is None
