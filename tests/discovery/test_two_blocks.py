"""Laws that fall apart into two which share no column: each is found by a search of its own."""

import numpy as np
import pytest

from kansym.discovery.budget import Budget
from kansym.discovery.outcome import SearchSettings
from kansym.discovery.search import Search
from kansym.library import default_library
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.read_once_laws import laws_of_two_blocks
from kansym.symbolic.rows import Rows

LAWS = {
    "sum": lambda a, b, c: a * b / (a + b) + 1.3 * c**1.5,
    "product": lambda a, b, c: np.sqrt(1.3 + a * b**2) * c**1.5 * np.exp(-0.7 * c),
}


def search_of(law, budget):
    columns = np.random.default_rng(0).uniform(0.3, 2.5, (600, 3))
    return Search(Rows.from_arrays(columns, LAWS[law](*columns.T)), SearchSettings(default_library()), budget, 0)


@pytest.mark.parametrize("law", LAWS)
def test_a_law_of_two_blocks_is_exact(law):
    search = search_of(law, Budget(None, 2000))
    search.parts.two_blocks()
    assert search.candidates.exact
    assert search.best is not None
    fresh = np.random.default_rng(1).uniform(0.3, 3.0, (300, 3))
    found = compile_expression(search.best.expression, search.rows.variables)(fresh)
    assert np.allclose(found, LAWS[law](*fresh.T), rtol=1e-8, atol=1e-10)


def test_the_steps_of_a_block_count():
    budget = Budget(None, 2000)
    search_of("sum", budget).parts.two_blocks()
    assert 0 < budget.steps < 2000


def test_no_block_is_searched_where_the_columns_do_not_fall_apart():
    columns = np.random.default_rng(0).uniform(-1, 1, (600, 3))
    rows = Rows.from_arrays(columns, np.sin(3 * columns[:, 0] * columns[:, 1] * columns[:, 2] + columns[:, 1]))

    def fail(*block):
        raise AssertionError("no block here")

    assert list(laws_of_two_blocks(rows, default_library(), fail)) == []
