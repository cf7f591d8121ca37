"""Laws of one variable: for each known law some proposal refits to it exactly."""

import numpy as np
import pytest
import sympy

from kansym.library import Library, default_library
from kansym.symbolic.constants import refit
from kansym.symbolic.normal_form import normal_form
from kansym.symbolic.rows import Rows
from kansym.symbolic.single_variable import rational_formulas, transformed_snaps

x = np.linspace(0.5, 9.0, 80)
TRANSFORMED = {
    "Planck": (x, 2.5 * x**3 / np.expm1(1.3 * x)),
    "Michaelis-Menten": (x, 2.345 * x / (1.678 + x)),
    "Arrhenius": (250 + 25 * x, 3e6 * np.exp(-4321 / (250 + 25 * x))),
    "logistic": (x, 2.5 / (1 + np.exp(-1.35 * (x - 4.321)))),
    "exponential decay": (x, 2.5 * np.exp(-0.456 * x) + 0.789),
    "damped far away": (1000 + 400 * x, 3.0 * np.exp(-(1000 + 400 * x) / 2000) + 7),
    "power law": (x, 1.234 * x**1.678),
    "Kepler": (x, 365.25 * x**1.5),
    "inverse square": (x, 2.345 / (x + 1.234) ** 2),
    "wave": (x, 1.5 * np.sin(3.21 * x + 0.5) + 0.3),
    "logarithm": (x, 2.345 * np.log(x + 0.678) - 1.5),
    "hyperbola": (x, np.sqrt(1.5 + 2.25 * x**2)),
    "gaussian": (x, 2.5 * np.exp(-((x - 4.5) ** 2) / 3)),
    "saturation": (x, 3.21 * np.tanh(0.456 * x)),
}
RATIONAL = {
    "Hill of order two": (x, 2.345 * x**2 / (1.678 + x**2)),
    "Michaelis-Menten": (x, 2.345 * x / (1.678 + x)),
    "substrate inhibition": (x, 2.345 * x / (1.678 + x + 0.123 * x**2)),
    "Lorentz": (x, 1.5 / (1 + (x - 4.321) ** 2 / 0.8)),
    "cubic over cubic": (x, (1 + x**3) / (4 + 0.5 * x + x**3)),
    "quintic": (x, 1 - 0.5 * x + 0.01 * x**5),
    "line": (x, 2.5 * x - 1.234),
    "far away": (1000 + x, 1.5 + 0.25 * (1000 + x)),
}


def best_loss(proposals, rows):
    return min(refit(normal_form(formula), rows).loss for formula, _ in proposals) / rows.variance


@pytest.mark.parametrize("law", TRANSFORMED)
def test_laws_are_among_the_transformed_snaps(law):
    points, target = TRANSFORMED[law]
    rows = Rows.from_arrays(points[:, None], target)
    proposals = list(transformed_snaps(rows, default_library()))
    assert len(proposals) <= 40
    assert best_loss(proposals, rows) < 1e-12


@pytest.mark.parametrize(("low", "high"), [(0.1, 5.0), (0.5, 9.0), (0.2, 12.0)])
@pytest.mark.parametrize("rate", [0.3, 0.75])
def test_planck_s_law_is_an_exponential_on_any_range(low, high, rate):
    points = np.linspace(low, high, 80)
    rows = Rows.from_arrays(points[:, None], points**3 / np.expm1(rate * points))
    proposals = [pair for pair in transformed_snaps(rows, default_library()) if pair[0].has(sympy.exp)]
    with np.errstate(over="ignore"):  # among the proposals are steep ones
        assert best_loss(proposals, rows) < 1e-20


@pytest.mark.parametrize("law", RATIONAL)
def test_laws_are_among_the_rational_formulas(law):
    points, target = RATIONAL[law]
    rows = Rows.from_arrays(points[:, None], target)
    assert best_loss(rational_formulas(rows), rows) < 1e-12


@pytest.mark.parametrize("scale", [1e-9])
@pytest.mark.parametrize("law", ["Planck", "logistic", "power law"])
def test_the_unit_of_the_target_does_not_matter(law, scale):
    points, target = TRANSFORMED[law]
    rows = Rows.from_arrays(points[:, None], scale * target)
    assert best_loss(transformed_snaps(rows, default_library()), rows) < 1e-12


@pytest.mark.parametrize("law", ["Hill of order two", "Lorentz"])
@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_units_do_not_matter_to_rational_formulas(law, unit):
    points, target = RATIONAL[law]
    rows = Rows.from_arrays(unit * points[:, None], target / unit)
    assert best_loss(rational_formulas(rows), rows) < 1e-12


def test_noise_leaves_the_law_among_the_proposals():
    points, target = TRANSFORMED["Michaelis-Menten"]
    noise = 0.01 * target.std() * np.random.default_rng(0).normal(size=len(target))
    rows = Rows.from_arrays(points[:, None], target + noise)
    assert best_loss(transformed_snaps(rows, default_library()), rows) < 2e-4
    assert best_loss(rational_formulas(rows), rows) < 2e-4


def test_only_functions_of_the_library_are_proposed():
    points, target = TRANSFORMED["logistic"]
    rows = Rows.from_arrays(points[:, None], target)
    for formula, _ in transformed_snaps(rows, Library(["x", "x^2"])):
        assert not formula.atoms(sympy.sin, sympy.tanh, sympy.atan)


def test_bits_name_the_simple_cheaply():
    points, target = TRANSFORMED["power law"]
    rows = Rows.from_arrays(points[:, None], target)
    bits = [bits for _, bits in rational_formulas(rows)]
    assert bits[:5] == sorted(bits[:5])
    assert all(value > 0 for value in bits)
    assert all(value > 0 for _, value in transformed_snaps(rows, default_library()))


@pytest.mark.parametrize(
    ("points", "target"),
    [
        (np.zeros(20), np.arange(20.0)),
        (np.arange(20.0), np.zeros(20)),
        (np.arange(20.0) % 2, np.arange(20.0) % 2),
        (np.arange(3.0), np.array([1.0, 4.0, 2.0])),
        (np.linspace(-1, 1, 21), np.linspace(-1, 1, 21) ** 3),
        (np.repeat(np.arange(5.0), 4), np.arange(20.0)),
    ],
    ids=["constant x", "constant y", "binary", "three rows", "through zero", "ties"],
)
def test_poor_data_give_finite_proposals_or_none(points, target):
    rows = Rows.from_arrays(points[:, None], target)
    for formula, bits in [*rational_formulas(rows), *transformed_snaps(rows, default_library())]:
        assert formula.free_symbols <= set(rows.variables)
        assert np.isfinite(bits)


def test_a_stop_ends_the_proposals():
    points, target = TRANSFORMED["logistic"]
    rows = Rows.from_arrays(points[:, None], target)
    assert list(transformed_snaps(rows, default_library(), should_stop=lambda: True)) == []
