"""Laws in which every column appears once: trees of sums and products over one curve of each column.

``f(x)·g(z) + h(w)`` and ``f(x)·(g(z) + h(w))`` are such laws, with any curves f, g, h; so are all sums and products. A
tree is a Kolmogorov–Arnold network of sum and product nodes whose edges' curves need no search: the prediction is
linear in each of them, so alternating least squares (as for tensors of rank one, Beylkin, Garcke & Mohlenkamp 2009,
SIAM J. Sci. Comput. 31, sec. 3) and a few Gauss–Newton steps give all curves of a tree in some milliseconds. All trees
are tried, and rows that were held out say which one the data obey. No logarithm is taken, so signs do not matter.

A block of several columns may stand in the place of a column, with a polynomial of them for its curve: so a law falls
apart into two that share no column.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kansym.structure.spectral import spline_design
from kansym.structure.surrogate import polynomials
from kansym.structure.trees import Node, partitions, trees

__all__ = ["ReadOnce", "read_once", "two_blocks"]

Array = NDArray[np.float64]
Groups = tuple[tuple[int, ...], ...]

_MOST_COLUMNS = 4  # without constants 2, 8 and 52 trees of two, three and four columns, but 472 of five
_MOST_COLUMNS_OF_BLOCKS = 6  # 31 ways to divide them
_LARGEST_SAMPLE = 1000
_SCREENED_ROWS = 400
_HELD_OUT = 0.2
_SCREEN_SIZE = 7
_SIZES = (18, 11, 7, 5)
_TERMS_OF_A_BLOCK = 4  # times the size
_ROWS_PER_COEFFICIENT = 3
_KEPT = 3
_STARTS = 2
_SWEEPS, _STEPS = 8, 20
_RIDGE = 1e-9
_CLEARLY = 0.9  # a tree with more freedom, or a smaller basis, must be so much better


@dataclass(frozen=True, eq=False)
class ReadOnce:
    """A tree with the curves that the data give it.

    Attributes
    ----------
    tree : Node
    groups : tuple of tuple of int
        The columns of each leaf of the tree: one, or those of a block.
    curves : ndarray of shape (n_rows, n_leaves)
        Each leaf's curve on the rows; in a sum defined up to a constant, in a product up to a factor.
    slopes : ndarray of shape (n_rows, n_leaves)
        Derivatives of the prediction in the curves: what an error of a curve matters.
    constant : float
    unexplained : float
        Share of the variance of held-out rows that is left.
    """

    tree: Node
    groups: Groups
    curves: Array
    slopes: Array
    constant: float
    unexplained: float


def read_once(
    columns: Array,
    target: Array,
    weights: Array | None = None,
    *,
    seed: int = 0,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[ReadOnce, ...]:
    """Fit all trees of two to four columns; those that predict held-out rows best, the best first.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_columns)
    target : ndarray of shape (n_rows,)
    weights : ndarray of shape (n_rows,), optional
        Relative precision of the rows.
    seed : int
        Chooses the rows that are held out.
    should_stop : callable, optional
        Asked before each tree.

    Returns
    -------
    tuple of ReadOnce
        At most three; none for other numbers of columns or too few rows. A tree with a constant is there only where it
        is clearly better than the same without one.

    Examples
    --------
    >>> x = np.random.default_rng(0).uniform(0, 2, (500, 2))
    >>> best = read_once(x, np.exp(-x[:, 0]) * np.sin(3 * x[:, 1]))[0]
    >>> best.tree, best.unexplained < 1e-8
    (Node(is_product=True, parts=(0, 1), constant=False), True)
    """
    n_columns = columns.shape[1]
    if not 2 <= n_columns <= _MOST_COLUMNS:
        return ()
    alone = tuple((column,) for column in range(n_columns))
    return _fitted([(alone, tree) for tree in trees(n_columns)], columns, target, weights, seed, should_stop)


def two_blocks(
    columns: Array,
    target: Array,
    weights: Array | None = None,
    *,
    seed: int = 0,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[ReadOnce, ...]:
    """Fit all sums and products of two functions that share no column and of which one has several; as read_once.

    Examples
    --------
    >>> x = np.random.default_rng(0).uniform(-1, 1, (500, 3))
    >>> best = two_blocks(x, np.sin(x[:, 0] * x[:, 2] + x[:, 0]) + np.exp(x[:, 1]))[0]
    >>> best.groups, best.tree.is_product, best.unexplained < 1e-8
    (((0, 2), (1,)), False, True)
    """
    n_columns = columns.shape[1]
    if not 3 <= n_columns <= _MOST_COLUMNS_OF_BLOCKS:
        return ()
    halves = [tuple(groups) for groups in partitions(tuple(range(n_columns))) if len(groups) == 2]
    arrangements = [(groups, tree) for groups in halves for tree in trees(2)]
    return _fitted(arrangements, columns, target, weights, seed, should_stop)


def _fitted(
    arrangements: list[tuple[Groups, Node]],
    columns: Array,
    target: Array,
    weights: Array | None,
    seed: int,
    should_stop: Callable[[], bool] | None,
) -> tuple[ReadOnce, ...]:
    """The arrangements that predict held-out rows best, each with the basis that does."""
    n_rows, stop = len(target), should_stop or (lambda: False)
    if n_rows < 2 * _ROWS_PER_COEFFICIENT * _SIZES[-1]:
        return ()
    chosen = np.random.default_rng(seed).permutation(n_rows)[:_LARGEST_SAMPLE]
    root = np.ones(n_rows) if weights is None else np.sqrt(weights / weights.mean())
    held, used = np.split(chosen, [int(_HELD_OUT * len(chosen))])
    problem = _Problem(columns, target, root, held, used)
    few = replace(problem, used=used[:_SCREENED_ROWS])
    screened: list[tuple[float, int]] = []
    for place, (groups, tree) in enumerate(arrangements):
        if stop():
            return ()
        model = few.fit(tree, groups, _SCREEN_SIZE) or few.fit(tree, groups, _SIZES[-1])
        screened.append((math.inf if model is None else model.unexplained, place))
    found: list[ReadOnce] = []
    for _, place in sorted(screened)[:_KEPT]:
        groups, tree = arrangements[place]
        best = None
        for size in _SIZES:
            model = None if stop() else problem.fit(tree, groups, size)
            if model is not None and (best is None or model.unexplained < _CLEARLY * best.unexplained):
                best = model
        if best is not None and math.isfinite(best.unexplained):
            found.append(best)
    return tuple(model for model in sorted(found, key=lambda model: model.unexplained) if not _is_idle(model, found))


def _is_idle(model: ReadOnce, found: list[ReadOnce]) -> bool:
    """Whether the constant of a tree gains little over the same tree without it."""
    plain = [
        other.unexplained
        for other in found
        if (other.groups, other.tree.parts) == (model.groups, model.tree.parts) and not other.tree.constant
    ]
    return model.tree.constant and any(_CLEARLY * other < model.unexplained for other in plain)


@dataclass(frozen=True, eq=False)
class _Problem:
    """The rows that trees are fitted to, and those that judge."""

    columns: Array
    target: Array
    root: Array
    held: NDArray[np.intp]
    used: NDArray[np.intp]

    @np.errstate(all="ignore")  # a curve that runs away is no better than its start, and is left there
    def fit(self, tree: Node, groups: Groups, size: int) -> ReadOnce | None:
        """The curves of a tree from the better of two starts; None where there are too few rows for so many terms."""
        designs = [self._design(group, size) for group in groups]
        if _ROWS_PER_COEFFICIENT * sum(design.shape[1] for design in designs) > len(self.used):
            return None
        used = [design[self.used] for design in designs]
        fits = [_fit(tree, used, *self._goal(), start) for start in range(_STARTS)]
        models = [self._judged(tree, groups, designs, coefficients, constant) for coefficients, constant in fits]
        return min(models, key=lambda model: model.unexplained)

    def _design(self, group: tuple[int, ...], size: int) -> Array:
        """The splines of a column, with knots at its quantiles, or the polynomials of a block."""
        if len(group) == 1:
            return spline_design(self.columns[:, group[0]], size)
        most = _TERMS_OF_A_BLOCK * size
        degrees = itertools.takewhile(lambda k: math.comb(len(group) + k, k) <= most, itertools.count(1))
        return polynomials(self.columns[:, group], max(degrees, default=1))

    def _goal(self) -> tuple[Array, Array]:
        return self.target[self.used], self.root[self.used]

    def _judged(
        self, tree: Node, groups: Groups, designs: list[Array], coefficients: list[Array], constant: float
    ) -> ReadOnce:
        curves = [design @ own for design, own in zip(designs, coefficients, strict=True)]
        value, slopes = tree.combine(curves)
        weights = self.root[self.held] ** 2
        goal = self.target[self.held]
        left = np.average((goal - value[self.held] - constant) ** 2, weights=weights)
        spread = np.average((goal - np.average(goal, weights=weights)) ** 2, weights=weights)
        unexplained = float(left / spread) if spread > 0 and np.isfinite(left) else math.inf
        return ReadOnce(tree, groups, np.column_stack(curves), np.column_stack(slopes), constant, unexplained)


def _fit(
    tree: Node, designs: list[Array], target: Array, root: Array, start: int
) -> tuple[list[Array], float]:
    """Coefficients of the curves and the constant, by least squares from a start that is even or random."""
    generator = np.random.default_rng(start)
    noise = 0.0 if start == 0 else 1.0
    coefficients = [1.0 + noise * generator.normal(size=design.shape[1]) for design in designs]
    constant = 0.0
    for _ in range(_SWEEPS):
        for k, design in enumerate(designs):
            value, slopes = tree.combine([d @ c for d, c in zip(designs, coefficients, strict=True)])
            if tree.constant:
                constant = float(np.average(target - value, weights=root**2))
            others = value + constant - slopes[k] * (design @ coefficients[k])
            coefficients[k] = _solved(design * (slopes[k] * root)[:, None], (target - others) * root)
    return _refined(tree, designs, target, root, coefficients, constant)


def _solved(system: Array, right: Array) -> Array:
    gram = system.T @ system
    ridge = _RIDGE * max(float(np.trace(gram)) / len(gram), np.finfo(float).tiny)
    return np.linalg.solve(gram + ridge * np.eye(len(gram)), system.T @ right)


def _refined(
    tree: Node, designs: list[Array], target: Array, root: Array, coefficients: list[Array], constant: float
) -> tuple[list[Array], float]:
    """All curves at once by Levenberg and Marquardt's method: alternation alone converges slowly."""
    cuts = np.cumsum([design.shape[1] for design in designs])
    state, damping = np.append(np.concatenate(coefficients), constant), 1e-4

    def at(state: Array) -> tuple[Array, list[Array]]:
        value, slopes = tree.combine([d @ c for d, c in zip(designs, np.split(state[:-1], cuts[:-1]), strict=True)])
        return (target - value - state[-1]) * root, slopes

    residual, slopes = at(state)
    loss = residual @ residual
    for _ in range(_STEPS):
        blocks = [design * (slope * root)[:, None] for design, slope in zip(designs, slopes, strict=True)]
        jacobian = np.hstack([*blocks, (root if tree.constant else np.zeros_like(root))[:, None]])
        gram, right = jacobian.T @ jacobian, jacobian.T @ residual
        scale = np.diag(gram) + max(1e-12 * float(np.diag(gram).max()), np.finfo(float).tiny)
        if not np.all(np.isfinite(gram)):
            break
        for _ in range(6):
            trial = state + np.linalg.solve(gram + damping * np.diag(scale), right)
            residual_there, slopes_there = at(trial)
            loss_there = residual_there @ residual_there
            if loss_there < loss:
                break
            damping *= 10.0
        else:
            break
        converged = loss - loss_there < 1e-5 * loss
        state, residual, slopes, loss = trial, residual_there, slopes_there, loss_there
        damping = max(damping / 10.0, 1e-14)
        if converged:
            break
    return np.split(state[:-1], cuts[:-1]), float(state[-1])
