import json
import sys

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from kansym.errors import FileFormatError, ParameterError
from kansym.symbolic.serialization import from_tree, to_tree

# Names that sympy's parser would take for something else, and assumptions that the symbols of a fit carry.
VARIABLES = [sympy.Symbol("x", real=True), sympy.Symbol("lambda"), sympy.Symbol("I"), sympy.Symbol("flow rate")]
FUNCTIONS = ["exp", "log", "sin", "cos", "tan", "tanh", "sinh", "cosh", "asin", "acos", "atan", "Abs"]

doubles = st.floats(allow_nan=False, allow_infinity=False)
leaves = st.one_of(
    st.sampled_from(VARIABLES),
    doubles.map(sympy.Float),
    st.integers(-(10**12), 10**12).map(sympy.Integer),
    st.fractions().map(lambda value: sympy.Rational(value.numerator, value.denominator)),
    st.sampled_from([sympy.pi, sympy.E]),
)


def _inner(children):
    unary = st.tuples(st.sampled_from(FUNCTIONS), children).map(lambda f: getattr(sympy, f[0])(f[1], evaluate=False))
    several = st.lists(children, min_size=2, max_size=4)
    return st.one_of(
        unary,
        several.map(lambda terms: sympy.Add(*terms, evaluate=False)),
        several.map(lambda factors: sympy.Mul(*factors, evaluate=False)),
        st.tuples(children, children).map(lambda pair: sympy.Pow(*pair, evaluate=False)),
    )


unevaluated = st.recursive(leaves, _inner, max_leaves=25)


def through_json(expression):
    return from_tree(json.loads(json.dumps(to_tree(expression, VARIABLES))), VARIABLES)


@given(unevaluated)
def test_round_trip_is_equal_node_by_node(expression):
    assert through_json(expression) == expression
    assert sympy.srepr(through_json(expression)) == sympy.srepr(expression)


@given(doubles)
def test_floats_keep_every_bit(value):
    back = through_json(sympy.Float(value))
    assert isinstance(back, sympy.Float)
    assert float(back) == value


@given(st.lists(doubles.filter(lambda value: abs(value) < 1e6), min_size=4, max_size=4))
def test_values_keep_every_bit(constants):
    x, *_ = VARIABLES
    a, b, c, d = constants
    # What sympy evaluates by itself on the way in must not be evaluated differently on the way back.
    expression = a * sympy.sin(b * x + c) ** 2 / (x**2 + 3) + sympy.exp(-x / 7) * d + sympy.sqrt(x) + sympy.Abs(x - c)
    points = np.linspace(0.1, 3.0, 17)
    before = sympy.lambdify(x, expression)(points)
    after = sympy.lambdify(x, through_json(expression))(points)
    assert np.asarray(before).tobytes() == np.asarray(after).tobytes()


@pytest.mark.parametrize(
    "expression",
    [
        sympy.Float(5e-324),
        sympy.Float(sys.float_info.max),
        sympy.Integer(10**400 - 1),
        sympy.Rational(-1, 3),
        sympy.Add(VARIABLES[0], 0, evaluate=False),
        sympy.Mul(1, VARIABLES[0], evaluate=False),
        sympy.Pow(VARIABLES[0], 1, evaluate=False),
        sympy.log(1, evaluate=False),
        sympy.exp(1, evaluate=False),
        1 / sympy.sqrt(VARIABLES[1] * sympy.pi) + sympy.E**2,
    ],
    ids=str,
)
def test_odd_expressions_come_back(expression):
    assert through_json(expression) == expression


def test_variables_are_matched_by_position():
    a, b = sympy.symbols("a b")
    assert from_tree(to_tree(a - 2 * b, [a, b]), [b, a]) == b - 2 * a


@pytest.mark.parametrize(
    "expression",
    [
        sympy.Symbol("stranger"),
        sympy.Symbol("x"),  # of the same name as a variable but without its assumption
        sympy.I,
        sympy.oo,
        sympy.nan,
        sympy.Float("0.1", 30),
        sympy.Float("1e400"),
        sympy.Integer(10**400),
        sympy.Function("f")(VARIABLES[0]),
        sympy.Max(VARIABLES[0], 1),
    ],
    ids=str,
)
def test_expressions_outside_the_table_are_refused(expression):
    with pytest.raises(ParameterError, match="must consist of the given variables, numbers of double precision"):
        to_tree(sympy.Add(expression, VARIABLES[1], evaluate=False), VARIABLES)


def test_too_large_expressions_are_refused_before_they_are_written():
    deep = VARIABLES[0]
    for _ in range(200):
        deep = sympy.sin(deep, evaluate=False)
    wide = sympy.Add(*[VARIABLES[0]] * 20_000, evaluate=False)
    for expression in (deep, wide):
        with pytest.raises(ParameterError, match="at most 200 levels deep and 20000 nodes large"):
            to_tree(expression, VARIABLES)
    assert through_json(deep.args[0]) == deep.args[0]


def nested(levels):
    tree = ["variable", 0]
    for _ in range(levels - 1):
        tree = ["sin", tree]
    return tree


X = ["variable", 0]
HOSTILE = [
    (None, "lists that begin with a name, got None"),
    ("x", "lists that begin with a name, got 'x'"),
    (3, "lists that begin with a name, got int"),
    ([], "lists that begin with a name, got list"),
    ({"Add": [X, X]}, "lists that begin with a name, got dict"),
    (("sin", X), "lists that begin with a name, got tuple"),
    ([["sin"], X], "lists that begin with a name, got list"),
    ([["Add"] * 3], "lists that begin with a name, got list"),
    (["sin", "x"], "lists that begin with a name, got 'x'"),
    (["sin", 1.5], "lists that begin with a name, got 1.5"),
    (["__import__('os')"], 'known kinds of nodes, got "__import__'),
    (["gamma", X], "known kinds of nodes, got 'gamma'"),
    (["Symbol", "x"], "known kinds of nodes, got 'Symbol'"),
    (["SIN", X], "known kinds of nodes, got 'SIN'"),
    (["f" * 10_000], "known kinds of nodes, got 'f{58}…"),
    (["sin"], "'sin' with a wrong number of arguments, got 0"),
    (["sin", X, X], "'sin' with a wrong number of arguments, got 2"),
    (["log", X, X], "'log' with a wrong number of arguments, got 2"),
    (["Pow", X], "'Pow' with a wrong number of arguments, got 1"),
    (["Pow", X, X, X], "'Pow' with a wrong number of arguments, got 3"),
    (["Add", X], "'Add' with a wrong number of arguments, got 1"),
    (["Mul"], "'Mul' with a wrong number of arguments, got 0"),
    (["pi", 3], "hold nothing in a node 'pi'"),
    (["Integer"], "one integer of at most 400 digits in a node 'Integer'"),
    (["Integer", 1, 2], "one integer of at most 400 digits in a node 'Integer'"),
    (["Integer", True], "one integer of at most 400 digits in a node 'Integer'"),
    (["Integer", 1.0], "one integer of at most 400 digits in a node 'Integer'"),
    (["Integer", "1"], "one integer of at most 400 digits in a node 'Integer'"),
    (["Integer", 10**400], "one integer of at most 400 digits in a node 'Integer'"),
    (["Integer", -(10**400)], "one integer of at most 400 digits in a node 'Integer'"),
    (["Integer", 1 << 10_000_000], "one integer of at most 400 digits in a node 'Integer'"),
    (["Rational", 1], "two integers .* in a node 'Rational'"),
    (["Rational", 1, 0], "two integers .* in a node 'Rational'"),
    (["Rational", 1, -2], "two integers .* in a node 'Rational'"),
    (["Rational", 1, 10**400], "two integers .* in a node 'Rational'"),
    (["variable", -1], "the position of one variable in a node 'variable'"),
    (["variable", len(VARIABLES)], "the position of one variable in a node 'variable'"),
    (["variable", True], "the position of one variable in a node 'variable'"),
    (["variable", "x"], "the position of one variable in a node 'variable'"),
    (["Float", 1.5], "one text in a node 'Float'"),
    (["Float", None], "one text in a node 'Float'"),
    (["Float", "nan"], r"finite floats as float\.hex\(\) writes them, got 'nan'"),
    (["Float", "-inf"], "finite floats"),
    (["Float", "0x1p5000"], "finite floats"),
    (["Float", "1.5"], "finite floats"),
    (["Float", "0x1.8p+0"], "finite floats"),
    (["Float", "1; import os"], "finite floats"),
    (nested(201), "at most 200 levels deep"),
    (nested(100_000), "at most 200 levels deep"),
    (["Add", *[X] * 20_000], "at most 20000 nodes"),
    (["Add", *[["Mul", *[X] * 200]] * 200], "at most 20000 nodes"),
]


@pytest.mark.parametrize(("tree", "message"), HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_trees_are_refused(tree, message):
    with pytest.raises(FileFormatError, match=message):
        from_tree(tree, VARIABLES)


def test_trees_at_the_limits_are_read():
    assert from_tree(nested(200), VARIABLES).has(VARIABLES[0])
    assert len(from_tree(["Add", *[X] * 19_999], VARIABLES).args) == 19_999


def test_a_tower_of_powers_is_not_multiplied_out():
    nine = ["Integer", 9]
    tower = from_tree(["Pow", nine, ["Pow", nine, ["Pow", nine, nine]]], VARIABLES)
    assert tower.func is sympy.Pow
    assert to_tree(tower, VARIABLES) == ["Pow", nine, ["Pow", nine, ["Pow", nine, nine]]]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=3), children, max_size=2),
)
heads = st.sampled_from(["Add", "Mul", "Pow", "Float", "Integer", "Rational", "variable", "pi", "E", *FUNCTIONS])
almost_trees = st.recursive(
    json_values | st.builds(lambda head, value: [head, value], heads, json_values),
    lambda children: st.builds(lambda head, rest: [head, *rest], heads, st.lists(children, max_size=3)),
    max_leaves=12,
)


@given(almost_trees)
def test_any_json_is_an_expression_or_refused(tree):
    try:
        expression = from_tree(tree, VARIABLES)
    except FileFormatError:
        return
    assert isinstance(expression, sympy.Expr)
    assert from_tree(to_tree(expression, VARIABLES), VARIABLES) == expression
