"""Tables of text and HTML, and what shows itself through them."""

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from kansym.discovery import Confidence, Discovery
from kansym.display import explained_text, html_table, text_table
from kansym.library import default_library
from kansym.network import KAN
from kansym.symbolic.front import Formula, ParetoFront
from kansym.symbolic.uncertainty import Uncertainty

x = sympy.Symbol("x", real=True)
FRONT = ParetoFront(
    (
        Formula(sympy.Float(1.5), 1, 1.0, 0.0, 1.0, 0.0, Uncertainty.unknown(1)),
        Formula(2.5 * x, 3, 1e-6, 1.0 - 1e-6, 1e-6, 0.0, Uncertainty.unknown(1)),
    ),
    1.0,
    10,
)


@pytest.mark.parametrize(
    ("unexplained", "text"),
    [(0.0, "1"), (1e-30, "1 − 1.0e-30"), (0.25, "0.7500"), (1.0, "0.0000"), (3.0, "-2.0000"), (-1e-17, "1.0000")],
)
def test_only_a_perfect_fit_reads_one(unexplained, text):
    assert explained_text(unexplained) == text


@given(st.lists(st.tuples(st.text(st.characters(categories=["L", "N"])), st.text(st.characters(categories=["L"])))))
def test_columns_of_text_are_aligned(rows):
    lines = text_table(["first", "second"], rows).split("\n")
    width = max(len(first) for first, _ in [("first", ""), *rows])
    assert [line[:width].strip() for line in lines[1:]] == [first for first, _ in rows]
    assert [line[width + 2 :] for line in lines[1:]] == [second for _, second in rows]


def test_everything_in_a_table_of_html_is_escaped():
    shown = html_table(["<a>"], [["<b>"], ["&"]], caption="<c>", marked=1)
    assert not {"<a>", "<b>", "<c>"} & {shown[i : i + 3] for i in range(len(shown))}
    assert '<tr style="font-weight: bold"><td>&amp;</td></tr>' in shown


def test_a_front_shows_itself_as_a_table():
    assert repr(FRONT).split("\n") == [
        "complexity   loss           R²  formula",
        "         1      1       0.0000  1.5",
        "         3  1e-06  1 − 1.0e-06  2.5·x",
    ]
    assert FRONT._repr_html_().count("<tr") == 3
    assert "Pareto front of 2 on 10 rows" in FRONT._repr_html_()
    assert "2.5·x" in FRONT[1]._repr_html_()
    assert ParetoFront((), 1.0, 10)._repr_html_().count("<tr") == 1


def test_a_discovery_shows_its_front_and_why_it_ended():
    confidence = Confidence(1.0, 0, np.inf, True)
    found = Discovery(FRONT, None, None, None, (0,), confidence, "every proposal was tried", 12, 3.25)
    assert repr(found).startswith(repr(FRONT))
    assert repr(found).endswith("ended: every proposal was tried; 12 steps in 3.2 s")
    assert "every proposal was tried" in found._repr_html_()


def test_a_network_shows_its_edges():
    network = KAN((2, 3, 1)).snap((0, 1, 0), default_library()["x^2"]).prune_edge((1, 0, 2))
    shown = network._repr_html_()
    assert "<td>(0, 1, 0)</td><td>x^2</td>" in shown
    assert "(1, 0, 2)" not in shown
    assert "of which 30 are shown" in KAN((10, 10, 1))._repr_html_()
