import numpy as np
import pytest
import sympy

from kansym.discovery import Confidence, Discovery
from kansym.symbolic.front import Formula, ParetoFront
from kansym.symbolic.uncertainty import Uncertainty
from kansym.terminal import closing_lines, data_line, equation, front_lines, printable, r2_text

x = sympy.Symbol("x", real=True)


def formula(expression, loss, variance=1.0):
    return Formula(sympy.sympify(expression), 1, loss, 1.0 - loss / variance, loss, 0.0, Uncertainty.unknown(0))


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (0.0, "1"),
        (1e-30, "1 − 1.0e-30"),
        (9.99e-5, "1 − 1.0e-04"),
        (1.01e-4, "0.9999"),
        (0.25, "0.7500"),
        (1.0, "0.0000"),
        (1.0 + 1e-9, "0.0000"),
        (3.0, "-2.0000"),
    ],
)
def test_only_a_perfect_fit_reads_one(loss, text):
    assert r2_text(formula(x, loss), 1.0) == text


def test_a_constant_target_is_explained_or_not():
    assert r2_text(Formula(x, 1, 0.0, 1.0, 0.0, 0.0, Uncertainty.unknown(0)), 0.0) == "1"
    assert r2_text(Formula(x, 1, 2.0, 0.0, 2.0, 0.0, Uncertainty.unknown(0)), 0.0) == "0.0000"


def test_the_front_is_a_table_with_one_mark():
    front = ParetoFront((formula(1.5, 1.0), formula(2.5 * x, 1e-6), formula(sympy.sin(x), 0.0)), 1.0, 10)
    assert front_lines(front, 1) == [
        "  complexity   loss  R²           formula",
        "           1      1  0.0000       1.5",
        "→          1  1e-06  1 − 1.0e-06  2.5·x",
        "           1      0  1            sin(x)",
    ]


def test_control_characters_never_reach_the_screen():
    evil = "\x1b[31mred\r\n\x07\x9b\u202e\u2028"
    symbol = sympy.Symbol(evil, real=True)
    shown = [
        equation(evil, formula(2.5 * symbol, 1.0)),
        data_line(evil, 1, [evil], [evil], [evil]),
        *front_lines(ParetoFront((formula(2.5 * symbol, 1.0),), 1.0, 10), 0),
    ]
    assert all(character.isprintable() for line in shown for character in line)
    assert printable("größe (m) · π") == "größe (m) · π"


def test_long_lists_of_columns_are_counted():
    names = [f"x{i}" for i in range(1500)]
    line = data_line("a.csv", 12_345, ["y"], names, [])
    assert line.startswith("a.csv: 12,345 rows, y from x0, x1")
    assert line.endswith("x11 and 1,488 more")


def test_the_end_says_how_sure_what_not_used_and_why():
    front = ParetoFront((formula(x, 0.0),), 1.0, 10)
    discovery = Discovery(front, None, None, None, (0,), Confidence(1.0, 0, np.inf, True), "interrupted", 1234, 5.67)
    assert closing_lines(front[0], discovery, ["x", "a b"]) == [
        f"confidence  {discovery.confidence.sentence()}",
        "not used    a b",
        "ended       interrupted; 1,234 steps in 5.7 s",
    ]
