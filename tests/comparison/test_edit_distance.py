import importlib.util
from typing import Any

import pytest
import sympy

from kansym.comparison.edit_distance import edit_distance
from kansym.comparison.suites import load_suite
from kansym.symbolic.complexity import complexity

X, Y = sympy.symbols("x y", real=True)


@pytest.mark.parametrize("suite", ["feynman100", "korns", "srsd_hard"])
def test_a_law_has_no_distance_from_itself(suite):
    for problem in load_suite(suite)[::4]:
        truth = problem.draw(rows=5).truth
        assert truth is not None
        assert edit_distance(truth, truth) == 0


@pytest.mark.parametrize(
    ("expression", "truth", "expected"),
    [
        (X + Y, X * Y, 1 / 3),
        (2.5 * X, 7.1 * X, 0),
        (sympy.pi * X, 7.1 * X, 0),
        (2.0 * X, 2 * X, 0),
        (2 * X, 3 * X, 1 / 3),
        (sympy.sin(X), sympy.cos(X), 1 / 2),
        (X, sympy.sin(X) + Y, 3 / 4),
        (sympy.exp(X * Y) + X**2, X, 1),
    ],
)
def test_distances(expression, truth, expected):
    assert edit_distance(expression, truth) == pytest.approx(expected)


def test_the_bound_for_large_trees_is_the_distance():
    import zss

    large = sympy.sin(X * Y) ** 2 + sympy.exp(X)
    assert complexity(large) - complexity(X * Y) >= complexity(X * Y)
    assert edit_distance(large, X * Y) == 1

    def tree(node):
        return zss.Node(str(node.func), [tree(argument) for argument in node.args])

    distance: Any = zss.simple_distance(tree(large), tree(X * Y))
    assert distance >= complexity(X * Y)


def test_without_the_package_there_is_no_distance(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert edit_distance(X, X) is None
