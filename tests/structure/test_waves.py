"""A wave is found where it makes the target smoother, and nowhere else."""

import numpy as np
import pytest

from kansym.structure.reduction import Combination
from kansym.structure.waves import Wave, find_wave

LAWS = {
    "difference": (lambda x: np.sqrt(x[:, 0] ** 2 + 4 - 4 * x[:, 0] * np.cos(x[:, 1] - x[:, 2])), "cos", (0, 1, -1)),
    "product": (lambda x: x[:, 0] / (2 + np.sin(x[:, 1] * x[:, 2])), "sin", (0, 1, 1)),
    "one column": (lambda x: x[:, 0] ** 2 * np.cos(x[:, 1]) + np.sqrt(x[:, 2]), "cos", (0, 1, 0)),
}


def columns_of(seed=0, n_rows=500):
    x = np.random.default_rng(seed).uniform(1, 3, (n_rows, 3))
    x[:, 1:] *= 3.0  # one to nine radians
    return x


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_wave_of_a_law_is_found_in_any_unit_of_the_target(name, scale):
    law, function, numbers = LAWS[name]
    x = columns_of()
    found = find_wave(x, scale * law(x))
    assert found is not None
    wave = found.coordinates[-1]
    assert isinstance(wave, Wave)
    argument = wave.argument
    entries = argument.coefficients if isinstance(argument, Combination) else argument.exponents
    assert (wave.function, tuple(int(entry) for entry in entries)) == (function, numbers)
    assert len(found.coordinates) == 3 - sum(number != 0 for number in numbers) + 1
    new = found.columns(x)
    assert np.array_equal(new[:, -1], wave.values(x))
    assert np.abs(new[:, -1]).max() <= 1.0


@pytest.mark.parametrize(
    "law",
    [lambda x: x[:, 0] / (x[:, 1] + x[:, 2]), lambda x: np.exp(-x[:, 0]) * x[:, 1] ** 2],
    ids=["quotient", "exponential"],
)
def test_smooth_laws_have_no_wave(law):
    x = columns_of()
    assert find_wave(x, law(x)) is None


def test_noise_has_no_wave():
    generator = np.random.default_rng(5)
    for n_rows in (20, 60, 200, 500):
        x = generator.uniform(0, 9, (n_rows, 3))
        assert find_wave(x, generator.normal(size=n_rows)) is None


def test_rows_of_weight_zero_do_not_matter():
    x = columns_of()
    y = LAWS["difference"][0](x)
    weights = np.ones(len(y))
    weights[::5] = 0.0
    spoilt = np.where(weights == 0, 50.0, y)
    found, plain = find_wave(x, spoilt, weights), find_wave(x, y)
    assert found is not None
    assert plain is not None
    assert found.coordinates[-1] == plain.coordinates[-1]


def test_one_column_many_columns_and_an_ended_budget_give_none():
    x = columns_of()
    y = np.cos(x[:, 1])
    assert find_wave(x[:, [1]], y) is None
    assert find_wave(np.tile(x, 3), y) is None
    assert find_wave(x, y, should_stop=lambda: True) is None


def test_a_short_arc_is_no_wave():
    x = columns_of() / 30.0
    assert find_wave(x, np.cos(x[:, 1] - x[:, 2]) * x[:, 0]) is None


def test_only_the_functions_that_are_asked_for_are_tried():
    x = columns_of()
    y = LAWS["difference"][0](x)
    found = find_wave(x, y, functions=("sin",))
    assert found is None or all(getattr(wave, "function", "sin") == "sin" for wave in found.coordinates)
    assert find_wave(x, y, functions=()) is None
