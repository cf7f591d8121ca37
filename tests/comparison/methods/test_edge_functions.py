from __future__ import annotations

import pytest

from kansym.comparison.methods.base import DEFAULT_OPERATORS, OPERATORS
from kansym.comparison.methods.edge_functions import edge_functions
from kansym.library import default_library


def test_all_operators_allow_the_whole_library():
    assert edge_functions(OPERATORS) == default_library().names


def test_the_default_operators_leave_out_what_they_cannot_express():
    absent = set(default_library().names) - set(edge_functions(DEFAULT_OPERATORS))
    assert absent == {"tan", "sinh", "cosh", "arccos", "arctan", "abs"}


@pytest.mark.parametrize(
    ("operators", "functions"),
    [
        ([], {"x"}),
        (["add", "sub"], {"x"}),
        (["square"], {"x", "x^2", "x^4"}),
        (["cube"], {"x", "x^3"}),
        (["mul"], {"x", "x^2", "x^3", "x^4"}),
        (["div"], {"x", "1/x"}),
        (["div", "mul"], {"x", "x^2", "x^3", "x^4", "1/x", "1/x^2"}),
        (["sqrt"], {"x", "sqrt"}),
        (["sqrt", "div"], {"x", "sqrt", "1/x", "1/sqrt"}),
        (["pow"], {"x", "x^2", "x^3", "x^4", "x^n", "1/x", "1/x^2", "sqrt", "1/sqrt"}),
        (["exp"], {"x", "exp"}),
        (["exp", "log"], {"x", "exp", "log", "x^n"}),
        (["exp", "square"], {"x", "exp", "x^2", "x^4", "gaussian"}),
        (["asin", "acos", "atan"], {"x", "arcsin", "arccos", "arctan"}),
    ],
)
def test_what_a_set_of_operators_can_express(operators, functions):
    assert set(edge_functions(operators)) == functions
