"""Variable projection: the inner constants by Levenberg–Marquardt, the outer ones by linear algebra inside each step.

For given inner constants the best c and d of ``c·f(a·x + b) + d`` are a linear regression, so the search runs over a, b
and the exponent alone: a smaller problem, with no starting values for c and d and far fewer false minima (Golub &
Pereyra 1973, with Kaufman's 1975 Jacobian). A :class:`Chart` keeps every step inside the domain of f.

References
----------
G. H. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
variables separate", SIAM J. Numer. Anal. 10 (1973) 413.
L. Kaufman, "A variable projection method for solving separable nonlinear least squares problems", BIT 15 (1975) 49.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import leastsq

from kansym.library import SymbolicFunction
from kansym.symbolic.curve import Axis, FloatArray
from kansym.symbolic.starts import evaluate, traits_of

__all__ = ["Chart", "chart_at", "chart_through_zero", "kaufman_jacobian", "optimise", "projected"]

_TOLERANCE = 1e-15
# An exact fit still gains digits with every step, so this ends only the others.
_REDUCTION = 1e-8
_MAX_EVALUATIONS = 80
_REJECTED = 10.0
_SATURATED = 1e-6
_EXPONENT_STEP = 1e-5


@dataclass(frozen=True)
class Chart:
    """A parametrisation of the inner constants by as few free numbers as the function needs.

    Parameters
    ----------
    origin : ndarray of shape (n_free,)
        The free numbers at the start.
    unfold : callable
        Maps free numbers to the constants (a, b, exponent) and their Jacobian of shape (3, n_free).
    """

    origin: FloatArray
    unfold: Callable[[FloatArray], tuple[FloatArray, FloatArray]]


def chart_at(function: SymbolicFunction, start: FloatArray) -> Chart:
    """Choose the chart that suits the domain of a function, around constants (a, b, exponent) of the frame."""
    domain, traits = function.domain, traits_of(function)
    if domain.period is not None and domain.pole is not None:
        return _bounded_chart(start, domain.pole - domain.period, domain.pole)
    if math.isfinite(domain.low) and math.isfinite(domain.high):
        return _bounded_chart(start, domain.low, domain.high)
    if traits.scale_free and math.isfinite(domain.low):
        return _half_line_chart(start, domain.low, 1.0, function.has_exponent)
    if traits.scale_free and math.isfinite(domain.high):
        return _half_line_chart(start, domain.high, -1.0, function.has_exponent)
    return _affine_chart(start, (not traits.scale_free, not traits.shift_free, function.has_exponent))


def chart_through_zero(function: SymbolicFunction, start: FloatArray) -> Chart:
    """Hold b at zero: in a frame without shift, the singular point or centre is then raw ``x = 0``."""
    return _affine_chart(
        np.array([start[0], 0.0, start[2]]), (not traits_of(function).scale_free, False, function.has_exponent)
    )


def optimise(function: SymbolicFunction, chart: Chart, axis: Axis, target: FloatArray) -> tuple[FloatArray, float]:
    """Refine inner constants on one curve.

    Parameters
    ----------
    function : SymbolicFunction
        The function f.
    chart : Chart
        The free constants and where they start.
    axis : Axis
        Points, of which the frame is used.
    target : ndarray of shape (n_points,)
        Standardised curve times the square roots of the weights.

    Returns
    -------
    params : ndarray of shape (3,)
        Constants a, b and exponent in the frame of the axis; those of the start if no step was any better.
    unexplained : float
        Share of the target that they leave; infinite if the start is not usable.

    Examples
    --------
    >>> from kansym.library import default_library
    >>> from kansym.symbolic.curve import make_axis
    >>> axis = make_axis(np.linspace(-1.0, 1.0, 50))
    >>> target = np.exp(1.5 * axis.u) * axis.root_weights
    >>> exp = default_library()["exp"]
    >>> round(float(optimise(exp, chart_at(exp, np.array([1.0, 0.0, 0.0])), axis, target - target.mean())[0][0]), 12)
    1.5
    """

    def residual(free: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            curve = projected(function, chart.unfold(free)[0], axis)
            # A point outside the domain must look worse than any inside, so that the step is shortened.
            return _REJECTED * target if curve is None else target - curve * (curve @ target)

    def jacobian(free: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            return kaufman_jacobian(function, chart, free, axis, target)

    first = residual(chart.origin)
    share = float(first @ first / (target @ target))
    if share > 1.0 + _TOLERANCE or not 0 < len(chart.origin) <= len(target):
        return chart.unfold(chart.origin)[0], share if share <= 1.0 + _TOLERANCE else math.inf
    # leastsq rather than least_squares: the same MINPACK code with half the overhead on problems as small as these.
    free = leastsq(
        residual,
        chart.origin,
        Dfun=jacobian,
        col_deriv=True,
        full_output=True,
        ftol=_REDUCTION,
        xtol=_TOLERANCE,
        gtol=0.0,
        maxfev=_MAX_EVALUATIONS,
    )[0]
    last = residual(free)
    return chart.unfold(free)[0], float(last @ last / (target @ target))


def _centred(values: FloatArray, axis: Axis) -> FloatArray:
    return (values - axis.weights @ values) * axis.root_weights


def projected(function: SymbolicFunction, params: FloatArray, axis: Axis) -> FloatArray | None:
    """Weighted, centred curve of length one; None outside the domain or where f saturates."""
    values = evaluate(function, params[None], axis.u)[0]
    size = np.abs(values).max()
    if not np.isfinite(size) or size == 0.0:
        return None
    curve = _centred(values / size, axis)
    length = math.sqrt(curve @ curve)
    return curve / length if length > _SATURATED else None


def kaufman_jacobian(
    function: SymbolicFunction, chart: Chart, free: FloatArray, axis: Axis, target: FloatArray
) -> FloatArray:
    """Jacobian of the projected residual, less the term that vanishes with the residual: (n_free, n_points)."""
    params, directions = chart.unfold(free)
    a, b, n = params
    z = a * axis.u + b
    exponent = (n,) if function.has_exponent else ()
    slope = function.derivative(z, *exponent)
    values = function.numpy(z, *exponent)
    size = np.abs(values).max()
    # At the very end of a domain the slope is infinite; such a point has no say in the direction of the step.
    slope[~np.isfinite(slope)] = 0.0
    columns = slope * (directions[0][:, None] * axis.u + directions[1][:, None])
    if function.has_exponent:
        # By differences, so that a user's function of an exponent need not be a power; their error is far below
        # what would slow the convergence.
        ahead, behind = function.numpy(z, n + _EXPONENT_STEP), function.numpy(z, n - _EXPONENT_STEP)
        columns += directions[2][:, None] * ((ahead - behind) / (2.0 * _EXPONENT_STEP))
    columns = (columns - (columns @ axis.weights)[:, None]) * (axis.root_weights / size)
    curve = _centred(values / size, axis)
    squared = curve @ curve
    columns -= ((columns @ curve) / squared)[:, None] * curve
    return -(curve @ target) / squared * columns


def _affine_chart(start: FloatArray, free: tuple[bool, bool, bool]) -> Chart:
    chosen = np.flatnonzero(free)
    directions = np.eye(3)[:, chosen]

    def unfold(numbers: FloatArray) -> tuple[FloatArray, FloatArray]:
        params = start.copy()
        params[chosen] = numbers
        return params, directions

    return Chart(start[chosen], unfold)


def _half_line_chart(start: FloatArray, end: float, direction: float, has_exponent: bool) -> Chart:
    """Let the data begin at a distance s² from the end of the domain: never outside, and s = 0 is reached smoothly."""
    slope = math.copysign(1.0, start[0])
    ratio = abs(start[0]) if start[0] != 0 else 1.0
    distance = direction * (start[1] - end) / ratio - 1.0
    origin = np.array([math.sqrt(max(distance, 0.0)), start[2]][: 1 + has_exponent])

    def unfold(numbers: FloatArray) -> tuple[FloatArray, FloatArray]:
        root = numbers[0]
        directions = np.zeros((3, len(numbers)))
        directions[1, 0] = 2.0 * direction * root
        if has_exponent:
            directions[2, 1] = 1.0
        exponent = numbers[1] if has_exponent else 0.0
        return np.array([slope, end + direction * (1.0 + root * root), exponent]), directions

    return Chart(origin, unfold)


def _bounded_chart(start: FloatArray, low: float, high: float) -> Chart:
    """Let the ends of the data lie at sines of two free angles across the domain, so they never leave it."""
    middle, radius = 0.5 * (low + high), 0.5 * (high - low)
    ends = (np.array([start[1] - start[0], start[1] + start[0]]) - middle) / radius

    def unfold(angles: FloatArray) -> tuple[FloatArray, FloatArray]:
        first, last = middle + radius * np.sin(angles)
        first_slope, last_slope = radius * np.cos(angles)
        directions = 0.5 * np.array([[-first_slope, last_slope], [first_slope, last_slope], [0.0, 0.0]])
        return np.array([0.5 * (last - first), 0.5 * (last + first), 0.0]), directions

    return Chart(np.arcsin(np.clip(ends, -1.0, 1.0)), unfold)
