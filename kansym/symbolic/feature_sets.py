"""Small sets of features that explain a direction: pairs and triples exactly, more by matching pursuit.

Features and goal are unit vectors in the complement of what is free; what a set leaves unexplained is the squared sine
of the angle between the goal and its span. Everything comes from products of all features with a few vectors. The
features may be torch's tensor on a device: the products are then made there, and what is found is the same.

Beside the features, at most five arrays of 32 MB live at a time, of four numbers for each feature where there are more
than a million; to that come some 25 numbers a feature, and in triples 130 for each of the features that it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kansym.symbolic.arrays import beside, blocks, fetched, leading, namespace

__all__ = ["EXACT_ANGLE", "pairs", "pursue", "ranking_bits", "simple_triples", "triples"]

Array = NDArray[np.float64]
Places = NDArray[np.intp]

EXACT_ANGLE = 1e-12
"""1 − cos² of a goal that only rounding separates from the span."""

_NUMBERS_AT_ONCE = 1 << 22
_PARALLEL = 1e-7
_COLLISIONS = 200
_PARTNERS = 3
_PURSUIT_WIDTH = 48
_PURSUIT_BEAM = 24
_PURSUIT_BRANCHES = 12
_PURSUIT_DEPTH = 4
_SIMPLE_FEATURES = 400
_SIMPLEST = 100
_SIMPLE_THIRDS = 60
_SIMPLE_TRIPLES = 150
_EXACT = 1e-14
_NODE_BITS = 3.0
_BIT_DIGITS = 6
_SHARE_DIGITS = 14
_MARK_DIGITS = 8


def ranking_bits(unexplained: Any, cost: Any, n_rows: int) -> Any:
    """Rough description length by which sets are ranked: residuals, and the complexity of the features.

    Rounded, and equal for all that rounding alone separates from the goal, so that the last bits of a product, which
    differ between machines, decide no order.
    """
    bits = 0.5 * n_rows * namespace(unexplained).log2(unexplained.clip(_EXACT)) + _NODE_BITS * cost
    return bits.round(decimals=_BIT_DIGITS)


def pairs(directions: Any, goal: Array, cosines: Array) -> dict[tuple[int, ...], float]:
    """Pairs of features and what they leave unexplained: exact ones, all simple ones, and those of a pursuit.

    Parameters
    ----------
    directions : ndarray or Tensor of shape (n_features, n_rows)
        Unit vectors.
    goal : ndarray of shape (n_rows,)
        A unit vector.
    cosines : ndarray of shape (n_features,)
        Of features and goal.
    """
    marks = _marks(len(goal))
    parallel = _parallel_pairs(fetched(directions @ beside(marks, directions)), goal @ marks, cosines)
    shares = _unexplained(directions, parallel, goal).tolist()
    found: dict[tuple[int, ...], float] = dict(zip(map(tuple, parallel.tolist()), shares, strict=True))
    simple = fetched(directions[:_SIMPLE_FEATURES])
    strongest = leading(-np.abs(cosines).round(_SHARE_DIGITS), _PURSUIT_WIDTH)
    simplest = np.arange(min(_SIMPLEST, len(cosines)))
    for features, first in ((simple, np.arange(len(simple))), (directions, np.union1d(strongest, simplest))):
        for i, places, unexplained in _partners(features, first, cosines[: len(features)]):
            for j, left in zip(places.tolist(), unexplained.tolist(), strict=True):
                found.setdefault((min(i, j), max(i, j)), left)
    return found


def _partners(directions: Any, first: Places, cosines: Array) -> Iterator[tuple[int, Places, Array]]:
    """For each of the first features, which few complement it best, and what the pairs leave unexplained."""
    own = beside(cosines, directions)
    for some in blocks(len(first), len(directions), _NUMBERS_AT_ONCE):
        places = beside(first[some], directions)
        overlap = directions[places] @ directions.T
        with np.errstate(all="ignore"):
            gained = (own - overlap * own[places, None]) ** 2 / (1.0 - overlap**2)
        gained[overlap**2 > 1.0 - 1e-8] = 0.0
        unexplained = (1.0 - gained - own[places, None] ** 2).clip(0.0).round(decimals=_SHARE_DIGITS)
        for i, row in zip(first[some].tolist(), unexplained, strict=True):
            best = leading(row, _PARTNERS)
            yield i, best, fetched(row[beside(best, row)])


def _marks(n_rows: int) -> Array:
    """Fixed random vectors (n_rows, 3): features that have equal products with them are equal."""
    return np.random.default_rng(54321).normal(size=(n_rows, 3))


def _parallel_pairs(marks: Array, goal_marks: Array, cosines: Array) -> Places:
    """Pairs (n_pairs, 2) whose images coincide up to sign once the target's direction is taken out, too.

    The images themselves are not made: their marks are combinations of those of features (n_features, 3) and goal (3,).
    """
    size = np.sqrt(np.maximum(1.0 - cosines**2, 0.0))
    usable = np.flatnonzero((size > 1e-4) & (np.abs(cosines) > 1e-6))
    marks = (marks[usable] - cosines[usable, None] * goal_marks) / size[usable, None]
    marks *= np.sign(marks[:, :1])
    order = np.argsort(marks[:, 0].round(_MARK_DIGITS), kind="stable")  # of equal ones the simplest first
    marks = marks[order]
    found = [np.empty((0, 2), dtype=np.intp)]
    for step in (1, 2, 3):
        places = np.flatnonzero(np.abs(marks[step:, 0] - marks[:-step, 0]) < _PARALLEL)
        near = np.all(np.abs(marks[places + step, 1:] - marks[places, 1:]) < _PARALLEL, axis=1)
        places = places[near][:_COLLISIONS]
        found.append(np.column_stack([order[places], order[places + step]]))
    return np.sort(usable[np.concatenate(found)], axis=1)


def _unexplained(directions: Any, sets: Places, goal: Array) -> Array:
    """What each set (n_sets, size) leaves of the goal; from the vector that is left, so that 1e-30 is seen as that."""
    axes: list[Array] = []
    for members in sets.T:
        axis = fetched(directions[beside(members, directions)])
        for other in axes:
            axis = axis - np.sum(axis * other, axis=1, keepdims=True) * other
        size = np.linalg.norm(axis, axis=1, keepdims=True)
        axes.append(axis / np.where(size > _PARALLEL, size, np.inf))  # of two that are one, what is left is rounding
    rest = np.broadcast_to(goal, (len(sets), len(goal)))
    for axis in (*axes, *axes[:-1]):  # the second time for what rounding left of the first
        rest = rest - np.sum(rest * axis, axis=1, keepdims=True) * axis
    return np.sum(rest**2, axis=1)


def triples(directions: Any, goal: Array, should_stop: Callable[[], bool]) -> dict[tuple[int, ...], float]:
    """Exact sets of three, one of them simple: with that one among the free features, two are a parallel pair."""
    found: dict[tuple[int, ...], float] = {}
    simple = fetched(directions[:_SIMPLE_THIRDS])
    marks = _marks(len(goal))
    vectors = np.column_stack([marks, goal, simple.T])
    products = np.asfortranarray(fetched(directions @ beside(vectors, directions)))
    feature_marks, cosines, overlaps = products[:, :3], products[:, 3], products[:, 4:]
    for first in range(len(simple)):
        if should_stop() or found:
            break
        overlap, cosine = overlaps[:, first], cosines[first]
        sizes = np.sqrt(np.maximum(1.0 - overlap**2, 0.0))
        size = np.sqrt(max(1.0 - cosine**2, 0.0))
        usable = np.flatnonzero(sizes > 1e-3)
        if size == 0 or len(usable) < 2:
            continue
        overlap, sizes = overlap[usable], sizes[usable]
        # Of what is left of features and goal beside the first, at length one.
        image_marks = (feature_marks[usable] - overlap[:, None] * feature_marks[first]) / sizes[:, None]
        aim_marks = (goal @ marks - cosine * feature_marks[first]) / size
        parallel = _parallel_pairs(image_marks, aim_marks, (cosines[usable] - overlap * cosine) / (sizes * size))
        sets = np.column_stack([np.full(len(parallel), first), usable[parallel]])
        unexplained = _unexplained(directions, sets, goal)
        for k in np.flatnonzero(unexplained < EXACT_ANGLE * size**2):
            found[tuple(sorted(sets[k].tolist()))] = float(unexplained[k])
    return found


def simple_triples(directions: Any, goal: Array, cosines: Array) -> dict[tuple[int, ...], float]:
    """Return the best later third of each pair of simple features, and what the three leave; all triples are compared.

    A pursuit begins with the features that are nearest to the goal. Of ``a·b + c·d + e·f`` no product is; ``a + b + c``
    is nearer.

    Parameters
    ----------
    directions : ndarray or Tensor of shape (n_features, n_rows)
        Unit vectors, the simplest first.
    goal : ndarray of shape (n_rows,)
        A unit vector.
    cosines : ndarray of shape (n_features,)
        Of features and goal.
    """
    simple = fetched(directions[:_SIMPLE_TRIPLES])
    overlaps, cosines = simple @ simple.T, cosines[: len(simple)]
    found: dict[tuple[int, ...], float] = {}
    for i in range(len(simple) - 2):
        # What is left of the features' products with each other and with the goal, the first one taken out; the second
        # one is a row of it, and the third a column.
        own = overlaps[i, i + 1 :]
        between = overlaps[i + 1 :, i + 1 :] - np.outer(own, own)
        towards, sizes = cosines[i + 1 :] - own * cosines[i], np.diag(between).copy()
        with np.errstate(all="ignore"):
            second = np.where(sizes > _PARALLEL, towards**2 / sizes, np.nan)
            rest = sizes - between**2 / sizes[:, None]
            third = (towards - between * (towards / sizes)[:, None]) ** 2 / rest
        left = 1.0 - cosines[i] ** 2 - second[:, None] - np.where(rest > _PARALLEL, third, np.nan)
        left[np.tril_indices(len(left))] = np.nan
        for j in np.flatnonzero(~np.all(np.isnan(left), axis=1)):
            k = int(np.nanargmin(left[j].round(_SHARE_DIGITS)))
            found[i, i + 1 + int(j), i + 1 + k] = max(float(left[j, k]), 0.0)
    return found


def pursue(
    directions: Any, goal: Array, costs: Array, should_stop: Callable[[], bool]
) -> dict[tuple[int, ...], float]:
    """Sets of up to four features by orthogonal matching pursuit with a beam, each with what it leaves unexplained.

    A set is extended by the features that shorten the description most; the gain of each is exact, since what the set
    already spans is projected out (Rebollo-Neira & Lowe 2002, IEEE Signal Process. Lett. 9, 137, eq. 8).
    """
    found: dict[tuple[int, ...], float] = {}
    own_costs = beside(costs, directions)
    beam: list[tuple[int, ...]] = [()]
    for depth in range(_PURSUIT_DEPTH):
        extended: dict[tuple[int, ...], float] = {}
        for some in blocks(len(beam), (1 + depth) * len(directions), _NUMBERS_AT_ONCE):
            vectors = np.array([_residual_and_axes(directions, chosen, goal) for chosen in beam[some]])
            overlaps = beside(vectors.reshape(-1, len(goal)), directions) @ directions.T
            for chosen, residual, overlap in zip(
                beam[some], vectors[:, 0], overlaps.reshape(-1, 1 + depth, len(directions)), strict=True
            ):
                if should_stop():
                    return found
                rest = _left_by_each(overlap, float(residual @ residual))
                best = leading(ranking_bits(rest, own_costs, len(goal)), _PURSUIT_BRANCHES)
                for i, left in zip(best.tolist(), fetched(rest[beside(best, rest)]).tolist(), strict=True):
                    if i not in chosen:
                        extended[tuple(sorted((*chosen, i)))] = left
        lengths = {
            places: float(ranking_bits(np.array(rest), costs[list(places)].sum(), len(goal)))
            for places, rest in extended.items()
        }
        beam = sorted(extended, key=lambda places: (lengths[places], places))[:_PURSUIT_BEAM]
        found |= {places: extended[places] for places in beam}
        if not beam or min(extended[places] for places in beam) < EXACT_ANGLE:
            break
    return found


def _residual_and_axes(directions: Any, chosen: tuple[int, ...], goal: Array) -> Array:
    """What the chosen features leave of the goal, and below it an orthonormal basis of them: (1 + n_chosen, n_rows)."""
    features = fetched(directions[beside(np.array(chosen, dtype=np.intp), directions)])
    axes = np.linalg.qr(features.T)[0].T
    return np.vstack([goal - axes.T @ (axes @ goal), axes])


def _left_by_each(overlap: Any, size: float) -> Any:
    """What each feature leaves of a residual of this squared size, from its products with residual and axes."""
    left = 1.0 - (overlap[1:] ** 2).sum(0)
    with np.errstate(all="ignore"):
        gain = namespace(overlap).where(left > 1e-7, overlap[0] ** 2 / left, 0.0)
    return (size - gain).clip(0.0)
