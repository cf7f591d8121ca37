"""Families of curves of one variable, with their slopes and spellings: decays, powers, peaks, steps, waves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

__all__ = ["DECAY", "GAUSSIAN", "LORENTZIAN", "POWER", "RISE", "SLOW_STEP", "STEP", "WAVE", "CurveFamily"]

Array = NDArray[np.float64]

_RATES, _CENTRES, _WIDTHS = 61, 41, 12
_EXPONENTS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 12.0)
_FASTEST = 40.0  # e-folds over the range of x
_NARROWEST = 0.01  # of that range


@dataclass(frozen=True, eq=False)
class CurveFamily:
    """Curves that differ by their parameters; a sum has a factor, or two, in front of each.

    Attributes
    ----------
    grid : callable
        From the rows x (n,) to the parameters to be tried, (n_grid, n_parameters); none where x is unsuitable.
    values : callable
        From x and parameters (n_grid, n_parameters) to the curves, (n, n_grid, n_columns): one column or, for the two
        phases of a wave, two.
    slopes : callable
        From x and the parameters of one curve to its derivatives in them, (n, n_parameters, n_columns).
    written : callable
        From a symbol, the parameters and the factors (n_columns,) to the expression.
    may_be_straight : bool
        Whether a straight line is one of them, and no limit that a fit may creep to.
    has_centre : bool
        Whether the first parameter is a place among the rows.

    Examples
    --------
    >>> x = np.array([0.0, 1.0])
    >>> DECAY.values(x, np.array([[-2.0]]))[:, 0, 0].round(3).tolist()
    [1.0, 0.135]
    >>> DECAY.slopes(x, np.array([-2.0]))[:, 0, 0].round(3).tolist()
    [0.0, 0.135]
    >>> DECAY.written(sympy.Symbol("x"), np.array([-2.0]), np.array([3.0]))
    3.0*exp(-2.0*x)
    """

    grid: Callable[[Array], Array]
    values: Callable[[Array, Array], Array]
    slopes: Callable[[Array, Array], Array]
    written: Callable[[Any, Array, Array], Any]
    may_be_straight: bool = False
    has_centre: bool = False

    @cached_property
    def n_columns(self) -> int:
        """Factors in front of a curve."""
        return self.values(np.ones(1), self._example).shape[2]

    def example(self, variable: sympy.Symbol) -> Any:
        """Return one of the curves, from which it is seen of what functions they are."""
        return self.written(variable, self._example[0], np.full(self.n_columns, 2.0))

    @cached_property
    def _example(self) -> Array:
        return self.grid(np.array([1.0, 2.0, 3.0]))[:1]


def _rates(x: Array) -> Array:
    steepest = _FASTEST / np.ptp(x)
    rates = np.geomspace(0.02 / np.ptp(x), steepest, _RATES // 2)
    return np.concatenate([-rates[::-1], rates])[:, None]


def _rising(x: Array) -> Array:
    """Rates of curves that start at zero: they need an x that does not change sign."""
    rates = _rates(x)
    return rates[rates[:, 0] < 0] if x.min() >= 0 else np.empty((0, 1))


def _exponents(x: Array) -> Array:
    """Exponents of an x that has to be positive."""
    return np.outer((-1.0, 1.0), _EXPONENTS).reshape(-1, 1) if x.min() > 0 else np.empty((0, 1))


def _places(x: Array) -> Array:
    """Centres and widths."""
    centres = np.linspace(x.min(), x.max(), _CENTRES)
    widths = np.geomspace(_NARROWEST * np.ptp(x), np.ptp(x), _WIDTHS)
    return np.array([(centre, width) for centre in centres for width in widths])


def _frequencies(x: Array) -> Array:
    """Frequencies a fifth of a resolved step apart, up to the highest that the rows can tell from a lower one."""
    distinct = len(np.unique(x))
    step = np.pi / 5 / (float(np.ptp(x)) / 2)
    return np.arange(1.0, max(int(2.5 * distinct), 2))[:, None] * float(step)


def _of_product(curve: Callable[[Array], Array], slope: Callable[[Array], Array]) -> tuple[Any, Any]:
    """Values and slopes of a curve of the one parameter times x."""

    def values(x: Array, grid: Array) -> Array:
        return curve(grid[:, 0] * x[:, None])[:, :, None]

    def slopes(x: Array, parameters: Array) -> Array:
        return (x * slope(parameters[0] * x))[:, None, None]

    return values, slopes


def _of_distance(curve: Callable[[Array], Array], slope: Callable[[Array], Array]) -> tuple[Any, Any]:
    """Values and slopes of a curve of the distance from a centre in units of a width."""

    def values(x: Array, grid: Array) -> Array:
        return curve((x[:, None] - grid[:, 0]) / grid[:, 1])[:, :, None]

    def slopes(x: Array, parameters: Array) -> Array:
        centre, width = parameters
        distance = (x - centre) / width
        along = slope(distance) / width
        return -np.column_stack([along, along * distance])[:, :, None]

    return values, slopes


def _powers(x: Array, grid: Array) -> Array:
    return (x[:, None] ** grid[:, 0])[:, :, None]


def _slopes_of_powers(x: Array, parameters: Array) -> Array:
    return (x ** parameters[0] * np.log(x))[:, None, None]


def _phases(x: Array, grid: Array) -> Array:
    angle = grid[:, 0] * x[:, None]
    return np.stack([np.cos(angle), np.sin(angle)], axis=2)


def _slopes_of_phases(x: Array, parameters: Array) -> Array:
    angle = parameters[0] * x
    return np.column_stack([-x * np.sin(angle), x * np.cos(angle)])[:, None, :]


def _write_wave(variable: Any, parameters: Array, factors: Array) -> Any:
    """One wave with a phase, from those of its cosine and its sine."""
    angle = sympy.Float(float(parameters[0])) * variable + sympy.Float(float(np.arctan2(factors[0], factors[1])))
    return sympy.Float(float(np.hypot(*factors))) * sympy.sin(angle)


def _scaled(variable: Any, parameters: Array) -> Any:
    centre, width = parameters.tolist()
    return sympy.Float(1.0 / width) * variable - sympy.Float(centre / width)


def _squared(variable: Any, parameters: Array) -> Any:
    centre, width = parameters.tolist()
    return sympy.Float(width**-2.0) * (variable - sympy.Float(centre)) ** 2


def _factor(factors: Array) -> Any:
    return sympy.Float(float(factors[0]))


def _number(parameters: Array) -> Any:
    return sympy.Float(float(parameters[0]))


DECAY = CurveFamily(_rates, *_of_product(np.exp, np.exp), lambda u, p, c: _factor(c) * sympy.exp(_number(p) * u))
RISE = CurveFamily(
    _rising,
    *_of_product(lambda z: -np.expm1(z), lambda z: -np.exp(z)),
    # sympy alone would multiply out, and one constant would be two.
    lambda u, p, c: sympy.Mul(_factor(c), 1 - sympy.exp(_number(p) * u), evaluate=False),
)
POWER = CurveFamily(
    _exponents,
    _powers,
    _slopes_of_powers,
    lambda u, p, c: _factor(c) * u ** _number(p),
    may_be_straight=True,
)
GAUSSIAN = CurveFamily(
    _places,
    *_of_distance(lambda d: np.exp(-(d**2)), lambda d: -2.0 * d * np.exp(-(d**2))),
    lambda u, p, c: _factor(c) * sympy.exp(-_squared(u, p)),
    has_centre=True,
)
LORENTZIAN = CurveFamily(
    _places,
    *_of_distance(lambda d: 1.0 / (1.0 + d**2), lambda d: -2.0 * d / (1.0 + d**2) ** 2),
    lambda u, p, c: _factor(c) / (1 + _squared(u, p)),
    has_centre=True,
)
STEP = CurveFamily(
    _places,
    *_of_distance(np.tanh, lambda d: 1.0 - np.tanh(d) ** 2),
    lambda u, p, c: _factor(c) * sympy.tanh(_scaled(u, p)),
    has_centre=True,
)
SLOW_STEP = CurveFamily(
    _places,
    *_of_distance(np.arctan, lambda d: 1.0 / (1.0 + d**2)),
    lambda u, p, c: _factor(c) * sympy.atan(_scaled(u, p)),
    has_centre=True,
)
WAVE = CurveFamily(_frequencies, _phases, _slopes_of_phases, _write_wave)
