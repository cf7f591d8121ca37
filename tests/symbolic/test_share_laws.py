"""Entropies, odds and polynomials of a share."""

from dataclasses import replace

import numpy as np
import pytest

from kansym.library import Library, default_library
from kansym.symbolic.constants import loss_of, refit
from kansym.symbolic.normal_form import skeleton
from kansym.symbolic.rows import Rows
from kansym.symbolic.share_laws import laws_of_shares

LIBRARY = default_library()
LAWS = {
    "relative entropy": (lambda x: x * np.log(x / 0.3) + (1 - x) * np.log((1 - x) / 0.7), 4),
    "Shannon's entropy": (lambda x: -2.3 * (x * np.log(x) + (1 - x) * np.log(1 - x)), 2),
    "logit": (lambda x: 1.4 * np.log(x / (1 - x)), 2),
    "regular solution": (lambda x: 0.7 * (np.log(x) + 1.8 * (1 - x) ** 2), 4),
    "half an entropy": (lambda x: 0.4 - 1.2 * x * np.log(x), 2),
}


def rows_of(law, low=0.02, high=0.97, noise=0.0):
    generator = np.random.default_rng(0)
    x = generator.uniform(low, high, 200)
    y = law(x)
    return Rows.from_arrays(x[:, None], y + noise * y.std() * generator.normal(size=len(x)))


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_the_shortest_description_is_the_law(name, noise):
    law, n_constants = LAWS[name]
    rows = rows_of(law, noise=noise)
    best = min((refit(formula, rows) for formula, _ in laws_of_shares(rows, LIBRARY)), key=lambda fit: fit.bits)
    assert len(best.constants) == n_constants
    assert best.loss <= max(1.05 * noise**2, 1e-24) * rows.variance


def test_weights_say_which_rows_count():
    law = LAWS["logit"][0]
    rows = rows_of(law)
    some = np.arange(len(rows)) < 50
    rows = replace(rows, target=rows.target + 10.0 * some, weights=np.where(some, 0.0, 1.0))
    assert min(loss_of(formula, rows)[0] for formula, _ in laws_of_shares(rows, LIBRARY)) < 1e-24


@pytest.mark.parametrize("unit", [1e-300, 1e-170, 1e-9, 1e160, 1e300])
def test_units_do_not_matter(unit):
    rows = rows_of(LAWS["relative entropy"][0], noise=0.01)  # without it rounding says what is left out first
    laws, others = ([law for law, _ in laws_of_shares(other, LIBRARY)] for other in (rows, scaled(rows, unit)))
    assert len(laws) >= 2
    assert [skeleton(law) for law in laws] == [skeleton(law) for law in others]


def scaled(rows, unit):
    return replace(rows, target=rows.target * unit)


def test_small_shares_and_rows_that_do_not_count():
    x = np.linspace(1e-9, 2e-7, 200)
    rows = Rows.from_arrays(x[:, None], 2 * x**2 + 3e-8 * x * np.log(x))
    outside = Rows.from_arrays(np.append(x, 3.0)[:, None], np.append(rows.target, 0.0), np.append(np.ones(200), 0.0))
    for some in (rows, outside):
        losses = [loss_of(law, some) for law, _ in laws_of_shares(some, LIBRARY)]
        assert any(loss < 1e-20 * rows.variance and constants == 2 for loss, constants in losses)


@pytest.mark.parametrize("name", ["log", "lambda", "x y", "S"])
def test_any_name_of_a_column_serves(name):
    x = np.random.default_rng(0).uniform(0.02, 0.97, (200, 1))
    rows = Rows.from_arrays(x, LAWS["logit"][0](x[:, 0]), names=[name])
    assert min(loss_of(law, rows)[0] for law, _ in laws_of_shares(rows, LIBRARY)) < 1e-24


@pytest.mark.parametrize(("low", "high"), [(-0.1, 0.9), (0.1, 1.1), (3.0, 8.0)])
def test_what_is_no_share_has_none(low, high):
    assert not list(laws_of_shares(rows_of(lambda x: x**2, low, high), LIBRARY))


def test_the_library_and_few_rows():
    rows = rows_of(LAWS["logit"][0])
    assert not list(laws_of_shares(rows, Library(["x", "x^2", "exp"])))
    assert not list(laws_of_shares(rows.take(np.arange(9)), LIBRARY))
