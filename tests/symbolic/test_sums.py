"""Sums of decays, powers, peaks, steps and waves are found to the last digit, and to the noise where there is some."""

import numpy as np
import pytest
import sympy

from kansym.datasets import load_dataset
from kansym.library import Library, default_library
from kansym.symbolic.constants import assess, refit
from kansym.symbolic.evaluation import compile_expression, count_constants
from kansym.symbolic.rows import Rows
from kansym.symbolic.sums import DECAYS, POWERS, SPECTRA, sums_of_curves

T = sympy.Symbol("x0", real=True)
SUMS = {
    "two decays": (2.0 * sympy.exp(-3.0 * T) + 0.7 * sympy.exp(-0.4 * T), (0.0, 5.0), 4),
    "three decays": (1.5 * sympy.exp(-5.0 * T) + 0.9 * sympy.exp(-T * 3.0) + 0.1 * sympy.exp(-1.0 * T), (0.0, 2.0), 6),
    "decays to a level": (0.4 + 1.9 * sympy.exp(-0.13 * T) - 1.5 * sympy.exp(-0.22 * T), (0.0, 30.0), 5),
    "a rise": (sympy.Mul(3.5, 1 - sympy.exp(-0.8 * T), evaluate=False), (0.0, 4.0), 2),
    "two peaks": (5.0 * sympy.exp(-4.0 * (T - 1.2) ** 2) + 3.0 * sympy.exp(-9.0 * (T - 2.5) ** 2), (0.0, 4.0), 6),
    "peaks on a decay": (
        9.0 * sympy.exp(-0.6 * T) + 5.0 * sympy.exp(-4.0 * (T - 1.7) ** 2) + 3.0 * sympy.exp(-9.0 * (T - 3.0) ** 2),
        (0.0, 5.0),
        8,
    ),
    "two resonances": (2.0 / ((T - 1.0) ** 2 + 0.1) + 0.5 / ((T - 3.0) ** 2 + 0.05), (0.0, 4.0), 6),
    "a peak on a line": (0.12 + 0.03 * T + 0.25 * sympy.exp(-6.25 * (T - 0.4) ** 2), (0.0, 3.0), 5),
    "a step on a line": (1.0 - 0.2 * T + sympy.tanh(2.3 * T - 3.0), (0.0, 3.0), 5),
    "a slow step on a line": (1.0 - 0.2 * T + sympy.atan(2.3 * T - 3.0), (0.0, 3.0), 5),
    "two powers": (4.0 * T**-12.0 - 4.3 * T**-6.0, (1.0, 2.5), 4),
    "repulsion and attraction": (1200.0 * sympy.exp(-3.2 * T) - 40.0 / T**6, (1.2, 4.0), 4),
    "tides": (1.2 + 3.0 * sympy.sin(1.7 * T + 0.3) + 0.8 * sympy.sin(4.1 * T - 1.0), (0.0, 30.0), 7),
}

# Where a sum is looked for; in all kinds of sums where nothing is said.
KINDS = {
    **dict.fromkeys(["two decays", "three decays", "decays to a level", "a rise"], DECAYS),
    **dict.fromkeys(["two powers", "repulsion and attraction"], POWERS),
    **dict.fromkeys(["two peaks", "two resonances", "a peak on a line", "a step on a line", "tides"], SPECTRA),
}


def rows_of(law, interval, n_rows=100, noise=0.0, seed=0):
    low, high = interval
    x = np.linspace(low, high, n_rows)[:, None]
    y = compile_expression(law, (T,))(x)
    return Rows.from_arrays(x, y + noise * np.std(y) * np.random.default_rng(seed).standard_normal(n_rows))


def first_below(loss, rows, constants, kinds=None):
    """The first proposal of so few constants with less loss."""
    for formula, _ in sums_of_curves(rows, default_library(), kinds):
        if count_constants(formula) <= constants and refit(formula, rows).loss < loss:
            return formula
    return pytest.fail("no sum fits")


@pytest.mark.parametrize("name", SUMS)
def test_a_sum_is_found_with_no_more_constants_than_it_has(name):
    law, interval, constants = SUMS[name]
    rows = rows_of(law, interval)
    best = first_below(1e-16 * rows.variance, rows, constants, KINDS.get(name))
    beyond = np.linspace(interval[1], 1.2 * interval[1], 20)[:, None]
    found, truth = (compile_expression(formula, (T,))(beyond) for formula in (best, law))
    assert np.allclose(found, truth, rtol=1e-3, atol=1e-4 * np.std(rows.target))


@pytest.mark.parametrize("name", ["decays to a level", "peaks on a decay", "tides"])
def test_under_noise_a_sum_of_the_right_size_fits_as_well_as_the_law(name):
    law, interval, constants = SUMS[name]
    rows = rows_of(law, interval, noise=0.02)
    assert first_below(1.001 * refit(law, rows).loss, rows, constants) is not None


def test_peaks_that_overlap_are_not_fitted_into_each_other():
    """Least squares alone turns the two peaks of Gauss2 into the derivative of one, with factors of a million."""
    data = load_dataset("nist_gauss2")
    rows = Rows.from_arrays(data.frame[["x"]].to_numpy(float), data.frame["y"].to_numpy(float))
    certified = 1247.5282092 / len(rows)
    found = first_below(1.001 * certified, rows, 8, SPECTRA[:1])
    assert len(found.atoms(sympy.exp)) == 3


def test_only_functions_of_the_library_are_used():
    law, interval, _ = SUMS["tides"]
    rows = rows_of(law, interval)
    few = Library(["x", "x^2", "exp"])
    found = [formula for formula, _ in sums_of_curves(rows, few)]
    assert found
    assert not any(formula.has(sympy.sin, sympy.cos) for formula in found)
    assert list(sums_of_curves(rows, Library(["x", "sqrt"]))) == []


def test_weights_decide_which_rows_count():
    law, interval, _ = SUMS["two decays"]
    rows = rows_of(law, interval)
    target = rows.target.copy()
    target[::10] += 5.0
    weights = np.ones(len(target))
    weights[::10] = 1e-12
    rows = Rows.from_arrays(rows.columns, target, weights)
    assert assess(first_below(1e-9 * rows.variance, rows, 4), rows).loss < 1e-9 * rows.variance


@pytest.mark.parametrize(
    "x", [np.full(20, 3.0), np.arange(2.0), np.linspace(1e6, 1e6 + 1, 30), np.linspace(-1e-9, 1e-9, 30)]
)
def test_awkward_columns_give_finite_sums_or_none(x):
    rows = Rows.from_arrays(x[:, None], np.sin(np.arange(len(x))))
    for formula, bits in sums_of_curves(rows, default_library()):
        assert np.all(np.isfinite(compile_expression(formula, rows.variables)(rows.columns)))
        assert bits > 0


@pytest.mark.parametrize("unit", [1e-25, 1e-14, 1.0, 1e12, 1e20])
def test_powers_of_columns_in_any_unit(unit):
    x = np.linspace(0.9, 2.5, 80)
    rows = Rows.from_arrays(x[:, None] * unit, x**-12 - 2 * x**-6)
    first_below(1e-16 * rows.variance, rows, 4, POWERS)


def test_columns_far_from_zero_raise_no_warning():
    years = np.arange(1900.0, 2020.0)
    law = 3.0 + 0.8 * np.sin(0.5711 * years + 0.2)
    rows = Rows.from_arrays(years[:, None], law + 0.05 * np.random.default_rng(0).normal(size=len(years)))
    found = first_below(0.004, rows, 4)
    (wave,) = found.atoms(sympy.sin, sympy.cos)
    assert abs(float(sympy.diff(wave.args[0], T))) == pytest.approx(0.5711, abs=1e-3)


def test_it_ends_when_told():
    law, interval, _ = SUMS["tides"]
    assert len(list(sums_of_curves(rows_of(law, interval), default_library(), should_stop=lambda: True))) == 0


def test_waves_as_weak_as_the_noise_are_found():
    """Three waves of which the second and third are no larger than the standard deviation of the noise."""
    law = 10.0 + 3.0 * sympy.sin(0.52 * T + 0.4) + 2.0 * sympy.sin(0.14 * T) + 2.0 * sympy.sin(0.234 * T - 1.0)
    x = np.arange(1.0, 169.0)[:, None]
    y = compile_expression(law, (T,))(x)
    rows = Rows.from_arrays(x, y + 2.0 * np.random.default_rng(0).standard_normal(len(y)))
    noise = assess(law, rows).loss
    found = first_below(noise, rows, 10)
    angles = [wave.args[0] for wave in found.atoms(sympy.sin, sympy.cos)]
    frequencies = sorted(abs(float(sympy.diff(angle, T))) for angle in angles)
    assert frequencies == pytest.approx([0.14, 0.234, 0.52], abs=0.005)


def test_what_does_not_shorten_the_description_is_no_proposal():
    rng = np.random.default_rng(0)
    rows = Rows.from_arrays(np.linspace(0.0, 1.0, 120)[:, None], 5.0 + rng.standard_normal(120))
    proposals = [formula for formula, _ in sums_of_curves(rows, default_library())]
    assert all(count_constants(formula) <= 4 for formula in proposals)
