"""Ranges of variables, and rows drawn from them by streams of random numbers that do not depend on one another."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.errors import DataError, ParameterError
from kansym.hints import name_hint, quote

__all__ = ["DISTRIBUTIONS", "SIGNS", "Variable", "draw_rows", "stream", "stream_key"]

Array = NDArray[np.float64]

DISTRIBUTIONS = ("uniform", "loguniform")
SIGNS = ("plain", "neg", "both")
_WIDER = 1.5
_BATCHES = 200
_STREAMS = ("rows", "noise", "test", "wide", "positions", "dummies", "law")


@dataclass(frozen=True)
class Variable:
    """A variable and the range that its values are drawn from.

    Attributes
    ----------
    name : str
    low, high : float
        Ends of the range; of the magnitude where ``sign`` is not "plain".
    distribution : str
        "uniform" or "loguniform".
    integer : bool
        Whether only whole numbers are drawn, both ends included.
    sign : str
        "plain" leaves the values as they are; "neg" makes all negative, "both" a random half.
    count, grid : int or None
        Training points that the source of a problem prescribes: so many drawn, or equispaced along this variable.

    Raises
    ------
    ParameterError
        If the range is empty or not finite, or distribution or sign are unknown.

    Examples
    --------
    >>> Variable("x", 1.0, 3.0).widened()
    Variable(name='x', low=0.5, high=3.5, distribution='uniform', integer=False, sign='plain', count=None, grid=None)
    """

    name: str
    low: float
    high: float
    distribution: str = "uniform"
    integer: bool = False
    sign: str = "plain"
    count: int | None = None
    grid: int | None = None

    def __post_init__(self) -> None:
        """Check the range."""
        for field, value, known in (
            ("distribution", self.distribution, DISTRIBUTIONS),
            ("sign", self.sign, SIGNS),
        ):
            if value not in known:
                raise ParameterError(f"{field} must be known, got {quote(value)}; {name_hint(value, known)}")
        least = 0.0 if self.distribution == "loguniform" else -math.inf
        if not (math.isfinite(self.low) and math.isfinite(self.high) and least < self.low <= self.high):
            raise ParameterError(
                f"range of {quote(self.name)} must be finite with low <= high, and above 0 where it is loguniform,"
                f" got {self.low} to {self.high}"
            )

    @property
    def symbol(self) -> sympy.Symbol:
        """The real symbol of that name."""
        return sympy.Symbol(self.name, real=True)

    def widened(self) -> Variable:
        """The same with a range half as wide again, around the same centre; of a loguniform one, in the logarithm."""
        if self.distribution == "loguniform":
            low, high = _widen(math.log(self.low), math.log(self.high))
            return replace(self, low=math.exp(low), high=math.exp(high))
        low, high = _widen(self.low, self.high)
        return replace(self, low=low, high=high)

    def draw(self, rows: int, generator: np.random.Generator) -> Array:
        """Values (rows,)."""
        if self.integer:
            values = generator.integers(round(self.low), round(self.high), size=rows, endpoint=True).astype(float)
        elif self.distribution == "loguniform":
            values = np.exp(generator.uniform(math.log(self.low), math.log(self.high), rows))
        else:
            values = generator.uniform(self.low, self.high, rows)
        if self.sign == "both":
            return values * generator.choice([-1.0, 1.0], rows)
        return -values if self.sign == "neg" else values

    def points(self, number: int) -> Array:
        """So many equispaced values, both ends included."""
        if self.distribution == "loguniform":
            return np.geomspace(self.low, self.high, number)
        return np.linspace(self.low, self.high, number)


def _widen(low: float, high: float) -> tuple[float, float]:
    centre, half = low / 2 + high / 2, (high / 2 - low / 2) * _WIDER
    return centre - half, centre + half


def stream_key(suite: str, name: str) -> tuple[int, ...]:
    """Numbers that stand for a problem, the same in every process and version."""
    digest = hashlib.sha256(f"{suite}/{name}".encode()).digest()
    return tuple(int.from_bytes(digest[start : start + 4], "big") for start in (0, 4, 8, 12))


def stream(key: tuple[int, ...], seed: int, purpose: str, number: int = 0) -> np.random.Generator:
    """Random numbers for one purpose of one problem; no two purposes, problems or seeds share any.

    Parameters
    ----------
    key : tuple of int
        Of :func:`stream_key`.
    seed : int
    purpose : str
        One of rows, noise, test, wide, positions, dummies, law.
    number : int
        For purposes that need several streams.
    """
    return np.random.default_rng(np.random.SeedSequence([seed, *key, _STREAMS.index(purpose), number]))


def draw_rows(
    variables: Sequence[Variable],
    rows: int,
    generator: np.random.Generator,
    law: Callable[[Array], Array] | None = None,
) -> tuple[Array, Array]:
    """Draw rows, and draw again those on which the law is not a finite real number.

    Parameters
    ----------
    variables : sequence of Variable
    rows : int
    generator : numpy.random.Generator
    law : callable, optional
        From rows to values, NaN where they do not count.

    Returns
    -------
    X : ndarray of shape (rows, n_variables)
    y : ndarray of shape (rows,)
        Values of the law; zeros without one.

    Raises
    ------
    DataError
        If the law is finite on too few rows, fewer than about one in 200.

    Examples
    --------
    >>> variables, generator = [Variable("x", -1.0, 1.0)], np.random.default_rng(0)
    >>> X, y = draw_rows(variables, 3, generator, lambda X: np.where(X > 0, X, np.nan)[:, 0])
    >>> bool((X > 0).all()), y.shape
    (True, (3,))
    """
    found: list[tuple[Array, Array]] = []
    missing = rows
    for _ in range(_BATCHES):
        X = np.column_stack([variable.draw(rows, generator) for variable in variables])
        y = np.zeros(rows) if law is None else law(X)
        kept = np.flatnonzero(np.isfinite(y))[:missing]
        found.append((X[kept], y[kept]))
        missing -= len(kept)
        if missing == 0:
            return np.concatenate([X for X, _ in found]), np.concatenate([y for _, y in found])
    raise DataError(
        f"law must be finite on most of its range, got {rows - missing} finite values in {_BATCHES * rows} draws"
    )
