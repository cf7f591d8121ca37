"""Laws that go over from one power to another, and stretched exponentials, up to rounding in any unit."""

import numpy as np
import pytest
import sympy

from kansym.library import Library, default_library
from kansym.symbolic.constants import refit
from kansym.symbolic.crossovers import crossovers
from kansym.symbolic.rows import Rows

LAWS = {
    "van Genuchten": lambda x: 0.05 + 0.4 / (1 + (0.8 * x) ** 1.9) ** 0.47,
    "Carreau": lambda x: 0.02 + 8 * (1 + (1.7 * x) ** 2) ** -0.32,
    "Churchill": lambda x: (1 + (0.49 / x) ** 0.5625) ** (-4 / 9),
    "Moffat": lambda x: 7 * (1 + (x / 3) ** 2) ** -2.5,
    "Avrami": lambda x: 1 - np.exp(-0.07 * x**2.4),
    "Kohlrausch": lambda x: 0.3 + 2 * np.exp(-((x / 1.7) ** 0.6)),
    "Fréchet": lambda x: 5 * np.exp(-((x / 2.0) ** -1.3)),
}


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("name", LAWS)
def test_a_law_is_proposed_in_any_unit(name, unit):
    x = np.exp(np.random.default_rng(0).uniform(np.log(0.1), np.log(20.0), 300))
    rows = Rows.from_arrays(unit * x[:, None], LAWS[name](x))
    fits = [refit(law, rows) for law, _ in crossovers(rows, default_library())]
    assert min(fit.loss for fit in fits) < 1e-18 * rows.variance


def test_without_the_exponential_only_powers_are_proposed():
    x = np.geomspace(0.1, 9.0, 60)
    rows = Rows.from_arrays(x[:, None], LAWS["Kohlrausch"](x))
    laws = [law for law, _ in crossovers(rows, Library(["x", "x^n"]))]
    assert laws
    assert not any(law.has(sympy.exp) for law in laws)


def test_what_is_not_positive_or_does_not_vary_gives_nothing():
    x = np.linspace(0.0, 1.0, 50)
    for column, target in ((x, x**2), (np.ones(50), x), (1 + x, np.ones(50))):
        assert list(crossovers(Rows.from_arrays(column[:, None], target), default_library())) == []
