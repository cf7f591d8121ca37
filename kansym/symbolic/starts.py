"""Where the search for the inner constants of ``c·f(a·x + b) + d`` starts, by what kind of function f is.

No function is known here by its name. Its domain and three symmetries (:class:`Traits`) say which constants are
redundant and where starts belong, so a function that the user adds to a library is treated as well as a built-in one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kansym.library import SymbolicFunction
from kansym.symbolic.curve import Axis, FloatArray

__all__ = ["EXPONENTS", "Grid", "Traits", "curve_starts", "evaluate", "make_grid", "traits_of", "unit_rows"]

# All lengths are in the frame of the axis, where the data span [-1, 1].
_SLOPES = np.geomspace(0.2, 12.0, 12)
_CENTRES = np.linspace(-1.5, 1.5, 19)
_RATES = np.geomspace(0.02, 60.0, 96)
_STEEP_SLOPES = np.geomspace(1.0, 400.0, 14)
_DISTANCES = np.geomspace(1e-3, 1e3, 61)
_FEW_DISTANCES = np.geomspace(1e-2, 30.0, 9)
_INSIDE = np.linspace(-1.0, 1.0, 38)[1:-1]
_ANGLES = (
    0.5 * np.pi * np.array([-0.98, -0.93, -0.85, -0.72, -0.57, -0.4, -0.2, 0, 0.2, 0.4, 0.57, 0.72, 0.85, 0.93, 0.98])
)
_GROWTHS = np.array([0.2, 0.35, 0.5, 0.7, 0.85, 1.15, 1.4, 1.7, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 9.0, 12.0])
EXPONENTS = np.concatenate((-_GROWTHS[::-1], _GROWTHS))

_SATURATED = 1e-6
_POLE_MARGIN = 1e-9
_SYMMETRIC = 1e-9
_SAME_RESIDUAL = 0.9
_INSPECTED = 40
_PROBE_EXPONENT = 1.7


@dataclass(frozen=True)
class Traits:
    """Symmetries of a function f up to an outer ``c·f + d``, and so the inner constants that it does not need.

    Parameters
    ----------
    scale_free : bool
        f(2z) is c·f(z) + d: a is redundant (powers, log, abs).
    shift_free : bool
        f(z + h) is c·f(z) + d: b is redundant (x, exp).
    mirrored : bool
        f(-z) is c·f(z) + d: the sign of a is redundant (odd and even functions, arccos).
    sinusoid : bool
        f(z + h) + f(z - h) is 2·cos(h)·f(z): the starts come from a spectrum.
    degree : int or None
        The power of a scale-free function, if it is a whole number other than zero.
    """

    scale_free: bool
    shift_free: bool
    mirrored: bool
    sinusoid: bool
    degree: int | None


@cache
def traits_of(function: SymbolicFunction) -> Traits:
    """Find the symmetries of a function numerically on its domain.

    Examples
    --------
    >>> from kansym.library import default_library
    >>> traits_of(default_library()["1/x"])
    Traits(scale_free=True, shift_free=False, mirrored=True, sinusoid=False, degree=-1)
    """
    exponent = (_PROBE_EXPONENT,) if function.has_exponent else ()

    def is_span(image: FloatArray, z: FloatArray) -> bool:
        keep = function.domain.contains(z, 1e-3) & function.domain.contains(image, 1e-3)
        if keep.sum() < 6:
            return False
        columns = np.stack((function.numpy(z[keep], *exponent), np.ones(keep.sum())), axis=1)
        values = function.numpy(image[keep], *exponent)
        rest = values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0]
        return bool(np.linalg.norm(rest) <= _SYMMETRIC * np.linalg.norm(values))

    z = function.domain.sample()
    whole_line = math.isinf(function.domain.low) and math.isinf(function.domain.high) and function.domain.pole is None
    sinusoid = whole_line and bool(
        np.allclose(
            function.numpy(z + 0.7, *exponent) + function.numpy(z - 0.7, *exponent),
            2.0 * math.cos(0.7) * function.numpy(z, *exponent),
            atol=_SYMMETRIC,
        )
    )
    scale_free = is_span(2.0 * z, z)
    return Traits(
        scale_free=scale_free,
        shift_free=is_span(z + 0.7, z),
        mirrored=is_span(-z, z),
        sinusoid=sinusoid,
        degree=_degree(function) if scale_free and not exponent else None,
    )


def evaluate(function: SymbolicFunction, params: FloatArray, u: FloatArray) -> FloatArray:
    """Values of ``f(a·u + b)`` for many constants; NaN outside the domain.

    Parameters
    ----------
    function : SymbolicFunction
        The function f.
    params : ndarray of shape (n_starts, 3)
        Constants a, b and exponent; the last is ignored by functions without one.
    u : ndarray of shape (n_points,)
        Abscissae.

    Returns
    -------
    ndarray of shape (n_starts, n_points)
    """
    a, b, n = params.T[:, :, None]
    z = a * u + b
    # Relative to the argument: a raw x of 1e-9 is not close to the pole of 1/x.
    margin: Any = 0.0 if function.domain.pole is None else _POLE_MARGIN * np.abs(z).max(axis=1, keepdims=True)
    values = function.numpy(z, n) if function.has_exponent else function.numpy(z)
    return np.where(function.domain.contains(z, margin), values, np.nan)


def unit_rows(values: FloatArray, axis: Axis) -> FloatArray:
    """Centre each row, weigh it, and scale it to length one; NaN where it is not finite or saturated.

    A row whose spread is below 1e-6 of its size is a constant as far as its digits go: tanh of something large would
    otherwise be blown up into whatever its rounding errors look like.
    """
    with np.errstate(all="ignore"):
        unit = values / np.abs(values).max(axis=1, keepdims=True)
        centred = (unit - (unit @ axis.weights)[:, None]) * axis.root_weights
        length = np.linalg.norm(centred, axis=1, keepdims=True)
        return np.where(length > _SATURATED, centred / length, np.nan)


@dataclass(frozen=True, eq=False)
class Grid:
    """Starts of one function and their curves on an axis.

    Parameters
    ----------
    params : ndarray of shape (n_starts, 3)
        Constants a, b and exponent in the frame of the axis.
    rows : ndarray of shape (n_starts, n_points)
        Weighted, centred curves of length one.
    """

    params: FloatArray
    rows: FloatArray

    def unexplained(self, targets: FloatArray) -> FloatArray:
        """Share of each target left by each start: shape (n_starts, n_curves).

        The targets, of shape (n_curves, n_points), are standardised and multiplied by the roots of the weights. The
        share is one minus a squared correlation: good for ranking starts, not below 1e-15.
        """
        return np.maximum(1.0 - (self.rows @ targets.T) ** 2, 0.0)

    def start(self, indices: NDArray[np.intp], targets: FloatArray) -> FloatArray:
        """Return the constants of chosen starts, one for each target: shape (n_curves, 3)."""
        del targets  # only a spectrum needs them
        return self.params[indices]

    def best(self, target: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
        """Return up to ``count`` good starts that differ: their constants (count, 3) and shares left (count,).

        Two starts that leave nearly the same residual lead to the same optimum; only the better one is kept.
        """
        left = self.unexplained(target[None])[:, 0]
        order = np.argsort(left, kind="stable")[:_INSPECTED]
        rows = self.rows[order]
        rest = target - (rows @ target)[:, None] * rows
        rest /= np.maximum(np.linalg.norm(rest, axis=1, keepdims=True), np.finfo(float).tiny)
        kept: list[int] = []
        for place in range(len(order)):
            if len(kept) < count and np.all(np.abs(rest[kept] @ rest[place]) < _SAME_RESIDUAL):
                kept.append(place)
        return self.params[order[kept]], left[order[kept]]


def make_grid(function: SymbolicFunction, axis: Axis, params: FloatArray | None = None) -> Grid:
    """Evaluate starts on an axis and drop those that leave the domain or saturate.

    Parameters
    ----------
    function : SymbolicFunction
        The function to be fitted.
    axis : Axis
        Framed points.
    params : ndarray of shape (n_starts, 3), optional
        The starts; by default those that suit the domain of the function.

    Examples
    --------
    >>> from kansym.library import default_library
    >>> from kansym.symbolic.curve import make_axis
    >>> make_grid(default_library()["x"], make_axis([0.0, 1.0, 2.0])).params
    array([[1., 0., 0.]])
    """
    starts = _general_starts(function, axis.zero) if params is None else params
    rows = unit_rows(evaluate(function, starts, axis.u), axis)
    usable = np.isfinite(rows).all(axis=1)
    return Grid(starts[usable], rows[usable])


def curve_starts(function: SymbolicFunction, axis: Axis, target: FloatArray) -> FloatArray:
    """Read starts off one standardised curve: shape (n_starts, 3), perhaps none.

    Whole powers get their singular point in closed form, whichever way the pole lies; bumps and steps too narrow for
    the grid are centred on the extreme and on the steepest part of the curve.
    """
    traits = traits_of(function)
    if traits.degree is not None and traits.degree != 1:
        singular = _singular_point(traits.degree, axis, target)
        if np.isfinite(singular):
            return np.array([[1.0, -singular, 0.0]])
    if traits.scale_free or traits.shift_free or _is_bounded(function) or function.domain.pole is not None:
        return np.empty((0, 3))
    order = np.argsort(axis.u, kind="stable")
    u, curve = axis.u[order], target[order]
    reach = max(len(u) // 50, 1)
    rise = np.abs(curve[reach:] - curve[:-reach])
    steepest = int(np.argmax(rise))
    peak = u[np.argmax(np.abs(curve - np.median(curve)))]
    return _affine(_STEEP_SLOPES, np.array([peak, 0.5 * (u[steepest] + u[steepest + reach])]), traits)


def _degree(function: SymbolicFunction) -> int | None:
    one, two = function.numpy(np.array([1.0, 2.0]))
    if not (np.isfinite(one) and np.isfinite(two)) or one == 0 or two / one <= 0:
        return None
    power = math.log2(two / one)
    third = function.numpy(np.array([-1.0]))[0]
    whole = round(power)
    is_power = abs(power - whole) < _SYMMETRIC and whole != 0 and abs(third - one * (-1.0) ** whole) < _SYMMETRIC
    return whole if is_power else None


def _is_bounded(function: SymbolicFunction) -> bool:
    return math.isfinite(function.domain.low) and math.isfinite(function.domain.high)


def _general_starts(function: SymbolicFunction, zero: float) -> FloatArray:
    domain, traits = function.domain, traits_of(function)
    if traits.scale_free and traits.shift_free:
        return np.array([[1.0, 0.0, 0.0]])
    if traits.shift_free:
        return np.array([[rate, 0.0, 0.0] for rate in np.concatenate((-_RATES, _RATES))])
    if domain.period is not None and domain.pole is not None:
        return _bounded(domain.pole - domain.period, domain.pole, traits)
    if _is_bounded(function):
        return _bounded(domain.low, domain.high, traits)
    if math.isfinite(domain.low) or math.isfinite(domain.high):
        return _half_line(function, zero, traits)
    if traits.scale_free:
        singular = np.concatenate((_outside(_DISTANCES, zero), _INSIDE))
        return _affine(np.ones(1), singular, traits)
    return _affine(_SLOPES, np.append(_CENTRES, zero) if abs(zero) < 3.0 else _CENTRES, traits)


def _outside(distances: FloatArray, zero: float) -> FloatArray:
    """Singular points off either end of the data, and at raw zero where that is not among the data."""
    physical = [zero] if abs(zero) >= 1.0 else []
    return np.concatenate((-1.0 - distances[::-1], 1.0 + distances, physical))


def _affine(slopes: FloatArray, centres: FloatArray, traits: Traits) -> FloatArray:
    signed = slopes if traits.mirrored else np.concatenate((-slopes, slopes))
    a, centre = (mesh.ravel() for mesh in np.meshgrid(signed, centres, indexing="ij"))
    return np.stack((a, -a * centre, np.zeros_like(a)), axis=1)


def _half_line(function: SymbolicFunction, zero: float, traits: Traits) -> FloatArray:
    domain = function.domain
    end, direction = (domain.low, 1.0) if math.isfinite(domain.low) else (domain.high, -1.0)
    slopes = np.ones(1) if traits.scale_free else _SLOPES
    exponents = EXPONENTS if function.has_exponent else np.zeros(1)
    singular = _outside(_FEW_DISTANCES if function.has_exponent else _DISTANCES, zero)
    mesh = np.meshgrid(slopes, singular, exponents, indexing="ij")
    slope, point, exponent = (part.ravel() for part in mesh)
    a = direction * slope * np.where(point < 0, 1.0, -1.0)
    return np.stack((a, end - a * point, exponent), axis=1)


def _bounded(low: float, high: float, traits: Traits) -> FloatArray:
    """Straight maps of the data onto parts of the domain, crowded towards its ends."""
    places = 0.5 * (low + high) + 0.5 * (high - low) * np.sin(_ANGLES)
    first, last = (mesh.ravel() for mesh in np.meshgrid(places, places, indexing="ij"))
    keep = first < last if traits.mirrored else first != last
    first, last = first[keep], last[keep]
    return np.stack((0.5 * (last - first), 0.5 * (last + first), np.zeros_like(first)), axis=1)


def _singular_point(degree: int, axis: Axis, target: FloatArray) -> float:
    """Find the centre t of ``y = c·(u - t)^degree + d`` by one linear regression, exact for noise-free curves.

    A positive power k is a polynomial whose two leading coefficients give t. For a negative one, multiply through:
    ``y·(u - t)^k = c + d·(u - t)^k`` is linear in unknown coefficients of y·u^j and u^j.
    """
    order = abs(degree)
    powers = np.stack([axis.u**j for j in range(order + 1)], axis=1)
    if degree > 0:
        columns, values = powers, target
    else:
        columns = np.concatenate((powers, target[:, None] * powers[:, :order]), axis=1)
        values = target * powers[:, order]
    weight = axis.root_weights[:, None]
    solution = np.linalg.lstsq(columns * weight, values * axis.root_weights, rcond=None)[0]
    leading, next_to = (solution[order], solution[order - 1]) if degree > 0 else (1.0, -solution[-1])
    with np.errstate(all="ignore"):
        return float(-next_to / (order * leading))
