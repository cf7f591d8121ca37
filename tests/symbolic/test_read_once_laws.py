"""Formulas of laws in which every column appears once, and the laws of one curve that they are made of."""

import numpy as np
import pytest
import sympy

from kansym.library import Library, default_library
from kansym.symbolic.constants import refit
from kansym.symbolic.curve_laws import curve_laws
from kansym.symbolic.read_once_laws import read_once_laws
from kansym.symbolic.rows import Rows

LAWS = {
    "two signs": lambda x, y: np.exp(-0.7 * x) * np.sin(3.1 * y + 0.4),
    "saturation": lambda x, y: (1 + 0.4 * np.sin(3.1 * y)) * x / (x + 0.7),
    "offset": lambda x, y: 0.8 * x * np.sin(2.4 * y + 0.3) + 1.7,
    "sum of a product": lambda x, y, z: 1.7 * x * np.exp(-0.6 * y) + 0.9 * (z - 1) ** 2,
    "inverse of a sum": lambda x, y: 1 / (0.3 + x**1.5 * np.exp(-0.4 * y)),
    "root of a sum": lambda x, y, z: np.sqrt(1.2 + x * np.exp(-y) + 0.8 * z**2),
    "logarithm of a sum": lambda x, y: np.log(2 + x**2 * np.exp(-0.8 * y)),
    "two decays in a quotient": lambda x, y: (1 + 0.8 * np.exp(-0.9 * x)) / (1.4 + y),
}


def draw(law, n_rows=500, noise=0.0):
    generator = np.random.default_rng(0)
    columns = generator.uniform(0.1, 3.0, (n_rows, LAWS[law].__code__.co_argcount))
    target = LAWS[law](*columns.T)
    return Rows.from_arrays(columns, target + noise * np.sqrt(np.mean(target**2)) * generator.normal(size=n_rows))


def proposals(rows, **options):
    return [formula for formula, _ in read_once_laws(rows, default_library(), **options)]


@pytest.mark.parametrize("law", LAWS)
def test_laws_without_noise_are_exact_after_a_fit_of_all_constants(law):
    rows = draw(law)
    assert any(refit(formula, rows).loss < 1e-20 * rows.variance for formula in proposals(rows))


def test_noise_does_not_hide_the_form():
    rows, clean = draw("two signs", noise=0.02), draw("two signs")
    noise = float(np.mean((rows.target - clean.target) ** 2))
    fits = [refit(formula, rows) for formula in proposals(rows, noise=noise)]
    best = min(fits, key=lambda fit: fit.loss + 0.01 * noise * len(fit.constants))
    assert refit(best.expression, clean).loss < 1e-4 * clean.variance


def test_what_is_no_such_law_gets_no_proposal():
    generator = np.random.default_rng(1)
    columns = generator.uniform(-2, 2, (500, 2))
    assert proposals(Rows.from_arrays(columns, np.sin(3 * columns[:, 0] * columns[:, 1]))) == []


@pytest.mark.parametrize("n_columns", [5, 12, 500])
def test_trees_of_many_columns_are_not_even_counted(n_columns):
    """There are 117,624 of seven columns, and of twelve more than fit into memory."""
    columns = np.random.default_rng(0).normal(size=(40, n_columns))
    assert proposals(Rows.from_arrays(columns, columns[:, 0] + columns[:, 1])) == []


def test_only_functions_of_the_library_are_proposed():
    rows = draw("two signs")
    names = ["x", "x^2", "exp"]
    found = [formula for formula, _ in read_once_laws(rows, Library(names))]
    assert not any(formula.has(sympy.sin, sympy.cos, sympy.tanh) for formula in found)


def test_it_stops_when_it_is_told_to():
    assert proposals(draw("saturation"), should_stop=lambda: True) == []


def test_a_curve_with_an_error_gets_the_shortest_law_within_it():
    x = np.linspace(0.1, 4.0, 200)
    wobble = 1e-4 * np.sin(40 * x)
    rows = Rows.from_arrays(x[:, None], 0.8 * x + wobble)
    law = curve_laws(rows, float(np.mean(wobble**2)), default_library())[0]
    assert law.expression.subs(rows.variables[0], 2.0) == pytest.approx(1.6, abs=1e-3)
    assert len(law.expression.atoms(sympy.Float)) == 1


def test_a_law_that_is_the_limit_of_a_shorter_one_is_left_out():
    x = np.linspace(0.1, 4.0, 200)
    rows = Rows.from_arrays(x[:, None], 0.8 * x)
    for law in curve_laws(rows, 1e-12, default_library(), most=9):
        assert all(abs(float(constant)) < 1e5 for constant in law.expression.atoms(sympy.Float))


@pytest.mark.parametrize("target", [np.ones(50), np.full(50, np.nan)])
def test_a_curve_without_a_shape_has_no_law(target):
    assert curve_laws(Rows.from_arrays(np.linspace(0, 1, 50)[:, None], target), 0.0, default_library()) == []


def test_too_few_points_have_no_law():
    x = np.linspace(0, 1, 6)
    assert curve_laws(Rows.from_arrays(x[:, None], x**2), 0.0, default_library()) == []


GENERATOR = np.random.default_rng(0)
Z, K = GENERATOR.uniform(0, 3, 300), GENERATOR.integers(0, 3, 300).astype(float)
AWKWARD = {
    "few values": ((K, Z), (1 + K**2) * np.exp(-Z)),
    "huge": ((1e150 * Z, K), 1e150 * Z * K),
    "tiny": ((Z, K), 1e-200 * Z * np.exp(-K)),
    "a step": ((Z, K), np.where(Z > 2.9, 1.0, 0.0)),
    "a constant column": ((Z, np.ones(300)), np.sin(Z)),
    "the same column twice": ((Z, Z), Z**2),
    "a pole": ((Z, K), K / (Z - 1.5)),
}


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_columns_neither_break_it_nor_warn(name):
    columns, target = AWKWARD[name]
    rows = Rows.from_arrays(np.column_stack(columns), target)
    for formula in proposals(rows):
        assert formula.free_symbols <= set(rows.variables)


def test_proposals_that_are_no_numbers_are_left_out(monkeypatch):
    """A steep curve may lead to constants beyond doubles."""
    x = np.linspace(0.1, 3.0, 50)
    rows = Rows.from_arrays(x[:, None], 2.0 * np.exp(1.5 * x))
    (symbol,) = rows.variables
    proposed = [sympy.oo * symbol, sympy.Float("1.2e316") * symbol, sympy.nan, 1.9 * sympy.exp(1.4 * symbol)]
    with_bits = [(formula, 3.0) for formula in proposed]
    monkeypatch.setattr("kansym.symbolic.curve_laws._proposals", lambda *_: iter(with_bits))
    (law,) = curve_laws(rows, 0.0, default_library())
    assert refit(law.expression, rows).loss < 1e-20 * rows.variance


def test_curves_are_looked_at_until_there_is_no_time():
    x = np.linspace(0.1, 4.0, 60)
    rows = Rows.from_arrays(x[:, None], x / (x + 0.7))
    asked = []

    def after_some(count):
        return lambda: asked.append(None) or len(asked) > count

    assert curve_laws(rows, 1e-20, default_library())[0].expression.has(rows.variables[0])
    for count in (0, 5, 40):
        asked.clear()
        assert curve_laws(rows, 1e-20, default_library(), should_stop=after_some(count))
        assert len(asked) <= count + 3


def test_an_exact_curve_without_an_error_is_no_warning():
    x = np.linspace(0.05, 0.95, 60)
    assert curve_laws(Rows.from_arrays(x[:, None], x * np.log(x) + 0.3), 0.0, default_library())
