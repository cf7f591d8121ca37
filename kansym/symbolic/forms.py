"""From inner constants in a frame to a snapped function in raw units, written as simply as the curve allows.

The same curve has many spellings: ``exp(a·x + b)`` hides b in c, ``log(2x)`` hides the 2 in d, a sine may be shifted by
half turns. :func:`spellings` lists them from the simplest on; :func:`simplest_fit` takes the first that loses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from kansym.library import SymbolicFunction
from kansym.symbolic.curve import Axis, FloatArray, standardise
from kansym.symbolic.starts import evaluate, traits_of, unit_rows

if TYPE_CHECKING:
    import sympy

__all__ = ["Snap", "constant_fit", "fit_outer", "rounding_floor", "simplest_fit", "spellings", "touching"]

_NO_WORSE = 1.5
_PULL = (1e-15, 1e-13)
_EPSILON = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Snap:
    """One function fitted to a curve: ``c·f(a·x + b) + d`` in raw units.

    Parameters
    ----------
    function : SymbolicFunction
        The function f.
    a, b : float
        Inner constants.
    c, d : float
        Outer constants; ``c = 0`` makes the snap the constant d.
    exponent : float or None
        The free exponent, for functions that have one.
    unexplained : float
        Weighted residual sum of squares over that of the centred curve, from the residuals themselves, so it is
        accurate even at 1e-25.

    Examples
    --------
    >>> from kansym.library import default_library
    >>> snap = Snap(default_library()["exp"], a=-0.5, b=0.0, c=2.0, d=0.0, exponent=None, unexplained=1e-9)
    >>> snap(np.array([0.0]))
    array([2.])
    >>> import sympy
    >>> snap.sympy(sympy.Symbol("t"))
    2.0*exp(-0.5*t)
    """

    function: SymbolicFunction
    a: float
    b: float
    c: float
    d: float
    exponent: float | None
    unexplained: float

    @property
    def r2(self) -> float:
        """Weighted coefficient of determination on the curve."""
        return 1.0 - self.unexplained

    @property
    def n_constants(self) -> int:
        """How many inner constants the snap really uses: redundant ones and a shift of zero do not count."""
        traits = traits_of(self.function)
        return (not traits.scale_free) + (not traits.shift_free and self.b != 0.0) + (self.exponent is not None)

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Values at ``x``, of the same shape; NaN or infinite outside the domain, without a warning."""
        points = np.asarray(x, dtype=float)
        if self.c == 0.0:
            return np.full_like(points, self.d)
        exponent = () if self.exponent is None else (self.exponent,)
        with np.errstate(all="ignore"):
            return self.c * self.function.numpy(self.a * points + self.b, *exponent) + self.d

    def sympy(self, x: sympy.Expr) -> sympy.Expr:
        """Apply the snap to a sympy expression, with ``Float`` constants; a slope of one and zeros are left out."""
        import sympy

        if self.c == 0.0:
            return sympy.Float(self.d)
        argument = x if self.a == 1.0 else sympy.Float(self.a) * x
        if self.b != 0.0:
            argument = argument + sympy.Float(self.b)
        exponent = () if self.exponent is None else (sympy.Float(self.exponent),)
        expression = sympy.Float(self.c) * self.function.sympy(argument, *exponent)
        return expression if self.d == 0.0 else expression + sympy.Float(self.d)


def constant_fit(function: SymbolicFunction, axis: Axis, y: FloatArray) -> Snap:
    """Return the weighted mean as a snap, for curves that have nothing else to tell: c = 0, d = mean.

    Parameters
    ----------
    function : SymbolicFunction
        Named in the snap, but without effect.
    axis : Axis
        Points with their weights.
    y : ndarray of shape (n_points,)
        Ordinates of those points.
    """
    _, constant = standardise(y[None], axis.weights)
    mean = float(y[0]) if constant[0] else float(axis.weights @ y)
    inside = float(function.domain.sample()[0])
    exponent = 1.0 if function.has_exponent else None
    return Snap(function, 0.0, inside, 0.0, mean, exponent, 0.0 if constant[0] else 1.0)


def fit_outer(function: SymbolicFunction, constants: FloatArray, axis: Axis, y: FloatArray) -> Snap | None:
    """Best c and d for raw inner constants (a, b, exponent), or None where f is not usable on the points.

    The regression and the residual use the very values that the snap will return, so rounding of a, b and of large raw
    abscissae is paid for in ``unexplained`` rather than hidden.
    """
    values = evaluate(function, constants[None], axis.x)
    if not np.all(np.isfinite(unit_rows(values, axis))):
        return None
    a, b, power = (float(constant) for constant in constants)
    exponent = power if function.has_exponent else None
    mean = axis.weights @ y
    height = np.abs(y - mean).max()
    with np.errstate(all="ignore"):
        centred = values[0] - axis.weights @ values[0]
        size = np.abs(centred).max()
        shape = centred / size * axis.root_weights
        c = float((shape @ ((y - mean) / height * axis.root_weights)) / (shape @ shape) * (height / size))
        d = float(mean - c * (axis.weights @ values[0]))
        rest = (y - Snap(function, a, b, c, d, exponent, math.nan)(axis.x)) / height
        unexplained = float((rest**2 @ axis.weights) / (((y - mean) / height) ** 2 @ axis.weights))
    if c == 0.0 or not all(math.isfinite(number) for number in (c, d, unexplained)):
        return None
    return Snap(function, a, b, c, d, exponent, unexplained)


def spellings(function: SymbolicFunction, params: FloatArray, shift: float, scale: float) -> Iterator[FloatArray]:
    """Raw constants (a, b, exponent) that draw the same curve as ``params`` in a frame, the simplest first.

    A redundant slope becomes 1 or -1 (unless c would overflow, which :func:`fit_outer` finds out), a redundant shift 0,
    a phase lies within a quarter turn, and where the sign of a is free it is positive. The last ones pull the argument
    in by a few units of rounding, for curves that reach the very end of a closed domain.
    """
    traits = traits_of(function)
    a, b, exponent = params[0] / scale, params[1] - params[0] * (shift / scale), params[2]
    if a < 0 and traits.mirrored:
        a, b = -a, -b
    if traits.scale_free and traits.shift_free:
        yield np.array([1.0, 0.0, exponent])
    if traits.scale_free:
        yield np.array([math.copysign(1.0, a), b / abs(a), exponent])
    elif traits.shift_free:
        yield np.array([a, 0.0, exponent])
    elif traits.sinusoid:
        yield np.array([a, b - math.pi * round(b / math.pi), exponent])
    yield np.array([a, b, exponent])
    low, high = function.domain.low, function.domain.high
    if math.isfinite(low) and math.isfinite(high):
        middle = 0.5 * (low + high)
        for pull in _PULL:
            yield np.array([a * (1.0 - pull), b - (b - middle) * pull, exponent])


def touching(function: SymbolicFunction, slope: float, axis: Axis) -> list[FloatArray]:
    """Raw constants that put the closed end of a half-line on the first or last point, as sqrt(x - 1) on [1, 4].

    The optimum is then at the very edge of what is allowed, where refinement keeps half of its digits only.
    """
    domain = function.domain
    if not traits_of(function).scale_free or not (domain.low_closed or domain.high_closed):
        return []
    end, direction = (domain.low, 1.0) if domain.low_closed else (domain.high, -1.0)
    a = math.copysign(1.0, slope)
    return [np.array([a, end - a * float(axis.x.min() if a * direction > 0 else axis.x.max()), 0.0])]


def simplest_fit(function: SymbolicFunction, choices: Iterable[FloatArray], axis: Axis, y: FloatArray) -> Snap | None:
    """Fit each choice of raw constants and return the first that is as good as the best of them.

    As good means: at most 1.5 times the unexplained share, or within the rounding of the values.
    """
    fits = [fit for fit in (fit_outer(function, choice, axis, y) for choice in choices) if fit is not None]
    if not fits:
        return None
    allowed = _NO_WORSE * min(fit.unexplained for fit in fits) + rounding_floor(axis, y)
    return next(fit for fit in fits if fit.unexplained <= allowed)


def rounding_floor(axis: Axis, y: FloatArray) -> float:
    """Unexplained share that the rounding of raw abscissae and ordinates alone can cause.

    Small relative spreads cost digits: y of amplitude 1e-4 about 1e3 is known to 1e-9 of its spread only.
    """
    size = float(np.abs(y).max())
    unit = y / size
    spread = np.sqrt((unit - axis.weights @ unit) ** 2 @ axis.weights)
    across = np.abs(axis.x).max() / (0.5 * axis.x.max() - 0.5 * axis.x.min())
    return float((10.0 * _EPSILON * across) ** 2 + (10.0 * _EPSILON / spread) ** 2)
