"""Targets that are sums of products: curves of one column, each times a known function of the others.

``y = Σ_j c_j(r)·f_j(x)`` is linear in the curves c_j, so one least-squares fit gives them all (Hastie & Tibshirani
1993, "Varying-coefficient models", J. R. Statist. Soc. B 55, 757). Which functions f_j there are can be read off the
data. Of several columns x, monomials that do not matter are left out one by one. Of a single one, all pairs of known
functions are tried, by products of small matrices. Where a function has no name, the target is a matrix in r and x of a
rank as low as the number of products: the singular vectors on the side of x span the f_j, and a known function belongs
to the law if it lies in that span.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from kansym.structure.surrogate import weighted_fit

__all__ = ["CoefficientCurves", "FunctionSpan", "coefficient_curves", "function_pairs", "function_span"]

Array = NDArray[np.float64]

_LARGEST_SAMPLE = 1000
_HELD_OUT = 0.2
_FEWEST_ROWS = 60
_ROWS_PER_TERM = 2.5
_DEGREES = (3, 6, 10, 15, 22, 32, 45)
_PATIENCE = 2  # degrees without improvement after which higher ones are not tried
_PAIR_DEGREE, _PAIRS_JUDGED, _SINGULAR = 12, 4, 1e-10
_SQUARE_DEGREES = (5, 8, 11, 14, 17)
_GLANCED, _RIDGE = 100.0, 1e-13
_WITHOUT = 4.0  # times as much is left where a function that mattered is left out
_ROUNDING = 1e-14
_BY_CHANCE = 30.0  # times the error of the model, a root mean square: singular values below it say nothing
_LEAST_SINGULAR = 1e-7
_MOST_PRODUCTS = 3
_DEPENDENT = 0.01


@dataclass(frozen=True, eq=False)
class CoefficientCurves:
    """A target as a sum of known functions with curves for coefficients.

    Attributes
    ----------
    functions : tuple of int
        Which of the functions occur.
    curves : ndarray of shape (n_rows, len(functions))
        Their coefficients on the rows.
    errors : ndarray of shape (len(functions),)
        Mean square error of each.
    unexplained : float
        Share of the variance of held-out rows that is left.
    """

    functions: tuple[int, ...]
    curves: Array
    errors: Array
    unexplained: float


@dataclass(frozen=True, eq=False)
class FunctionSpan:
    """What the functions of one column span that a target is made of, with curves of another for coefficients.

    Attributes
    ----------
    members : tuple of int
        Functions of those asked about that lie in the span, independent ones, as many as there are at most.
    directions : ndarray of shape (n_rows, rank)
        An orthonormal basis of the span on the rows.
    unexplained : float
        Share of the variance of held-out rows that is left.
    """

    members: tuple[int, ...]
    directions: Array
    unexplained: float


def coefficient_curves(
    column: Array, functions: Array, target: Array, weights: Array, enough: float, *, seed: int = 0
) -> CoefficientCurves | None:
    """Fit the curves, and leave out the functions that do not matter; None if more than enough is left.

    Parameters
    ----------
    column : ndarray of shape (n_rows,)
        What the coefficients are curves of.
    functions : ndarray of shape (n_rows, n_functions)
    target, weights : ndarray of shape (n_rows,)
    enough : float
        Share of the variance that may be left.
    seed : int
        Chooses the rows that are held out.

    Examples
    --------
    >>> r, x = np.random.default_rng(0).uniform(1, 5, (2, 400))
    >>> functions = np.column_stack([np.ones(400), x, x**2])
    >>> found = coefficient_curves(r, functions, np.sin(2 * r) + x**2 / r, np.ones(400), 1e-6)
    >>> found.functions, bool(np.allclose(found.curves[:, 0], np.sin(2 * r), atol=1e-5))
    ((0, 2), True)
    """
    split = _Split.of(target, weights, seed)
    if split is None or not np.all(np.isfinite(functions)):
        return None
    best = None
    for inner in _coordinates(column):
        behind = 0
        for degree in _DEGREES:
            if (degree + 1) * functions.shape[1] * _ROWS_PER_TERM > len(split.used) or behind == _PATIENCE:
                break
            design = _polynomials(inner, degree)
            left = split.glance(_products(functions, design))
            behind = 0 if best is None or left < best[0] else behind + 1
            best = (left, design) if behind == 0 else best
    if best is None or not best[0] <= _GLANCED * enough:
        return None
    design = best[1]
    left = split.left(_products(functions, design))
    if not left <= enough:
        return None
    kept = list(range(functions.shape[1]))
    sizes = _sizes(functions, design, split)
    for place in sorted(kept, key=lambda place: sizes[place]):
        others = [other for other in kept if other != place]
        without = split.left(_products(functions[:, others], design)) if others else np.inf
        if without <= max(_WITHOUT * left, _ROUNDING):
            kept, left = others, min(left, without)
    return _curves(tuple(kept), functions[:, kept], design, split)


def function_pairs(
    column: Array, functions: Array, target: Array, weights: Array, enough: float, *, seed: int = 0
) -> list[tuple[int, int]]:
    """Return the pairs of functions that explain the target with curves of a column for coefficients, the best first.

    Parameters
    ----------
    column, functions, target, weights, enough, seed
        As of :func:`coefficient_curves`.

    Examples
    --------
    >>> r, x = np.random.default_rng(0).uniform(1, 3, (2, 600))
    >>> functions = np.column_stack([np.ones(600), x, np.log(x)])
    >>> function_pairs(r, functions, np.exp(r) + np.sqrt(r) * np.log(x), np.ones(600), 1e-6)[0]
    (0, 2)
    """
    split = _Split.of(target, weights, seed)
    usable = [place for place, values in enumerate(functions.T) if np.all(np.isfinite(values))]
    found: list[tuple[float, tuple[int, int]]] = []
    if split is None or 2 * (_PAIR_DEGREE + 1) * _ROWS_PER_TERM > len(split.used):
        return []
    for inner in _coordinates(column):
        design = _polynomials(inner, _PAIR_DEGREE)
        for pair in _promising(functions, usable, design, split):
            left = split.left(_products(functions[:, pair], design))
            if left <= enough:
                found.append((left, pair))
    return list(dict.fromkeys(pair for _, pair in sorted(found)))


def _promising(functions: Array, usable: Sequence[int], design: Array, split: _Split) -> list[tuple[int, int]]:
    """The pairs that leave least of the rows that are fitted, by products of small matrices."""
    used, root = split.used, split.root[split.used, None]
    bases = [np.linalg.qr(functions[used, place, None] * design[used] * root)[0] for place in usable]
    together = np.hstack(bases)
    gram, along = together.T @ together, together.T @ (split.target[used] * root[:, 0])
    n_terms, left = design.shape[1], {}
    for i, j in itertools.combinations(range(len(usable)), 2):
        first, second = (slice(place * n_terms, (place + 1) * n_terms) for place in (i, j))
        across = gram[first, second]
        beside = along[second] - across.T @ along[first]
        inverse = np.linalg.pinv(np.eye(n_terms) - across.T @ across, rcond=_SINGULAR, hermitian=True)
        left[usable[i], usable[j]] = -(along[first] @ along[first] + beside @ inverse @ beside)
    return sorted(left, key=lambda pair: left[pair])[:_PAIRS_JUDGED]


def function_span(
    column: Array, other: Array, functions: Array, target: Array, weights: Array, enough: float, *, seed: int = 0
) -> FunctionSpan | None:
    """Find what functions of another column the target is made of; None if they are more than three, or one.

    Parameters
    ----------
    column, other : ndarray of shape (n_rows,)
        What the coefficients are curves of, and the functions' own column.
    functions : ndarray of shape (n_rows, n_functions)
        Functions of the other column to be asked about, the likeliest first.
    target, weights, enough, seed
        As of :func:`coefficient_curves`.

    Examples
    --------
    >>> r, x = np.random.default_rng(0).uniform(1, 3, (2, 600))
    >>> target = np.exp(r) + np.sqrt(r) * np.log(x)
    >>> functions = np.column_stack([np.ones(600), x, np.log(x)])
    >>> function_span(r, x, functions, target, np.ones(600), 1e-6).members
    (0, 2)
    """
    split = _Split.of(target, weights, seed)
    if split is None:
        return None
    coordinates = list(itertools.product(_coordinates(column), _coordinates(other)))
    degrees = [degree for degree in _SQUARE_DEGREES if (degree + 1) ** 2 * _ROWS_PER_TERM <= len(split.used)]
    if not coordinates or not degrees:
        return None
    inner, outer = min(coordinates, key=lambda pair: split.glance(_products(*_square(*pair, degrees[0]))))
    along, across = min(
        (_square(inner, outer, degree) for degree in degrees), key=lambda pair: split.glance(_products(*pair))
    )
    left = split.left(_products(across, along))
    if not left <= enough:
        return None
    solution = split.solution(_products(across, along)).reshape(across.shape[1], along.shape[1])
    (q_across, r_across), (_, r_along) = np.linalg.qr(across), np.linalg.qr(along)
    vectors, singular, _ = np.linalg.svd(r_across @ solution @ r_along.T)
    by_chance = max(_BY_CHANCE * np.sqrt(left), _LEAST_SINGULAR)
    rank = int(np.sum(singular > by_chance * singular[0]))
    if not 2 <= rank <= _MOST_PRODUCTS:
        return None
    span = vectors[:, :rank]
    tolerance = by_chance * singular[0] / singular[rank - 1]
    members: list[int] = []
    basis = np.empty((rank, 0))
    for place, values in enumerate(functions.T):
        size = np.linalg.norm(values)
        if not (np.isfinite(size) and size > 0) or len(members) == rank:
            continue
        projected = q_across.T @ (values / size)
        inside = span.T @ projected
        beside = inside - basis @ (basis.T @ inside)
        apart = np.linalg.norm(beside)
        if np.sqrt(max(1.0 - inside @ inside, 0.0)) < tolerance and apart > max(_DEPENDENT, tolerance):
            members.append(place)
            basis = np.column_stack([basis, beside / apart])
    return FunctionSpan(tuple(members), q_across @ span, left)


@dataclass(frozen=True, eq=False)
class _Split:
    """The rows that are fitted and those that judge."""

    target: Array
    root: Array
    used: NDArray[np.intp]
    held: NDArray[np.intp]
    spread: float

    @classmethod
    def of(cls, target: Array, weights: Array, seed: int) -> _Split | None:
        if len(target) < _FEWEST_ROWS:
            return None
        kept = np.random.default_rng(seed).permutation(len(target))[:_LARGEST_SAMPLE]
        held, used = kept[: int(_HELD_OUT * len(kept))], kept[int(_HELD_OUT * len(kept)) :]
        mean = np.average(target[held], weights=weights[held])
        spread = float(np.average((target[held] - mean) ** 2, weights=weights[held]))
        return cls(target, np.sqrt(weights), used, held, spread) if spread > 0 else None

    def solution(self, system: Array) -> Array:
        return weighted_fit(system[self.used], self.target[self.used], self.root[self.used])

    def glance(self, system: Array) -> float:
        """What :meth:`left` gives, by the normal equations: quicker, and with more rounding."""
        left, right = system[self.used] * self.root[self.used, None], self.target[self.used] * self.root[self.used]
        gram = left.T @ left
        if not np.all(np.isfinite(gram)):
            return np.inf
        gram.flat[:: len(gram) + 1] *= 1.0 + _RIDGE
        try:
            solution = cho_solve(cho_factor(gram, check_finite=False), left.T @ right, check_finite=False)
        except LinAlgError:
            return np.inf
        return self._left(system[self.held] @ solution)

    def left(self, system: Array) -> float:
        """Share of the variance of held-out rows that a least-squares fit leaves."""
        return self._left(system[self.held] @ self.solution(system))

    def _left(self, predicted: Array) -> float:
        rest = self.target[self.held] - predicted
        left = float(np.average(rest**2, weights=self.root[self.held] ** 2) / self.spread)
        return left if np.isfinite(left) else np.inf


def _coordinates(column: Array) -> Iterator[Array]:
    """The column, and its logarithm where it is positive, each scaled to [-1, 1]."""
    for inner in (column, np.log(column)) if column.min() > 0 else (column,):
        low, high = inner.min(), inner.max()
        if high > low:
            yield (2.0 * inner - low - high) / (high - low)


def _square(inner: Array, outer: Array, degree: int) -> tuple[Array, Array]:
    return _polynomials(inner, degree), _polynomials(outer, degree)


def _polynomials(inner: Array, degree: int) -> Array:
    return np.asarray(chebyshev.chebvander(inner, degree), dtype=float)


def _products(functions: Array, design: Array) -> Array:
    """All products of a function and a polynomial, function by function."""
    return (functions[:, :, None] * design[:, None, :]).reshape(len(design), -1)


def _sizes(functions: Array, design: Array, split: _Split) -> Array:
    """Root mean square of what each function contributes."""
    solution = split.solution(_products(functions, design)).reshape(functions.shape[1], -1)
    return np.sqrt(np.mean((functions * (design @ solution.T)) ** 2, axis=0))


def _curves(kept: Sequence[int], functions: Array, design: Array, split: _Split) -> CoefficientCurves:
    system = _products(functions, design)
    solution, left = split.solution(system).reshape(functions.shape[1], -1), split.left(system)
    # The variance of a coefficient at a row is a quadratic form of the polynomials in the covariance of the solution.
    factor = np.linalg.pinv(system[split.used] * split.root[split.used, None])
    covariance = (factor @ factor.T) * max(left, _ROUNDING) * split.spread
    n_terms = design.shape[1]
    blocks = [covariance[k : k + n_terms, k : k + n_terms] for k in range(0, len(covariance), n_terms)]
    errors = np.array([np.mean(np.einsum("ni,ij,nj->n", design, block, design)) for block in blocks])
    return CoefficientCurves(tuple(kept), design @ solution.T, errors, left)
