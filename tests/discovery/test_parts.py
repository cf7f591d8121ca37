"""Laws that are put together from the laws of smaller problems."""

import numpy as np
import pytest
import sympy

from kansym.discovery import SearchSettings
from kansym.discovery.budget import Budget
from kansym.discovery.search import Search
from kansym.library import default_library
from kansym.symbolic.rows import Rows


def searched_until(stage, x, y):
    search = Search(Rows.from_arrays(x, y), SearchSettings(default_library()), Budget(None), 0)
    for name in search.stages():
        if name == stage:
            break
    return search


@pytest.mark.parametrize(
    ("law", "is_correction"),
    [
        (lambda x: x[0] * x[1] ** 2 + x[2] / 1000, "x2/1000 + x0*x1**2"),
        (lambda x: x[0] * np.cos(3 * x[1]) * (1 + x[2] / 1000), "x0*(x2/1000 + 1)*cos(3*x1)"),
    ],
    ids=["a small term", "a factor near one"],
)
def test_a_column_that_occurs_in_a_correction_alone_is_found(law, is_correction):
    x = np.random.default_rng(0).uniform(1, 3, (300, 3))
    search = Search(Rows.from_arrays(x, law(x.T)), SearchSettings(default_library()), Budget(None), 0)
    x0, x1, _ = search.all_rows.variables
    leading = x0 * x1**2 if "cos" not in is_correction else x0 * sympy.cos(3 * x1)
    search.candidates.propose(sympy.Float(1.0) * leading, "leading")
    search.candidates.polish()
    assert not search.candidates.exact
    search.parts.corrections()
    assert search.candidates.exact
    truth = sympy.sympify(is_correction, {symbol.name: symbol for symbol in search.all_rows.variables})
    assert sympy.simplify(search.best.expression - truth) == 0


def test_a_part_makes_no_corrections_of_its_own():
    x = np.random.default_rng(0).uniform(1, 3, (300, 2))
    search = Search(Rows.from_arrays(x, x[:, 0] + x[:, 1] / 1000), SearchSettings(default_library()), Budget(None), 0)
    search.candidates.propose(search.all_rows.variables[0] + 0.002, "leading")
    search.candidates.polish()
    part = search.part(search.all_rows)
    part.candidates.admit_known(search.candidates.hall.front())
    before = part.candidates.hall
    part.parts.corrections()
    assert part.candidates.hall is before


def test_noise_around_a_leading_formula_is_no_correction():
    generator = np.random.default_rng(0)
    x = generator.uniform(1, 3, (300, 3))
    y = x[:, 0] * x[:, 1] ** 2 * (1 + 0.01 * generator.normal(size=300))
    search = searched_until("corrections", x, y)
    x0, x1, _ = search.all_rows.variables
    assert search.best.expression.free_symbols == {x0, x1}
    assert search.best.complexity <= 8
