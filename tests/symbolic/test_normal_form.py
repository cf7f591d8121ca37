"""The normal form: same values, no more constants, and the same again when applied twice."""

import math

import numpy as np
import pytest
import sympy
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kansym.errors import ParameterError
from kansym.symbolic.evaluation import compile_expression, count_constants
from kansym.symbolic.normal_form import normal_form, one_logarithm, one_root, rebuild, replace_constants

VARIABLES = sympy.symbols("x y", real=True)
X, Y = VARIABLES
FUNCTIONS = [
    *(sympy.exp, sympy.log, sympy.sin, sympy.cos, sympy.tan, sympy.tanh, sympy.sinh, sympy.cosh),
    *(sympy.asin, sympy.acos, sympy.atan, sympy.Abs, sympy.sqrt),
]
EXPONENTS = [2, 3, 4, -1, -2, sympy.Rational(1, 2), sympy.Rational(-3, 2), sympy.Float(1.7), sympy.Float(-0.6)]
UNDEFINED = (sympy.nan, sympy.zoo, sympy.oo, -sympy.oo, sympy.I)

floats = st.tuples(st.integers(-9999, 9999).filter(bool), st.integers(-7, 2)).map(
    lambda pair: sympy.Float(pair[0] * 10.0 ** pair[1])
)
exact = st.sampled_from([sympy.Integer(1), sympy.Integer(-2), sympy.Rational(3, 4), sympy.pi])
leaves = st.one_of(st.sampled_from(VARIABLES), st.sampled_from(VARIABLES), floats, exact)


def factored(factor, *terms):
    """``c·(a + b)`` as the normal form keeps it; sympy alone would multiply out."""
    return sympy.Mul(factor, sympy.Add(*terms), evaluate=False)


def _inner(children):
    several = st.lists(children, min_size=2, max_size=3)
    return st.one_of(
        st.tuples(st.sampled_from(FUNCTIONS), children).map(lambda pair: pair[0](pair[1])),
        several.map(lambda terms: sympy.Add(*terms)),
        several.map(lambda factors: sympy.Mul(*factors)),
        st.tuples(floats, st.sampled_from(VARIABLES), floats).map(lambda three: factored(*three)),
        # Numbers to powers of powers would grow without end.
        st.tuples(children, st.sampled_from(EXPONENTS)).map(lambda t: t[0] ** t[1] if t[0].free_symbols else t[0]),
    )


def _fits_doubles(tree):
    return all(number == 0 or 1e-200 < abs(number) < 1e200 for number in tree.atoms(sympy.Float))


expressions = st.recursive(leaves, _inner, max_leaves=9).filter(
    lambda tree: bool(tree.free_symbols) and not tree.has(*UNDEFINED) and _fits_doubles(tree)
)
positive = st.floats(0.01, 4)
mixed = st.floats(-4, 4)
tables = st.one_of(
    *(st.lists(st.tuples(number, number), min_size=3, max_size=3).map(np.array) for number in (positive, mixed))
)
relaxed = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@relaxed
@given(expressions, tables)
def test_the_value_never_changes_where_the_formula_is_defined(expression, columns):
    before, slopes = (tape := compile_expression(expression, VARIABLES)).value_and_jacobian(columns)
    after = compile_expression(normal_form(expression), VARIABLES)(columns)
    with np.errstate(all="ignore"):
        # Constants are rounded anew: what their last digit does to the value is no change.
        tolerance = 1e-9 * np.abs(before) + 1e-12 * (1 + np.abs(slopes * tape.constants).sum(axis=1))
        same = np.abs(after - before) <= tolerance
        judged = np.isfinite(before) & (np.abs(before) < 1e100) & np.all(np.isfinite(slopes), axis=1)
    assert np.all(same | ~judged)


def _becomes_a_constant(expression):
    """Whether exact numbers stand where scales are moved out, as in log(2·x), √2 or 1/(0.5·x + 1)."""
    for node in expression.atoms(sympy.Pow, sympy.log, sympy.Abs):
        inner = node.args[0]
        factor = inner.as_coeff_Mul()[0]
        shifted = any(term.is_number and not term.has(sympy.Float) for term in sympy.Add.make_args(inner))
        if (factor.is_Rational and abs(factor) != 1) or shifted or not inner.free_symbols:
            return True
    return False


@relaxed
@given(expressions)
def test_constants_never_become_more(expression):
    assume(not _becomes_a_constant(expression))
    assert count_constants(normal_form(expression)) <= count_constants(expression)


@relaxed
@given(expressions)
def test_twice_is_once(expression):
    # Factors that must be multiplied into a neighbouring bracket first need a second pass.
    once = normal_form(sympy.expand_mul(expression))
    assert normal_form(once) == once


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (X, X),
        (sympy.Float(2.5), sympy.Float(2.5)),
        (2.0 * X, 2.0 * X),
        (sympy.exp(2.0 * X + 0.0), sympy.exp(2.0 * X)),
        ((4.0 * X) ** 2, 16.0 * X**2),
        ((-2.0 * X + 2.0) ** 2, 4.0 * (X - 1.0) ** 2),
        (sympy.Abs(-2.0 * X), 2.0 * sympy.Abs(X)),
        (sympy.sin(X + 2 * sympy.Float(math.pi)), sympy.sin(X)),
        (sympy.cos(X - sympy.Float(math.pi / 2)), sympy.sin(X)),
        (sympy.sin(X + sympy.Float(math.pi)), -sympy.sin(X)),
        (sympy.sin(X + 1), sympy.sin(X + 1)),
        (sympy.exp(X + 1), sympy.exp(X + 1)),
    ],
)
def test_examples(expression, expected):
    assert normal_form(expression) == expected


@pytest.mark.parametrize(
    ("expression", "n_constants"),
    [
        (2.0 * sympy.exp(0.5 * X + 1.0), 2),
        (2.0 * sympy.log(0.5 * X), 2),
        (2.0 * sympy.log(0.5 * X + 1.0), 3),
        (2.0 * (0.5 * X + 1.0) ** 3, 2),
        (2.0 / (0.5 * X + 0.25 * Y), 2),
        (2.0 * sympy.Abs(0.5 * X + 1.0), 2),
        (2.0 * sympy.sqrt(0.5 * X + 1.0) + 1.0, 3),
        ((1.5 * X + 0.5 * Y + 1.0) ** sympy.Float(1.7), 4),
        (2.0 * sympy.tanh(0.5 * X + 1.0), 3),
    ],
)
def test_redundant_constants_go(expression, n_constants):
    assert count_constants(normal_form(expression)) == n_constants


@given(st.floats(-50, 50), st.sampled_from([sympy.sin, sympy.cos]))
@settings(max_examples=60, deadline=None)
def test_phases_end_within_an_eighth_turn(phase, wave):
    argument = next(iter(normal_form(wave(X + sympy.Float(phase))).atoms(sympy.sin, sympy.cos))).args[0]
    assert abs(float(argument.subs(X, 0))) <= math.pi / 4 + 1e-12


def test_a_factor_stays_before_its_bracket():
    expression = factored(sympy.Float(2.5), X, sympy.Float(1.5))
    assert normal_form(expression) == expression
    assert rebuild(expression, expression.args) == expression
    assert count_constants(expression) == 2
    # Multiplied out there would be three constants if the bracket held one more.
    wide = factored(sympy.Float(2.5), sympy.exp(1.5 * X), -1)
    assert count_constants(normal_form(wide)) == 2


def test_rebuild_writes_no_cotangent():
    rebuilt = rebuild(sympy.tan(Y), [X + sympy.pi / 2])
    assert not rebuilt.has(sympy.cot)
    value = compile_expression(rebuilt, VARIABLES)(np.array([[0.4, 0.0]]))
    assert value == pytest.approx(math.tan(0.4 + math.pi / 2), rel=1e-12)


# --- replacing constants --------------------------------------------------------------------------------------------


@relaxed
@given(expressions)
def test_replacing_constants_by_themselves_changes_nothing(expression):
    tape = compile_expression(expression, VARIABLES)
    again = replace_constants(expression, tape.constants.tolist())
    columns = np.array([[0.3, 1.7], [-1.2, 0.4], [2.5, 3.1]])
    before, after = tape(columns), compile_expression(again, VARIABLES)(columns)
    assert count_constants(again) <= len(tape.constants)
    assert np.allclose(before, after, rtol=1e-9, atol=1e-12, equal_nan=True) or np.abs(before).max() > 1e6


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.1, 9).filter(lambda v: v != 1), min_size=4, max_size=4))
def test_values_go_where_the_tape_has_them(values):
    expression = 2.5 * sympy.exp(0.3 * X) + 1.75 * sympy.sin(0.7 * Y)
    columns = np.array([[0.3, 1.7], [-1.2, 0.4]])
    expected = compile_expression(expression, VARIABLES)(columns, np.array(values))
    replaced = compile_expression(replace_constants(expression, values), VARIABLES)
    np.testing.assert_allclose(replaced(columns), expected, rtol=1e-13)


def test_floats_stay_constants_and_exact_values_do_not():
    expression = 2.5 * X + 1.5
    first, second = compile_expression(expression, VARIABLES).constants
    values = {2.5: sympy.Rational(5, 2), 1.5: 4.0}
    result = replace_constants(expression, [values[first], values[second]])
    assert result == sympy.Rational(5, 2) * X + sympy.Float(4.0)
    assert count_constants(result) == 1


def test_zero_removes_a_term():
    expression = 2.5 * X + 1.5 * Y
    result = replace_constants(expression, [sympy.Integer(0), 3.0])
    assert result in (3.0 * X, 3.0 * Y)


@pytest.mark.parametrize(("values", "message"), [([], "too few"), ([1.0], "too few"), ([1.0, 2.0, 3.0], "too many")])
def test_a_wrong_number_of_values_is_refused(values, message):
    with pytest.raises(ParameterError, match=f"one number for each constant of the formula, got {message}"):
        replace_constants(2.5 * X + 1.5, values)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_a_scale_whose_power_is_no_number_stays_inside(scale):
    form = (scale * X + 2 * scale) ** sympy.Float(40.5)
    assert normal_form(form).subs(X, 1) != 0


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (X * sympy.sqrt(Y**2 / X**2 + 2 * Y / X + 3), sympy.sqrt(3 * X**2 + 2 * X * Y + Y**2)),
        (2.5 / X / sympy.sqrt(1 + Y / X**2), 2.5 / sympy.sqrt(X**2 + Y)),
        (X * sympy.sqrt(Y), X * sympy.sqrt(Y)),
        (sympy.sqrt(X + 1), sympy.sqrt(X + 1)),
        (sympy.sqrt(X + 1) * sympy.sqrt(Y + 2), sympy.sqrt(X + 1) * sympy.sqrt(Y + 2)),
    ],
)
def test_factors_go_under_a_root_without_a_change_of_value(form, expected):
    found = one_root(form)
    assert found == expected
    rows = np.random.default_rng(0).uniform(0.5, 2.0, (20, 2))
    before, after = (compile_expression(expression, VARIABLES)(rows) for expression in (form, found))
    assert np.allclose(before, after, rtol=1e-12)


def test_logarithms_that_would_be_factored_for_hours_are_gathered_only():
    a, b, c = sympy.symbols("a b c", real=True)
    for inside in ((1.4 * sympy.exp((b * c + 2 * a) ** 8) + 0.7) * sympy.exp(a), (a + 2 * b + 3 * c + 1) ** 300 + b):
        gathered = one_logarithm(sympy.log(inside) + sympy.log(a / ((c + 0.08) * (b + a))))
        assert gathered.func is sympy.log
        assert gathered.args[0] == inside * a / ((c + 0.08) * (b + a))


def test_factors_of_a_product_under_a_root_are_taken_into_it():
    x, y, z = sympy.symbols("x y z", real=True)
    assert one_root(2 * x * sympy.sqrt(y / x) * sympy.cos(z)) == 2 * sympy.sqrt(x * y) * sympy.cos(z)
    assert one_root(z * sympy.sqrt(x * y)) == z * sympy.sqrt(x * y)


@pytest.mark.parametrize("shift", ["1e400", "-1e400", "1e308"])
def test_a_phase_beyond_doubles_is_left_as_it_is(shift):
    assert normal_form(sympy.sin(X + sympy.Float(shift))).free_symbols <= {X}
