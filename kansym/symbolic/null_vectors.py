"""Relations between polynomials: the null vectors of a matrix of monomials, each times a power of the target.

``P(x) + t₁·Q(x) + t₂·R(x) = 0`` on every row says that the coefficients of P, Q and R are a null vector of the matrix
of monomials, and of monomials times t₁ and t₂. Where several null vectors share the columns, monomials are removed one
by one as long as a null vector is left: the relation in lowest terms has the fewest.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "NULL",
    "NullVector",
    "Polynomial",
    "PolynomialSystem",
    "count_monomials",
    "exponents_up_to",
    "independent",
    "is_feasible",
    "lowest_relation",
    "monomials",
]

Array = NDArray[np.float64]
Polynomial = dict[tuple[int, ...], float]

NULL = 2e-14
"""Residual of rounding, of columns of length one."""

# What approximates some other function gets better from degree to degree, and needs most of the terms; a law is there
# at once, or has few.
_CONVERGING = 1e-8
_FEW_TERMS, _FEW_OF_ALL, _MOST_TERMS = 4, 0.2, 14
_MOST_COLUMNS = 300
_ROWS_PER_COLUMN = 2.5
_NEGLIGIBLE = 1e-6
_DEPENDENT = 1e-9


@dataclass(frozen=True)
class NullVector:
    """Polynomials whose products with the factors of a system add up to nothing.

    Attributes
    ----------
    polynomials : tuple of dict
        Coefficients by exponents, one polynomial for each factor; empty ones are zero.
    choices : int
        Number of monomials that they were chosen from.
    """

    polynomials: tuple[Polynomial, ...]
    choices: int

    @property
    def bits(self) -> float:
        """Bits that name each monomial."""
        return math.log2(self.choices) * sum(map(len, self.polynomials))


@dataclass(frozen=True, eq=False)
class PolynomialSystem:
    """The triangle of the decomposed matrix of several polynomials, and what its columns are.

    Examples
    --------
    >>> x = np.random.default_rng(0).uniform(1, 2, (50, 1))
    >>> system = PolynomialSystem.of(x, [np.ones(50), -(2 * x[:, 0] + x[:, 0] ** 2)], [2, 0])
    >>> above, below = system.sparsest(NULL).polynomials
    >>> sorted(above), sorted(below)
    ([(1,), (2,)], [(0,)])
    """

    triangle: Array
    independent: list[int]
    exponents: list[list[tuple[int, ...]]]
    units: Array

    @classmethod
    @np.errstate(over="ignore", under="ignore")
    def of(cls, columns: Array, factors: Sequence[Array], degrees: Sequence[int]) -> PolynomialSystem:
        """Decompose the system of ``Σ factorₖ·Pₖ(columns)`` with Pₖ of total degree ``degrees[k]``.

        Parameters
        ----------
        columns : ndarray of shape (n_rows, n_columns)
        factors : sequence of ndarray of shape (n_rows,)
        degrees : sequence of int
        """
        scales = _sizes(np.abs(columns).max(axis=0))
        exponents = [exponents_up_to(columns.shape[1], degree) for degree in degrees]
        unit, sizes = columns / scales, [float(np.abs(factor).max()) for factor in factors]
        blocks = [
            monomials(unit, some) * (factor / size)[:, None]
            for some, factor, size in zip(exponents, factors, sizes, strict=True)
        ]
        matrix = np.hstack(blocks)
        lengths = _sizes(np.linalg.norm(matrix, axis=0))
        matrix = matrix / lengths
        units = lengths * np.prod(scales ** np.array([e for some in exponents for e in some]), axis=1)
        units *= np.repeat(sizes, [len(some) for some in exponents])
        # Monomials that depend on others of their polynomial make null vectors that say nothing of the target.
        kept = [
            independent(block) for block in np.split(matrix, np.cumsum([len(some) for some in exponents])[:-1], axis=1)
        ]
        places = np.flatnonzero(np.concatenate(kept)).tolist()
        return cls(np.asarray(np.linalg.qr(matrix, mode="r")), places, exponents, units)

    def least(self) -> float:
        """How far the matrix is from having a null vector."""
        return _last_singular(self.triangle, self.independent)[0]

    def sparsest(self, null: float, most_terms: int = _MOST_TERMS) -> NullVector | None:
        """Return a null vector from which no monomial can be left out, each polynomial in the user's units.

        None if there is none, or only one of many terms, or of numbers beyond doubles. ``null`` is the residual that
        counts as none, of columns of length one.
        """
        support, vector = _sparsest_null_vector(self.triangle, self.independent, null)
        with np.errstate(all="ignore"):
            values = dict(zip(support, (vector / self.units[support]).tolist(), strict=True))
        if not 0 < len(values) <= most_terms or not all(map(math.isfinite, values.values())):
            return None
        ends = np.cumsum([0, *map(len, self.exponents)])
        polynomials = [
            {some[j - start]: c for j, c in values.items() if start <= j < start + len(some)}
            for some, start in zip(self.exponents, ends[:-1].tolist(), strict=True)
        ]
        return NullVector(tuple(polynomials), choices=len(self.units))


def lowest_relation(
    columns: Array,
    factors: Sequence[Array],
    steps: Sequence[tuple[int, ...]],
    should_stop: Callable[[], bool],
) -> NullVector | None:
    """Return the sparsest null vector of the first degrees that have one; none where it has many terms.

    Parameters
    ----------
    columns, factors
        As of :meth:`PolynomialSystem.of`.
    steps : sequence of tuple of int
        Degrees to try, one after the other, as long as there are rows enough for them.
    should_stop : callable
        Asked before each decomposition.
    """
    least = 1.0
    for degrees in steps:
        if should_stop() or not is_feasible(columns, degrees):
            return None
        system = PolynomialSystem.of(columns, factors, degrees)
        before, least = least, min(least, system.least())
        if least <= NULL:
            few = max(_FEW_TERMS, int(_FEW_OF_ALL * len(system.units)))
            return system.sparsest(NULL, min(few, _MOST_TERMS) if before < _CONVERGING else _MOST_TERMS)
    return None


def count_monomials(n_variables: int, degrees: Sequence[int]) -> int:
    """Monomials of polynomials up to these degrees, together.

    Examples
    --------
    >>> count_monomials(2, (2, 1))
    9
    """
    return sum(math.comb(n_variables + degree, degree) for degree in degrees)


def is_feasible(columns: Array, degrees: Sequence[int], most: int = _MOST_COLUMNS) -> bool:
    """Whether there are rows enough for polynomials of these degrees, and monomials few enough.

    Examples
    --------
    >>> is_feasible(np.ones((25, 2)), (2, 1)), is_feasible(np.ones((20, 2)), (2, 1))
    (True, False)
    """
    return count_monomials(columns.shape[1], degrees) <= min(most, len(columns) / _ROWS_PER_COLUMN)


def independent(block: Array) -> NDArray[np.bool_]:
    """Tell which columns do not depend on those before them.

    Examples
    --------
    >>> independent(np.array([[1.0, 2.0, 1.0], [1.0, 2.0, 0.0], [1.0, 2.0, 4.0], [1.0, 2.0, 9.0]]))
    array([ True, False,  True])
    """
    lengths = np.linalg.norm(block, axis=0)
    diagonal = np.abs(np.diag(np.linalg.qr(block / _sizes(lengths), mode="r")))
    return np.pad(diagonal > _DEPENDENT, (0, block.shape[1] - len(diagonal)))


def _sizes(values: Array) -> Array:
    return np.where(values == 0, 1.0, values)


def exponents_up_to(n_variables: int, degree: int) -> list[tuple[int, ...]]:
    """Exponents of all monomials up to a total degree, those of low degree first."""
    chosen = (itertools.combinations_with_replacement(range(n_variables), total) for total in range(degree + 1))
    exponents = [tuple(map(places.count, range(n_variables))) for places in itertools.chain(*chosen)]
    return sorted(exponents, key=lambda exponent: (sum(exponent), exponent))


def monomials(columns: Array, exponents: Sequence[tuple[int, ...]]) -> Array:
    """Values of monomials: shape (n_rows, n_monomials)."""
    powers = np.array(exponents)
    values = np.ones((len(columns), len(exponents)))
    for column, orders in zip(columns.T, powers.T, strict=True):
        # A table of the column's powers, each the one before times the column.
        table = np.ones((orders.max() + 1, len(columns)))
        np.cumprod(np.broadcast_to(column, (len(table) - 1, len(columns))), axis=0, out=table[1:])
        values *= table[orders].T
    return values


def _sparsest_null_vector(triangle: Array, support: list[int], null: float) -> tuple[list[int], Array]:
    """Positions and values of a null vector from which no position can be left out; none if there is no null vector."""
    least, vector = _last_singular(triangle, support)
    if least > null:
        return [], np.empty(0)
    kept = [j for j, c in zip(support, vector, strict=True) if abs(c) > _NEGLIGIBLE * np.abs(vector).max()]
    if 1 < len(kept) < len(support):
        least, shorter = _last_singular(triangle, kept)
        support, vector = (kept, shorter) if least <= null else (support, vector)
    removing = True
    while removing:
        removing = False
        for j in np.argsort(np.abs(vector)):
            others = support[:j] + support[j + 1 :]
            least, shorter = _last_singular(triangle, others) if len(others) > 1 else (1.0, vector)
            if least <= null:
                support, vector, removing = others, shorter, True
                break
    return support, vector


def _last_singular(triangle: Array, support: list[int]) -> tuple[float, Array]:
    _, singular, right = np.linalg.svd(triangle[:, support])
    return float(singular[-1]), right[-1]
