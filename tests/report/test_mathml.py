import xml.etree.ElementTree as ET
from typing import Any

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.report.mathml import to_mathml

sympify: Any = sympy.sympify
x, y = sympy.symbols("x y", real=True)


def read(expression, precision=6):
    return ET.fromstring(to_mathml(expression, precision))


def value(element, where):
    """A second reading: evaluate MathML as a reader would, from its layout alone."""
    return evaluate(tokens(element), where)


def tokens(element):
    """MathML as text that sympy reads."""
    tag, parts = element.tag, list(element)
    if tag == "mi":
        return {"e": "E", "π": "pi"}.get(element.text, element.text)
    if tag == "mn":
        return element.text
    if tag == "mo":
        return {"\u2062": "*", "·": "*", "−": "-", "=": "="}.get(element.text, element.text)
    inside = [tokens(part) for part in parts]
    if tag == "mfrac":
        return f"(({inside[0]})/({inside[1]}))"
    if tag == "msup":
        return f"(({inside[0]})**({inside[1]}))"
    if tag == "msqrt":
        return f"sqrt({''.join(inside)})"
    if tag == "mroot":
        return f"(({inside[0]})**(1/({inside[1]})))"
    text = "".join(inside)
    if tag == "mrow" and text.startswith("|"):
        return f"Abs({text[1:-1]})"
    return f"({text})" if tag == "mrow" and not text.startswith("(") else text


def evaluate(text, where):
    return complex(sympify(text, locals={"E": sympy.E}).subs(where).evalf())


NUMBERS = [sympy.Integer(2), sympy.Rational(1, 3), sympy.Float(2.5), sympy.Float(-0.125), sympy.pi]
LEAVES = st.sampled_from([x, y, *NUMBERS])


def grown(inner):
    pair = st.tuples(inner, inner)
    return st.one_of(
        pair.map(lambda two: two[0] + two[1]),
        pair.map(lambda two: two[0] - two[1]),
        pair.map(lambda two: two[0] * two[1]),
        pair.map(lambda two: two[0] / (two[1] ** 2 + 1)),
        inner.map(lambda one: sympy.sqrt(one**2 + 1)),
        inner.map(lambda one: (one**2 + 1) ** sympy.Float(-1.5)),
        inner.map(lambda one: sympy.sin(one)),
        inner.map(lambda one: sympy.exp(-(one**2))),
        inner.map(lambda one: sympy.Abs(one)),
        inner.map(lambda one: one ** sympy.Integer(-2)),
    )


@settings(max_examples=60, deadline=None)
@given(st.recursive(LEAVES, grown, max_leaves=6))
def test_what_is_typeset_has_the_value_of_the_formula(expression):
    where = {x: sympy.Rational(7, 5), y: sympy.Rational(-3, 4)}
    expected = complex(sympy.sympify(expression).subs(where).evalf())
    if abs(expected) < 1e12:  # a division by zero has no value to compare
        found = value(read(expression, 15), {sympy.Symbol(str(s)): v for s, v in where.items()})
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    "name",
    ["</math><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "&lt;", "a b", "x^2", "漢", "&#x3C;b>"],
)
def test_names_are_text(name):
    element = read(sympy.Symbol(name, real=True) * 2 + 1)
    assert name in [part.text for part in element.iter("mi")]
    assert {part.tag for part in element.iter()} <= {"math", "mrow", "mi", "mn", "mo"}
    left = ET.fromstring(to_mathml(x, left=name))
    assert name in [part.text for part in left.iter("mi")]
    function = read(sympy.Function(name)(x))
    assert name in [part.text for part in function.iter("mi")]


def test_subscripts_and_greek_letters():
    assert "<msub><mi>T</mi><mi>days</mi></msub>" in to_mathml(x, left="T_days")
    assert "<msub><mi>x</mi><mi>0</mi></msub>" in to_mathml(sympy.Symbol("x0", real=True))
    assert "<mi>α</mi>" in to_mathml(sympy.Symbol("alpha", real=True))
    assert "<mi>a_b_c</mi>" in to_mathml(sympy.Symbol("a_b_c", real=True))
    assert "<mi>_x</mi>" in to_mathml(sympy.Symbol("_x", real=True))


def test_constants_have_so_many_digits():
    assert "<mn>2.718</mn>" in to_mathml(2.718281828 * x, 4)
    tiny = to_mathml(-1.2345e-9 * x, 3)
    assert "<mn>1.23</mn><mo>·</mo><msup><mn>10</mn><mrow><mo>−</mo><mn>9</mn></mrow></msup>" in tiny
