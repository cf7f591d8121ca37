"""Sampled curves made scale-free: the axis that many curves share, and the targets drawn over it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kansym.errors import DataError

__all__ = ["Axis", "FloatArray", "as_rows", "make_axis", "standardise"]

FloatArray = NDArray[np.float64]

_GOLDEN_RATIO = (5.0**0.5 - 1.0) / 2.0
_CONSTANT = 8.0 * np.finfo(float).eps


@dataclass(frozen=True, eq=False)
class Axis:
    """The abscissae of one or many curves, with their weights and the frame that makes them scale-free.

    Parameters
    ----------
    x : ndarray of shape (n_points,)
        Raw abscissae of positive weight.
    weights : ndarray of shape (n_points,)
        Their weights; the sum is one.
    rows : ndarray of shape (n_points,)
        The place of each point in the user's arrays.
    shift, scale : float
        The frame ``u = (x - shift) / scale``; for a new axis u spans [-1, 1].
    """

    x: FloatArray
    weights: FloatArray
    rows: NDArray[np.intp]
    shift: float
    scale: float

    @cached_property
    def u(self) -> FloatArray:
        """Abscissae in the frame."""
        return (self.x - self.shift) / self.scale

    @cached_property
    def root_weights(self) -> FloatArray:
        """Square roots of the weights."""
        return np.sqrt(self.weights)

    @cached_property
    def n_distinct(self) -> int:
        """Number of different abscissae."""
        return len(np.unique(self.x))

    @property
    def zero(self) -> float:
        """Where raw ``x = 0`` lies in the frame."""
        return -self.shift / self.scale

    @property
    def is_constant(self) -> bool:
        """Whether all abscissae are equal."""
        return self.scale == 0.0

    def reframe(self, shift: float, scale: float) -> Axis:
        """Return the same points in another frame."""
        return Axis(self.x, self.weights, self.rows, shift, scale)

    def take(self, limit: int) -> Axis:
        """Thin the axis to at most ``limit`` points, evenly in rank, both ends kept.

        Within its stratum each point is drawn by a golden-ratio sequence: a regular stride over a regular axis would
        alias fast oscillations into slow ones.
        """
        count = len(self.x)
        if count <= limit:
            return self
        steps = np.arange(limit)
        jitter = (steps * _GOLDEN_RATIO) % 1.0
        ranks = np.minimum(((steps + jitter) * (count / limit)).astype(np.intp), count - 1)
        ranks[-1] = count - 1
        chosen = np.argsort(self.x, kind="stable")[ranks]
        weights = self.weights[chosen]
        return Axis(self.x[chosen], weights / weights.sum(), self.rows[chosen], self.shift, self.scale)


def make_axis(x: ArrayLike, weights: ArrayLike | None = None) -> Axis:
    """Validate abscissae and weights, drop the points of zero weight, and frame the rest to [-1, 1].

    Parameters
    ----------
    x : array_like of shape (n_points,)
        Abscissae in any order and unit.
    weights : array_like of shape (n_points,), optional
        Non-negative weights; equal ones by default.

    Raises
    ------
    DataError
        If an array is empty, not one-dimensional, not finite, of another length, or the weights are not usable.

    Examples
    --------
    >>> make_axis([10.0, 30.0, 20.0]).u
    array([-1.,  1.,  0.])
    """
    points = _vector("x", x)
    mass = np.ones_like(points) if weights is None else _vector("weights", weights)
    if len(mass) != len(points):
        raise DataError(f"weights must have as many values as x, got {len(mass)} weights for {len(points)} points")
    if np.any(mass < 0):
        row = int(np.argmax(mass < 0))
        raise DataError(f"weights must not be negative, got {mass[row]!r} in row {row}")
    rows = np.flatnonzero(mass)
    if len(rows) == 0:
        raise DataError("weights must hold a positive value, but all are zero")
    points, mass = points[rows], mass[rows] / mass.max()
    low, high = float(points.min()), float(points.max())
    # Halves first: the sum of two abscissae near 1e308 would overflow.
    shift, scale = 0.5 * low + 0.5 * high, 0.5 * high - 0.5 * low
    return Axis(points, mass / mass.sum(), rows, shift, scale)


def as_rows(y: ArrayLike, count: int) -> FloatArray:
    """Validate the ordinates of many curves: shape (n_curves, ``count``), finite.

    Raises
    ------
    DataError
        If the shape differs or a value is not finite; the message names the curve and the row.
    """
    curves = np.asarray(y, dtype=float)
    if curves.ndim != 2 or curves.shape[1] != count:
        raise DataError(f"y must have one value for each of the {count} points of x, got shape {curves.shape}")
    if not np.all(np.isfinite(curves)):
        curve, row = (int(index) for index in np.argwhere(~np.isfinite(curves))[0])
        raise DataError(f"y must be finite, got {curves[curve, row]} in row {row} of curve {curve}")
    return curves


def standardise(curves: FloatArray, weights: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Scale each curve to weighted mean zero and variance one.

    Parameters
    ----------
    curves : ndarray of shape (n_curves, n_points)
        Ordinates.
    weights : ndarray of shape (n_points,)
        Weights of sum one.

    Returns
    -------
    targets : ndarray of shape (n_curves, n_points)
        Standardised curves; zero where the curve is constant.
    constant : ndarray of bool, shape (n_curves,)
        Curves whose spread is within the rounding of their size.

    Examples
    --------
    >>> standardise(np.array([[1e-6, 3e-6], [5.0, 5.0]]), np.array([0.5, 0.5]))
    (array([[-1.,  1.],
           [ 0.,  0.]]), array([False,  True]))
    """
    size = np.abs(curves).max(axis=1, keepdims=True)
    unit = curves / np.where(size > 0, size, 1.0)
    centred = unit - (unit @ weights)[:, None]
    centred = centred - (centred @ weights)[:, None]  # the second pass removes the rounding of a large mean
    spread = np.sqrt(centred**2 @ weights)
    constant = spread <= _CONSTANT
    targets = centred / np.where(constant, 1.0, spread)[:, None]
    targets[constant] = 0.0
    return targets, constant


def _vector(name: str, values: ArrayLike) -> FloatArray:
    vector = np.asarray(values, dtype=float)
    if vector.ndim != 1 or len(vector) == 0:
        raise DataError(f"{name} must be a one-dimensional array of at least one value, got shape {vector.shape}")
    if not np.all(np.isfinite(vector)):
        row = int(np.argmin(np.isfinite(vector)))
        raise DataError(f"{name} must be finite, got {vector[row]} in row {row}")
    return vector
