"""Functions of one column with a few constants inside, and where the search for these constants starts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

__all__ = ["FALLING", "FAMILIES", "FAMILIES_OF_TWO", "Family"]

Array = NDArray[np.float64]

_LARGEST_PHASE = 1e6


@dataclass(frozen=True)
class Family:
    """Functions of one column with a few constants inside.

    Attributes
    ----------
    needs : tuple of str
        Names in the library.
    grid : callable
        From the argument to starting values, shape (n_starts, n_constants).
    values : callable
        From the argument and the constants to the values of each function.
    expressions : callable
        The same in sympy.
    usable : callable
        Whether a column is in the domain.
    inverse : bool
        The argument is one over the column.
    centred : bool
        The argument is less its middle, so that exponentials stay small.
    """

    needs: tuple[str, ...]
    grid: Callable[[Array], Array]
    values: Callable[[Array, Array], list[Array]]
    expressions: Callable[[Any, Array], list[Any]]
    usable: Callable[[Array], bool] = lambda x: True
    inverse: bool = False
    centred: bool = False

    def centre(self, column: Array) -> float:
        """Middle of the argument over a column, or zero."""
        argument = 1.0 / column if self.inverse else column
        return 0.5 * float(argument.min() + argument.max()) if self.centred else 0.0

    def argument(self, column: Any, centre: float) -> Any:
        """What the functions are of: numbers of numbers, or sympy of sympy."""
        return (1 / column if self.inverse else column) - centre


def _rates(u: Array, low: float = 0.3, high: float = 16.0, count: int = 20) -> Array:
    """So many e-foldings over the range; the other sign gives the same quotients, of other degrees."""
    return np.geomspace(low, high, count)[:, None] / np.ptp(u)


def _falling(u: Array) -> Array:
    return -_rates(u)


def _frequencies(u: Array) -> Array:
    turns = np.concatenate([np.geomspace(0.1, 0.5, 6), np.arange(0.75, 6.1, 0.25)])
    return (2.0 * math.pi / np.ptp(u)) * turns[:, None]


def _shifts(u: Array) -> Array:
    return -u.min() + np.ptp(u) * np.geomspace(0.01, 30.0, 20)[:, None]


def _wholes(u: Array) -> Array:
    return u.max() + np.ptp(u) * np.geomspace(0.001, 10.0, 24)[:, None]


def _damped_waves(u: Array) -> Array:
    return np.array(list(itertools.product(_rates(u, 0.5, 8.0, 6)[:, 0], _frequencies(u)[3:, 0])))


def _pairs_of_rates(u: Array) -> Array:
    rates = _rates(u, 0.3, 16.0, 12)[:, 0]
    return np.array(list(itertools.combinations(rates, 2)))


def _exponential(u: Any, k: Array) -> list[Any]:
    return [sympy.exp(sympy.expand(k[0] * u))]


def _has_a_phase(x: Array) -> bool:
    """Whether the column is so near to zero, in units of its range, that rounding leaves a wave its phase."""
    return bool(np.abs(x).max() < _LARGEST_PHASE * np.ptp(x))


def _is_positive(x: Array) -> bool:
    return bool(np.all(x > 0))


_EXPONENTS = np.array([0.25, 0.4, 0.6, 0.75, 1.25, 1.5, 1.75, 2.25, 2.5, 2.75, 3.3, 3.7])[:, None]
_WAVES = (np.sin, np.cos), (sympy.sin, sympy.cos)

FAMILIES = (
    Family(("exp",), _rates, lambda u, k: [np.exp(k[0] * u)], _exponential, centred=True),
    Family(
        ("exp", "1/x"),
        _rates,
        lambda u, k: [np.exp(k[0] * u)],
        _exponential,
        lambda x: bool(np.all(x != 0)),
        inverse=True,
        centred=True,
    ),
    Family(
        ("sin", "cos"),
        _frequencies,
        lambda u, k: [wave(k[0] * u) for wave in _WAVES[0]],
        lambda u, k: [wave(k[0] * u) for wave in _WAVES[1]],
        _has_a_phase,
    ),
    Family(("x^n",), lambda u: _EXPONENTS, lambda u, k: [u ** k[0]], lambda u, k: [u ** k[0]], _is_positive),
    Family(("log",), _shifts, lambda u, k: [np.log(u + k[0])], lambda u, k: [sympy.log(u + k[0])]),
    Family(("sqrt",), _shifts, lambda u, k: [np.sqrt(u + k[0])], lambda u, k: [sympy.sqrt(u + k[0])]),
)
# v/(1 − exp(−k·v)) is a quotient of degree one in this exponential, and of degree two in the rising one.
FALLING = tuple(replace(family, grid=_falling) for family in FAMILIES[:2])
FAMILIES_OF_TWO = (
    Family(
        ("exp",),
        _pairs_of_rates,
        lambda u, k: [np.exp(-k[0] * u), np.exp(-k[1] * u)],
        lambda u, k: [sympy.exp(sympy.expand(-rate * u)) for rate in k],
        centred=True,
    ),
    Family(
        ("exp", "sin", "cos"),
        _damped_waves,
        lambda u, k: [np.exp(-k[0] * u) * wave(k[1] * u) for wave in _WAVES[0]],
        lambda u, k: [sympy.exp(sympy.expand(-k[0] * u)) * wave(sympy.expand(k[1] * u)) for wave in _WAVES[1]],
        _has_a_phase,
        centred=True,
    ),
    # Entropies of mixing: a share of a whole and the rest of it.
    Family(
        ("log",),
        _wholes,
        lambda u, k: [np.log(u), np.log(k[0] - u)],
        lambda u, k: [sympy.log(u), sympy.log(k[0] - u)],
        _is_positive,
    ),
)
