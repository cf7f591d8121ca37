"""A simpler problem: a target as a monomial of its columns times a function of new columns, mostly fewer."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kansym.structure.surrogate import fit_surrogate

__all__ = [
    "Combination",
    "Coordinate",
    "Product",
    "Reading",
    "Reduction",
    "identity",
    "power_product",
    "rounded",
    "tried",
]

Array = NDArray[np.float64]

_LARGEST_EXPONENT = 12


@dataclass(frozen=True)
class Product:
    """A new column: the product of old columns to the given exponents."""

    exponents: tuple[Fraction, ...]

    def values(self, columns: Array) -> Array:
        """The new column on the rows of ``columns``."""
        return power_product(columns, self.exponents)


@dataclass(frozen=True)
class Combination:
    """A new column: the sum of old columns with the given coefficients."""

    coefficients: tuple[Fraction | float, ...]

    def values(self, columns: Array) -> Array:
        """The new column on the rows of ``columns``."""
        return columns @ np.array([float(c) for c in self.coefficients])


class Coordinate(Protocol):
    """A new column that is made of old ones."""

    def values(self, columns: Array) -> Array:
        """The new column on the rows of ``columns``."""
        ...


@dataclass(frozen=True)
class Reduction:
    """A target as a monomial of the columns times a function of new columns, fewer or simpler ones.

    Attributes
    ----------
    coordinates : tuple of Coordinate
        The new columns.
    factor : tuple of Fraction or float
        Exponents of the old columns in the monomial that is split off.
    error : float
        Relative error of the model of the smaller problem on held-out rows.
    noise : float
        What that model takes for noise, a mean square in squared units of the target.
    """

    coordinates: tuple[Coordinate, ...]
    factor: tuple[Fraction | float, ...]
    error: float
    noise: float = 0.0

    def columns(self, columns: Array) -> Array:
        """The new columns, of shape (n_rows, n_coordinates)."""
        return np.column_stack([coordinate.values(columns) for coordinate in self.coordinates] or [columns[:, :0]])

    def factor_values(self, columns: Array) -> Array:
        """The monomial on the rows."""
        return power_product(columns, self.factor)


def power_product(columns: Array, exponents: tuple[Fraction | float, ...]) -> Array:
    """Multiply columns to exponents; only those with an exponent other than zero are looked at."""
    result = np.ones(len(columns))
    with np.errstate(all="ignore"):
        for column, exponent in zip(columns.T, exponents, strict=True):
            if exponent != 0:
                result = result * column ** (int(exponent) if exponent == int(exponent) else float(exponent))
    return result


Reading = tuple[tuple[Product | Combination, ...], tuple[Fraction | float, ...]]
"""What a symmetry is read as: the new columns and the exponents of the factor."""


def tried(
    columns: Array,
    target: Array,
    weights: Array | None,
    coordinates: tuple[Product | Combination, ...],
    factor: tuple[Fraction | float, ...],
    seed: int,
) -> Reduction | None:
    """Return the reduction with its error on held-out rows, or None where it is not finite."""
    reduction = Reduction(coordinates, factor, np.inf)
    multiplier, smaller = reduction.factor_values(columns), reduction.columns(columns)
    with np.errstate(all="ignore"):
        quotient = target / multiplier
    if not all(np.all(np.isfinite(numbers)) for numbers in (multiplier, quotient, smaller)) or np.any(multiplier == 0):
        return None
    model = fit_surrogate(smaller, quotient, weights, factor=multiplier, seed=seed)
    return None if model is None else Reduction(coordinates, factor, model.error, model.noise)


def identity(n_columns: int, without: tuple[int, ...] = ()) -> list[Product | Combination]:
    """Return the columns as they are, but for some."""
    return [
        Product(tuple(Fraction(int(i == j)) for j in range(n_columns))) for i in range(n_columns) if i not in without
    ]


def rounded(value: float, denominators: tuple[int, ...]) -> Fraction:
    """Round to the nearest small rational of these denominators; 0 for what is too large."""
    if not np.isfinite(value) or abs(value) > _LARGEST_EXPONENT:
        return Fraction(0)
    choices = [Fraction(round(value * q), q) for q in denominators]
    # Halves and thirds have to be clearly nearer than integers.
    return min(choices, key=lambda choice: abs(float(choice) - value) + 0.05 * (choice.denominator - 1))
