"""Compiled formulas against arithmetic of 40 digits with a running bound of the rounding errors."""

import math
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special
import sympy
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kansym.errors import ParameterError
from kansym.library import Library, SymbolicFunction
from kansym.symbolic.evaluation import compile_expression, count_constants

VARIABLES = sympy.symbols("x y", real=True)
X, Y = VARIABLES
FUNCTIONS = [
    *(sympy.exp, sympy.log, sympy.sin, sympy.cos, sympy.tan, sympy.tanh, sympy.sinh, sympy.cosh),
    *(sympy.asin, sympy.acos, sympy.atan, sympy.Abs, sympy.sqrt),
]
EXPONENTS = [2, 3, 4, -1, -2, sympy.Rational(1, 2), sympy.Rational(-3, 2), sympy.Float(1.7), sympy.Float(-0.6)]
UNDEFINED = (sympy.nan, sympy.zoo, sympy.oo, -sympy.oo, sympy.I)
EPSILON = 2.0**-52

constants = st.one_of(
    st.integers(-8000, 8000).filter(bool).map(lambda k: sympy.Float(k / 1000)),
    st.sampled_from([sympy.Integer(1), sympy.Integer(-3), sympy.Rational(-3, 4), sympy.pi]),
)
leaves = st.one_of(st.sampled_from(VARIABLES), st.sampled_from(VARIABLES), constants)


def _power(base, exponent):
    # Numbers to powers of powers would grow without end.
    return base**exponent if base.free_symbols else base


def _inner(children):
    several = st.lists(children, min_size=2, max_size=3)
    return st.one_of(
        st.tuples(st.sampled_from(FUNCTIONS), children).map(lambda pair: pair[0](pair[1])),
        several.map(lambda terms: sympy.Add(*terms)),
        several.map(lambda factors: sympy.Mul(*factors)),
        st.tuples(children, st.sampled_from(EXPONENTS)).map(lambda pair: _power(*pair)),
    )


expressions = st.recursive(leaves, _inner, max_leaves=8).filter(
    lambda tree: bool(tree.free_symbols) and not tree.has(*UNDEFINED)
)
row = st.tuples(st.floats(-3, 3), st.floats(-3, 3))
relaxed = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


class NotReal(Exception):
    """The formula leaves the real numbers."""


class OutOfReach(Exception):
    """The formula has a pole here, or overflows."""


def _call(function, *arguments):
    try:
        value = function(*arguments)
    except (ZeroDivisionError, ValueError, OverflowError) as error:
        raise OutOfReach from error
    if isinstance(value, mpmath.mpc):
        raise NotReal
    if not mpmath.isfinite(value) or abs(value) > 1e150 or 0 < abs(value) < 1e-150:
        raise OutOfReach
    return value


ORACLES: dict[Any, Any] = {
    **{function: getattr(mpmath, function.__name__) for function in FUNCTIONS[:-2]},  # sqrt is a power
    sympy.Add: lambda *terms: mpmath.fsum(terms),
    sympy.Mul: lambda *factors: mpmath.fprod(factors),
    sympy.Pow: mpmath.power,
    sympy.Abs: abs,
    sympy.cot: mpmath.cot,
    sympy.sinc: mpmath.sinc,
}


def _at_an_edge(function, values):
    """Raise OutOfReach where rounding decides whether a value is real, as in asin(cosh(1e-9))."""
    for position, value in enumerate(values):
        for side in (-1, 1):
            moved = value + side * 1e-12 * max(1, abs(value))
            try:
                _call(function, *values[:position], moved, *values[position + 1 :])
            except NotReal:
                continue
            raise OutOfReach


def oracle(node, columns):
    """Value of a formula with 40 digits, and the first-order bound of a double evaluation's error in epsilons."""
    if node in columns:
        return columns[node], 0
    if not node.args:
        value = mpmath.mpf(int(node.p)) / int(node.q) if node.is_Rational else +mpmath.mpmathify(node.evalf(40))
        return value, 0 if float(value) == value else abs(value)
    parts = [oracle(argument, columns) for argument in node.args]
    values = [value for value, _ in parts]
    function = ORACLES[node.func]
    try:
        result = _call(function, *values)
    except NotReal:
        _at_an_edge(function, values)
        raise
    error = sum(abs(value) for value in values) if node.is_Add else abs(result)
    for position, (value, own) in enumerate(parts):
        if own:
            step = mpmath.mpf(10) ** -20 * max(1, abs(value))
            slopes = []
            for side in (-1, 1):
                moved = [*values[:position], value + side * step, *values[position + 1 :]]
                try:
                    slopes.append(abs(_call(function, *moved) - result) / step)
                except NotReal as edge:
                    raise OutOfReach from edge  # at the edge of the domain rounding decides
            error += max(slopes) * own
    return result, error


@relaxed
@given(expressions, st.lists(row, min_size=1, max_size=3))
def test_values_agree_with_forty_digits(expression, rows):
    columns = np.array(rows)
    computed = compile_expression(expression, VARIABLES)(columns)
    assert computed.shape == (len(rows),)
    with mpmath.workdps(40):
        for numbers, value in zip(columns, computed, strict=True):
            try:
                exact, error = oracle(expression, dict(zip(VARIABLES, map(mpmath.mpf, numbers), strict=True)))
            except OutOfReach:
                continue
            except NotReal:
                assert np.isnan(value) or np.isinf(value)
                continue
            if error * EPSILON < 1e-3 * abs(exact):
                assert abs(value - exact) <= 64 * EPSILON * error


@relaxed
@given(expressions, row)
def test_jacobian_agrees_with_differences(expression, numbers):
    tape = compile_expression(expression, VARIABLES)
    assume(len(tape.constants))
    columns = np.array([numbers])
    value, jacobian = tape.value_and_jacobian(columns)
    assert jacobian.shape == (1, len(tape.constants))
    for position, constant in enumerate(tape.constants):
        estimates, values = [], []
        for step in (2e-5, 1e-5):
            moved = [tape.constants.copy() for _ in range(2)]
            moved[0][position] = constant - step
            moved[1][position] = constant + step
            low, high = (tape(columns, changed)[0] for changed in moved)
            values += [low, high]
            with np.errstate(all="ignore"):
                estimates.append((high - low) / (2 * step))
        if not np.all(np.isfinite([*estimates, *values, *jacobian[0]])) or np.abs([*values, *value]).max() > 1e4:
            continue
        # A step of 1e-5 cannot follow a slope so steep, such as that of sin(1e100·c).
        if abs(jacobian[0, position]) > 1e6:
            continue
        # The two steps tell how far the differences themselves can be trusted.
        trust = 10 * abs(estimates[0] - estimates[1]) + 1e-6 * (1 + abs(estimates[1]) + np.abs(values).max())
        assert abs(jacobian[0, position] - estimates[1]) <= trust


@relaxed
@given(expressions)
def test_constants_are_those_of_the_tree(expression):
    tape = compile_expression(expression, VARIABLES)
    floats = [node for node in sympy.preorder_traversal(expression) if isinstance(node, sympy.Float)]
    assert count_constants(expression) == len(tape.constants) == len(floats)
    assert sorted(tape.constants.tolist()) == sorted(float(number) for number in floats)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (sympy.Float(2.5), 2.5),
        (sympy.Integer(3), 3.0),
        (sympy.Rational(2, 3), 2 / 3),
        (sympy.pi, math.pi),
        (sympy.E, math.e),
        (sympy.sqrt(2), math.sqrt(2)),
        (sympy.exp(2) * sympy.Float(1.5), 1.5 * math.exp(2)),
    ],
)
def test_constant_expressions_broadcast(expression, value):
    values, jacobian = compile_expression(expression, VARIABLES).value_and_jacobian(np.zeros((4, 2)))
    np.testing.assert_allclose(values, np.full(4, value), rtol=1e-15)
    assert jacobian.shape == (4, count_constants(expression))


def test_no_rows_give_no_values():
    value, jacobian = compile_expression(2.0 * X, VARIABLES).value_and_jacobian(np.empty((0, 2)))
    assert value.shape == (0,)
    assert jacobian.shape == (0, 1)


def test_other_constants_leave_the_tape_unchanged():
    tape = compile_expression(2.0 * X + 3.0 * Y, VARIABLES)
    columns = np.array([[1.0, 10.0]])
    first, second = tape.constants
    changed = tape(columns, tape.constants * 2)
    assert changed == 2 * tape(columns)
    assert tape.constants.tolist() == [first, second]


def test_the_result_is_no_view_of_the_data():
    columns = np.ones((3, 2))
    compile_expression(X, VARIABLES)(columns)[:] = 7.0
    assert np.all(columns == 1.0)


def test_equal_subtrees_share_a_step_unless_they_hold_constants():
    shared = compile_expression(sympy.exp(X * Y) + sympy.sin(sympy.exp(X * Y)), VARIABLES)
    assert sum(step.kind == "multiply" for step in shared.steps) == 1
    apart = compile_expression(sympy.exp(2.5 * X) + sympy.sin(2.5 * X), VARIABLES)
    assert len(apart.constants) == 2


def test_a_shared_subtree_gets_the_sum_of_both_slopes():
    # d/dc of (c·x)² through both factors.
    tape = compile_expression(sympy.sin(X) * (1.5 + sympy.sin(X)) + 0.5 * sympy.sin(X) ** 2, VARIABLES)
    columns = np.array([[0.7, 0.0]])
    jacobian = tape.value_and_jacobian(columns)[1][0]
    sine = math.sin(0.7)
    assert sorted(jacobian) == pytest.approx(sorted([sine, sine**2]), rel=1e-14)


@pytest.mark.parametrize("exponent", [2, 3, 4, 5, -1, -2, -3, sympy.Float(2.0), sympy.Float(-3.0)])
def test_integer_powers_of_negative_bases(exponent):
    columns = np.array([[-1.7, 0.0]])
    assert compile_expression(X**exponent, VARIABLES)(columns) == pytest.approx((-1.7) ** float(exponent), rel=1e-14)


@pytest.mark.parametrize(
    "expression",
    [
        sympy.log(X),
        sympy.sqrt(X),
        X ** sympy.Float(1.5),
        X ** sympy.Rational(1, 3),
        sympy.asin(X),
        sympy.log(X) ** 2,
        sympy.Abs(sympy.sqrt(X)),
        X**Y,
    ],
)
def test_undefined_values_are_nan_without_a_warning(expression):
    tape = compile_expression(2.5 * expression, VARIABLES)
    columns = np.array([[-2.0, 0.5], [0.5, 0.5]])
    value, _ = tape.value_and_jacobian(columns)
    assert np.isnan(value[0])
    assert np.isfinite(value[1])


@pytest.mark.parametrize("expression", [1 / X, sympy.log(X), X**-3, X ** sympy.Rational(-1, 2)])
def test_poles_are_infinite_without_a_warning(expression):
    value, _ = compile_expression(2.5 * expression, VARIABLES).value_and_jacobian(np.zeros((1, 2)))
    assert np.isinf(value).all()


def test_nan_of_one_row_stays_there():
    value, jacobian = compile_expression(2.5 * sympy.log(1.5 * X), VARIABLES).value_and_jacobian(
        np.array([[-1.0, 0.0], [2.0, 0.0]])
    )
    assert np.isfinite(value).tolist() == [False, True]
    assert np.isfinite(jacobian[1]).all()


def test_a_function_of_the_users_own_needs_its_library():
    sinc = SymbolicFunction(
        "sinc",
        lambda xp, x: xp.sinc(x / math.pi),
        lambda xp, x: (xp.cos(x) - xp.sinc(x / math.pi)) / x,
        sympy.sinc,
    )
    expression = 1.5 * sympy.sinc(2.5 * X)
    columns = np.linspace(0.3, 2.0, 12).reshape(6, 2)
    value, jacobian = compile_expression(expression, VARIABLES, Library([sinc])).value_and_jacobian(columns)
    np.testing.assert_allclose(value, 1.5 * scipy.special.spherical_jn(0, 2.5 * columns[:, 0]), rtol=1e-13)
    assert jacobian.shape == (6, 2)
    with pytest.raises(ParameterError, match=r"made of variables, numbers and library functions, got sinc"):
        compile_expression(expression, VARIABLES)


@pytest.mark.parametrize(
    ("expression", "culprit"),
    [
        (sympy.Symbol("z") * X, "z"),
        (sympy.Symbol("x") * Y, "x"),  # a namesake without the assumption is another symbol
        (sympy.gamma(X), "gamma"),
        (sympy.sign(X), "sign"),
        (sympy.Max(X, Y), "Max"),
        (sympy.I * X, "I"),
        (sympy.oo * sympy.Abs(X), "oo"),
        (sympy.Derivative(sympy.Function("f")(X), X), "Derivative"),
    ],
)
def test_anything_else_is_refused(expression, culprit):
    with pytest.raises(ParameterError, match=rf"formula must be made of .*, got {culprit}"):
        compile_expression(expression, VARIABLES)
