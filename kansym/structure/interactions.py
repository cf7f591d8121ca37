"""Pairs of many columns that act together, all at a glance: one matrix product for each pair of shapes."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

__all__ = ["striking_pairs"]

Array = NDArray[np.float64]

_MARGIN = 1.25  # above the strongest of all pairs on permuted rows
_MOST_COLUMNS = 2000
_MOST_PAIRS = 50


def striking_pairs(columns: Array, residuals: Array, generator: np.random.Generator) -> list[tuple[int, int]]:
    """Pairs of columns whose products of lines and parabolas go with what other columns leave of the target.

    The sum of ``r·p(x_i)·q(x_j)`` over the rows, for all pairs at once, is the matrix ``Pᵀ diag(r) Q``: half a million
    pairs are three billion multiplications. It is compared with the same on rows that are permuted, so it is a screen
    for a closer test, not a test of its own; a pair that acts through no line or parabola is not seen.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_columns)
        Above 2,000 columns none is looked at.
    residuals : ndarray of shape (n_rows, n_residuals)
    generator : numpy.random.Generator

    Returns
    -------
    list of pairs of int
        The strongest first, at most 50.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> x = generator.uniform(-1, 1, (500, 100))
    >>> striking_pairs(x, x[:, [7]] * x[:, [70]], generator)
    [(7, 70)]
    """
    n_rows, n_columns = columns.shape
    if n_columns > _MOST_COLUMNS:
        return []
    # Ranks, so that no far value speaks for a pair alone; both shapes have mean 0 and variance 1.
    ranks = (2.0 * columns.argsort(axis=0).argsort(axis=0) + 1.0) / n_rows - 1.0
    shapes = (np.sqrt(3.0) * ranks, np.sqrt(5.0) / 2.0 * (3.0 * ranks**2 - 1.0))
    strength, null = np.zeros((n_columns, n_columns)), 0.0
    for residual in residuals.T:
        size = np.sqrt(residual @ residual)
        if size == 0:
            continue
        strength = np.maximum(strength, _strengths(shapes, residual / size))
        null = max(null, float(_strengths(shapes, generator.permutation(residual) / size).max()))
    first, second = np.nonzero(strength > _MARGIN * null)
    order = np.argsort(-strength[first, second], kind="stable")[:_MOST_PAIRS]
    return [(int(i), int(j)) for i, j in zip(first[order], second[order], strict=True)]


def _strengths(shapes: tuple[Array, ...], residual: Array) -> Array:
    """For each pair i < j the largest sum over the shapes; zero elsewhere."""
    strength = np.zeros((shapes[0].shape[1],) * 2)
    for one, other in itertools.product(shapes, repeat=2):
        np.maximum(strength, np.abs(one.T @ (residual[:, None] * other)), out=strength)
    return np.triu(strength, k=1)
