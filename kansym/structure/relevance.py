"""Which columns tell anything about the target: a permutation test, before anything else looks at them."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kansym.structure.interactions import striking_pairs
from kansym.structure.spectral import centre, orthonormal, spline_design
from kansym.structure.surrogate import fit_surrogate

__all__ = ["relevant_columns"]

Array = NDArray[np.float64]

_LARGEST_SAMPLE = 3000
_FEWEST_ROWS = 30
_SHADOW_ROUNDS = 5
_SHADOW_MARGIN = 1.5
_EXPLAINED = 0.98  # above that an additive model leaves no room for an unseen column
_PAIR_BASIS = 5
_PAIR_MARGIN = 2.0  # many pairs are tried against few shadows
_MOST_SPLINES = 300  # an additive model of more curves is made of lines and parabolas, one of more than
_SATURATED = 0.25  # coefficients per row leaves nothing to look at
_WHOLE_TARGETS = 2
_FEWEST_SPLINES = 4
_MOST_COLUMNS_FOR_ALL_PAIRS = 25
_NOTHING_LEFT, _HARDLY_A_MODEL = 1e-6, 0.5
_OUTLIER = 5.0  # in units of the median size


def relevant_columns(
    columns: Array,
    target: Array,
    weights: Array | None = None,
    *,
    seed: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[int]:
    """Which columns tell anything about the target, by a permutation test.

    Every column competes with shadows, copies whose rows are permuted. Its statistic is how much the leading
    transformations of y lose when the column's curves are taken out of an additive model of all columns and shadows
    (a partial F statistic). A column stays when it beats every shadow of every round by a margin. Columns that did not
    are tried again in pairs, since they may act only together with another one, as in cos(x·y): on what a smooth model
    of the others leaves, and where an additive model leaves much unexplained.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_columns)
    target : ndarray of shape (n_rows,)
    weights : ndarray, optional
    seed : int
    should_stop : callable
        Asked between the rounds, and before each pair.

    Returns
    -------
    list of int
        All columns when there are fewer than 30 rows, no column beats the shadows, or time is up
        before a round of them: no evidence is no reason to drop.
        Of columns that are equal but for shift and scale only the first is considered.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> x = generator.uniform(-1, 1, (1000, 6))
    >>> relevant_columns(x, x[:, 1] * x[:, 4])
    [1, 4]
    """
    n_rows, n_columns = columns.shape
    everything = list(range(n_columns))
    if n_columns < 2 or n_rows < _FEWEST_ROWS:
        return everything
    different = _different_columns(columns)
    if len(different) < columns.shape[1]:
        found = relevant_columns(columns[:, different], target, weights, seed=seed, should_stop=should_stop)
        return [different[i] for i in found]
    generator = np.random.default_rng(seed)
    if n_rows > _LARGEST_SAMPLE:
        index = np.sort(generator.choice(n_rows, _LARGEST_SAMPLE, replace=False))
        columns, target = columns[index], target[index]
        weights = None if weights is None else weights[index]
        n_rows = _LARGEST_SAMPLE
    weights = np.ones(n_rows) if weights is None else weights
    n_basis = int(np.clip(n_rows // (8 * n_columns), 2, 7))
    n_y = int(np.clip(n_rows // 40, 4, 10))
    targets = np.column_stack([centre(spline_design(target, n_y), weights), target - target.mean()])
    if np.all(target != 0):
        # Factors of a product that changes sign show in log|y| only, which no function of y with few knots comes near.
        size = np.log(np.abs(target))
        targets = np.column_stack([targets, size - np.average(size, weights=weights)])
    targets = targets / np.maximum(np.abs(targets).max(axis=0), np.finfo(float).tiny)
    if 2 * n_columns * n_basis > 0.7 * n_rows:
        keep = _marginally_relevant(columns, target, weights, generator)
        if n_columns > _MOST_COLUMNS_FOR_ALL_PAIRS:
            keep = sorted({*keep, *_relevant_in_pairs(columns, targets, weights, keep, generator, should_stop)})
        return keep or everything
    real, shadow, explained = np.full(n_columns, np.inf), 0.0, 0.0
    for _ in range(_SHADOW_ROUNDS):
        if should_stop():
            return everything
        shadows = np.column_stack([generator.permutation(column) for column in columns.T])
        everything_twice = np.hstack([columns, shadows]).astype(float)
        statistics, explained = _partial_statistics(everything_twice, targets, weights, n_basis)
        real = np.minimum(real, statistics[:n_columns])
        shadow = max(shadow, float(statistics[n_columns:].max()))
    keep = [i for i in everything if real[i] > _SHADOW_MARGIN * shadow]
    if should_stop():
        return keep or everything
    left = _left_by_a_smooth_model(columns[:, keep], target, weights, seed) if 0 < len(keep) < n_columns else None
    if left is not None:
        targets = left[:, None]
    if len(keep) < n_columns and (left is not None or explained < _EXPLAINED):
        keep = sorted({*keep, *_relevant_in_pairs(columns, targets, weights, keep, generator, should_stop)})
    return keep or everything


def _left_by_a_smooth_model(columns: Array, target: Array, weights: Array, seed: int) -> Array | None:
    """What a smooth model of the columns leaves, relative to |y|; None if that is next to nothing, or nearly all.

    An additive model leaves products of the kept columns, too, which hide what a missing column adds to them.
    """
    model = fit_surrogate(columns, target, weights, seed=seed)
    if model is None or not _NOTHING_LEFT < model.error < _HARDLY_A_MODEL:
        return None
    size = np.abs(target)
    residuals = (target - model.values) / np.maximum(size, np.median(size))
    bound = _OUTLIER * np.median(np.abs(residuals))
    return np.clip(residuals, -bound, bound) if np.all(np.isfinite(residuals)) and bound > 0 else None


def _different_columns(columns: Array) -> list[int]:
    """The first of each group of columns that are the same but for shift and scale, such as °C and K.

    Either copy makes the other needless, so that a test of what is lost without one would drop both.
    """
    kept: dict[bytes, int] = {}
    for i, column in enumerate(columns.T):
        spread = np.ptp(column)
        shape = (column - column[0]) / spread if spread > 0 else np.zeros(len(column))
        sign = np.sign(shape[np.argmax(np.abs(shape))]) or 1.0
        kept.setdefault((np.round(shape * sign, 9) + 0.0).tobytes(), i)
    return list(kept.values())


def _relevant_in_pairs(
    columns: Array,
    targets: Array,
    weights: Array,
    keep: list[int],
    generator: np.random.Generator,
    should_stop: Callable[[], bool],
) -> set[int]:
    """Columns outside ``keep`` that matter together with another one, and that other one."""
    n_columns = columns.shape[1]
    many = _PAIR_BASIS * len(keep) > _MOST_SPLINES
    if many and 2 * len(keep) > _SATURATED * len(columns):
        return set()
    root = np.sqrt(weights)[:, None]
    bases = [spline_design(column, _PAIR_BASIS) for column in columns.T]
    additive = [centre(_column_basis(columns[:, i], 2) if many else bases[i], weights) * root for i in keep]
    explained_by, _ = orthonormal(np.hstack(additive)) if keep else (np.empty((len(columns), 0)), None)
    left = targets * root - explained_by @ (explained_by.T @ (targets * root))
    residual, _ = orthonormal(left)

    def strength(first: Array, second: Array) -> float:
        tensor = (first[:, :, None] * second[:, None, :]).reshape(len(first), -1)
        block, _ = orthonormal(centre(tensor, weights) * root)
        share = np.linalg.norm(residual.T @ block, 2) ** 2
        return float(share / max(1.0 - share, 1e-12) / max(block.shape[1], 1))

    if n_columns <= _MOST_COLUMNS_FOR_ALL_PAIRS:
        pairs = [(i, j) for i, j in itertools.product(range(n_columns), repeat=2) if j not in keep and i != j]
        pairs = [(i, j) for i, j in pairs if i in keep or i < j]
    else:
        # The last targets are y and its logarithm: the others are pieces of y.
        striking = striking_pairs(columns, left[:, -_WHOLE_TARGETS:] * root, generator)
        pairs = [(i, j) for i, j in striking if i not in keep or j not in keep]
    shadow, found = -np.inf, set()
    for _, (i, j) in itertools.product(range(2), pairs):
        if should_stop():
            return set()
        shadow = max(shadow, strength(bases[i], generator.permutation(bases[j])))
    for i, j in pairs:
        if should_stop():
            return set()
        if strength(bases[i], bases[j]) > _PAIR_MARGIN * shadow:
            found |= {i, j}
    return found


def _column_basis(column: Array, n_basis: int) -> Array:
    if n_basis < _FEWEST_SPLINES:
        scaled = (column - column.mean()) / (column.std() or 1.0)
        return np.column_stack([scaled, scaled**2])
    return spline_design(column, n_basis)


def _partial_statistics(columns: Array, targets: Array, weights: Array, n_basis: int) -> tuple[Array, float]:
    """For each column the largest partial F statistic over directions of the targets; the best share explained."""
    root = np.sqrt(weights)[:, None]
    blocks = [orthonormal(centre(_column_basis(column, n_basis), weights) * root)[0] for column in columns.T]
    design = np.hstack(blocks)
    targets, _ = orthonormal(targets * root)
    gram = design.T @ design
    inverse = np.linalg.inv(gram + 1e-9 * np.trace(gram) / len(gram) * np.eye(len(gram)))
    coefficients = inverse @ (design.T @ targets)
    residual = targets - design @ coefficients
    freedom = len(targets) - design.shape[1]
    # Whiten the targets by what stays unexplained: the most predictable transformation of y counts most.
    noise = residual.T @ residual / freedom
    values, vectors = np.linalg.eigh(noise)
    whitener = vectors / np.sqrt(np.maximum(values, 1e-12 * max(values.max(), 1e-300)))
    statistics, start = [], 0
    for block in blocks:
        index = slice(start, start + block.shape[1])
        start += block.shape[1]
        if block.shape[1] == 0:
            statistics.append(0.0)
            continue
        effect = coefficients[index] @ whitener
        weight = np.linalg.inv(inverse[index, index])
        gain = effect.T @ weight @ effect
        statistics.append(float(np.linalg.eigvalsh((gain + gain.T) / 2)[-1]) / block.shape[1])
    return np.array(statistics), float(1.0 - max(values[0], 0.0) * freedom)


def _marginally_relevant(columns: Array, target: Array, weights: Array, generator: np.random.Generator) -> list[int]:
    """The test for more columns than rows can bear: each column alone against the target."""
    root = np.sqrt(weights)[:, None]
    n_y = int(np.clip(len(target) // 40, 3, 6))
    y_basis, _ = orthonormal(np.column_stack([centre(_column_basis(target, n_y), weights)]) * root)
    bases = [orthonormal(centre(_column_basis(column, 2), weights) * root)[0] for column in columns.T]

    def strongest(y: Array) -> Array:
        return np.array([np.linalg.norm(y.T @ basis, 2) if basis.shape[1] else 0.0 for basis in bases])

    real = strongest(y_basis)
    null = max(float(strongest(generator.permutation(y_basis)).max()) for _ in range(20))
    return [i for i in range(len(bases)) if real[i] > null]
