"""What is proposed for a view, and the bits that name it."""

import numpy as np
import sympy

from kansym.discovery.budget import Budget
from kansym.discovery.candidates import Candidates
from kansym.discovery.view_search import ViewSearch
from kansym.discovery.views import View
from kansym.library import default_library
from kansym.symbolic.rows import Rows


def monomials_of(law, noise=0.02):
    generator = np.random.default_rng(0)
    x = generator.uniform(1, 4, 200)
    rows = Rows.from_arrays(x[:, None], law(x) * (1 + noise * generator.normal(size=200)))
    budget = Budget(None)
    candidates = Candidates(rows, default_library(), 40, budget, np.random.default_rng(0))
    ViewSearch(candidates, default_library(), budget, 0).monomials(View.of(rows))
    return candidates.hall.best.values()


def test_a_power_alone_is_not_charged_for_the_feature_that_it_lacks():
    powers = [formula for formula in monomials_of(lambda x: 0.8 * x**3.86) if not formula.expression.has(sympy.exp)]
    assert powers
    assert min(formula.structure_bits for formula in powers) == 4.0


def test_a_power_with_the_exponential_of_a_feature_pays_for_naming_it():
    found = monomials_of(lambda x: x**1.6 * np.exp(-3 / x))
    found = [formula for formula in found if formula.expression.has(sympy.exp)]
    assert found
    assert min(formula.structure_bits for formula in found) > 4.0


def test_a_stream_goes_on_beyond_an_exact_formula_that_is_too_long():
    x = np.linspace(1.0, 4.0, 80)
    rows = Rows.from_arrays(x[:, None], 2.0 * x + 1.0)
    candidates = Candidates(rows, default_library(), 6, Budget(None), np.random.default_rng(0))
    (symbol,) = rows.variables
    short = 2.0 * symbol + 1.0
    long = short + 0.5 * (sympy.sin(symbol) ** 2 + sympy.cos(symbol) ** 2) - sympy.Float(0.5)
    seen = []

    def stream():
        for formula in (long, short, symbol):
            seen.append(formula)
            yield formula, 1.0

    candidates.propose_all(stream(), "a stream")
    assert seen == [long, short]
    candidates.polish()
    assert candidates.exact
