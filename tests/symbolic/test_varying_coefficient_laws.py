"""Laws that are linear in a column are put together from those of its coefficients."""

import numpy as np
import pytest

from kansym.library import default_library
from kansym.structure.varying_coefficients import varying_coefficients
from kansym.symbolic.constants import refit
from kansym.symbolic.curve_laws import CurveLaw
from kansym.symbolic.rows import Rows
from kansym.symbolic.varying_coefficient_laws import blocks_of, laws_of_varying_coefficients


def no_law(rows, error):
    return []


@pytest.mark.parametrize(
    "law",
    [
        lambda x: x[:, 0] + np.sqrt(x[:, 0] ** 2 + 2) * x[:, 1],
        lambda x: 1 / (x[:, 0] + np.sqrt(x[:, 0] ** 2 + 2) * x[:, 1]),
        lambda x: np.sqrt(np.exp(-x[:, 0]) + x[:, 1] / (1 + x[:, 0])),
    ],
    ids=["y", "1/y", "y^2"],
)
def test_a_law_of_two_columns_is_proposed(law):
    x = np.random.default_rng(0).uniform(0.5, 2, (400, 2))
    rows = Rows.from_arrays(x, law(x))
    laws = laws_of_varying_coefficients(rows, default_library(), no_law)
    assert any(refit(formula, rows).loss < 1e-20 * rows.variance for formula, _ in laws)


@pytest.mark.parametrize("low", [0.5, 10.0, 100.0])
def test_a_column_that_varies_little_leaves_the_errors_of_the_coefficients_larger(low):
    x = np.random.default_rng(0).uniform(0.5, 2, (400, 2)) + np.array([0.0, low])
    law = x[:, 0], np.sqrt(x[:, 0] ** 2 + 2)
    rows = Rows.from_arrays(x, law[0] + law[1] * x[:, 1])
    model = varying_coefficients(rows.columns, rows.target)[0]
    for (block, error), truth in zip(blocks_of(model, rows), law, strict=True):
        assert block.loss(truth) < 4 * error
    formulas = laws_of_varying_coefficients(rows, default_library(), no_law)
    assert any(refit(formula, rows).loss < 1e-20 * rows.variance for formula, _ in formulas)


def test_coefficients_of_several_columns_are_asked_for_with_their_error():
    x = np.random.default_rng(0).uniform(1, 2, (600, 3))
    rows = Rows.from_arrays(x, x[:, 0] * x[:, 1] + np.sqrt(x[:, 0] + x[:, 1]) * x[:, 2])
    asked = []

    def laws_of_block(block, error):
        asked.append((block.n_variables, error))
        first, second = block.variables
        return [CurveLaw(first * second if len(asked) == 1 else (first + second) ** 0.5, 1.0, 1.0)]

    formula = next(laws_of_varying_coefficients(rows, default_library(), laws_of_block))[0]
    assert [number for number, _ in asked] == [2, 2]
    assert all(0 < error < 1e-4 * rows.variance for _, error in asked)
    assert formula.free_symbols == set(rows.variables)


def test_what_is_linear_in_no_column_and_noise_propose_nothing():
    generator = np.random.default_rng(0)
    x = generator.uniform(0.5, 2, (400, 2))
    for target in (np.exp(x[:, 0] * x[:, 1]) + np.sin(3 * x[:, 0] * x[:, 1]), generator.normal(size=400)):
        assert list(laws_of_varying_coefficients(Rows.from_arrays(x, target), default_library(), no_law)) == []
