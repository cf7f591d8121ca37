"""Laws of one variable: transformed snaps and quotients of polynomials.

``T(y)·x^k = c·f(a·x + b) + d`` with T a transform of the target and f from the library covers growth, saturation,
resonance and radiation laws alike: Planck's law is ``x³/y = c·exp(a·x) + d``, Michaelis–Menten's ``x/y = c·x + d``,
Arrhenius's ``log y = c/x + d``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from kansym.errors import KansymError
from kansym.library import Library, SymbolicFunction
from kansym.symbolic.description import constant_bits, residual_bits
from kansym.symbolic.evaluation import count_constants
from kansym.symbolic.normal_form import normal_form
from kansym.symbolic.rows import Rows
from kansym.symbolic.snapping import Scan, refine, scan

__all__ = ["rational_formulas", "transformed_snaps"]

Array = NDArray[np.float64]

_MULTIPLIERS = (0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 0.5, -0.5)
_FUNCTIONS_EACH = 9
_FUNCTION_BITS = 4.5  # one of some twenty
_REFINED_SHARE = 2
_WEIGHT_RANGE = 100.0
_MOSTLY = 0.8
_DEGREES = ((1, 1), (1, 2), (2, 1), (2, 2), (3, 2), (2, 3), (3, 3))
_LARGEST_POLYNOMIAL = 5
_FAMILY_BITS = 2.0
_TERM_BITS = 2.0
_RATIONAL_ITERATIONS = 12


@dataclass(frozen=True)
class _Transform:
    values: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    inverse_values: Callable[[Array], Array]
    inverse: Callable[[Any], Any]
    defined: Callable[[Array], NDArray[np.bool_]]
    bits: float = 3.0

    def rows(self, rows: Rows) -> Rows | None:
        """The rows that have a value; None if many have none: noise takes a few below zero, where they weigh little."""
        defined = self.defined(rows.target)
        if np.all(defined):
            return rows
        return rows.take(np.flatnonzero(defined)) if np.mean(defined) > _MOSTLY else None


def _always(y: Array) -> NDArray[np.bool_]:
    return np.ones(len(y), dtype=bool)


def _positive(y: Array) -> NDArray[np.bool_]:
    return y > 0


_TRANSFORMS = (
    _Transform(lambda y: y, np.ones_like, lambda u: u, lambda u: u, _always, bits=0.0),
    _Transform(np.log, lambda y: 1 / y, np.exp, sympy.exp, _positive),
    _Transform(lambda y: 1 / y, lambda y: -1 / y**2, lambda u: 1 / u, lambda u: 1 / u, lambda y: y != 0),
    _Transform(lambda y: y**2, lambda y: 2 * y, np.sqrt, sympy.sqrt, _positive),
    _Transform(
        lambda y: 1 / y**2, lambda y: -2 / y**3, lambda u: 1 / np.sqrt(u), lambda u: 1 / sympy.sqrt(u), _positive
    ),
    _Transform(np.sqrt, lambda y: 0.5 / np.sqrt(y), np.square, lambda u: u**2, _positive),
)


def transformed_snaps(
    rows: Rows, library: Library, *, most: int = 40, should_stop: Callable[[], bool] | None = None
) -> Iterator[tuple[sympy.Expr, float]]:
    """Propose formulas ``y = T⁻¹((c·f(a·x + b) + d)·x^−k)`` and the bits that name them, short descriptions first.

    Parameters
    ----------
    rows : Rows
        With one variable.
    library : Library
    most : int
        How many are proposed.
    should_stop : callable, optional

    Examples
    --------
    >>> from kansym.library import default_library
    >>> x = np.linspace(1.0, 9.0, 60)
    >>> rows = Rows.from_arrays(x[:, None], x**3 / (np.exp(0.5 * x) - 1.0))
    >>> formulas = [formula for formula, _ in transformed_snaps(rows, default_library())]
    >>> any(abs(formula.subs(rows.variables[0], 2.0) - 8 / (np.e - 1)) < 1e-6 for formula in formulas)
    True
    """
    x, variable = rows.columns[:, 0], rows.variables[0]
    starts = [start for transform in _TRANSFORMS for start in _scanned(rows, transform, library)]
    # Half by what they predict, half by their own curve: a coarse start can be right and predict badly.
    by_loss = sorted(starts, key=lambda start: start.loss)[: _REFINED_SHARE * most]
    by_curve = sorted(starts, key=lambda start: start.unexplained)[: _REFINED_SHARE * most]
    found: list[tuple[float, int, sympy.Expr, float]] = []
    for start in dict.fromkeys(by_loss + by_curve):
        if should_stop is not None and should_stop():
            break
        curve, weights = _curve(start.rows, start.transform, start.power)
        snap = refine(start.function, start.rows.columns[:, 0], curve, start=start.constants, weights=weights)
        if snap is None or not np.isfinite(snap.unexplained):
            continue
        with np.errstate(all="ignore"):
            loss = rows.loss(start.transform.inverse_values(snap(x) * x**-start.power))
        formula = start.transform.inverse(snap.sympy(variable) * variable ** sympy.Rational(-start.power))
        if np.isfinite(loss):
            bits = _FUNCTION_BITS + start.transform.bits + (2.0 + abs(start.power) if start.power else 0.0)
            # By description: by loss alone, forms with more constants would crowd out the others.
            constants = count_constants(normal_form(formula))
            cost = residual_bits(loss, rows.variance, len(rows), constants)
            cost += constants * constant_bits(len(rows), loss / rows.variance)
            found.append((cost + bits, len(found), formula, bits))
    found.sort(key=lambda entry: entry[:2])
    yield from ((formula, bits) for _, _, formula, bits in found[:most])


@dataclass(frozen=True, eq=False)
class _Start:
    """A function with inner constants for one transformed curve, and the loss in y that it reaches unrefined.

    ``rows`` are those on which the transform has a value.
    """

    rows: Rows
    loss: float
    unexplained: float
    transform: _Transform
    power: float
    function: SymbolicFunction
    constants: tuple[float, ...]


def _scanned(rows: Rows, transform: _Transform, library: Library) -> Iterator[_Start]:
    usable_rows = transform.rows(rows)
    if usable_rows is None:
        return
    rows, x = usable_rows, usable_rows.columns[:, 0]
    powers = [power for power in _MULTIPLIERS if power == 0 or np.all(x > 0) or (np.all(x != 0) and power % 1 == 0)]
    curves = [_curve(rows, transform, power) for power in powers]
    usable = [k for k, (curve, _) in enumerate(curves) if np.all(np.isfinite(curve)) and np.ptp(curve) > 0]
    if not usable:
        return
    try:
        table = scan(x, [curves[k][0] for k in usable], weights=curves[0][1], library=library)
    except KansymError:
        return
    yield from _starts_of(table, rows, transform, [(powers[k], *curves[k]) for k in usable])


def _starts_of(
    table: Scan, rows: Rows, transform: _Transform, curves: list[tuple[float, Array, Array]]
) -> Iterator[_Start]:
    for line, (power, curve, weights) in enumerate(curves):
        for position in np.argsort(table.unexplained[line], kind="stable")[:_FUNCTIONS_EACH]:
            function = table.functions[position]
            constants = tuple(table.starts[line, position, : 3 if function.has_exponent else 2].tolist())
            if table.unexplained[line, position] < 1.0 and np.all(np.isfinite(constants)):
                loss = _start_loss(rows, transform, power, curve, weights, function, constants)
                unexplained = float(table.unexplained[line, position])
                yield _Start(rows, loss, unexplained, transform, power, function, constants)


def _start_loss(
    rows: Rows,
    transform: _Transform,
    power: float,
    curve: Array,
    weights: Array,
    function: SymbolicFunction,
    constants: tuple[float, ...],
) -> float:
    x = rows.columns[:, 0]
    a, b, *exponent = constants
    design = np.column_stack([function.numpy(a * x + b, *exponent), np.ones(len(x))])
    if not np.all(np.isfinite(design)):
        return float("inf")
    root = np.sqrt(weights)
    outer = np.linalg.lstsq(design * root[:, None], curve * root, rcond=None)[0]
    with np.errstate(all="ignore"):
        return rows.loss(transform.inverse_values((design @ outer) * x**-power))


def _curve(rows: Rows, transform: _Transform, power: float) -> tuple[Array, Array]:
    """``T(y)·x^power`` and the weights of its rows: noise of y enters multiplied by the slope, within bounds."""
    x = rows.columns[:, 0]
    with np.errstate(all="ignore"):
        curve = transform.values(rows.target) * x**power
        precision = 1.0 / np.abs(transform.slope(rows.target) * x**power)
        middle = np.median(precision)
        precision = np.clip(np.nan_to_num(precision, posinf=middle), middle / _WEIGHT_RANGE, middle * _WEIGHT_RANGE)
        return curve, rows.weights * precision**2


def rational_formulas(rows: Rows) -> Iterator[tuple[sympy.Expr, float]]:
    """Propose polynomials up to degree 5 and quotients up to cubic over cubic, each with the bits that name it.

    Quotients are fitted by the iteration of Sanathanan & Koerner (IEEE Trans. Autom. Control 8, 1963, eq. 7):
    ``Σ |p(x) − y·q(x)|² / |q_previous(x)|²`` is linear in the coefficients.

    Parameters
    ----------
    rows : Rows
        With one variable.

    Examples
    --------
    >>> x = np.linspace(0.0, 3.0, 40)
    >>> rows = Rows.from_arrays(x[:, None], (1 + 2 * x) / (1 + x**2))
    >>> any(abs(f.subs(rows.variables[0], 1.0) - 1.5) < 1e-9 for f, _ in rational_formulas(rows))
    True
    """
    x = rows.columns[:, 0]
    if np.ptp(x) == 0:
        return
    middle, half = (x.max() + x.min()) / 2, np.ptp(x) / 2
    u = (x - middle) / half
    to_raw = Polynomial([-middle / half, 1.0 / half])
    distinct = len(np.unique(x))
    for degree in range(1, _LARGEST_POLYNOMIAL + 1):
        if degree + 1 < distinct:
            design = np.vander(u, degree + 1, increasing=True) * np.sqrt(rows.weights)[:, None]
            solution = np.linalg.lstsq(design, rows.target * np.sqrt(rows.weights), rcond=None)[0]
            yield _polynomial(Polynomial(solution)(to_raw), rows.variables[0]), _FAMILY_BITS + _TERM_BITS * degree
    for top, bottom in _DEGREES:
        if top + bottom + 1 < distinct:
            expression = _quotient(u, rows, top, bottom, to_raw)
            if expression is not None:
                yield expression, _FAMILY_BITS + _TERM_BITS * (top + bottom)


def _quotient(u: Array, rows: Rows, top: int, bottom: int, to_raw: Polynomial) -> sympy.Expr | None:
    numerator = np.vander(u, top + 1, increasing=True)
    powers = np.vander(u, bottom + 1, increasing=True)
    scale = np.abs(rows.target).max() or 1.0
    y, denominator = rows.target / scale, np.ones(len(u))
    best, best_loss = None, np.inf
    for _ in range(_RATIONAL_ITERATIONS):
        root = (np.sqrt(rows.weights) / np.maximum(np.abs(denominator), 1e-6))[:, None]
        # The direction of least residual: no coefficient has to be set to one beforehand.
        system = np.hstack([numerator, -powers * y[:, None]]) * root
        size = np.linalg.norm(system, axis=0)
        size[size == 0] = 1.0
        solution = np.linalg.svd(system / size, full_matrices=False)[2][-1] / size
        denominator = powers @ solution[top + 1 :]
        denominator = denominator / (np.abs(denominator).max() or 1.0)
        with np.errstate(all="ignore"):
            loss = rows.loss(scale * (numerator @ solution[: top + 1]) / (powers @ solution[top + 1 :]))
        if loss < best_loss:
            best, best_loss = solution, loss
    if best is None:
        return None
    above, below = Polynomial(best[: top + 1] * scale)(to_raw), Polynomial(best[top + 1 :])(to_raw)
    first = below.coef[0]
    if first == 0 or not np.isfinite(first):
        return None
    variable = rows.variables[0]
    return _polynomial(above / first, variable) / _polynomial(below / first, variable, exact_first=True)


def _polynomial(polynomial: Polynomial, variable: sympy.Symbol, exact_first: bool = False) -> Any:
    terms: list[Any] = [sympy.Float(float(c)) * variable**k for k, c in enumerate(polynomial.coef)]
    if exact_first:
        terms[0] = sympy.S.One
    return sympy.Add(*terms)
