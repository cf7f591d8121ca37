"""The network with one hidden node in closed form.

``y = g(Σ f_i(x_i))`` is a Kolmogorov–Arnold network of widths (n, 1, 1). Its optimal curves need no training: they are
the leading canonical pair between the spline space of y and the sum of the spline spaces of the columns (Breiman &
Friedman 1985, "Estimating optimal transformations", JASA 80, eq. 1.2; here solved as an eigenproblem instead of by
alternation).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

__all__ = ["OneNode", "centre", "one_node", "orthonormal", "spline_design"]

Array = NDArray[np.float64]

_ORDER = 3
_RELATIVE_CUT = 1e-9
_LARGEST_SAMPLE = 4000
_CANDIDATE_SIZES = ((25, 10), (16, 7), (10, 5), (6, 4))


@dataclass(frozen=True)
class OneNode:
    """One canonical pair: the curves of a network with one hidden node.

    Attributes
    ----------
    correlation : float
        ρ between θ(y) and Σ f_i(x_i); 1 − ρ² is the share of θ(y) that no such network explains.
    curves : ndarray of shape (n_rows, n_columns)
        f_i(x_i) on the rows, each of mean zero; their sum has variance ρ².
    transformed : ndarray of shape (n_rows,)
        θ(y) on the rows, mean zero and variance one.
    """

    correlation: float
    curves: Array
    transformed: Array

    @property
    def node(self) -> Array:
        """The hidden node's value on the rows."""
        return self.curves.sum(axis=1)


def spline_design(x: Array, n_basis: int, knots_from: Array | None = None) -> Array:
    """Cubic B-splines with knots at quantiles, or one indicator per value where there are few values.

    Parameters
    ----------
    x : ndarray of shape (n_rows,)
    n_basis : int
        At least 4.
    knots_from : ndarray, optional
        Where quantiles are taken; points outside its range are moved to its ends. Default ``x`` itself.

    Returns
    -------
    ndarray of shape (n_rows, at most n_basis)

    Examples
    --------
    >>> bool(np.allclose(spline_design(np.linspace(0, 1, 50), 8).sum(axis=1), 1))
    True
    """
    source = x if knots_from is None else knots_from
    values = np.unique(source)
    if len(values) <= max(n_basis, _ORDER + 1):
        nearest = np.abs(x[:, None] - values[None, :]).argmin(axis=1)
        return np.eye(len(values))[nearest]
    inner = np.quantile(values, np.linspace(0, 1, n_basis - _ORDER + 1))
    knots = np.concatenate([np.repeat(inner[0], _ORDER), inner, np.repeat(inner[-1], _ORDER)])
    clipped = np.clip(x, inner[0], inner[-1])
    return np.asarray(BSpline.design_matrix(clipped, knots, _ORDER).toarray())


def one_node(
    columns: Array, target: Array, weights: Array | None = None, *, n_pairs: int = 3, seed: int = 0
) -> tuple[OneNode, ...]:
    """The best networks with one hidden node, the most correlated first.

    Basis sizes are chosen on a held-out quarter of the rows, so that noise is not fitted; for noise-free data the
    largest wins.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_columns)
    target : ndarray of shape (n_rows,)
    weights : ndarray of shape (n_rows,), optional
    n_pairs : int
        How many canonical pairs to return at most; pairs of similar correlation are symmetries of the problem.
    seed : int
        Chooses the held-out rows.

    Returns
    -------
    tuple of OneNode
        Empty when there are too few rows for any basis.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> x = generator.uniform(0.5, 2, (500, 2))
    >>> best = one_node(x, x[:, 0] * x[:, 1])[0]
    >>> bool(best.correlation > 0.99999)  # the product is a sum of logarithms
    True
    """
    weights = np.ones(len(target)) if weights is None else weights
    n_y, n_x = _choose_sizes(columns, target, weights, seed)
    if n_y == 0:
        return ()
    designs = [spline_design(column, n_x) for column in columns.T]
    left, right, correlations = _canonical(spline_design(target, n_y), designs, weights)
    pairs = []
    for k in range(min(n_pairs, len(correlations))):
        parts = np.column_stack(
            [centre(design, weights) @ block for design, block in zip(designs, right[k], strict=True)]
        )
        transformed = centre(spline_design(target, n_y), weights) @ left[k]
        pairs.append(OneNode(float(correlations[k]), parts, transformed))
    return tuple(pairs)


def _choose_sizes(columns: Array, target: Array, weights: Array, seed: int) -> tuple[int, int]:
    n_rows, n_columns = columns.shape
    fitting = [(n_y, n_x) for n_y, n_x in _CANDIDATE_SIZES if n_y + n_x * n_columns <= 0.5 * n_rows]
    if not fitting:
        return 0, 0
    generator = np.random.default_rng(seed)
    order = generator.permutation(n_rows)[:_LARGEST_SAMPLE]
    held, kept = order[: len(order) // 4], order[len(order) // 4 :]
    best, chosen = -np.inf, fitting[-1]
    for n_y, n_x in fitting:
        designs = [spline_design(column, n_x, column[kept]) for column in columns.T]
        y_design = spline_design(target, n_y, target[kept])
        left, right, correlations = _canonical(y_design[kept], [design[kept] for design in designs], weights[kept])
        if not len(correlations):
            continue
        node = sum(design[held] @ block for design, block in zip(designs, right[0], strict=True))
        theta = y_design[held] @ left[0]
        with np.errstate(all="ignore"):
            correlation = np.corrcoef(node, theta)[0, 1]
        # A smaller basis must be clearly better on the held-out rows to be preferred.
        if np.isfinite(correlation) and correlation > best + 1e-3 * (1 - max(best, 0.0)):
            best, chosen = correlation, (n_y, n_x)
    return chosen


def centre(design: Array, weights: Array) -> Array:
    """Take the weighted mean out of every column."""
    return design - np.average(design, axis=0, weights=weights)


def _canonical(y_design: Array, designs: list[Array], weights: Array) -> tuple[Array, list[list[Array]], Array]:
    """Canonical pairs: coefficients for y (k, n_y), per column a block of coefficients, and the correlations."""
    root = np.sqrt(weights / weights.sum())[:, None]
    left_basis, left_map = orthonormal(centre(y_design, weights) * root)
    right_basis, right_map = orthonormal(np.hstack([centre(design, weights) for design in designs]) * root)
    u, correlations, vt = np.linalg.svd(left_basis.T @ right_basis, full_matrices=False)
    left = (left_map @ u).T
    right = (right_map @ (vt.T * correlations)).T
    cuts = np.cumsum([design.shape[1] for design in designs])[:-1]
    return left, [np.split(row, cuts) for row in right], correlations


def orthonormal(design: Array) -> tuple[Array, Array]:
    """Orthonormal basis Q of the columns and the map M with Q = design @ M."""
    u, singular, vt = np.linalg.svd(design, full_matrices=False)
    keep = singular > _RELATIVE_CUT * max(singular[0], np.finfo(float).tiny) if len(singular) else []
    return u[:, keep], vt[keep].T / singular[keep]
