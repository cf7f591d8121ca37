from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sympy

from kansym.comparison.methods import find_method
from kansym.comparison.methods.edge_functions import edge_functions


def test_the_answer_is_the_selected_formula_and_its_whole_front(product, evaluate):
    method = find_method("kansym")
    method.load()
    answer = method.fit(replace(product, time_limit=60.0))
    x0, x1 = product.variables
    assert sympy.expand(answer.expression - (x0 * x1 + 2)) == 0
    assert answer.expression in answer.front
    assert len(answer.front) > 1
    assert answer.predict is None
    np.testing.assert_allclose(evaluate(answer.expression, product), product.y, rtol=1e-9)


def test_only_what_the_operators_can_express_is_used(product, monkeypatch):
    seen = {}

    class Spy:
        def __init__(self, **parameters):
            seen.update(parameters)

        def fit(self, X, y):
            raise InterruptedError

    monkeypatch.setattr("kansym.regressor.KANRegressor", Spy)
    task = replace(product, operators=("add", "mul", "sin"), seed=3, time_limit=7.0)
    with pytest.raises(InterruptedError):
        find_method("kansym").fit(task)
    assert seen == {"library": edge_functions(task.operators), "time_limit": 7.0, "random_state": 3}
