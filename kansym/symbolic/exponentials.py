"""Sums of exponentials and damped waves of one variable: the solutions of linear equations of motion.

``y = Σ p_i(x)·exp(r_i·x)`` with complex rates solves ``y⁽ᵐ⁾ = a_1·y⁽ᵐ⁻¹⁾ + … + a_m·y``. Integrated m times this is
linear in what is unknown, ``y = Σ a_k·Iᵏy + a polynomial of degree m − 1``, and asks for integrals of the data, which
noise spoils less than derivatives. So the rates are the roots of one polynomial that least squares give (Prony 1795; in
this form Jacquelin 2009, "Régressions et équations intégrales").
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import sympy
from numpy.polynomial import Polynomial
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline

from kansym.library import Library
from kansym.symbolic.grammar import is_allowed
from kansym.symbolic.normal_form import normal_form
from kansym.symbolic.rows import Rows

__all__ = ["sums_of_exponentials"]

Array = NDArray[np.float64]

_MOST_RATES = 4
_ROWS_PER_RATE = 4
_SPLINE_ORDER = 5
_STEEPEST = 200.0  # e-folds over half the range: beyond it a rate is a jump that no row sees
_STILL = 0.02  # e-folds, or radians, over half the range below which a rate is taken to be zero
_UNDAMPED = 0.3  # e-folds over half the range below which a wave may have none
_NEGLIGIBLE = 1e-9  # share of the largest term below which another is rounding
_DOUBLE = 0.15  # relative distance of two rates that may be one of multiplicity two
_TERM_BITS = 4.0  # a decay, a wave, a damped wave or a polynomial times one; a sum of three is rarer than each


def sums_of_exponentials(rows: Rows, library: Library) -> Iterator[tuple[sympy.Expr, float]]:
    """Propose solutions of linear differential equations of order one to four, with the bits that name the form.

    Parameters
    ----------
    rows : Rows
        With one variable.
    library : Library
        Only what is made of its functions is proposed.

    Examples
    --------
    >>> from kansym.library import default_library
    >>> from kansym.symbolic.constants import refit
    >>> x = np.linspace(0.0, 9.0, 90)
    >>> rows = Rows.from_arrays(x[:, None], 2 * np.exp(-0.3 * x) * np.cos(2.4 * x + 0.5))
    >>> found = [refit(formula, rows) for formula, _ in sums_of_exponentials(rows, default_library())]
    >>> any(fit.loss < 1e-20 for fit in found)
    True
    """
    x = rows.columns[:, 0]
    middle, half = x.max() / 2 + x.min() / 2, x.max() / 2 - x.min() / 2
    if half == 0:
        return
    t, y = _averaged(rows, (x - middle) / half)
    if len(t) <= _SPLINE_ORDER:
        return
    integrals = _integrals(t, y)
    for order in range(1, _MOST_RATES + 1):
        if len(t) < _ROWS_PER_RATE * order:
            return
        for constant in (False, True):
            rates = _rates(t, y, integrals[:order], constant)
            for some in _readings(rates):
                formula = _written(some, constant, rows, middle, half)
                if formula is not None and is_allowed(formula, library):
                    yield formula, _TERM_BITS * len(sympy.Add.make_args(formula))


def _averaged(rows: Rows, t: Array) -> tuple[Array, Array]:
    """Distinct values of t in order, and the mean of y at each; what differs in x over decades may not in t."""
    t, place = np.unique(t, return_inverse=True)
    weight = np.bincount(place, rows.weights)
    counting = weight > 0
    return t[counting], (np.bincount(place, rows.weights * rows.target)[counting] / weight[counting])


def _integrals(t: Array, y: Array) -> Array:
    """The repeated integrals of y over t from the first row on, (order, n)."""
    spline: Any = make_interp_spline(t, y, k=_SPLINE_ORDER)
    found = []
    for _ in range(_MOST_RATES):
        spline = spline.antiderivative()
        found.append(spline(t))
    return np.array(found)


def _rates(t: Array, y: Array, integrals: Array, constant: bool) -> NDArray[np.complex128]:
    """Rates over half the range of x; a constant beside them is one more power of t."""
    order = len(integrals)
    powers = np.vander(t, order + constant, increasing=True)
    design = np.column_stack([integrals.T, powers])
    size = np.linalg.norm(design, axis=0)
    solution = np.linalg.lstsq(design / np.where(size > 0, size, 1.0), y, rcond=None)[0][:order]
    coefficients = solution / np.where(size > 0, size, 1.0)[:order]
    return np.roots(np.concatenate([[1.0], -coefficients])).astype(complex)


def _readings(rates: NDArray[np.complex128]) -> Iterator[list[tuple[complex, int]]]:
    """Rates of the upper half plane with their multiplicity: as they are, two near ones as one, waves undamped."""
    if not np.all(np.isfinite(rates)) or np.any(np.abs(rates.real) > _STEEPEST):
        return
    still = int(np.sum(np.abs(rates) < _STILL))
    rest = [(0j, still)] if still else []
    moving = rates[(np.abs(rates) >= _STILL) & (rates.imag >= 0)]
    narrow = (moving.imag > 0) & (moving.imag < _DOUBLE * np.abs(moving.real))  # what two equal real rates come out as
    # A narrow pair tends to a double rate in a fit that never ends, so it is taken for that at once.
    found = [(complex(rate), 1) for rate in moving[~narrow]] + [(complex(rate.real), 2) for rate in moving[narrow]]
    found.sort(key=lambda entry: (entry[0].real, entry[0].imag))
    yield [*found, *rest]
    slow = [rate.imag > 0 and abs(rate.real) < _UNDAMPED for rate, _ in found]
    if any(slow):
        yield [*((complex(0.0, rate.imag) if s else rate, n) for s, (rate, n) in zip(slow, found, strict=True)), *rest]
    for one, other in itertools.pairwise(found):
        if one[0].imag == other[0].imag == 0 and abs(one[0] - other[0]) < _DOUBLE * abs(other[0]):
            others = [entry for entry in found if entry not in (one, other)]
            yield [((one[0] + other[0]) / 2, one[1] + other[1]), *others, *rest]


def _written(
    rates: list[tuple[complex, int]], constant: bool, rows: Rows, middle: float, half: float
) -> sympy.Expr | None:
    """The sum with these rates, its outer constants from least squares."""
    x, variable = rows.columns[:, 0], rows.variables[0]
    t = (x - middle) / half
    parts = [(rate, power) for rate, multiplicity in rates for power in range(multiplicity)]
    if constant and all(rate != 0 for rate, _ in parts):
        parts.append((0j, 0))
    columns: list[Array] = []
    for rate, power in parts:
        # The largest value is one, whichever end of the range it stands at.
        curve = t**power * np.exp(rate.real * t - abs(rate.real))
        columns += [curve * np.cos(rate.imag * t), curve * np.sin(rate.imag * t)] if rate.imag > 0 else [curve]
    root = np.sqrt(rows.weights)
    outer = np.linalg.lstsq(np.column_stack(columns) * root[:, None], rows.target * root, rcond=None)[0]
    if not np.all(np.isfinite(outer)):
        return None
    outer = np.where(np.abs(outer) < _NEGLIGIBLE * np.abs(outer).max(), 0.0, outer)
    terms, place = [], 0
    for rate, powers in itertools.groupby(parts, key=lambda part: part[0]):
        count = 2 if rate.imag > 0 else len(list(powers))
        amplitudes, place = outer[place : place + count], place + count
        if np.any(amplitudes):
            terms.append(_term(rate, amplitudes, variable, middle, half))
    return normal_form(sympy.Add(*terms))


def _term(rate: complex, amplitudes: Array, variable: sympy.Symbol, middle: float, half: float) -> sympy.Expr:
    """One exponential with its wave or its polynomial, in the units of x."""
    r, w = rate.real / half, rate.imag / half
    size = math.exp(min(-r * middle - abs(rate.real), 600.0))
    decay = sympy.exp(sympy.Float(r) * variable) if r else sympy.S.One
    if rate.imag > 0:
        phase = math.remainder(-w * middle - math.atan2(amplitudes[1], amplitudes[0]), 2 * math.pi)
        size *= math.hypot(*amplitudes)
        return sympy.Float(size) * decay * sympy.cos(sympy.Float(w) * variable + sympy.Float(phase))
    polynomial = size * Polynomial(amplitudes)(Polynomial([-middle / half, 1.0 / half]))
    return decay * sympy.Add(*[sympy.Float(c) * variable**k for k, c in enumerate(polynomial.coef)])
