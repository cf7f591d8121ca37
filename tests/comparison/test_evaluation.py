import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from kansym.comparison.evaluation import constants_of, evaluate, evaluate_symbols
from kansym.comparison.suites import load_suite
from kansym.errors import ParameterError
from kansym.symbolic.parsing import expression_text, parse_expression
from kansym.symbolic.syntax import FUNCTIONS

X, Y = sympy.symbols("x y", real=True)
ROWS = np.random.default_rng(0).uniform(0.1, 0.9, (30, 2))
BINARY = {"Min", "Max", "Mod", "atan2", "Add", "Mul", "Pow"}
CONDITIONS = {"Eq", "Ne"}


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - CONDITIONS))
def test_every_function_that_can_be_read_has_sympys_value(name):
    arguments = (X, Y) if name in BINARY else ((2 + X,) if name in ("asec", "acsc", "acosh") else (X,))
    expression = FUNCTIONS[name](*arguments)
    expected = [float(expression.subs({X: sympy.Float(x), Y: sympy.Float(y)})) for x, y in ROWS[:8]]
    assert evaluate(expression, [X, Y], ROWS[:8]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("suite", ["feynman_bonus20", "keijzer", "strogatz"])
def test_laws_have_the_values_of_numpys_own_evaluation(suite):
    for problem in load_suite(suite):
        sample = problem.draw(rows=20, seed=1)
        assert sample.truth is not None
        with np.errstate(all="ignore"):
            expected = sympy.lambdify(sample.variables, sample.truth, "numpy")(*sample.X.T)
        assert evaluate(sample.truth, sample.variables, sample.X) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (sympy.Integer(3), [3, 3, 3]),
        (sympy.pi + sympy.E, [np.pi + np.e] * 3),
        (sympy.sqrt(X), [np.nan, 0, np.sqrt(2)]),
        (1 / X, [-1, np.nan, 0.5]),
        (sympy.I * X, [np.nan] * 3),
        (sympy.exp(1000 * X), [0, 1, np.nan]),
        (1 / (1 + sympy.exp(1000 * X)), [1, 0.5, 0]),
        (X ** sympy.Rational(1, 3), [np.nan, 0, 2 ** (1 / 3)]),
        (sympy.Piecewise((1 / X, sympy.Abs(X) > 0.001), (1, True)), [-1, 1, 0.5]),
        (sympy.Piecewise((5, (X < 0) | (X > 1)), (X, True)), [5, 0, 5]),
        (sympy.Piecewise((5, X < 0)), [5, np.nan, np.nan]),
        (sympy.Piecewise((1, sympy.Ne(X, 0) & ~(X > 1)), (2, sympy.Eq(X, 0)), (3, True)), [1, 2, 3]),
        (sympy.Piecewise((1, X < sympy.Piecewise((1, X > 1), (0, True))), (7, True)), [1, 7, 7]),
        (sympy.Max(X, 0) - sympy.Min(X, 1), [1, 0, 1]),
        (sympy.Integer(10) ** 400 * X, [np.nan, np.nan, np.nan]),
    ],
)
def test_values(expression, expected):
    assert evaluate(expression, [X], np.array([[-1.0], [0.0], [2.0]])) == pytest.approx(expected, nan_ok=True)


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=3))
def test_replaced_constants_are_those_that_constants_of_lists(values):
    expression = 2.5 * sympy.sin(0.5 * X) + sympy.Piecewise((1.25, X > 0.5), (X, True))
    assert sorted(constants_of(expression)) == [0.5, 0.5, 1.25, 2.5]
    same = evaluate(expression, [X], ROWS[:, :1], constants_of(expression))
    assert same.tolist() == evaluate(expression, [X], ROWS[:, :1]).tolist()
    linear = 2.5 * X + 0.75 * Y + 0.125
    order = constants_of(linear).tolist()
    a, b, c = (values[order.index(constant)] for constant in (2.5, 0.75, 0.125))
    assert evaluate(linear, [X, Y], ROWS, values) == pytest.approx(a * ROWS[:, 0] + b * ROWS[:, 1] + c)


def test_single_numbers_may_stand_for_symbols():
    assert evaluate_symbols(X * Y, {X: np.array([1.0, 2.0]), Y: 3.0}, 2).tolist() == [3, 6]


@pytest.mark.parametrize("expression", [sympy.Symbol("z", real=True), sympy.Heaviside(X), sympy.gamma(X)])
def test_foreign_symbols_and_functions(expression):
    with pytest.raises(ParameterError, match="made of its variables and elementary functions"):
        evaluate(expression, [X], ROWS)


def test_rows_are_left_alone():
    rows = ROWS[:, :1].copy()
    evaluate(X, [X], rows)[:] = 0
    assert rows.tolist() == ROWS[:, :1].tolist()


def test_real_parts_that_sympy_leaves_over_are_the_values_themselves():
    """A protected logarithm inside an exponential, in absolute value: sympy writes exp(re(Piecewise(…)))."""
    x = sympy.Symbol("x", real=True)
    protected = sympy.Piecewise((sympy.log(sympy.Abs(x)), sympy.Abs(x) > 0.001), (0, True))
    formula = sympy.Abs(sympy.exp(protected, evaluate=False))
    assert formula.has(sympy.re)
    column = np.array([[2.0], [-3.0], [0.0]])
    assert np.allclose(evaluate(formula, [x], column), [2.0, 3.0, 1.0])
    assert parse_expression(expression_text(formula), [x]) == formula
