"""Formulas as text say what the formulas say: they are read back and evaluated."""

import re

import numpy as np
import pytest
import sympy
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.printing import to_latex, to_text

VARIABLES = sympy.symbols("x y", real=True)
X, Y = VARIABLES
FUNCTIONS = {name: getattr(sympy, name) for name in ("exp", "log", "sin", "cos", "tan", "tanh", "asin", "atan", "sqrt")}
UNDEFINED = (sympy.nan, sympy.zoo, sympy.oo, -sympy.oo, sympy.I)

floats = st.tuples(st.integers(-9999, 9999).filter(bool), st.integers(-9, 6)).map(
    lambda pair: sympy.Float(pair[0] * 10.0 ** pair[1])
)
exact = st.sampled_from([*map(sympy.Integer, (1, -1, 3, -20)), sympy.Rational(3, 4), sympy.Rational(-1, 3), sympy.pi])
leaves = st.one_of(st.sampled_from(VARIABLES), st.sampled_from(VARIABLES), floats, exact)
exponents = st.sampled_from(
    [2, 3, -1, -2, sympy.Rational(1, 2), sympy.Rational(-1, 2), sympy.Rational(-3, 2), sympy.Float(-0.6), X, -Y, Y / 2]
)


def _inner(children):
    several = st.lists(children, min_size=2, max_size=3)
    return st.one_of(
        st.tuples(st.sampled_from(list(FUNCTIONS.values())), children).map(lambda pair: pair[0](pair[1])),
        several.map(lambda terms: sympy.Add(*terms)),
        several.map(lambda factors: sympy.Mul(*factors)),
        st.tuples(floats, children, floats).map(lambda t: sympy.Mul(t[0], t[1] + t[2], evaluate=False)),
        st.tuples(children, exponents).map(lambda pair: pair[0] ** pair[1] if pair[0].free_symbols else pair[0]),
    )


def _fits_doubles(tree):
    return all(1e-200 < abs(number) < 1e200 for number in tree.atoms(sympy.Float))


expressions = st.recursive(leaves, _inner, max_leaves=9).filter(
    lambda tree: bool(tree.free_symbols) and not tree.has(*UNDEFINED, sympy.Abs) and _fits_doubles(tree)
)


def read_back(text):
    """Parse what ``to_text`` writes, in the grammar of Python: products left to right, powers right to left."""
    plain = text.replace("·", "*").replace("^", "**").replace("π", "pi")
    plain = re.sub(r"\|([^|]*)\|", r"Abs(\1)", plain)
    return sympy.parse_expr(plain, local_dict={"x": X, "y": Y, **FUNCTIONS})


def same_values(expression, other, rows, rtol):
    tape = compile_expression(expression, VARIABLES)
    value, slopes = tape.value_and_jacobian(rows)
    again = compile_expression(other, VARIABLES)(rows)
    with np.errstate(all="ignore"):
        slack = rtol * (np.abs(value) + 1 + np.abs(slopes * tape.constants).sum(axis=1))
        judged = np.isfinite(slack) & (np.abs(value) < 1e8)
        return bool(np.all((np.abs(again - value) <= slack) | ~judged))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(expressions, st.lists(st.tuples(st.floats(0.1, 3), st.floats(0.1, 3)), min_size=3, max_size=3))
def test_text_reads_back_to_the_same_values(expression, rows):
    back = read_back(to_text(expression, precision=17))
    assume(not back.has(*UNDEFINED) and _fits_doubles(back))
    assert same_values(expression, back, np.array(rows), 1e-9)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(expressions)
def test_latex_is_balanced(expression):
    latex = to_latex(expression)
    assert latex.count("{") == latex.count("}")
    assert latex.count(r"\left") == latex.count(r"\right")
    assert "evaluate" not in latex


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (X, "x"),
        (sympy.Float(2.5), "2.5"),
        (sympy.Float(3.0), "3.0"),
        (sympy.Integer(3), "3"),
        (sympy.Rational(-2, 3), "-2/3"),
        (sympy.pi * X / 4, "π·x/4"),
        (X / sympy.pi, "x/π"),
        (0.123456789 * X, "0.1235·x"),
        (1e-5 * X, "1e-5·x"),
        (1e20 * X, "1e20·x"),
        (-2.5 * X, "-2.5·x"),
        (sympy.Mul(2.5, X + 1.5, evaluate=False), "2.5·(x + 1.5)"),
        (sympy.Mul(-2.5, X + 1.5, evaluate=False), "-2.5·(x + 1.5)"),
        (X / Y, "x/y"),
        (1 / (X * Y), "1/(x·y)"),
        (X / (Y * (X + 1)), "x/(y·(x + 1))"),
        (sympy.sqrt(X) / Y, "sqrt(x)/y"),
        (X ** sympy.Rational(-3, 2), "1/x^(3/2)"),
        (X ** (Y / 2), "x^(y/2)"),
        (X**-Y, "x^(-y)"),
        (X ** sympy.Float(-0.6), "x^(-0.6)"),
        (X**Y, "x^y"),
        (-(X**2), "-x^2"),
        ((X**2) ** sympy.Float(1.5), "|x|^3.0"),
        (sympy.exp(-X) / 2, "exp(-x)/2"),
        (1 / (1 + sympy.exp(-X)), "1/(1 + exp(-x))"),
        (3 / sympy.Abs(X - 1), "3/|x - 1|"),
        (X - Y, "x - y"),
    ],
)
def test_text_examples(expression, text):
    assert to_text(expression) == text
    assert same_values(expression, read_back(text), np.array([[0.7, 1.9], [2.2, 0.3]]), 1e-3)


@pytest.mark.parametrize(
    ("precision", "text"), [(1, "3.0·x"), (3, "3.14·x"), (6, "3.14159·x"), (17, "3.1415926535897931·x")]
)
def test_precision_counts_significant_digits(precision, text):
    assert to_text(sympy.Float(3.141592653589793) * X, precision) == text


@pytest.mark.parametrize(
    ("expression", "latex"),
    [
        (X, "x"),
        (2.0 * sympy.sqrt(X), r"2.0 \sqrt{x}"),
        (1.5e-7 * X, r"1.5 \cdot 10^{-7} x"),
        (0.123456789 * X, "0.1235 x"),
        (X / Y, r"\frac{x}{y}"),
        (sympy.exp(-X), "e^{- x}"),
        (sympy.pi * X, r"\pi x"),
        (sympy.Mul(2.5, X + 1, evaluate=False), r"2.5 \left(x + 1\right)"),
        (sympy.Symbol("a1") * sympy.Symbol("lambda"), r"a_{1} \lambda"),
        (2.5 * sympy.log(Y) - 3.0 * X, r"2.5 \log{\left(y \right)} - 3.0 x"),
        (1 / (1 / X**2 - 1 / Y**2), r"\frac{1}{\frac{1}{x^{2}} - \frac{1}{y^{2}}}"),
        (-X - Y, "- x - y"),
    ],
)
def test_latex_examples(expression, latex):
    assert to_latex(expression) == latex


@pytest.mark.parametrize("name", ["lambda", "S", "I", "beta", "π0", "_", "T_K"])
def test_identifiers_are_written_as_they_are(name):
    assert to_text(2.5 * sympy.Symbol(name, real=True) + 1) in (f"2.5·{name} + 1", f"1 + 2.5·{name}")


@pytest.mark.parametrize("name", ["flow rate", "a-b", "y/x", "x^2", "1st"])
def test_other_names_stand_in_quotes(name):
    assert to_text(sympy.Symbol(name, real=True) ** 2) == f"`{name}`^2"


def test_a_leading_minus_needs_no_brackets():
    assert to_text(-16.86 - 70.9 / X) == "-16.86 - 70.9/x"
    assert to_text(X * (-X - sympy.Float(1.5))) == "x·(-x - 1.5)"


def test_a_name_cannot_turn_the_direction_of_the_formula():
    assert to_text(2 * sympy.Symbol("a\u202eb", real=True) + 1) == "2·`a\\u202eb` + 1"
