"""Cases that never happen do not count; values stay as they are."""

import numpy as np
import pytest
import sympy

from kansym.comparison.evaluation import evaluate
from kansym.comparison.judge import judge_numerically
from kansym.comparison.pieces import without_idle_pieces
from kansym.comparison.suites import load_suite

X, Y = sympy.symbols("x y", real=True)
ROWS = np.random.default_rng(0).uniform(0.5, 2.0, (50, 2)) * np.array([1.0, -1.0])


def guarded(numerator, denominator):
    return sympy.Piecewise((numerator / denominator, sympy.Abs(denominator) > 0.001), (1, True), evaluate=False)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (X + Y, X + Y),
        (guarded(X, Y), X / Y),
        (3 * guarded(X, guarded(Y, X)) + 1, 3 * X**2 / Y + 1),
        (sympy.Piecewise((X, X < 0), (Y, X < 10), (1, True)), Y),
        (sympy.Piecewise((X, X > 1), (Y, X > -1), (7, True)), sympy.Piecewise((X, X > 1), (Y, True))),
        (sympy.Piecewise((X, X > 1), (Y, Y > 0)), sympy.Piecewise((X, X > 1))),
    ],
)
def test_pieces_that_no_row_takes_are_left_out(expression, expected):
    shorter = without_idle_pieces(expression, (X, Y), ROWS)
    assert shorter == expected
    np.testing.assert_allclose(evaluate(shorter, (X, Y), ROWS), evaluate(expression, (X, Y), ROWS), rtol=1e-12)


def test_a_guarded_law_is_as_complex_as_the_law():
    problem = next(problem for problem in load_suite("feynman100") if problem.name == "I.43.16")
    sample = problem.draw(rows=50)
    assert sample.truth is not None
    plain = judge_numerically(sample.truth, [], sample)
    symbol = {variable.name: variable for variable in sample.variables}
    law = symbol["Volt"] * symbol["mu_drift"] * guarded(symbol["q"], symbol["d"])
    assert judge_numerically(law, [law], sample) == plain
